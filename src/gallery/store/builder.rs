//! A store made at once, of photos in the order of their keys: from an earlier format, or of what is left of
//! a damaged one.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::about::{About, Settings};
use super::recent::Recent;
use super::sealed::{Records, VectorFile, write_records, write_vectors};
use super::{Store, recent_path, sync, sync_above};
use crate::descriptor::Fingerprint;
use crate::error::{FileError, GalleryError, Result};
use crate::gallery::encoding::Encoding;
use crate::gallery::record::{RowPlace, Stored};
use crate::gallery::table::{Entry, merged};
use crate::photo::ContentHash;

/// Vectors and records of a file.
const VECTORS: usize = 4096;
const RECORDS: usize = 65_536;

/// A store in the making.
pub struct StoreBuilder {
    path: PathBuf,
    about: About,
    vectors: BTreeMap<ContentHash, Vec<f32>>,
    /// Photos whose vectors are to be written.
    waiting: Vec<Entry>,
    entries: Vec<Entry>,
    places: HashMap<ContentHash, RowPlace>,
}

impl StoreBuilder {
    /// Begins one in the new folder `path`.
    pub fn create(path: &Path, fingerprint: &Fingerprint) -> Result<Self, FileError> {
        fs::create_dir_all(path).map_err(FileError::write_at(path))?;
        Ok(Self {
            path: path.to_owned(),
            about: About::new(fingerprint),
            vectors: BTreeMap::new(),
            waiting: Vec::new(),
            entries: Vec::new(),
            places: HashMap::new(),
        })
    }

    /// What else a store says.
    pub fn about(&mut self, settings: Settings) {
        self.about.ranking = settings.ranking;
        self.about.axes = settings.axes;
        self.about.precisions = settings.precisions;
        self.about.roots = settings.roots;
    }

    /// In which numbers its files of vectors are.
    pub const fn encode(&mut self, encoding: Encoding) {
        self.about.encoding = encoding;
    }

    /// Whether photos with this content have a descriptor in it already.
    pub fn has(&self, hash: &ContentHash) -> bool {
        self.places.contains_key(hash) || self.vectors.contains_key(hash)
    }

    /// The next photo, with its descriptor unless its content has one already.
    pub fn put(&mut self, key: Vec<u8>, stored: Stored, values: Option<Vec<f32>>) -> Result<()> {
        let hash = stored.hash;
        if let Some(values) = values.filter(|_| !self.has(&hash)) {
            self.vectors.insert(hash, values);
        }
        self.waiting.push((key, stored));
        if self.vectors.len() >= VECTORS || self.waiting.len() >= RECORDS {
            self.write_vectors()?;
        }
        Ok(())
    }

    fn write_vectors(&mut self) -> Result<()> {
        if !self.vectors.is_empty() {
            let file = self.next();
            let dimension = self.about.fingerprint.dimension();
            let stored = (dimension, self.about.encoding);
            write_vectors(&self.path, file, stored, &self.vectors)?;
            let rows = std::mem::take(&mut self.vectors).into_keys().zip(0..);
            self.places
                .extend(rows.map(|(hash, row)| (hash, RowPlace { file, row })));
        }
        for (key, stored) in std::mem::take(&mut self.waiting) {
            let place = self.places.get(&stored.hash).copied();
            self.entries.push((key, stored.at(place)));
        }
        if self.entries.len() >= RECORDS {
            self.write_records()?;
        }
        Ok(())
    }

    fn write_records(&mut self) -> Result<()> {
        let number = self.next();
        let entries = std::mem::take(&mut self.entries).into_iter().map(Ok);
        let made_with = &self.about.fingerprint;
        let written = write_records(&self.path, number, made_with, entries)?;
        self.about.records.push(written);
        Ok(())
    }

    const fn next(&mut self) -> u64 {
        let number = self.about.next;
        self.about.next += 1;
        number
    }

    /// Ends it as the state `generation`; durable on return.
    pub fn finish(mut self, generation: u64) -> Result<Store> {
        self.write_vectors()?;
        if !self.entries.is_empty() {
            self.write_records()?;
        }
        let mut recent = Recent::open(&recent_path(&self.path, self.about.recent))?;
        recent.write(generation, &[])?;
        recent.sync_folders()?;
        drop(recent);
        sync(&self.path)?;
        // Last, so that a store that says what it is is a complete one.
        self.about.write(&self.path)?;
        sync_above(&self.path)?;
        let store = Store::open(&self.path)?;
        Ok(store.ok_or(GalleryError::DamagedStore { path: self.path })?)
    }
}

/// What can be read of a damaged store.
pub struct Salvage {
    about: Option<About>,
    recent: Vec<Entry>,
    recent_vectors: HashMap<ContentHash, Vec<f32>>,
    records: Vec<Records>,
    path: PathBuf,
    vectors: HashMap<u64, Option<Arc<VectorFile>>>,
}

/// What can be read of the damaged store in the folder `path`.
pub fn salvaged(path: &Path) -> Salvage {
    let about = About::read(path).ok().flatten();
    let (mut numbers, mut databases) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let of = |kind: &str| name.strip_prefix(kind)?.parse::<u64>().ok();
        let is_newer = |number: u64| about.as_ref().is_some_and(|about| number >= about.next);
        numbers.extend(of("records-").filter(|number| !is_newer(*number)));
        databases.extend(of("recent-").filter(|number| !is_newer(*number)));
    }
    numbers.sort_unstable();
    let mut recent: BTreeMap<Vec<u8>, Stored> = BTreeMap::new();
    let mut recent_vectors = HashMap::new();
    databases.sort_unstable();
    for number in databases {
        for ((key, stored), values) in Recent::salvage(&recent_path(path, number)) {
            recent_vectors.extend(values.map(|values| (stored.hash, values)));
            recent.insert(key, stored);
        }
    }
    let open = |number: &u64| Records::open_any(path, *number).ok();
    Salvage {
        about,
        recent: recent.into_iter().collect(),
        recent_vectors,
        records: numbers.iter().filter_map(open).collect(),
        path: path.to_owned(),
        vectors: HashMap::new(),
    }
}

impl Salvage {
    /// What the descriptors were made with, as whatever is left says it.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        let about = self.about.as_ref().map(|about| &about.fingerprint);
        about.or_else(|| Some(&self.records.last()?.fingerprint))
    }

    pub fn encoding(&self) -> Encoding {
        self.about
            .as_ref()
            .map_or(Encoding::F32, |about| about.encoding)
    }

    /// What it says beside.
    pub fn settings(&self) -> Option<Settings> {
        self.about.as_ref().map(About::settings)
    }

    /// All records that can be read, by key.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let recent: Box<dyn Iterator<Item = Entry>> = Box::new(self.recent.iter().cloned());
        let older = self.records.iter().rev();
        let older = older.map(|records| Box::new(records.entries_from(&[])) as Box<_>);
        merged(std::iter::once(recent).chain(older).collect()).map(|(_, entry)| entry)
    }

    /// The descriptor of a photo, if it can be read.
    pub fn descriptor(&mut self, stored: &Stored) -> Option<Vec<f32>> {
        if let Some(values) = self.recent_vectors.get(&stored.hash) {
            return Some(values.clone());
        }
        let rows = self
            .records
            .iter()
            .filter_map(|records| records.row_of(&stored.hash));
        let rows: Vec<RowPlace> = stored.row.into_iter().chain(rows).collect();
        rows.into_iter().find_map(|place| {
            let open = || VectorFile::open(&self.path, place.file).ok().map(Arc::new);
            let file = self.vectors.entry(place.file).or_insert_with(open);
            file.as_ref()?.row(place.row, &stored.hash)
        })
    }
}
