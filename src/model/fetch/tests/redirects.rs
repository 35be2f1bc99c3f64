//! The hub's token is shown to the hub and to nobody that it redirects to.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{HUB, Place, content, digest_of, model};
use crate::error::{Error, FetchError};

const TOKEN: &str = "hf_secret";
const FILE: &str = "/someone/net/resolve/main/model.safetensors";

/// What a host answers at a path.
#[derive(Clone)]
enum Reply {
    /// With what a hub says about the file, as it does with the first that leaves it.
    Announced(&'static str, String),
    Redirect(&'static str, String),
    Content,
}

/// The path of each request, and what it showed.
type Heard = Mutex<Vec<(String, Option<String>)>>;

/// A host on this machine, and what each request showed it.
struct Host {
    listener: TcpListener,
    heard: Arc<Heard>,
}

impl Host {
    fn new() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            heard: Arc::default(),
        }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The address of one of its paths.
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// Answers from now on.
    fn serve(&self, replies: Vec<(&'static str, Reply)>) {
        let (listener, heard) = (self.listener.try_clone().unwrap(), self.heard.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (replies, heard) = (replies.clone(), heard.clone());
                thread::spawn(move || answer(&stream, &replies, &heard));
            }
        });
    }

    /// What the requests for `path` were authorized with.
    fn shown(&self, path: &str) -> Vec<Option<String>> {
        let heard = self.heard.lock().unwrap();
        let at = heard.iter().filter(|(asked, _)| asked == path);
        at.map(|(_, shown)| shown.clone()).collect()
    }

    fn was_told_nothing(&self) -> bool {
        let heard = self.heard.lock().unwrap();
        !heard.is_empty() && heard.iter().all(|(_, shown)| shown.is_none())
    }
}

fn answer(mut stream: &TcpStream, replies: &[(&'static str, Reply)], heard: &Heard) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    // The probe of the connection asks for nothing.
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let value = |name: &str| {
        headers.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            let is_it = found.eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().to_owned())
        })
    };
    let shown = value("authorization").or_else(|| value("cookie"));
    heard.lock().unwrap().push((path.clone(), shown));
    let reply = replies.iter().find(|(known, _)| *known == path);
    let announced = format!(
        "x-linked-etag: \"{}\"\r\nx-repo-commit: 0123abcd\r\n",
        digest_of(&content(1))
    );
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    let _ = match reply.map(|(_, reply)| reply) {
        Some(Reply::Announced(status, to)) => write!(
            stream,
            "HTTP/1.1 {status} Found\r\nLocation: {to}\r\n{announced}{end}"
        ),
        Some(Reply::Redirect(status, to)) => {
            write!(stream, "HTTP/1.1 {status} Found\r\nLocation: {to}\r\n{end}")
        }
        Some(Reply::Content) => send(stream, value("range").as_deref(), &announced),
        None => write!(stream, "HTTP/1.1 404 Not Found\r\n{end}"),
    };
}

fn send(mut stream: &TcpStream, range: Option<&str>, announced: &str) -> std::io::Result<()> {
    let content = content(1);
    let range = range.unwrap().strip_prefix("bytes=").unwrap();
    let (start, end) = range.split_once('-').unwrap();
    let (start, len): (usize, usize) = (start.parse().unwrap(), content.len());
    let end = end.parse().map_or(len, |last: usize| last + 1);
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{len}\r\n{announced}\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        end - 1,
        end - start
    )?;
    stream.write_all(&content[start..end])
}

/// Fetches from a hub that knows a token.
fn fetch(hub: &Host) -> crate::Result<Vec<u8>> {
    let mut place = Place::new();
    place.options.hub.endpoint = Some(hub.at(""));
    place.options.hub.token = Some(TOKEN.into());
    Ok(fs::read(place.fetch(&model(vec![HUB]))?).unwrap())
}

/// What is shown to the hub, when it asks and when it sends.
fn always() -> [Option<String>; 2] {
    [(); 2].map(|()| Some(format!("Bearer {TOKEN}")))
}

#[test]
fn the_hub_itself_is_shown_the_token_also_where_it_moved_the_file() {
    let hub = Host::new();
    hub.serve(vec![
        (FILE, Reply::Redirect("307", "../../../moved?x=/".into())),
        (
            "/someone/moved?x=/",
            Reply::Redirect("308", "/again".into()),
        ),
        ("/again", Reply::Announced("302", hub.at("/content"))),
        ("/content", Reply::Content),
    ]);
    assert_eq!(fetch(&hub).unwrap(), content(1));
    for path in [FILE, "/someone/moved?x=/", "/again", "/content"] {
        assert_eq!(hub.shown(path), always(), "{path}");
    }
}

#[test]
fn no_other_port_or_name_that_the_hub_redirects_to_is_shown_the_token() {
    for status in ["301", "302", "303", "307", "308"] {
        let (hub, other) = (Host::new(), Host::new());
        let to = if status == "302" {
            // The same machine by another name.
            format!("http://localhost:{}/content", other.port())
        } else if status == "303" {
            // What stands before the @ is no host.
            format!(
                "http://127.0.0.1:{}@127.0.0.1:{}/content",
                hub.port(),
                other.port()
            )
        } else if status == "307" {
            format!("//127.0.0.1:{}/content", other.port())
        } else {
            other.at("/content")
        };
        hub.serve(vec![(FILE, Reply::Announced(status, to))]);
        other.serve(vec![("/content", Reply::Content)]);
        assert_eq!(fetch(&hub).unwrap(), content(1), "{status}");
        assert_eq!(hub.shown(FILE), always());
        let shown = other.shown("/content");
        let is_secret =
            |shown: &Option<String>| shown.as_ref().is_some_and(|it| it.contains(TOKEN));
        assert!(
            shown.len() == 2 && !shown.iter().any(is_secret),
            "{shown:?}"
        );
    }
}

#[test]
fn the_same_port_by_another_name_is_not_shown_it_either() {
    let hub = Host::new();
    let to = format!("http://localhost:{}/content", hub.port());
    hub.serve(vec![
        (FILE, Reply::Announced("302", to)),
        ("/content", Reply::Content),
    ]);
    assert_eq!(fetch(&hub).unwrap(), content(1));
    assert_eq!(hub.shown("/content"), [None, None]);
}

#[test]
fn no_host_on_a_longer_way_is_shown_it_nor_the_hub_when_others_lead_back() {
    let [hub, other, third] = [(); 3].map(|()| Host::new());
    hub.serve(vec![
        (FILE, Reply::Redirect("307", "/moved".into())),
        ("/moved", Reply::Announced("302", other.at("/a"))),
        ("/content", Reply::Content),
    ]);
    other.serve(vec![
        ("/a", Reply::Redirect("302", "b".into())),
        ("/b", Reply::Redirect("302", third.at("/c"))),
    ]);
    third.serve(vec![("/c", Reply::Redirect("302", hub.at("/content")))]);
    assert_eq!(fetch(&hub).unwrap(), content(1));
    assert_eq!(hub.shown("/moved"), always());
    assert!(other.was_told_nothing() && third.was_told_nothing());
    assert_eq!(hub.shown("/content"), [None, None]);
}

#[test]
fn a_hub_that_redirects_without_end_or_to_no_web_address_is_given_up() {
    for to in [
        FILE,
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "javascript:x",
    ] {
        let hub = Host::new();
        hub.serve(vec![(FILE, Reply::Announced("302", to.into()))]);
        let error = fetch(&hub).unwrap_err();
        let Error::Fetch(FetchError::NoSource { failures, .. }) = error else {
            panic!("{to}: {error:?}");
        };
        let text = failures[0].1.to_string();
        assert!(text.contains("the hub failed"), "{to}: {text}");
        assert!(hub.shown(FILE).len() < 20);
    }
}

#[test]
fn a_hash_that_leads_out_of_the_cache_is_no_name_of_a_file() {
    let mut place = Place::new();
    for (etag, commit) in [("../../../victim", "c"), ("e", "../../victim"), ("", "c")] {
        let hub = Host::new();
        let said = format!("/c\r\nx-linked-etag: \"{etag}\"\r\nx-repo-commit: {commit}");
        hub.serve(vec![
            (FILE, Reply::Redirect("302", said)),
            ("/c", Reply::Content),
        ]);
        place.options.hub.endpoint = Some(hub.at(""));
        let failures = place.failures(&model(vec![HUB]));
        let text = failures[0].to_string();
        assert!(text.contains("does not say what the file is"), "{text}");
    }
    assert!(!place.folder.path().join("victim").exists());
}
