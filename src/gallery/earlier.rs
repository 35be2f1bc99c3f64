//! Galleries of formats 1 to 3: read as they lie, and brought up to date by the next who writes.
//!
//! Their snapshots are searched exactly: their graphs were another builder's, and the next `index` makes
//! a better one.

mod base;
mod container;
mod layout;
mod store;

use std::path::Path;
use std::sync::Arc;

use self::base::Base;
use self::container::Container;
use self::layout::{Header, RECORD};
pub use self::store::{EarlierStore, is_store};
use super::index::{Exact, Index, Neighbor, best};
use super::precisions::Precisions;
use super::record::{RowPlace, Stored};
use super::table::Entry;
use crate::descriptor::{Fingerprint, Vectors};
use crate::error::{GalleryError, Result};
use crate::photo::ContentHash;
use crate::ranking::Ranking;

/// The beginning of an earlier snapshot's file.
pub const MAGIC: &[u8; 8] = b"IMGSNAP1";

/// An opened snapshot of an earlier format.
pub struct Earlier {
    file: Container<Header>,
    base: Option<Base>,
}

impl Earlier {
    /// Opens the one called `name` in `dir`.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`]; [`FileError::Read`](crate::error::FileError::Read).
    pub fn open(dir: &Path, name: &str) -> Result<Self> {
        let file: Container<Header> = Container::open(dir.join(name))?;
        let dimension = file.header().fingerprint.dimension();
        let open = |base| Base::open(dir, base, dimension);
        let base = file.header().base.as_ref().map(open).transpose()?;
        Ok(Self { file, base })
    }

    pub fn fingerprint(&self) -> Arc<Fingerprint> {
        Arc::new(self.file.header().fingerprint.clone())
    }

    pub const fn generation(&self) -> u64 {
        self.file.header().generation
    }

    pub const fn created(&self) -> u64 {
        self.file.header().created
    }

    /// Number of photos.
    pub const fn photos(&self) -> usize {
        self.file.header().records as usize
    }

    /// Number of vectors.
    pub const fn vectors(&self) -> u32 {
        self.file.header().vectors as u32
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.file.size() + self.base.as_ref().map_or(0, Base::size)
    }

    pub fn ranking(&self) -> Ranking {
        let header = self.file.header();
        let augmented = header.sections.augmented.as_ref();
        Ranking {
            augment: augmented.map(|augmented| augmented.expansion),
            ..header.ranking
        }
    }

    pub const fn precisions(&self) -> &Precisions {
        &self.file.header().precisions
    }

    fn base_points(&self) -> usize {
        self.base.as_ref().map_or(0, Base::points)
    }

    fn tail(&self) -> Vectors<'_> {
        let header = self.file.header();
        let tail = &header.sections.tail;
        self.file.vectors(tail, header.fingerprint.dimension())
    }

    /// One vector.
    pub fn vector(&self, row: u32) -> Option<&[f32]> {
        let index = row as usize;
        match &self.base {
            Some(base) if index < base.points() => base.vectors().get(index),
            _ => self.tail().get(index - self.base_points()),
        }
    }

    /// The `k` nearest that are some photo's, by comparing all.
    pub fn nearest(
        &self,
        query: &[f32],
        k: usize,
        allowed: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        let first = self.base_points() as u32;
        let exact = |vectors, first| Exact { vectors, first };
        let mut near = exact(self.tail(), first).search(query, k, allowed);
        if let Some(base) = &self.base {
            near.extend(exact(base.vectors(), 0).search(query, k, allowed));
        }
        best(near, k)
    }

    fn owner_starts(&self) -> &[u32] {
        self.file.numbers(&self.file.header().sections.owners)
    }

    /// The photos of a vector.
    pub fn owners(&self, row: u32) -> impl Iterator<Item = Entry> + '_ {
        let starts = self.owner_starts();
        let at = |index: usize| starts.get(index).map_or(0, |start| *start as usize);
        // Not one by one through what a damaged file may say.
        let end = at(row as usize + 1).min(self.photos());
        (at(row as usize)..end).filter_map(move |index| self.entry(index, row))
    }

    fn entry(&self, index: usize, row: u32) -> Option<Entry> {
        let sections = &self.file.header().sections;
        let records = self.file.bytes(&sections.records);
        let stored = records.get(index * RECORD..(index + 1) * RECORD)?;
        let end = |stored: &[u8]| Some(u64::from_le_bytes(stored[56..].try_into().ok()?) as usize);
        let start = match index {
            0 => 0,
            _ => end(&records[(index - 1) * RECORD..index * RECORD])?,
        };
        let path = self.file.bytes(&sections.paths).get(start..end(stored)?)?;
        let stored = stored_of(&stored[..56])?;
        Some((key(path), stored.at(Some(RowPlace { file: 0, row }))))
    }

    /// All photos, in the order of their vectors.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.vectors()).flat_map(|row| self.owners(row))
    }

    /// What is known under a key.
    pub fn stored(&self, wanted: &[u8]) -> Option<Stored> {
        let path = wanted.strip_prefix(&ROOT[..])?;
        let sections = &self.file.header().sections;
        let paths = self.file.bytes(&sections.paths);
        let records = self.file.bytes(&sections.records).chunks_exact(RECORD);
        let mut start = 0;
        for (index, stored) in records.enumerate() {
            let end = u64::from_le_bytes(stored[56..].try_into().ok()?) as usize;
            if paths.get(start..end) == Some(path) {
                let after = |first: &u32| *first as usize <= index;
                let row = self.owner_starts().partition_point(after).checked_sub(1)?;
                return Some(self.entry(index, row as u32)?.1);
            }
            start = end;
        }
        None
    }

    /// The neighbours that a vector is moved towards, if it is, and by as many.
    pub fn neighbors(&self, row: u32, count: usize) -> Option<impl Iterator<Item = u32>> {
        let augmented = self.file.header().sections.augmented.as_ref()?;
        let length = augmented.expansion.neighbors;
        let all: &[u32] = self.file.numbers(&augmented.neighbors);
        let own = all.get(row as usize * length..)?.get(..length)?;
        let own = own.iter().copied().filter(|it| *it != u32::MAX);
        (length == count).then_some(own)
    }

    /// Compares every section with its checksum.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`].
    pub fn verify(&self) -> Result<(), GalleryError> {
        self.file.verify()?;
        self.base.as_ref().map_or(Ok(()), Base::verify)
    }
}

/// Earlier formats have whole paths: all lie beneath the one root that is the empty path.
const ROOT: [u8; 2] = [0, 0];

/// The key of a path's bytes.
pub fn key(path: &[u8]) -> Vec<u8> {
    [&ROOT, path].concat()
}

/// A record as they have it: hash, size u64, time i64, width and height u32.
fn stored_of(bytes: &[u8]) -> Option<Stored> {
    let bytes: &[u8; 56] = bytes.try_into().ok()?;
    let size = u64::from_le_bytes(bytes[32..40].try_into().ok()?);
    let modified = i64::from_le_bytes(bytes[40..48].try_into().ok()?);
    let width = u32::from_le_bytes(bytes[48..52].try_into().ok()?);
    let height = u32::from_le_bytes(bytes[52..].try_into().ok()?);
    let hash = ContentHash::from_bytes(bytes[..32].try_into().ok()?);
    Some(Stored::of_file(hash, (size, modified), (width, height)))
}
