//! Store and snapshot heal each other: each is rebuilt from the other when it is damaged.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::folder;
use super::snapshot::Snapshot;
use super::store::{Store, mark};
use super::version::VERSION;
use crate::descriptor::{Descriptor, UnitVector};
use crate::error::{Error, FileError, GalleryError, Result};

/// Something that was damaged and is whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The store would not open, had lost something, or was empty: it was made anew from the
    /// snapshot.
    StoreRebuilt {
        /// Where the damaged files are now.
        aside: Option<PathBuf>,
        /// Photos taken over from the snapshot.
        photos: usize,
    },
    /// The snapshot was missing or damaged and was made anew from the store.
    SnapshotRebuilt {
        /// What was wrong with it.
        reason: String,
    },
    /// Neither had the descriptors of some photos: they were taken out, to be described again.
    DescriptorsLost {
        /// How many photos.
        photos: usize,
    },
}

impl Repair {
    /// Its name for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::StoreRebuilt { .. } => "store-rebuilt",
            Self::SnapshotRebuilt { .. } => "snapshot-rebuilt",
            Self::DescriptorsLost { .. } => "descriptors-lost",
        }
    }
}

impl Serialize for Repair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            kind: &'static str,
            message: String,
        }
        let (kind, message) = (self.kind(), self.to_string());
        Told { kind, message }.serialize(serializer)
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoreRebuilt { aside, photos } => {
                let photos = match photos {
                    1 => "1 photo".to_owned(),
                    photos => format!("{photos} photos"),
                };
                write!(
                    f,
                    "the gallery's store was damaged; rebuilt it with {photos} from the snapshot"
                )?;
                match aside {
                    Some(aside) => write!(f, " (the damaged files are in {})", aside.display()),
                    None => Ok(()),
                }
            }
            Self::SnapshotRebuilt { reason } => {
                write!(f, "rebuilt the gallery's snapshot from the store: {reason}")
            }
            Self::DescriptorsLost { photos } => write!(
                f,
                "the descriptors of {photos} photos were lost; the next `index` makes them again"
            ),
        }
    }
}

/// Opens the store of the gallery in `dir`, made anew if it is damaged and the snapshot is not.
pub fn open_store(dir: &Path, snapshot: Option<&Snapshot>) -> Result<(Store, Option<Repair>)> {
    let opened = Store::open(&dir.join("store")).map_err(Error::from);
    let checked = opened.and_then(|store| {
        check(&store, dir, snapshot)?;
        Ok(store)
    });
    let store = match checked {
        Err(Error::Gallery(GalleryError::DamagedStore { .. })) => return rebuild(dir, snapshot),
        checked => checked?,
    };
    // New, or emptied by hand: the snapshot may still know everything.
    match snapshot.filter(|snapshot| snapshot.verify().is_ok()) {
        Some(snapshot) if store.fingerprint()?.is_none() => {
            fill(&store, snapshot)?;
            let (aside, photos) = (None, snapshot.len());
            Ok((store, Some(Repair::StoreRebuilt { aside, photos })))
        }
        _ => Ok((store, None)),
    }
}

/// Whether the store has all that it should have, by its own seal and by the snapshot.
fn check(store: &Store, dir: &Path, snapshot: Option<&Snapshot>) -> Result<()> {
    let found = store.version()?.unwrap_or(VERSION);
    if found > VERSION {
        let (dir, known) = (dir.to_owned(), VERSION);
        return Err(GalleryError::GalleryTooNew { dir, found, known }.into());
    }
    match found {
        1 => store.upgrade()?,
        // Galleries of version 2 have neither whitening nor augmentation.
        2 => store.set_version(VERSION)?,
        _ => {}
    }
    store.check()?;
    let Some(fingerprint) = store.fingerprint()? else {
        // Without a snapshot to take it from, nobody knows what the descriptors are.
        return if store.is_new()? || snapshot.is_some() {
            Ok(())
        } else {
            Err(store.damaged().into())
        };
    };
    let Some(snapshot) = snapshot.filter(|snapshot| **snapshot.fingerprint() == fingerprint) else {
        return Ok(());
    };
    // A snapshot is never ahead of its store, nor another one of the same state.
    let generation = store.generation()?;
    let is_behind = generation < snapshot.generation();
    let differs = generation == snapshot.generation() && !store.holds(snapshot.records())?;
    if (is_behind || differs) && snapshot.verify().is_ok() {
        return Err(store.damaged().into());
    }
    Ok(())
}

/// Sets a damaged store aside and makes a new one from the snapshot.
fn rebuild(dir: &Path, snapshot: Option<&Snapshot>) -> Result<(Store, Option<Repair>)> {
    let whole = snapshot.filter(|snapshot| snapshot.verify().is_ok());
    let snapshot = whole.ok_or_else(|| GalleryError::DamagedGallery {
        dir: dir.to_owned(),
    })?;
    let (path, mut number) = (dir.join("store"), 1);
    let mut aside = dir.join("store.damaged-1");
    while folder::is_taken(&aside) {
        number += 1;
        aside = dir.join(format!("store.damaged-{number}"));
    }
    fs::rename(&path, &aside).map_err(FileError::write_at(&path))?;
    let mark = mark(&path);
    match fs::remove_file(&mark) {
        Err(source) if mark.exists() => return Err(FileError::Write { path: mark, source }.into()),
        _ => {}
    }
    let store = Store::open(&path)?;
    fill(&store, snapshot)?;
    let (aside, photos) = (Some(aside), snapshot.len());
    Ok((store, Some(Repair::StoreRebuilt { aside, photos })))
}

/// Writes everything that the snapshot knows into the store.
fn fill(store: &Store, snapshot: &Snapshot) -> Result<()> {
    const AT_ONCE: usize = 256;
    let generation = snapshot.generation();
    let mut batch = Vec::new();
    for (index, vector) in snapshot.vectors().enumerate() {
        for record in snapshot.owners(index) {
            batch.push((
                record,
                Some(Descriptor::new(
                    UnitVector::from_unit(vector.to_vec())?,
                    snapshot.fingerprint(),
                )?),
            ));
        }
        if batch.len() >= AT_ONCE {
            store.write_as(generation, &batch, &[])?;
            batch.clear();
        }
    }
    store.write_as(generation, &batch, &[])?;
    store.set_ranking(&snapshot.ranking())?;
    // Last, so that a store with a fingerprint is a complete one.
    store.initialize(VERSION, snapshot.fingerprint())
}
