//! Weights from the Hugging Face Hub, through the crate `hf-hub` and into the hub's own cache, so
//! that Python and we share one copy.
//!
//! `hf-hub` sets no time limits. So a host is first asked for a connection, the download runs in a
//! thread of its own, and this one gives up when nothing comes.

use std::fs;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, Metadata};
use hf_hub::{Cache, Repo};

use super::cache::Pin;
use super::digest::is_sha256;
use super::fetching::{FetchEvent, Fetching, TICK};
use super::settings::HubSettings;
use crate::error::{FetchError, Result};

/// A file in a repository.
pub(super) struct HubFile<'a> {
    pub repository: &'a str,
    pub file: &'a str,
    pub pin: &'a Pin,
}

/// The file from the hub's cache, else from the hub.
pub(super) fn fetch(wanted: &HubFile<'_>, fetching: &mut Fetching<'_>) -> Result<PathBuf> {
    let hub = &fetching.options.hub;
    let cache = Cache::new(hub.cache.clone());
    let held = cache
        .repo(Repo::model(wanted.repository.to_owned()))
        .get(wanted.file);
    if let Some(path) = held
        && is_sound(&path, wanted.pin, fetching)?
    {
        return Ok(path);
    }
    if fetching.options.offline || fetching.options.hub.offline {
        return Err(FetchError::Offline.into());
    }
    let origin = format!("hub {}/{}", wanted.repository, wanted.file);
    fetching.report(FetchEvent::Trying {
        origin: origin.clone(),
    });
    // A download resumed from a damaged part is damaged; the second attempt starts afresh.
    let mut path = download(wanted, fetching)?;
    if !is_sound(&path, wanted.pin, fetching)? {
        path = download(wanted, fetching)?;
        if !is_sound(&path, wanted.pin, fetching)? {
            let found = "what was downloaded twice is not what the hub announced".into();
            return Err(FetchError::Hub { source: found }.into());
        }
    }
    fetching.report(FetchEvent::Fetched {
        origin,
        path: path.clone(),
    });
    Ok(path)
}

/// Whether a file in the hub's cache is what its name says, which for large files is their
/// SHA-256; one that is not is removed. An error if it is sound but not the pinned file.
fn is_sound(path: &Path, pin: &Pin, fetching: &mut Fetching<'_>) -> Result<bool> {
    let found = fetching.digests.sha256(path)?;
    let blob = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let name = blob
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if is_sha256(name) && name != found {
        for damaged in [path, &blob] {
            // One of them may already be gone; what matters is that it is not found again.
            let _ = fs::remove_file(damaged);
        }
        fetching.report(FetchEvent::SetAside {
            path: path.into(),
            moved_to: None,
        });
        return Ok(false);
    }
    pin.check(&found)?;
    pin.remember(&found);
    Ok(true)
}

/// What the downloading thread tells.
enum Message {
    Connected,
    Answered,
    Progress { done: u64, total: u64 },
    Ended(Result<PathBuf, FetchError>),
}

fn download(wanted: &HubFile<'_>, fetching: &mut Fetching<'_>) -> Result<PathBuf, FetchError> {
    let options = fetching.options;
    let api = api(&options.hub)?;
    let repo = Repo::model(wanted.repository.to_owned());
    let blobs = options.hub.cache.join(repo.folder_name()).join("blobs");
    let host = host_of(&api.repo(repo.clone()).url(wanted.file));
    let download = Download {
        api,
        repo,
        file: wanted.file.to_owned(),
        blobs,
        host: host.clone(),
        connect_timeout: (!options.hub.proxied).then_some(options.connect_timeout),
        pin: wanted.pin.clone(),
    };
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        let ended = download.run(&sender);
        // Nobody listens any more if the wait was given up.
        let _ = sender.send(Message::Ended(ended));
    });
    wait(&messages, &host, fetching)
}

/// Passes messages on until the download ends or nothing comes any more.
fn wait(
    messages: &Receiver<Message>,
    host: &str,
    fetching: &mut Fetching<'_>,
) -> Result<PathBuf, FetchError> {
    let options = fetching.options;
    // All that comes before the connection counts too: looking up the name, other addresses. In a
    // network that swallows what is sent, nobody shall wait long for the next source.
    let mut patience = if options.hub.proxied {
        options.answer_timeout()
    } else {
        options.connect_timeout
    };
    let mut heard = Instant::now();
    loop {
        match messages.recv_timeout(TICK) {
            Ok(Message::Connected) => patience = options.answer_timeout(),
            Ok(Message::Answered) => patience = options.stall_timeout,
            Ok(Message::Progress { done, total }) => {
                fetching.report(FetchEvent::Progress {
                    done,
                    total: Some(total),
                });
            }
            Ok(Message::Ended(ended)) => return ended,
            Err(RecvTimeoutError::Timeout) if heard.elapsed() < patience => {
                fetching.check_interrupted()?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => return Err(no_answer(host, patience)),
            // Only a panic ends the thread without a last message.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(FetchError::Hub {
                    source: "the download broke off".into(),
                });
            }
        }
        fetching.check_interrupted()?;
        heard = Instant::now();
    }
}

fn no_answer(host: &str, patience: Duration) -> FetchError {
    FetchError::NoAnswer {
        host: host.to_owned(),
        seconds: patience.as_secs(),
    }
}

fn api(hub: &HubSettings) -> Result<Api, FetchError> {
    let mut builder = ApiBuilder::from_cache(Cache::new(hub.cache.clone()))
        .with_progress(false)
        .with_retries(2)
        .with_token(hub.token.clone());
    if let Some(endpoint) = &hub.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    builder.build().map_err(failed)
}

fn failed(source: ApiError) -> FetchError {
    FetchError::Hub {
        source: source.into(),
    }
}

/// A download, with all that its thread needs.
struct Download {
    api: Api,
    repo: Repo,
    file: String,
    /// Where the hub's cache keeps the contents of the repository's files.
    blobs: PathBuf,
    host: String,
    /// None where a proxy makes the connection.
    connect_timeout: Option<Duration>,
    pin: Pin,
}

impl Download {
    fn run(&self, messages: &Sender<Message>) -> Result<PathBuf, FetchError> {
        if let Some(timeout) = self.connect_timeout {
            connect(&self.host, timeout)?;
        }
        let _ = messages.send(Message::Connected);
        let repo = self.api.repo(self.repo.clone());
        let announced = self.api.metadata(&repo.url(&self.file)).map_err(failed)?;
        let _ = messages.send(Message::Answered);
        if is_sha256(announced.etag()) {
            self.pin.check(announced.etag())?;
        }
        self.remove_complete_part(&announced);
        let progress = Reporter {
            messages: messages.clone(),
            done: 0,
            total: 0,
        };
        repo.download_with_progress(&self.file, progress)
            .map_err(failed)
    }

    /// `hf-hub` would ask for the bytes behind the end of a part that is already complete, and fail
    /// at that for ever.
    fn remove_complete_part(&self, announced: &Metadata) {
        let part = self.blobs.join(announced.etag()).with_extension("part");
        let len = fs::metadata(&part).map_or(0, |metadata| metadata.len());
        if len >= announced.size() as u64 {
            let _ = fs::remove_file(part);
        }
    }
}

/// Passes the progress of `hf-hub` on.
struct Reporter {
    messages: Sender<Message>,
    done: u64,
    total: u64,
}

impl Progress for Reporter {
    fn init(&mut self, size: usize, _file: &str) {
        (self.done, self.total) = (0, size as u64);
    }

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        let _ = self.messages.send(Message::Progress {
            done: self.done,
            total: self.total,
        });
    }

    fn finish(&mut self) {}
}

/// Name and port of the host in a URL, as [`ToSocketAddrs`] takes them.
fn host_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    match (has_port, scheme) {
        (true, _) => host.to_owned(),
        (false, "http") => format!("{host}:80"),
        (false, _) => format!("{host}:443"),
    }
}

/// Asks a host for a connection, at each of its addresses until one accepts.
fn connect(host: &str, timeout: Duration) -> Result<(), FetchError> {
    let unreachable = |source: io::Error| FetchError::Unreachable {
        host: host.to_owned(),
        source,
    };
    let mut last = io::Error::from(io::ErrorKind::HostUnreachable);
    for address in host.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_has_its_port() {
        assert_eq!(host_of("https://hub.example/a:b/c"), "hub.example:443");
        assert_eq!(host_of("http://hub.example"), "hub.example:80");
        assert_eq!(host_of("http://user:pw@hub.example:81/x"), "hub.example:81");
        assert_eq!(host_of("https://[::1]/x"), "[::1]:443");
        assert_eq!(host_of("http://[::1]:9/x"), "[::1]:9");
    }
}
