//! Weights from the Hugging Face Hub, through its own client and into its own cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use hf_hub::api::Progress;
use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo};

use super::digest::sha256_of;
use super::fetch::{FetchEvent, OnFetch, create_folder};
use crate::error::{Error, Result};

/// A hub that has not answered for so long is not reachable.
const PATIENCE: Duration = Duration::from_secs(15);

enum Event {
    Begun(u64),
    Bytes(u64),
    Done(Result<PathBuf, hf_hub::api::sync::ApiError>),
}

#[derive(Clone)]
struct Reporter(Sender<Event>);

impl Progress for Reporter {
    // A receiver that has gone has stopped listening: nothing is lost by not telling it.
    fn init(&mut self, size: usize, _: &str) {
        let _ = self.0.send(Event::Begun(size as u64));
    }

    fn update(&mut self, size: usize) {
        let _ = self.0.send(Event::Bytes(size as u64));
    }

    fn finish(&mut self) {}
}

/// The file in the hub's cache, if it is there.
pub fn cached(repository: &str, file: &str) -> Option<PathBuf> {
    Cache::from_env()
        .repo(Repo::model(repository.to_owned()))
        .get(file)
}

/// The SHA-256 that the hub told: it names files of weights by it in its cache.
pub fn blob_digest(path: &Path) -> Option<String> {
    let blob = path.canonicalize().ok()?;
    let name = blob.file_name()?.to_str()?;
    let is_digest = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| name.to_owned())
}

/// Downloads the file and holds it against what the hub told, now and the first time.
pub fn download(
    repository: &str,
    file: &str,
    folder: &Path,
    on_event: OnFetch<'_>,
) -> Result<PathBuf> {
    let (sender, receiver) = mpsc::channel();
    let (repository, file) = (repository.to_owned(), file.to_owned());
    let origin = format!("hub ({repository})");
    // In a thread of its own, because the client waits for an unreachable hub without end.
    thread::spawn(move || {
        let download = || {
            let api = ApiBuilder::from_env().with_progress(false).build()?;
            let repo = api.repo(Repo::model(repository));
            repo.download_with_progress(&file, Reporter(sender.clone()))
        };
        let _ = sender.send(Event::Done(download()));
    });
    let path = wait(&receiver, on_event)?;
    let found = sha256_of(&path)?;
    if let Some(expected) = blob_digest(&path).filter(|expected| *expected != found) {
        return Err(Error::ChecksumMismatch {
            origin,
            expected,
            found,
        });
    }
    check_pin(folder, origin, found)?;
    Ok(path)
}

fn wait(receiver: &Receiver<Event>, on_event: OnFetch<'_>) -> Result<PathBuf> {
    let (mut done, mut total) = (0, 0);
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(Event::Begun(size)) => total = size,
            Ok(Event::Bytes(more)) => {
                done += more;
                on_event(FetchEvent::Progress { done, total });
            }
            Ok(Event::Done(result)) => {
                return result.map_err(|source| Error::Hub {
                    source: source.into(),
                });
            }
            Err(_) => {
                return Err(Error::NoAnswer {
                    host: "the hub".into(),
                    seconds: PATIENCE.as_secs(),
                });
            }
        }
    }
}

/// Trust on first use: the first checksum is written down, and later ones have to be the same.
fn check_pin(folder: &Path, origin: String, found: String) -> Result<()> {
    let path = folder.join("hub.sha256");
    match fs::read_to_string(&path) {
        Ok(expected) if expected.trim() == found => Ok(()),
        Ok(expected) => {
            let expected = expected.trim().to_owned();
            Err(Error::PinChanged {
                origin,
                expected,
                found,
                path,
            })
        }
        Err(_) => {
            create_folder(folder)?;
            fs::write(&path, found).map_err(|source| Error::Write { path, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_since_its_first_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        check_pin(folder.path(), "hub".into(), "aa".into()).unwrap();
        check_pin(folder.path(), "hub".into(), "aa".into()).unwrap();
        let changed = check_pin(folder.path(), "hub".into(), "bb".into());
        assert!(matches!(changed, Err(Error::PinChanged { .. })));
    }
}
