//! A damaged store of which there is no snapshot: all that can still be read of it is kept.
//!
//! sled checks each of its messages, and a record or a descriptor that it gives is one that was
//! written. Some may be missing and some may be older ones, which the next ingestion finds out as it
//! finds any new or changed photo.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder;
use super::store::{Store, unmark};
use super::version::VERSION;
use crate::descriptor::{Descriptor, UnitVector};
use crate::error::{FileError, GalleryError, Result};

/// Photos written at once.
const AT_ONCE: usize = 256;

/// Where what was read is written, and lies complete while the two are exchanged.
const SALVAGED: &str = "store.salvaged";

/// What came of a salvage.
pub struct Salvaged {
    pub store: Store,
    /// Where the damaged files are now.
    pub aside: PathBuf,
    /// Photos that were read.
    pub photos: usize,
}

/// Makes a new store of what can be read of a damaged one.
///
/// # Errors
/// [`GalleryError::DamagedGallery`] where nothing says what its descriptors are; otherwise what
/// concerns the new one, such as a full disk: the damaged one stays as it is then.
pub fn salvage(dir: &Path, damaged: &Store) -> Result<Salvaged> {
    let (path, new) = (dir.join("store"), dir.join(SALVAGED));
    remove(&new).map_err(FileError::write_at(&new))?;
    let copied = Store::open(&new)
        .map_err(Into::into)
        .and_then(|store| copy(damaged, &store));
    // Closing it could write to it.
    let _ = damaged.damaged();
    let photos = match copied {
        Ok(Some(photos)) => photos,
        failed => {
            remove(&new).map_err(FileError::write_at(&new))?;
            let dir = dir.to_owned();
            return Err(failed
                .err()
                .unwrap_or(GalleryError::DamagedGallery { dir }.into()));
        }
    };
    let aside = set_aside(dir)?;
    fs::rename(&new, &path).map_err(FileError::write_at(&path))?;
    let store = Store::open(&path)?;
    store.sync_folders()?;
    Ok(Salvaged {
        store,
        aside,
        photos,
    })
}

/// Copies all photos of which both record and descriptor can be read, and counts them; nothing
/// where the fingerprint cannot be read.
fn copy(damaged: &Store, store: &Store) -> Result<Option<usize>> {
    let Ok(Some(fingerprint)) = damaged.fingerprint() else {
        return Ok(None);
    };
    let (fingerprint, ranking) = (Arc::new(fingerprint), damaged.ranking().unwrap_or_default());
    let generation = damaged.generation().unwrap_or_default() + 1;
    let (mut batch, mut photos) = (Vec::new(), 0);
    // Behind the first that cannot be read nothing can.
    for record in damaged.records().map_while(Result::ok) {
        let values = damaged.descriptor(&record.hash).ok().flatten();
        let vector = values.and_then(|values| UnitVector::from_unit(values).ok());
        let descriptor = vector.and_then(|vector| Descriptor::new(vector, &fingerprint).ok());
        if descriptor.is_some() {
            batch.push((record, descriptor));
            photos += 1;
        }
        if batch.len() >= AT_ONCE {
            store.write_as(generation, &batch, &[])?;
            batch.clear();
        }
    }
    store.write_as(generation, &batch, &[])?;
    store.set_ranking(&ranking)?;
    // Last, so that a store with a fingerprint is a complete one.
    store.initialize(VERSION, &fingerprint)?;
    Ok(Some(photos))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether there is a store in `dir`, be its exchange interrupted.
pub fn is_store_there(dir: &Path) -> bool {
    dir.join("store").is_dir() || dir.join(SALVAGED).is_dir()
}

/// Ends an exchange that was interrupted. Only under the lock.
pub fn finish(dir: &Path) -> Result<(), FileError> {
    let (path, new) = (dir.join("store"), dir.join(SALVAGED));
    if path.is_dir() || !new.is_dir() {
        return Ok(());
    }
    fs::rename(&new, &path).map_err(FileError::write_at(&path))
}

/// Gives the store in `dir` another name, and takes away its mark.
pub fn set_aside(dir: &Path) -> Result<PathBuf, FileError> {
    let (path, mut number) = (dir.join("store"), 1);
    let mut aside = dir.join("store.damaged-1");
    while folder::is_taken(&aside) {
        number += 1;
        aside = dir.join(format!("store.damaged-{number}"));
    }
    fs::rename(&path, &aside).map_err(FileError::write_at(&path))?;
    unmark(&path).map_err(FileError::write_at(&path))?;
    Ok(aside)
}
