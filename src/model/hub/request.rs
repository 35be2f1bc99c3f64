//! Questions to the hub, followed wherever it sends one on to. Its token goes to the hub and to
//! nobody else: it opens all that its owner has there.

use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::error::Source;

/// As many as browsers follow, about.
const MAX_REDIRECTS: usize = 10;

/// Who asks the hub.
pub struct Client {
    agent: Agent,
    hub: Option<Origin>,
    token: Option<String>,
}

/// What the hub says about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The commit that it is of.
    pub commit: String,
    /// The name of its content; of large files their SHA-256.
    pub etag: String,
}

/// What is found at the end of all redirects, and what the hub said on the way.
pub struct Answer {
    pub response: Response<Body>,
    pub announced: Option<Announced>,
}

/// Whom one talks to: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Client {
    /// One that shows `token` to the hub at `endpoint`, and waits so long for each byte.
    pub fn new(endpoint: &str, token: Option<String>, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .max_redirects(0)
            .timeout_per_read(Some(patience))
            .user_agent(concat!("imgsearch/", env!("CARGO_PKG_VERSION")));
        Self {
            agent: config.build().into(),
            hub: endpoint.parse().ok().as_ref().and_then(Origin::of),
            token,
        }
    }

    /// Gets a range of what lies at `url`.
    pub fn get(&self, url: &str, range: &str) -> Result<Answer, Source> {
        let mut uri: Uri = url.parse()?;
        let (mut token, mut announced) = (self.token.as_deref(), None);
        for _ in 0..=MAX_REDIRECTS {
            let origin = Origin::of(&uri).ok_or("the hub redirects to what is no web address")?;
            // Once it has led elsewhere, even the way back is chosen by somebody else.
            token = token.filter(|_| self.hub.as_ref() == Some(&origin));
            let mut request = self.agent.get(uri.clone()).header(header::RANGE, range);
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call()?;
            announced = announced.or_else(|| Announced::of(response.headers()));
            let Some(location) = location(&response)? else {
                return Ok(Answer {
                    response,
                    announced,
                });
            };
            uri = resolve(&uri, location)?.parse()?;
        }
        Err("the hub redirects without end".into())
    }
}

impl Answer {
    /// How many bytes the whole file has.
    pub fn total(&self) -> Option<u64> {
        let headers = self.response.headers();
        let text = |name| headers.get(name)?.to_str().ok();
        if self.response.status() != StatusCode::PARTIAL_CONTENT {
            return text(header::CONTENT_LENGTH)?.trim().parse().ok();
        }
        let (_, total) = text(header::CONTENT_RANGE)?.rsplit_once('/')?;
        total.trim().parse().ok()
    }

    /// The byte of the file with which it begins.
    pub fn start(&self) -> Option<u64> {
        if self.response.status() != StatusCode::PARTIAL_CONTENT {
            return Some(0);
        }
        let range = self.response.headers().get(header::CONTENT_RANGE)?;
        let range = range.to_str().ok()?.trim().strip_prefix("bytes")?;
        range.trim().split_once('-')?.0.parse().ok()
    }
}

impl Announced {
    /// From the first answer that names a commit: what comes after may be anybody's.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let etag = text("x-linked-etag").or_else(|| text("etag"))?;
        let etag = etag.trim().trim_start_matches("W/").trim_matches('"');
        Some(Self {
            commit: text("x-repo-commit")?.trim().to_owned(),
            etag: etag.to_owned(),
        })
    }
}

impl Origin {
    /// Nothing for what is no address of the web.
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        Some(Self {
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(usual),
            scheme,
        })
    }
}

/// Where an answer sends one on to, if it does.
fn location(response: &Response<Body>) -> Result<Option<&str>, Source> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION);
    let location = location.ok_or("the hub redirects to nowhere")?;
    Ok(Some(location.to_str()?.trim()))
}

/// The address that `location` means where `base` was asked (RFC 3986, section 5.2).
fn resolve(base: &Uri, location: &str) -> Result<String, Source> {
    let location = location.split('#').next().unwrap_or_default();
    let until_path = location.split(['/', '?']).next().unwrap_or_default();
    if until_path.contains(':') {
        return Ok(location.to_owned());
    }
    let (Some(scheme), Some(authority)) = (base.scheme_str(), base.authority()) else {
        return Err("the hub redirects to nowhere".into());
    };
    if let Some(elsewhere) = location.strip_prefix("//") {
        return Ok(format!("{scheme}://{elsewhere}"));
    }
    let path = if location.starts_with('/') {
        location.to_owned()
    } else if location.is_empty() || location.starts_with('?') {
        format!("{}{location}", base.path())
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{folder}/{location}")
    };
    Ok(format!("{scheme}://{authority}{}", without_dots(&path)))
}

/// A path without `.` and `..`; what follows a question mark stays as it is.
fn without_dots(path: &str) -> String {
    let (path, query) = match path.find('?') {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if parts.peek().is_none() {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_understood_in_each_of_its_forms() {
        let base: Uri = "https://hub.example:8/a/b/c?d".parse().unwrap();
        for (location, expected) in [
            ("http://other.example/x?y", "http://other.example/x?y"),
            ("//other.example/x", "https://other.example/x"),
            ("/x/y?z#part", "https://hub.example:8/x/y?z"),
            ("x", "https://hub.example:8/a/b/x"),
            ("../x/./y/..", "https://hub.example:8/a/x/"),
            ("../../../../x", "https://hub.example:8/x"),
            ("?e", "https://hub.example:8/a/b/c?e"),
            ("x?to=http://y", "https://hub.example:8/a/b/x?to=http://y"),
        ] {
            assert_eq!(resolve(&base, location).unwrap(), expected, "{location}");
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_somebody_else() {
        let origin = |url: &str| Origin::of(&url.parse().unwrap());
        let hub = origin("https://hub.example/a");
        for same in [
            "https://hub.example:443/b",
            "https://HUB.example/",
            "https://user@hub.example/",
        ] {
            assert_eq!(origin(same), hub, "{same}");
        }
        for other in [
            "http://hub.example/a",
            "http://hub.example:443/a",
            "https://hub.example:444/a",
            "https://hub.example.org/a",
            "https://cdn.hub.example/a",
            "https://hub.example@other.example/",
            "ftp://hub.example/a",
        ] {
            assert_ne!(origin(other), hub, "{other}");
        }
    }
}
