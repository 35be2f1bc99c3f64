//! The truth: records and descriptors. What is newest lies in sled, what is older in files that never
//! change.
//!
//! ```text
//! about        which of these there are, and what the descriptors were made with
//! recent-N/    sled: the newest records and descriptors, some hundred
//! records-N    older records, sorted by key; of the same key the newest counts
//! vectors-N    their descriptors, f32
//! ```
//!
//! A write goes to sled and is durable when it returns. From time to time sled's content becomes two files
//! and a new database begins: at every moment `about` names either all of the old or all of the new.

mod about;
mod builder;
mod contents;
mod gone;
mod guard;
mod leftovers;
pub mod pooled;
mod recent;
mod seal;
mod sealed;

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::about::About;
pub use self::about::Settings;
pub use self::builder::{StoreBuilder, salvaged};
pub use self::contents::Contents;
pub(in crate::gallery) use self::guard::Guarded;
use self::guard::is_locked;
pub use self::guard::{mark, unmark};
pub use self::recent::Change;
use self::recent::Recent;
pub(in crate::gallery) use self::seal::Seal;
use self::sealed::{Records, VectorFile, write_records, write_vectors};
use super::encoding::Encoding;
use super::folder;
use super::precisions::Precisions;
use super::record::{RowPlace, Stored};
use super::roots::StoredRoots;
use super::table::{Entry, merged};
use crate::descriptor::Fingerprint;
use crate::error::{Error, FileError, GalleryError, Result};
use crate::photo::ContentHash;
use crate::ranking::Ranking;

/// The opened store.
pub struct Store {
    path: PathBuf,
    about: About,
    recent: Recent,
    /// The oldest first.
    records: Vec<Records>,
    vectors: Mutex<HashMap<u64, Arc<VectorFile>>>,
}

impl Store {
    /// Opens the store in the folder `path`; nothing where there is none yet.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::GalleryTooNew`]; [`GalleryError::Store`] where sled
    /// fails otherwise; [`FileError::Write`] on a full disk.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let Some(about) = About::read(path)? else {
            return Ok(None);
        };
        if mark(path).exists() {
            return Err(damaged(path).into());
        }
        let recent = match Recent::open(&recent_path(path, about.recent)) {
            // All may be there all the same, and the seal tells.
            Err(GalleryError::DamagedStore { .. }) => {
                match Recent::open_again(&recent_path(path, about.recent)) {
                    // This process found it damaged, and never closes it.
                    Err(error) if is_locked(&error) => return Err(damaged(path).into()),
                    opened => opened?,
                }
            }
            opened => opened?,
        };
        let records = about
            .records
            .iter()
            .map(|wanted| Records::open(path, *wanted));
        let records = records.collect::<Result<Vec<_>>>();
        let store = Self {
            path: path.to_owned(),
            about,
            recent,
            records: records.map_err(|error| in_store(error, path))?,
            vectors: Mutex::default(),
        };
        store.remove_others();
        Ok(Some(store))
    }

    /// Makes a new store in the folder `path`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn create(path: &Path, fingerprint: &Fingerprint) -> Result<Self> {
        fs::create_dir_all(path).map_err(FileError::write_at(path))?;
        let about = About::new(fingerprint);
        let recent = Recent::open(&recent_path(path, about.recent))?;
        recent.sync_folders()?;
        about.write(path)?;
        sync_above(path)?;
        Ok(Self {
            path: path.to_owned(),
            about,
            recent,
            records: Vec::new(),
            vectors: Mutex::default(),
        })
    }

    /// What the descriptors were made with.
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.about.fingerprint
    }

    /// What it says beside photos and descriptors.
    pub fn settings(&self) -> Settings {
        self.about.settings()
    }

    /// Values of a vector along axes of the gallery, if it shall have fewer than a descriptor.
    pub const fn axes(&self) -> Option<usize> {
        self.about.axes
    }

    /// Changes that; durable on return.
    pub fn set_axes(&mut self, values: Option<usize>) -> Result<()> {
        self.change_about(|about| about.axes = values)
    }

    /// How its photos are ranked unless a query says otherwise.
    pub const fn ranking(&self) -> &Ranking {
        &self.about.ranking
    }

    /// Changes that; durable on return.
    pub fn set_ranking(&mut self, ranking: &Ranking) -> Result<()> {
        self.change_about(|about| about.ranking = *ranking)
    }

    /// In which numbers its descriptors were made.
    pub const fn precisions(&self) -> &Precisions {
        &self.about.precisions
    }

    /// Changes that; durable on return.
    pub fn set_precisions(&mut self, precisions: &Precisions) -> Result<()> {
        self.change_about(|about| about.precisions = precisions.clone())
    }

    /// In which numbers the next files of descriptors are.
    pub const fn encoding(&self) -> Encoding {
        self.about.encoding
    }

    /// Changes that; durable on return.
    pub fn set_encoding(&mut self, encoding: Encoding) -> Result<()> {
        self.change_about(|about| about.encoding = encoding)
    }

    /// The folders that its photos lie beneath.
    pub const fn roots(&self) -> &StoredRoots {
        &self.about.roots
    }

    /// Changes that; durable on return.
    pub fn set_roots(&mut self, roots: StoredRoots) -> Result<()> {
        if self.about.roots == roots {
            return Ok(());
        }
        self.change_about(|about| about.roots = roots)
    }

    fn change_about(&mut self, change: impl FnOnce(&mut About)) -> Result<()> {
        let mut about = self.about.clone();
        change(&mut about);
        about.write(&self.path)?;
        self.about = about;
        Ok(())
    }

    /// The error that says that it is damaged; found out about by whoever opens it next.
    pub fn damaged(&self) -> GalleryError {
        // Without the mark the next process finds out by itself.
        let _ = folder::create(&mark(&self.path));
        damaged(&self.path)
    }

    /// Lets go of sled without closing it: its files are another's from now on.
    pub fn abandon(&self) {
        self.recent.abandon();
    }

    /// Grows with every change.
    pub fn generation(&self) -> Result<u64, GalleryError> {
        self.recent.generation()
    }

    /// What is known under a key, be it removed.
    pub fn stored(&self, key: &[u8]) -> Result<Option<Stored>, GalleryError> {
        if let Some(stored) = self.recent.stored(key)? {
            return Ok(Some(stored));
        }
        let found = self
            .records
            .iter()
            .rev()
            .find_map(|records| records.stored(key));
        self.checked(found)
    }

    fn checked<T>(&self, found: T) -> Result<T, GalleryError> {
        if self.records.iter().any(Records::is_damaged) {
            return Err(self.damaged());
        }
        Ok(found)
    }

    /// All that is known, by key, be it removed; from a key on.
    pub fn entries_from(
        &self,
        key: &[u8],
    ) -> impl Iterator<Item = Result<Entry, GalleryError>> + use<'_> {
        let mut failed = None;
        let mut recent = Vec::new();
        for entry in self.recent.entries_from(key) {
            match entry {
                Ok(entry) => recent.push(entry),
                Err(error) => failed = Some(error),
            }
        }
        let recent: Box<dyn Iterator<Item = Entry>> = Box::new(recent.into_iter());
        let older = self.records.iter().rev();
        let older = older.map(|records| Box::new(records.entries_from(key)) as Box<_>);
        let lists = std::iter::once(recent).chain(older).collect();
        let entries = merged(lists).map(|(_, entry)| Ok(entry));
        let end = std::iter::once_with(move || self.checked(()).err());
        failed
            .map(Err)
            .into_iter()
            .chain(entries)
            .chain(end.flatten().map(Err))
    }

    /// All that is known, by key, be it removed.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, GalleryError>> {
        self.entries_from(&[])
    }

    /// The descriptor of photos with this content.
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        if let Some(values) = self.recent.descriptor(hash)? {
            return Ok(Some(values));
        }
        match self.row_of(hash)? {
            Some(row) => self.row(row, hash),
            None => Ok(None),
        }
    }

    /// The descriptor of a photo; found at once where its record says where it lies.
    pub fn descriptor_of(&self, stored: &Stored) -> Result<Option<Vec<f32>>, GalleryError> {
        match stored.row {
            Some(row) => self.row(row, &stored.hash),
            None => self.descriptor(&stored.hash),
        }
    }

    fn row(&self, place: RowPlace, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        let mut open = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        let file = if let Some(file) = open.get(&place.file) {
            Arc::clone(file)
        } else {
            let file = VectorFile::open(&self.path, place.file).map_err(|_| self.damaged())?;
            Arc::clone(open.entry(place.file).or_insert_with(|| Arc::new(file)))
        };
        drop(open);
        match file.row(place.row, hash) {
            Some(values) => Ok(Some(values)),
            None => Err(self.damaged()),
        }
    }

    /// Whether photos with this content have a descriptor.
    pub fn has_descriptor(&self, hash: &ContentHash) -> Result<bool, GalleryError> {
        Ok(self.recent.has_descriptor(hash)? || self.row_of(hash)?.is_some())
    }

    fn row_of(&self, hash: &ContentHash) -> Result<Option<RowPlace>, GalleryError> {
        let found = self
            .records
            .iter()
            .rev()
            .find_map(|records| records.row_of(hash));
        self.checked(found)
    }

    /// All contents that there are descriptors of.
    pub fn contents(&self) -> Result<Contents> {
        let mut recent = HashMap::new();
        for entry in self.recent.entries() {
            let (_, stored) = entry?;
            if self.recent.has_descriptor(&stored.hash)? {
                recent.insert(stored.hash, stored);
            }
        }
        let records = self.about.records.iter();
        let records = records.map(|wanted| Records::open(&self.path, *wanted));
        let records = records.collect::<Result<Vec<_>>>();
        let records = records.map_err(|error| in_store(error, &self.path))?;
        Ok(Contents::new(recent, records))
    }

    /// Writes what photos are now, each with its descriptor if that is new, as the state `generation`;
    /// durable on return.
    pub fn write(&mut self, generation: u64, changes: &[Change<'_>]) -> Result<()> {
        self.recent.write(generation, changes)
    }

    /// Makes files of what is in sled, if it is so much.
    pub fn seal_from(&mut self, records: usize) -> Result<()> {
        if self.recent.len() < records.max(1) {
            return Ok(());
        }
        let number = self.about.next;
        let descriptors = self.recent.descriptors()?;
        let dimension = self.about.fingerprint.dimension();
        let stored = (dimension, self.about.encoding);
        write_vectors(&self.path, number, stored, &descriptors)?;
        let rows: HashMap<&ContentHash, u32> = descriptors.keys().zip(0..).collect();
        let mut entries = Vec::new();
        for entry in self.recent.entries() {
            let (key, stored) = entry?;
            let place = match rows.get(&stored.hash) {
                Some(row) => Some(RowPlace {
                    file: number,
                    row: *row,
                }),
                None => self.row_of(&stored.hash)?,
            };
            entries.push(Ok((key, stored.at(place))));
        }
        let made_with = &self.about.fingerprint;
        let new = write_records(&self.path, number, made_with, entries.into_iter())?;
        let mut about = self.about.clone();
        about.next += 1;
        let mut records = std::mem::take(&mut self.records);
        records.push(Records::open(&self.path, new)?);
        about.records.push(new);
        let merged = self.merge_records(&mut about, &mut records);
        self.records = records;
        merged?;
        about.recent = about.next;
        about.next += 1;
        let mut recent = Recent::open(&recent_path(&self.path, about.recent))?;
        recent.write(self.recent.generation()?, &[])?;
        recent.sync_folders()?;
        sync(&self.path)?;
        about.write(&self.path)?;
        self.about = about;
        self.recent = recent;
        self.remove_others();
        Ok(())
    }

    /// Makes one file of the newest ones, unless what is older is larger than all of them: so each
    /// record is written a logarithmic number of times.
    fn merge_records(&self, about: &mut About, records: &mut Vec<Records>) -> Result<()> {
        let lens: Vec<u64> = about.records.iter().map(|records| records.len).collect();
        let first = first_to_merge(&lens);
        if first + 1 == records.len() {
            return Ok(());
        }
        let lists = records[first..].iter().rev();
        let lists = lists.map(|records| Box::new(records.entries_from(&[])) as Box<_>);
        let entries = merged(lists.collect()).map(|(_, entry)| Ok(entry));
        let new = write_records(&self.path, about.next, &about.fingerprint, entries)?;
        if records[first..].iter().any(Records::is_damaged) {
            return Err(self.damaged().into());
        }
        about.next += 1;
        about.records.truncate(first);
        about.records.push(new);
        records.truncate(first);
        records.push(Records::open(&self.path, new)?);
        Ok(())
    }

    /// Takes away what killed processes left, and what was merged. What cannot be removed does no harm.
    fn remove_others(&self) {
        let is_of = |name: &str, kind: &str| name.strip_prefix(kind)?.parse::<u64>().ok();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(number) = is_of(&name, "recent-")
                && number != self.about.recent
            {
                let _ = fs::remove_dir_all(entry.path());
                let _ = unmark(&entry.path());
            }
            let is_named = |number| self.about.records.iter().any(|it| it.number == number);
            let is_other = is_of(&name, "records-").is_some_and(|number| !is_named(number))
                || is_of(&name, "vectors-").is_some_and(|number| number >= self.about.next);
            if is_other || name.ends_with(".new") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Looks at every block of its files.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`].
    pub fn verify(&self) -> Result<(), GalleryError> {
        let is_whole = self.records.iter().all(|records| records.verify().is_ok());
        let vectors = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let numbers = vectors.filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_prefix("vectors-")?.parse().ok()
        });
        let mut files = numbers.map(|number| VectorFile::open(&self.path, number));
        if is_whole && files.all(|file| file.is_ok_and(|file| file.verify().is_ok())) {
            return Ok(());
        }
        Err(self.damaged())
    }
}

/// From which of the files on, the oldest first, all are merged: from the first that is no larger than all
/// that is newer. At least the last, which needs no merging.
pub(super) fn first_to_merge(lens: &[u64]) -> usize {
    let mut first = lens.len().saturating_sub(1);
    let mut sum = 0;
    for (index, len) in lens.iter().enumerate().rev() {
        if *len <= sum {
            first = index;
        }
        sum += len;
    }
    first
}

fn recent_path(store: &Path, number: u64) -> PathBuf {
    store.join(format!("recent-{number}"))
}

fn damaged(path: &Path) -> GalleryError {
    GalleryError::DamagedStore {
        path: path.to_owned(),
    }
}

/// What is wrong with one of its files is wrong with the store.
fn in_store(error: Error, path: &Path) -> Error {
    match error {
        Error::Gallery(GalleryError::DamagedSnapshot { .. }) => damaged(path).into(),
        error => error,
    }
}

fn sync(folder: &Path) -> Result<(), FileError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(FileError::write_at(folder))
}

/// Makes durable that the store is there: in the gallery's folder, and that one where it lies.
fn sync_above(store: &Path) -> Result<(), FileError> {
    let above = store.ancestors().skip(1).take(2);
    above
        .filter(|folder| !folder.as_os_str().is_empty())
        .try_for_each(sync)
}

#[cfg(test)]
mod tests;
