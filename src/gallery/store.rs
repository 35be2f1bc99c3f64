//! The truth: records and descriptors in sled.
//!
//! Three trees: `meta` (version, provenance, generation), `records` (path → record) and
//! `descriptors` (content hash → values). The generation grows with every change, before it, so
//! that a snapshot with the same generation is surely not older than the store.

use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use sled::{Batch, Db, IVec, Tree};

use super::record::{Record, path_from_bytes, path_to_bytes};
use crate::descriptor::{Descriptor, Provenance};
use crate::error::{Error, Result};
use crate::photo::ContentHash;

/// What sled may keep in memory, in bytes.
const CACHE: u64 = 64 << 20;
const VERSION: &[u8] = b"version";
const PROVENANCE: &[u8] = b"provenance";
const GENERATION: &[u8] = b"generation";

/// The opened store.
pub struct Store {
    path: PathBuf,
    db: Db,
    meta: Tree,
    records: Tree,
    descriptors: Tree,
}

impl Store {
    /// Opens or creates the store in the folder `path`.
    ///
    /// # Errors
    /// [`Error::Store`] if sled cannot read it.
    pub fn open(path: &Path) -> Result<Self> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .flush_every_ms(None);
        let open = || -> sled::Result<Self> {
            let db = config.open()?;
            let tree = |name: &str| db.open_tree(name);
            let (meta, records, descriptors) =
                (tree("meta")?, tree("records")?, tree("descriptors")?);
            Ok(Self {
                path: path.to_owned(),
                db,
                meta,
                records,
                descriptors,
            })
        };
        // sled panics on some damaged files instead of returning an error.
        let opened = panic::catch_unwind(AssertUnwindSafe(open));
        let opened = opened.map_err(|_| Error::Store {
            path: path.to_owned(),
            source: "its files are damaged".into(),
        })?;
        opened.map_err(|source| failed(path, source))
    }

    fn failed(&self, source: sled::Error) -> Error {
        failed(&self.path, source)
    }

    /// The format version, nothing in a new store.
    pub fn version(&self) -> Result<Option<u64>> {
        self.number(VERSION)
    }

    /// Grows with every change.
    pub fn generation(&self) -> Result<u64> {
        Ok(self.number(GENERATION)?.unwrap_or(0))
    }

    fn number(&self, key: &[u8]) -> Result<Option<u64>> {
        let value = self.meta.get(key).map_err(|source| self.failed(source))?;
        Ok(value
            .and_then(|value| value.as_ref().try_into().ok())
            .map(u64::from_le_bytes))
    }

    /// What the descriptors were made with, nothing in a new store.
    pub fn provenance(&self) -> Result<Option<Provenance>> {
        let value = self
            .meta
            .get(PROVENANCE)
            .map_err(|source| self.failed(source))?;
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    /// Marks a new store with its version and provenance.
    pub fn initialize(&self, version: u64, provenance: &Provenance) -> Result<()> {
        let json = serde_json::to_vec(provenance).expect("four plain fields are always JSON");
        let mut batch = Batch::default();
        batch.insert(VERSION, &version.to_le_bytes());
        batch.insert(PROVENANCE, json);
        self.meta
            .apply_batch(batch)
            .map_err(|source| self.failed(source))?;
        self.sync()
    }

    /// The record of the photo at `path`.
    pub fn record(&self, path: &Path) -> Result<Option<Record>> {
        let stored = self
            .records
            .get(path_to_bytes(path))
            .map_err(|source| self.failed(source))?;
        Ok(stored.and_then(|stored| Record::from_stored(path.to_owned(), &stored)))
    }

    /// All records, by path.
    pub fn records(&self) -> impl Iterator<Item = Result<Record>> {
        let read = |entry: sled::Result<(IVec, IVec)>| {
            let (path, stored) = entry.map_err(|source| self.failed(source))?;
            Record::from_stored(path_from_bytes(&path), &stored).ok_or_else(|| Error::Store {
                path: self.path.clone(),
                source: "a record has the wrong length".into(),
            })
        };
        self.records.iter().map(read)
    }

    /// The descriptor of the photo with this content.
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>> {
        let stored = self
            .descriptors
            .get(hash.as_bytes())
            .map_err(|source| self.failed(source))?;
        Ok(stored.map(|bytes| bytemuck::pod_collect_to_vec(&bytes)))
    }

    /// Whether there is a descriptor of this content.
    pub fn has_descriptor(&self, hash: &ContentHash) -> Result<bool> {
        self.descriptors
            .contains_key(hash.as_bytes())
            .map_err(|source| self.failed(source))
    }

    /// Writes records with the descriptors that are new, and takes out others; durable on return.
    pub fn write(&self, put: &[(Record, Option<Descriptor>)], remove: &[PathBuf]) -> Result<()> {
        let (mut records, mut descriptors) = (Batch::default(), Batch::default());
        for (record, descriptor) in put {
            if let Some(descriptor) = descriptor {
                let bytes: &[u8] = bytemuck::cast_slice(descriptor.as_slice());
                descriptors.insert(record.hash.as_bytes().as_slice(), bytes);
            }
            records.insert(path_to_bytes(&record.path), record.to_stored().as_slice());
        }
        for path in remove {
            records.remove(path_to_bytes(path));
        }
        let generation = self.generation()? + 1;
        let failed = |source| self.failed(source);
        self.meta
            .insert(GENERATION, &generation.to_le_bytes())
            .map_err(failed)?;
        // Descriptors first: a crash in between leaves a descriptor without a record, which the
        // next publishing drops, never a record without a descriptor.
        self.descriptors.apply_batch(descriptors).map_err(failed)?;
        self.records.apply_batch(records).map_err(failed)?;
        self.sync()
    }

    /// Drops the descriptors that `is_wanted` does not want.
    pub fn retain_descriptors(&self, is_wanted: impl Fn(&ContentHash) -> bool) -> Result<()> {
        for key in self.descriptors.iter().keys() {
            let key = key.map_err(|source| self.failed(source))?;
            let hash = key.as_ref().try_into().ok().map(ContentHash::from_bytes);
            if !hash.is_some_and(|hash| is_wanted(&hash)) {
                self.descriptors
                    .remove(key)
                    .map_err(|source| self.failed(source))?;
            }
        }
        Ok(())
    }

    /// Makes all that was written durable.
    fn sync(&self) -> Result<()> {
        self.db.flush().map_err(|source| self.failed(source))?;
        // sled 0.34 flushes with sync_file_range, which a power cut does not respect.
        let path = self.path.join("db");
        let synced = File::open(&path).and_then(|file| file.sync_data());
        synced.map_err(|source| Error::Write { path, source })
    }
}

fn failed(path: &Path, source: sled::Error) -> Error {
    Error::Store {
        path: path.to_owned(),
        source: source.into(),
    }
}
