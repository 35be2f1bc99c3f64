//! The truth: records and descriptors in sled.
//!
//! Three trees: `meta` (version, fingerprint, ranking), `records` (path → record) and `descriptors` (content
//! hash → values). Among the records, under the empty path, lies the seal: the generation, which
//! grows with every change, and a digest of all records. It is written in one batch with the
//! records, so that records which a damaged file silently lost are noticed.

mod guard;
mod leftovers;
pub mod pooled;
mod seal;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use sled::{Batch, Db, IVec, Tree};

use self::guard::Guarded;
pub use self::guard::unmark;
use self::seal::Seal;
use super::precisions::Precisions;
use super::record::{Record, path_from_bytes, path_to_bytes};
use super::version;
use crate::descriptor::{Descriptor, Fingerprint};
use crate::error::{FileError, GalleryError, Result};
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

/// The opened store.
pub struct Store {
    path: PathBuf,
    sled: Guarded<Trees>,
    /// The number from which on sled's blobs are not durable.
    next_blob: AtomicI64,
}

/// The database and its trees.
struct Trees {
    db: Db,
    meta: Tree,
    records: Tree,
    descriptors: Tree,
}

impl Trees {
    fn open(db: Db) -> sled::Result<Self> {
        Ok(Self {
            meta: db.open_tree("meta")?,
            records: db.open_tree("records")?,
            descriptors: db.open_tree("descriptors")?,
            db,
        })
    }
}

impl Store {
    /// Opens or creates the store in the folder `path`.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`] where sled fails otherwise;
    /// [`FileError::Write`] on a full disk.
    pub fn open(path: &Path) -> Result<Self, GalleryError> {
        Ok(Self::of(path, Guarded::open(path, Trees::open)?))
    }

    /// Opens one that would not open, by all ways that there are.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_again(path: &Path) -> Result<Self, GalleryError> {
        Ok(Self::of(path, Guarded::open_again(path, Trees::open)?))
    }

    fn of(path: &Path, sled: Guarded<Trees>) -> Self {
        Self {
            path: path.to_owned(),
            sled,
            next_blob: AtomicI64::new(0),
        }
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
        // What is there and cannot be read is not nothing: it would be written over.
        let read = value.map(|value| serde_json::from_slice(&value).map_err(|_| self.damaged()));
        read.transpose()
    }

    /// Marks a new store with its version and fingerprint.
    pub fn initialize(&self, version: u64, fingerprint: &Fingerprint) -> Result<()> {
        let json = serde_json::to_vec(fingerprint).expect("plain fields are always JSON");
        let mut batch = Batch::default();
        batch.insert(VERSION_KEY, &version.to_le_bytes());
        batch.insert(FINGERPRINT, json);
        self.sled.ask(|trees| trees.meta.apply_batch(batch))?;
        self.sync()?;
        Ok(self.sync_folders()?)
    }

    /// Makes durable that it is there, under its name.
    pub fn sync_folders(&self) -> Result<(), FileError> {
        leftovers::sync_folders(&self.path).map_err(FileError::write_at(&self.path))
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

    /// Changes that; durable on return.
    pub fn set_ranking(&self, ranking: &Ranking) -> Result<()> {
        let json = serde_json::to_vec(ranking).expect("a line of text is always JSON");
        self.sled.ask(|trees| trees.meta.insert(RANKING, json))?;
        self.sync()
    }

    /// In which numbers its descriptors were made.
    pub fn precisions(&self) -> Result<Precisions, GalleryError> {
        let stored = self.sled.ask(|trees| trees.meta.get(PRECISIONS))?;
        let read = |stored: IVec| serde_json::from_slice(&stored).map_err(|_| self.damaged());
        stored.map_or_else(|| Ok(Precisions::default()), read)
    }

    /// Changes that; durable on return.
    pub fn set_precisions(&self, precisions: &Precisions) -> Result<()> {
        let json = serde_json::to_vec(precisions).expect("a list of names is always JSON");
        self.sled.ask(|trees| trees.meta.insert(PRECISIONS, json))?;
        self.sync()
    }

    /// The error that says that it is damaged; found out about by whoever opened it.
    pub fn damaged(&self) -> GalleryError {
        self.sled.damaged()
    }

    fn seal(&self) -> Result<Seal, GalleryError> {
        let stored = self.sled.ask(|trees| trees.records.get(SEAL))?;
        match stored {
            None => Ok(Seal::default()),
            Some(stored) => Seal::from_stored(&stored).ok_or_else(|| self.damaged()),
        }
    }

    /// Grows with every change.
    pub fn generation(&self) -> Result<u64, GalleryError> {
        Ok(self.seal()?.generation)
    }

    /// Brings a store of version 1 up to date: it has its generation elsewhere, and no seal.
    pub fn upgrade(&self) -> Result<()> {
        let stored = self.sled.ask(|trees| trees.meta.get(b"generation"))?;
        let generation = stored.and_then(|stored| stored.as_ref().try_into().ok());
        let mut seal = Seal::of_none(generation.map_or(1, u64::from_le_bytes));
        for record in self.records() {
            let record = record?;
            seal.add(&path_to_bytes(&record.path), &record.to_stored());
        }
        self.sled.ask(|trees| {
            trees.records.insert(SEAL, seal.to_stored().as_slice())?;
            Ok(())
        })?;
        self.set_version(version::VERSION)
    }

    /// Says which version it is of; durable on return.
    pub fn set_version(&self, version: u64) -> Result<()> {
        let version = version.to_le_bytes();
        self.sled
            .ask(|trees| trees.meta.insert(VERSION_KEY, &version))?;
        self.sync()
    }

    /// Reads all records and holds them against the seal: whether none is missing, changed or too
    /// many.
    pub fn is_whole(&self) -> Result<bool, GalleryError> {
        let records = self.records().collect::<Result<Vec<_>, _>>()?;
        self.holds(records.into_iter())
    }

    /// Whether it has exactly these records.
    pub fn holds(&self, records: impl Iterator<Item = Record>) -> Result<bool, GalleryError> {
        let sealed = self.seal()?;
        let mut found = Seal::of_none(sealed.generation);
        for record in records {
            found.add(&path_to_bytes(&record.path), &record.to_stored());
        }
        Ok(found == sealed)
    }

    /// The record of the photo at `path`.
    pub fn record(&self, path: &Path) -> Result<Option<Record>, GalleryError> {
        let key = path_to_bytes(path);
        let stored = self.sled.ask(|trees| trees.records.get(key))?;
        Ok(stored.and_then(|stored| Record::from_stored(path.to_owned(), &stored)))
    }

    /// All records, by path.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, GalleryError>> {
        let entries = self.sled.entries(|trees| trees.records.range(FIRST..));
        entries.map(|entry| {
            let (path, stored) = entry?;
            Record::from_stored(path_from_bytes(&path), &stored).ok_or_else(|| self.damaged())
        })
    }

    /// All descriptors by content hash, as the bytes of their values.
    pub fn descriptors(&self) -> impl Iterator<Item = Result<(ContentHash, IVec), GalleryError>> {
        let entries = self.sled.entries(|trees| trees.descriptors.iter());
        entries.map(|entry| {
            let (key, bytes) = entry?;
            let hash = key.as_ref().try_into().map_err(|_| self.damaged())?;
            Ok((ContentHash::from_bytes(hash), bytes))
        })
    }

    /// The bytes of the descriptor of the photo with this content.
    pub fn descriptor_bytes(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, GalleryError> {
        let stored = self
            .sled
            .ask(|trees| trees.descriptors.get(hash.as_bytes()))?;
        Ok(stored.map(|bytes| bytes.to_vec()))
    }

    /// The descriptor of the photo with this content.
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        let stored = self.descriptor_bytes(hash)?;
        Ok(stored.map(|bytes| bytemuck::pod_collect_to_vec(&bytes)))
    }

    /// Whether there is a descriptor of this content.
    pub fn has_descriptor(&self, hash: &ContentHash) -> Result<bool, GalleryError> {
        self.sled
            .ask(|trees| trees.descriptors.contains_key(hash.as_bytes()))
    }

    /// Writes records with the descriptors that are new, and takes out others; durable on return.
    pub fn write(&self, put: &[(Record, Option<Descriptor>)], remove: &[PathBuf]) -> Result<()> {
        let generation = self.generation()? + 1;
        self.write_as(generation, put, remove)
    }

    /// As [`Store::write`], giving the store this generation.
    pub fn write_as(
        &self,
        generation: u64,
        put: &[(Record, Option<Descriptor>)],
        remove: &[PathBuf],
    ) -> Result<()> {
        let mut descriptors = Batch::default();
        for (record, descriptor) in put {
            if let Some(descriptor) = descriptor {
                let bytes: &[u8] = bytemuck::cast_slice(descriptor.as_slice());
                descriptors.insert(record.hash.as_bytes().as_slice(), bytes);
            }
        }
        // The last word about a path counts, as it does in a batch.
        let mut changes: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
        for (record, _) in put {
            let stored = record.to_stored().to_vec();
            changes.insert(path_to_bytes(&record.path), Some(stored));
        }
        changes.extend(remove.iter().map(|path| (path_to_bytes(path), None)));
        let mut seal = self.seal()?;
        seal.generation = generation;
        let mut records = Batch::default();
        for (path, change) in changes {
            if let Some(before) = self.sled.ask(|trees| trees.records.get(&path))? {
                seal.take(&path, &before);
            }
            match change {
                Some(stored) => {
                    seal.add(&path, &stored);
                    records.insert(path, stored);
                }
                None => records.remove(path),
            }
        }
        records.insert(SEAL, seal.to_stored().as_slice());
        self.sled.ask(|trees| {
            // Descriptors first: a crash in between leaves a descriptor without a record, which
            // wastes a little space, never a record without a descriptor.
            trees.descriptors.apply_batch(descriptors)?;
            trees.records.apply_batch(records)
        })?;
        self.sync()
    }

    /// Takes out photos without a new generation: the snapshot of this one lacks them already.
    pub fn forget(&self, paths: &[PathBuf]) -> Result<()> {
        self.write_as(self.generation()?, &[], paths)
    }

    /// Drops descriptors.
    pub fn remove_descriptors<'a>(
        &self,
        hashes: impl Iterator<Item = &'a ContentHash>,
    ) -> Result<(), GalleryError> {
        for hash in hashes {
            self.sled
                .ask(|trees| trees.descriptors.remove(hash.as_bytes()))?;
        }
        Ok(())
    }

    /// Makes all that was written durable.
    fn sync(&self) -> Result<()> {
        self.sled.ask(|trees| trees.db.flush())?;
        // The blobs first: of one that is cut off, sled would read its log no further.
        let from = self.next_blob.load(Ordering::Relaxed);
        let synced = leftovers::sync_blobs(&self.path, from);
        let next = synced.map_err(FileError::write_at(&self.path.join("blobs")))?;
        self.next_blob.store(next, Ordering::Relaxed);
        // sled 0.34 flushes with sync_file_range, which a power cut does not respect.
        let path = self.path.join("db");
        let synced = File::open(&path).and_then(|file| file.sync_data());
        Ok(synced.map_err(FileError::write_at(&path))?)
    }
}
