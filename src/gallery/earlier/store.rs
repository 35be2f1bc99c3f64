//! The store of formats 1 to 3: all records and descriptors in sled. Only read.
//!
//! Three trees: `meta` (version, fingerprint, ranking), `records` (path → record) and `descriptors` (content
//! hash → values). Among the records, under the empty path, lies the seal from format 2 on.

use std::path::{Path, PathBuf};

use sled::{Db, IVec, Tree};

use super::stored_of;
use crate::descriptor::Fingerprint;
use crate::error::{GalleryError, Result};
use crate::gallery::precisions::Precisions;
use crate::gallery::record::Stored;
use crate::gallery::store::{Guarded, Seal};
use crate::photo::ContentHash;
use crate::ranking::Ranking;

const VERSION_KEY: &[u8] = b"version";
/// Under the name that it had before it was one.
const FINGERPRINT: &[u8] = b"provenance";
const RANKING: &[u8] = b"ranking";
const PRECISIONS: &[u8] = b"precisions";
/// What came before the ranking.
const AUGMENTATION: &[u8] = b"augmentation";
/// Where the seal lies among the records: no photo has the empty path.
const SEAL: &[u8] = b"";
/// The least path.
const FIRST: &[u8] = &[0];

/// Whether there is such a store in the folder `path`.
pub fn is_store(path: &Path) -> bool {
    path.join("db").is_file()
}

/// The opened store.
pub struct EarlierStore {
    path: PathBuf,
    sled: Guarded<Trees>,
}

struct Trees {
    meta: Tree,
    records: Tree,
    descriptors: Tree,
    _db: Db,
}

impl Trees {
    fn open(db: Db) -> sled::Result<Self> {
        Ok(Self {
            meta: db.open_tree("meta")?,
            records: db.open_tree("records")?,
            descriptors: db.open_tree("descriptors")?,
            _db: db,
        })
    }
}

impl EarlierStore {
    /// Opens the store in the folder `path`.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`] where sled fails otherwise.
    pub fn open(path: &Path) -> Result<Self, GalleryError> {
        let (path, sled) = (path.to_owned(), Guarded::open(path, Trees::open)?);
        Ok(Self { path, sled })
    }

    /// Opens one that would not open, by all ways that there are.
    ///
    /// # Errors
    /// As [`EarlierStore::open`].
    pub fn open_again(path: &Path) -> Result<Self, GalleryError> {
        let (path, sled) = (path.to_owned(), Guarded::open_again(path, Trees::open)?);
        Ok(Self { path, sled })
    }

    /// Whether no photo was ever written to it: it may have been cut off before it said what it is.
    pub fn is_new(&self) -> Result<bool, GalleryError> {
        self.sled.ask(|trees| {
            for key in trees.meta.iter().keys() {
                // That stands there before the fingerprint does.
                if key?.as_ref() != PRECISIONS {
                    return Ok(false);
                }
            }
            Ok(trees.records.is_empty() && trees.descriptors.is_empty())
        })
    }

    /// The format version, nothing in a new store.
    pub fn version(&self) -> Result<Option<u64>, GalleryError> {
        let value = self.sled.ask(|trees| trees.meta.get(VERSION_KEY))?;
        Ok(value
            .and_then(|value| value.as_ref().try_into().ok())
            .map(u64::from_le_bytes))
    }

    /// What the descriptors were made with, nothing in a new store.
    pub fn fingerprint(&self) -> Result<Option<Fingerprint>, GalleryError> {
        let value = self.sled.ask(|trees| trees.meta.get(FINGERPRINT))?;
        let read = value.map(|value| serde_json::from_slice(&value).map_err(|_| self.damaged()));
        read.transpose()
    }

    /// How its photos are ranked unless a query says otherwise.
    pub fn ranking(&self) -> Result<Ranking, GalleryError> {
        let [ranking, augmentation] =
            [RANKING, AUGMENTATION].map(|key| self.sled.ask(|trees| trees.meta.get(key)));
        if let Some(stored) = ranking? {
            return serde_json::from_slice(&stored).map_err(|_| self.damaged());
        }
        // Before there were rankings, a gallery could only be augmented.
        let augment = augmentation?.and_then(|stored| serde_json::from_slice(&stored).ok());
        Ok(Ranking {
            augment: augment.flatten(),
            ..Ranking::NONE
        })
    }

    /// In which numbers its descriptors were made.
    pub fn precisions(&self) -> Result<Precisions, GalleryError> {
        let stored = self.sled.ask(|trees| trees.meta.get(PRECISIONS))?;
        let read = |stored: IVec| serde_json::from_slice(&stored).map_err(|_| self.damaged());
        stored.map_or_else(|| Ok(Precisions::default()), read)
    }

    /// The error that says that it is damaged.
    pub fn damaged(&self) -> GalleryError {
        self.sled.damaged()
    }

    fn seal(&self) -> Result<Option<Seal>, GalleryError> {
        let stored = self.sled.ask(|trees| trees.records.get(SEAL))?;
        let read = |stored: IVec| Seal::from_stored(&stored).ok_or_else(|| self.damaged());
        stored.map(read).transpose()
    }

    /// Grows with every change.
    pub fn generation(&self) -> Result<u64, GalleryError> {
        if let Some(seal) = self.seal()? {
            return Ok(seal.generation);
        }
        let stored = self.sled.ask(|trees| trees.meta.get(b"generation"))?;
        let generation = stored.and_then(|stored| stored.as_ref().try_into().ok());
        Ok(generation.map_or(1, u64::from_le_bytes))
    }

    /// Reads all records and holds them against the seal: whether none is missing, changed or too
    /// many. A store of version 1 has none.
    pub fn is_whole(&self) -> Result<bool, GalleryError> {
        let sealed = self.seal()?;
        let mut found = Seal::of_none(sealed.map_or(0, |seal| seal.generation));
        for entry in self.stored_records() {
            let (path, stored) = entry?;
            found.add(&path, &stored);
        }
        Ok(sealed.is_none_or(|sealed| found == sealed))
    }

    fn stored_records(&self) -> impl Iterator<Item = Result<(IVec, IVec), GalleryError>> {
        self.sled.entries(|trees| trees.records.range(FIRST..))
    }

    /// All photos by path.
    pub fn records(&self) -> impl Iterator<Item = Result<(Vec<u8>, Stored), GalleryError>> {
        self.stored_records().map(|entry| {
            let (path, stored) = entry?;
            let stored = stored_of(&stored).ok_or_else(|| self.damaged())?;
            Ok((path.to_vec(), stored))
        })
    }

    /// The descriptor of photos with this content.
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        let bytes = self
            .sled
            .ask(|trees| trees.descriptors.get(hash.as_bytes()))?;
        Ok(bytes.map(|bytes| bytemuck::pod_collect_to_vec(&bytes)))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
