//! Weights from the Hugging Face Hub, by its conventions and into its own cache, so that Python and
//! we share one copy.
//!
//! A host is first asked for a connection, the download runs in a thread of its own, and this one
//! gives up when nothing comes.

mod repository;
mod request;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use self::repository::{Repository, is_name};
use self::request::{Announced, Client};
use super::cache::Pin;
use super::digest::is_sha256;
use super::fetching::{FetchEvent, Fetching, TICK};
use crate::error::{FetchError, Result, Source};

/// The hub, where nobody names another.
const ENDPOINT: &str = "https://huggingface.co";
/// How often a download that breaks off is taken up again, and after how long.
const RETRIES: usize = 2;
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// A file in a repository.
pub(super) struct HubFile<'a> {
    pub repository: &'a str,
    pub file: &'a str,
    pub pin: &'a Pin,
}

/// The file from the hub's cache, else from the hub.
pub(super) fn fetch(wanted: &HubFile<'_>, fetching: &mut Fetching<'_>) -> Result<PathBuf> {
    let cache = &fetching.options.hub.cache;
    let held = Repository::new(cache, wanted.repository).held(wanted.file);
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
    let hub = &options.hub;
    let endpoint = hub.endpoint.as_deref().unwrap_or(ENDPOINT);
    let url = format!(
        "{endpoint}/{}/resolve/main/{}",
        wanted.repository, wanted.file
    );
    let host = host_of(&url);
    let is_given_up = Arc::new(AtomicBool::new(false));
    let download = Download {
        // Longer than is waited for here, so that the reason is always the same.
        client: Client::new(endpoint, hub.token.clone(), options.stall_timeout * 2),
        repository: Repository::new(&hub.cache, wanted.repository),
        file: wanted.file.to_owned(),
        url,
        host: host.clone(),
        connect_timeout: (!hub.proxied).then_some(options.connect_timeout),
        pin: wanted.pin.clone(),
        is_given_up: is_given_up.clone(),
    };
    let (sender, messages) = mpsc::channel();
    let started = thread::Builder::new().spawn(move || {
        let ended = download.run(&sender);
        // Nobody listens any more if the wait was given up.
        let _ = sender.send(Message::Ended(ended));
    });
    started.map_err(|error| failed(format!("the system gives no thread for it: {error}")))?;
    let ended = wait(&messages, &host, fetching);
    is_given_up.store(true, Ordering::Relaxed);
    ended
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

fn failed(source: impl Into<Source>) -> FetchError {
    FetchError::Hub {
        source: source.into(),
    }
}

/// A download, with all that its thread needs.
struct Download {
    client: Client,
    repository: Repository,
    file: String,
    url: String,
    host: String,
    /// None where a proxy makes the connection.
    connect_timeout: Option<Duration>,
    pin: Pin,
    /// Set when nobody waits for it any more.
    is_given_up: Arc<AtomicBool>,
}

impl Download {
    fn run(&self, messages: &Sender<Message>) -> Result<PathBuf, FetchError> {
        if let Some(timeout) = self.connect_timeout {
            connect(&self.host, timeout)?;
        }
        let _ = messages.send(Message::Connected);
        let (announced, total) = self.ask()?;
        let _ = messages.send(Message::Answered);
        if is_sha256(&announced.etag) {
            self.pin.check(&announced.etag)?;
        }
        let _lock = self.repository.lock(&announced.etag).map_err(failed)?;
        self.remove_complete_part(&announced.etag, total);
        let mut attempts = 0;
        while let Err(error) = self.go_on(&announced.etag, total, messages) {
            attempts += 1;
            if attempts > RETRIES || self.is_given_up.load(Ordering::Relaxed) {
                return Err(failed(error));
            }
            thread::sleep(RETRY_PAUSE);
        }
        self.repository.keep(&announced, &self.file).map_err(failed)
    }

    /// What the hub says about the file, and how many bytes it has.
    fn ask(&self) -> Result<(Announced, u64), FetchError> {
        let answer = self.client.get(&self.url, "bytes=0-0").map_err(failed)?;
        let total = answer.total();
        let announced = answer.announced.filter(|Announced { commit, etag }| {
            // They become names of files.
            is_name(commit) && is_name(etag)
        });
        let known = announced.zip(total);
        known.ok_or_else(|| failed("it does not say what the file is"))
    }

    /// A part that is complete already was refused once, or is damaged: nothing can be added to it.
    fn remove_complete_part(&self, etag: &str, total: u64) {
        let part = self.repository.part(etag);
        let len = fs::metadata(&part).map_or(0, |metadata| metadata.len());
        if len >= total {
            let _ = fs::remove_file(part);
        }
    }

    /// Gets what is missing of the part.
    fn go_on(&self, etag: &str, total: u64, messages: &Sender<Message>) -> Result<(), Source> {
        let mut file = self.repository.open_part(etag)?;
        let mut done = file.metadata()?.len();
        let answer = self.client.get(&self.url, &format!("bytes={done}-"))?;
        match answer.start() {
            Some(start) if start == done => {}
            // Not every host knows how to begin in the middle.
            Some(0) => {
                file.set_len(0)?;
                done = 0;
            }
            _ => return Err("it sent another part than was asked for".into()),
        }
        let mut content = answer.response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        while !self.is_given_up.load(Ordering::Relaxed) {
            let read = content.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            file.write_all(&buffer[..read])?;
            done += read as u64;
            if done > total {
                return Err("it sent more than it announced".into());
            }
            let _ = messages.send(Message::Progress { done, total });
        }
        file.sync_all()?;
        if done < total {
            return Err("the download broke off".into());
        }
        Ok(())
    }
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
