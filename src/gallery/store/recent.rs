//! The newest records and descriptors, in sled: each write is durable on return.
//!
//! Two trees: `records` (key → record) and `descriptors` (content hash → values). Among the records, under
//! the empty key, lies the seal: the generation, which grows with every change, and a digest of all
//! records. It is written in one batch with the records, so that records which a damaged file silently
//! lost are noticed. sled pays 2.7 times for what it holds and reads its log when it is opened, so it holds
//! few: what is older lies in files that never change.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use sled::{Batch, Db, Tree};

use super::guard::{Guarded, is_locked};
use super::leftovers;
use super::seal::Seal;
use crate::error::{FileError, GalleryError, Result};
use crate::gallery::folder;
use crate::gallery::record::Stored;
use crate::gallery::table::Entry;
use crate::photo::ContentHash;

/// Where the seal lies among the records: no photo has the empty key.
const SEAL: &[u8] = b"";
/// The least key.
const FIRST: &[u8] = &[0];

/// The opened database.
pub struct Recent {
    path: PathBuf,
    sled: Guarded<Trees>,
    /// The number from which on sled's blobs are not durable.
    next_blob: AtomicI64,
    /// Records in it.
    len: usize,
}

struct Trees {
    db: Db,
    records: Tree,
    descriptors: Tree,
}

impl Trees {
    fn open(db: Db) -> sled::Result<Self> {
        Ok(Self {
            records: db.open_tree("records")?,
            descriptors: db.open_tree("descriptors")?,
            db,
        })
    }
}

/// A change to a photo: what it is now, and its descriptor if that is new.
pub type Change<'a> = (Vec<u8>, Stored, Option<&'a [f32]>);

impl Recent {
    /// Opens or creates the database in the folder `path`.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`], where its records are not those of its seal too;
    /// [`GalleryError::Store`] where sled fails otherwise; [`FileError::Write`] on a full disk.
    pub fn open(path: &Path) -> Result<Self, GalleryError> {
        Self::checked(path, Guarded::open(path, Trees::open)?)
    }

    /// Opens one that would not open, or is marked, by all ways that there are.
    ///
    /// # Errors
    /// As [`Recent::open`].
    pub fn open_again(path: &Path) -> Result<Self, GalleryError> {
        Self::checked(path, Guarded::open_again(path, Trees::open)?)
    }

    fn checked(path: &Path, sled: Guarded<Trees>) -> Result<Self, GalleryError> {
        let mut recent = Self {
            path: path.to_owned(),
            sled,
            next_blob: AtomicI64::new(0),
            len: 0,
        };
        let sealed = recent.seal()?;
        let mut found = Seal::of_none(sealed.generation);
        let mut len = 0;
        for entry in recent.entries() {
            let (key, stored) = entry?;
            found.add(&key, &stored.to_bytes());
            len += 1;
        }
        recent.len = len;
        if found == sealed {
            Ok(recent)
        } else {
            Err(recent.damaged())
        }
    }

    /// All that can still be read of one that would not open or lacks something: its records, and their
    /// descriptors.
    pub fn salvage(path: &Path) -> Vec<(Entry, Option<Vec<f32>>)> {
        let copied = path.with_extension("copied");
        let opened = match Guarded::open_again(path, Trees::open) {
            // This process found it damaged, and never closes it.
            Err(error) if is_locked(&error) && folder::copy(path, &copied).is_ok() => {
                Guarded::open_again(&copied, Trees::open)
            }
            opened => opened,
        };
        let Ok(sled) = opened else {
            return Vec::new();
        };
        let recent = Self {
            path: path.to_owned(),
            sled,
            next_blob: AtomicI64::new(0),
            len: 0,
        };
        // Behind the first that cannot be read nothing can.
        let entries = recent.entries().map_while(Result::ok);
        let read = entries.map(|(key, stored)| {
            let values = recent.descriptor(&stored.hash).ok().flatten();
            ((key, stored), values)
        });
        let read = read.collect();
        // Closing it could write to it.
        recent.abandon();
        // What cannot be removed is set aside with the rest.
        let _ = fs::remove_dir_all(&copied);
        read
    }

    /// The error that says that it is damaged; found out about by whoever opened it.
    pub fn damaged(&self) -> GalleryError {
        self.sled.damaged()
    }

    /// Never closes it.
    pub fn abandon(&self) {
        self.sled.abandon();
    }

    /// Records in it.
    pub const fn len(&self) -> usize {
        self.len
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

    /// The record under a key.
    pub fn stored(&self, key: &[u8]) -> Result<Option<Stored>, GalleryError> {
        let bytes = self.sled.ask(|trees| trees.records.get(key))?;
        let read = bytes.map(|bytes| Stored::from_bytes(&bytes).ok_or_else(|| self.damaged()));
        read.transpose()
    }

    /// All records, by key.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, GalleryError>> {
        self.entries_from(FIRST)
    }

    /// Those from a key on.
    pub fn entries_from(&self, from: &[u8]) -> impl Iterator<Item = Result<Entry, GalleryError>> {
        let from = from.max(FIRST).to_vec();
        let entries = self.sled.entries(|trees| trees.records.range(from..));
        entries.map(|entry| {
            let (key, stored) = entry?;
            let stored = Stored::from_bytes(&stored).ok_or_else(|| self.damaged())?;
            Ok((key.to_vec(), stored))
        })
    }

    /// The descriptor of photos with this content.
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        let stored = self
            .sled
            .ask(|trees| trees.descriptors.get(hash.as_bytes()))?;
        Ok(stored.map(|bytes| bytemuck::pod_collect_to_vec(&bytes)))
    }

    /// Whether there is one.
    pub fn has_descriptor(&self, hash: &ContentHash) -> Result<bool, GalleryError> {
        self.sled
            .ask(|trees| trees.descriptors.contains_key(hash.as_bytes()))
    }

    /// All descriptors, by content.
    pub fn descriptors(&self) -> Result<BTreeMap<ContentHash, Vec<f32>>, GalleryError> {
        let entries = self.sled.entries(|trees| trees.descriptors.iter());
        let read = entries.map(|entry| {
            let (hash, bytes) = entry?;
            let hash = hash.as_ref().try_into().map_err(|_| self.damaged())?;
            let values = bytemuck::pod_collect_to_vec(&bytes);
            Ok((ContentHash::from_bytes(hash), values))
        });
        read.collect()
    }

    /// Writes changes, which make this generation; durable on return.
    pub fn write(&mut self, generation: u64, changes: &[Change<'_>]) -> Result<()> {
        let mut descriptors = Batch::default();
        // The last word about a key counts, as it does in a batch.
        let mut last: HashMap<&[u8], Vec<u8>> = HashMap::new();
        for (key, stored, values) in changes {
            if let Some(values) = values {
                let bytes: &[u8] = bytemuck::cast_slice(values);
                descriptors.insert(stored.hash.as_bytes().as_slice(), bytes);
            }
            last.insert(key, stored.to_bytes());
        }
        let mut seal = self.seal()?;
        seal.generation = generation;
        let mut records = Batch::default();
        let mut added = 0;
        for (key, stored) in last {
            match self.sled.ask(|trees| trees.records.get(key))? {
                Some(before) => seal.take(key, &before),
                None => added += 1,
            }
            seal.add(key, &stored);
            records.insert(key, stored);
        }
        records.insert(SEAL, seal.to_stored().as_slice());
        self.sled.ask(|trees| {
            // Descriptors first: a crash in between leaves a descriptor without a record, which
            // wastes a little space, never a record without a descriptor.
            trees.descriptors.apply_batch(descriptors)?;
            trees.records.apply_batch(records)
        })?;
        self.len += added;
        self.sync()
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

    /// Makes durable that it is there, under its name.
    pub fn sync_folders(&self) -> Result<(), FileError> {
        leftovers::sync_folders(&self.path).map_err(FileError::write_at(&self.path))
    }
}
