//! Store and snapshot heal each other: each is rebuilt from the other when it is damaged.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::salvage::{self, Salvaged};
use super::snapshot::Snapshot;
use super::store::Store;
use super::version::VERSION;
use crate::descriptor::{Descriptor, UnitVector};
use crate::error::{Error, GalleryError, Result};

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
    /// The store had lost something and there was no snapshot: what could be read of it was kept.
    StoreSalvaged {
        /// Where the damaged files are now.
        aside: PathBuf,
        /// Photos that were read.
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
            Self::StoreSalvaged { .. } => "store-salvaged",
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
                let photos = counted(*photos);
                write!(
                    f,
                    "the gallery's store was damaged; rebuilt it with {photos} from the snapshot"
                )?;
                match aside {
                    Some(aside) => write!(f, " (the damaged files are in {})", aside.display()),
                    None => Ok(()),
                }
            }
            Self::StoreSalvaged { aside, photos } => write!(
                f,
                "the gallery's store was damaged; kept {} that could be read, and the next `index` \
                 finds the others again (the damaged files are in {})",
                counted(*photos),
                aside.display()
            ),
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

fn counted(photos: usize) -> String {
    match photos {
        1 => "1 photo".to_owned(),
        photos => format!("{photos} photos"),
    }
}

/// Opens the store of the gallery in `dir`. A damaged one is made anew from the snapshot, or, where
/// there is none, from what can be read of it.
pub fn open_store(dir: &Path, snapshot: Option<&Snapshot>) -> Result<(Store, Option<Repair>)> {
    salvage::finish(dir)?;
    let path = dir.join("store");
    let whole = || snapshot.filter(|snapshot| snapshot.verify().is_ok());
    let opened = match Store::open(&path) {
        Err(GalleryError::DamagedStore { .. }) => match whole() {
            Some(snapshot) => return rebuild(dir, snapshot),
            None => Store::open_again(&path),
        },
        opened => opened,
    };
    let store = match opened {
        Err(GalleryError::DamagedStore { .. }) => return Err(damaged(dir)),
        opened => opened?,
    };
    match check(&store, dir, snapshot) {
        Err(Error::Gallery(GalleryError::DamagedStore { .. })) => {
            return match whole() {
                Some(snapshot) => {
                    // Closing it could write to it.
                    let _ = store.damaged();
                    rebuild(dir, snapshot)
                }
                None => salvaged(dir, &store),
            };
        }
        checked => checked?,
    }
    // New, or emptied by hand: the snapshot may still know everything.
    match whole() {
        Some(snapshot) if store.fingerprint()?.is_none() => {
            fill(&store, snapshot)?;
            let (aside, photos) = (None, snapshot.len());
            Ok((store, Some(Repair::StoreRebuilt { aside, photos })))
        }
        _ => Ok((store, None)),
    }
}

fn damaged(dir: &Path) -> Error {
    let dir = dir.to_owned();
    GalleryError::DamagedGallery { dir }.into()
}

fn salvaged(dir: &Path, damaged: &Store) -> Result<(Store, Option<Repair>)> {
    let Salvaged {
        store,
        aside,
        photos,
    } = salvage::salvage(dir, damaged)?;
    Ok((store, Some(Repair::StoreSalvaged { aside, photos })))
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
    if !store.is_whole()? {
        return Err(lost(dir));
    }
    let Some(fingerprint) = store.fingerprint()? else {
        // Without a snapshot to take it from, nobody knows what the descriptors are.
        return if store.is_new()? || snapshot.is_some() {
            Ok(())
        } else {
            Err(lost(dir))
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
        return Err(lost(dir));
    }
    Ok(())
}

/// That it has lost something, though all that is there can be read.
fn lost(dir: &Path) -> Error {
    let path = dir.join("store");
    GalleryError::DamagedStore { path }.into()
}

/// Sets a damaged store aside and makes a new one from the snapshot, which is whole.
fn rebuild(dir: &Path, snapshot: &Snapshot) -> Result<(Store, Option<Repair>)> {
    let aside = salvage::set_aside(dir)?;
    let store = Store::open(&dir.join("store"))?;
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
    store.set_precisions(snapshot.precisions())?;
    // Last, so that a store with a fingerprint is a complete one.
    store.initialize(VERSION, snapshot.fingerprint())
}
