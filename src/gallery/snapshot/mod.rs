//! An immutable, memory-mapped picture of the gallery: what queries are answered from.

mod augmented;
mod base;
mod container;
mod layout;
mod search;
mod switch;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub use self::base::Base;
use self::container::Container;
use self::container::damaged;
pub use self::container::{ContainerWriter, Section};
use self::layout::RECORD;
pub use self::layout::{Augmented, BaseHeader, BaseRef, BaseSections, Header, Sections};
pub use self::search::SearchOptions;
pub use self::switch::{CURRENT, remove_others, switch_to};
use super::folder;
use super::precisions::Precisions;
use super::record::{Record, path_from_bytes, path_to_bytes};
use crate::bounded;
use crate::descriptor::{Descriptor, Fingerprint, UnitVector, Vectors};
use crate::error::{FileError, GalleryError, Result};
use crate::photo::ContentHash;
use crate::ranking::Ranking;

/// More bytes than a snapshot's name has.
const MOST_OF_A_NAME: u64 = 4096;

/// How often a snapshot is looked for again that was replaced between reading its name and
/// opening it.
const ATTEMPTS: usize = 100;

/// An opened snapshot.
pub struct Snapshot {
    file: Container<Header>,
    base: Option<Base>,
    fingerprint: Arc<Fingerprint>,
}

impl Snapshot {
    /// Opens the newest snapshot of the gallery in `dir`, in milliseconds however large it is: its
    /// headers are checked here, its contents by [`Snapshot::verify`].
    ///
    /// # Errors
    /// [`GalleryError::NoGallery`]; [`GalleryError::DamagedSnapshot`];
    /// [`GalleryError::GalleryTooNew`]; [`FileError::Read`].
    pub fn open(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            let dir = dir.to_owned();
            let looked = Vec::new();
            return Err(GalleryError::NoGallery { dir, looked }.into());
        }
        folder::check_to_read(dir)?;
        let mut name = current_name(dir)?;
        for _ in 0..ATTEMPTS {
            match Self::open_named(dir, &name) {
                Ok(snapshot) => return Ok(snapshot),
                // A writer that switches to the next snapshot removes the last.
                Err(error) => match current_name(dir)? {
                    newer if newer != name => name = newer,
                    _ => return Err(error),
                },
            }
        }
        Self::open_named(dir, &name)
    }

    fn open_named(dir: &Path, name: &str) -> Result<Self> {
        let file: Container<Header> = Container::open(dir.join(name))?;
        let dimension = file.header().fingerprint.dimension();
        let open = |base| Base::open(dir, base, dimension);
        let base = file.header().base.as_ref().map(open).transpose()?;
        let fingerprint = Arc::new(file.header().fingerprint.clone());
        Ok(Self {
            file,
            base,
            fingerprint,
        })
    }

    const fn header(&self) -> &Header {
        self.file.header()
    }

    /// The file, beside which its base may lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Bytes on disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file.size() + self.base.as_ref().map_or(0, Base::size)
    }

    /// What the descriptors were made with.
    #[must_use]
    pub const fn fingerprint(&self) -> &Arc<Fingerprint> {
        &self.fingerprint
    }

    /// The state of the store that it was made from: every change makes a greater one.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.header().generation
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub const fn created(&self) -> u64 {
        self.header().created
    }

    /// Number of photos.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.header().records as usize
    }

    /// Whether there are no photos.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of vectors: photos with equal descriptors share one, and a removed photo's vector
    /// stays until the graph is built anew.
    #[must_use]
    pub const fn vector_count(&self) -> usize {
        self.header().vectors as usize
    }

    /// How many of the vectors, from the first, are in a graph; the others are compared one by one.
    #[must_use]
    pub fn graph_points(&self) -> usize {
        let graph = self.base.as_ref().and_then(|base| base.graph(1));
        graph.map_or(0, |_| self.base_points())
    }

    /// The vectors that later snapshots can share.
    pub(super) const fn base(&self) -> Option<&Base> {
        self.base.as_ref()
    }

    /// Which base it has.
    pub(super) const fn base_ref(&self) -> Option<&BaseRef> {
        self.header().base.as_ref()
    }

    fn base_points(&self) -> usize {
        self.base.as_ref().map_or(0, Base::points)
    }

    fn tail(&self) -> Vectors<'_> {
        let header = self.header();
        self.file
            .vectors(&header.sections.tail, header.fingerprint.dimension())
    }

    /// All vectors, in order.
    pub fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        let in_base = self.base.iter().flat_map(|base| base.vectors().rows());
        in_base.chain(self.tail().rows())
    }

    /// One vector.
    #[must_use]
    pub fn vector(&self, index: usize) -> Option<&[f32]> {
        match &self.base {
            Some(base) if index < base.points() => base.vectors().get(index),
            _ => self.tail().get(index - self.base_points()),
        }
    }

    fn owner_starts(&self) -> &[u32] {
        self.file.numbers(&self.header().sections.owners)
    }

    /// The records of vector `index`; none if it is no photo's any more.
    pub fn owners(&self, index: usize) -> impl Iterator<Item = Record> + '_ {
        let starts = self.owner_starts();
        let at = |index: usize| starts.get(index).map_or(0, |start| *start as usize);
        // Not one by one through what a damaged file may say.
        let end = at(index + 1).min(self.len());
        (at(index)..end).filter_map(|record| self.record(record))
    }

    fn record(&self, index: usize) -> Option<Record> {
        let sections = &self.header().sections;
        let records = self.file.bytes(&sections.records);
        let stored = records.get(index * RECORD..(index + 1) * RECORD)?;
        let end = |stored: &[u8]| Some(u64::from_le_bytes(stored[56..].try_into().ok()?) as usize);
        let start = match index {
            0 => 0,
            _ => end(&records[(index - 1) * RECORD..index * RECORD])?,
        };
        let path = self.file.bytes(&sections.paths).get(start..end(stored)?)?;
        Record::from_stored(path_from_bytes(path), &stored[..56])
    }

    /// The photo at `path` (absolute) and the number of its vector. `state`, its size and time, is
    /// compared first where it is known.
    #[must_use]
    pub fn find(&self, path: &Path, state: Option<(u64, i64)>) -> Option<(Record, usize)> {
        let wanted = path_to_bytes(path);
        let sections = &self.header().sections;
        let paths = self.file.bytes(&sections.paths);
        let mut start = 0;
        for (index, stored) in self
            .file
            .bytes(&sections.records)
            .chunks_exact(RECORD)
            .enumerate()
        {
            let number = |at: usize| stored[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
            let end = number(56) as usize;
            let is_state = state.is_none_or(|(size, modified)| {
                (number(32), number(40).cast_signed()) == (size, modified)
            });
            if is_state && paths.get(start..end) == Some(&wanted[..]) {
                let after = |first: &u32| *first as usize <= index;
                let vector = self.owner_starts().partition_point(after).checked_sub(1)?;
                return Some((self.record(index)?, vector));
            }
            start = end;
        }
        None
    }

    /// The descriptor that vector `index` is.
    #[must_use]
    pub fn descriptor(&self, index: usize) -> Option<Descriptor> {
        let vector = UnitVector::from_unit(self.vector(index)?.to_vec()).ok()?;
        Descriptor::new(vector, &self.fingerprint).ok()
    }

    /// All photos, in no particular order.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.len()).filter_map(|index| self.record(index))
    }

    /// Where the vector of each content is.
    pub(super) fn places(&self) -> HashMap<ContentHash, u32> {
        let vectors = 0..self.vector_count();
        let places = vectors.flat_map(|index| {
            let owners = self.owners(index);
            owners.map(move |record| (record.hash, index as u32))
        });
        places.collect()
    }

    /// How its photos are ranked unless a query says otherwise.
    #[must_use]
    pub fn ranking(&self) -> Ranking {
        let augmented = self.header().sections.augmented.as_ref();
        Ranking {
            augment: augmented.map(|augmented| augmented.expansion),
            ..self.header().ranking
        }
    }

    /// In which numbers its descriptors were made.
    #[must_use]
    pub fn precisions(&self) -> &Precisions {
        &self.header().precisions
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

/// Whether no other snapshot of the gallery in `dir` has been published since. One that cannot be
/// asked has published nothing.
#[must_use]
pub fn is_newest(dir: &Path, snapshot: &Snapshot) -> bool {
    let own = snapshot.path().file_name();
    current_name(dir).is_ok_and(|name| own == Some(name.as_ref())) || !dir.join(CURRENT).is_file()
}

/// What `current` says.
fn current_name(dir: &Path) -> Result<String> {
    let current = dir.join(CURRENT);
    let name = match bounded::read_text(&current, MOST_OF_A_NAME) {
        Ok(name) => name,
        Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(FileError::Read {
                path: current,
                source,
            }
            .into());
        }
        Err(_) => return Err(damaged(&current, "it is missing or damaged").into()),
    };
    if !name.starts_with("snapshot-") || !folder::is_snapshot(&name) {
        return Err(damaged(&current, "it names no snapshot").into());
    }
    Ok(name)
}
