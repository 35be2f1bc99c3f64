//! An immutable, memory-mapped picture of the gallery: what queries are answered from.

mod augmented;
mod base;
mod container;
mod layout;
mod switch;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

pub use self::base::Base;
use self::container::Container;
use self::container::damaged;
pub use self::container::{ContainerWriter, MappedSection, Section};
use self::layout::RECORD;
pub use self::layout::{Augmented, BaseHeader, BaseRef, BaseSections, Header, Sections};
pub use self::switch::{CURRENT, remove_others, switch_to};
use super::hnsw::FlatHnsw;
use super::index::{DEFAULT_EF_SEARCH, Exact, Index, Neighbor, best};
use super::matches::Match;
use super::record::{Record, path_from_bytes};
use crate::descriptor::{Descriptor, Expansion, Provenance};
use crate::error::{DescriptorError, FileError, GalleryError, Result};
use crate::photo::ContentHash;

/// How often a snapshot is looked for again that was replaced between reading its name and
/// opening it.
const ATTEMPTS: usize = 100;

/// How to search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// The most matches wanted.
    pub k: usize,
    /// Compare with every photo, however many there are.
    pub exact: bool,
    /// Candidates the approximate search keeps: more find more and take longer.
    pub ef_search: Option<usize>,
    /// Matches below this cosine are left out.
    pub min_similarity: Option<f32>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            k: 10,
            exact: false,
            ef_search: None,
            min_similarity: None,
        }
    }
}

/// An opened snapshot.
pub struct Snapshot {
    file: Container<Header>,
    base: Option<Base>,
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
            return Err(GalleryError::NoGallery { dir }.into());
        }
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
        let dimension = file.header().provenance.dimension;
        let open = |base| Base::open(dir, base, dimension);
        let base = file.header().base.as_ref().map(open).transpose()?;
        Ok(Self { file, base })
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
    pub const fn provenance(&self) -> &Provenance {
        &self.header().provenance
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

    fn tail(&self) -> &[f32] {
        self.file.numbers(&self.header().sections.tail)
    }

    /// All vectors, in order.
    pub fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        let in_base = self.base.as_ref().map_or(&[][..], Base::vectors);
        let dimension = self.provenance().dimension;
        let rows = in_base.chunks_exact(dimension);
        rows.chain(self.tail().chunks_exact(dimension))
    }

    /// One vector.
    #[must_use]
    pub fn vector(&self, index: usize) -> Option<&[f32]> {
        let row = |vectors: &'_ [f32], index: usize| {
            let dimension = self.provenance().dimension;
            let start = index.checked_mul(dimension)?;
            Some(start..start.checked_add(dimension)?).filter(|range| range.end <= vectors.len())
        };
        let in_base = self.base.as_ref().map_or(&[][..], Base::vectors);
        let vectors = if index < self.base_points() {
            (in_base, index)
        } else {
            (self.tail(), index - self.base_points())
        };
        vectors.0.get(row(vectors.0, vectors.1)?)
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

    /// How its vectors are moved towards their neighbours when it is searched, if they are.
    #[must_use]
    pub fn augmentation(&self) -> Option<Expansion> {
        let augmented = self.header().sections.augmented.as_ref();
        augmented.map(|augmented| augmented.expansion)
    }

    /// The photos most similar to `query`, best first, equals by path.
    ///
    /// Small galleries are searched exactly. In large ones a graph finds nearly all of the
    /// nearest, and the photos added since it was built are compared one by one. With an
    /// augmentation the similarities are those to the augmented vectors; the graph finds candidates
    /// by the vectors as they are.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`] if the query was made with another spec.
    pub fn search(
        &self,
        query: &Descriptor,
        options: &SearchOptions,
    ) -> Result<Vec<Match>, DescriptorError> {
        let near = self.nearest(query, options.k, options)?;
        Ok(self.matches(near, options))
    }

    /// The query moved towards the first that it finds: searched with, it finds more. Photos with
    /// equal descriptors count as one.
    ///
    /// # Errors
    /// As [`Snapshot::search`] and [`Expansion::expand`].
    pub fn expand(
        &self,
        query: &Descriptor,
        expansion: &Expansion,
        options: &SearchOptions,
    ) -> Result<Descriptor, DescriptorError> {
        let near = self.nearest(query, expansion.neighbors, options)?;
        let vectors = near.into_iter().filter_map(|neighbor| {
            let vector = self.searched_vector(neighbor.index)?;
            Some((neighbor.similarity, vector))
        });
        let vectors: Vec<(f32, Vec<f32>)> = vectors.collect();
        let nearest = vectors.iter().map(|(similarity, v)| (*similarity, &v[..]));
        expansion.expand(query.as_slice(), nearest)
    }

    fn nearest(
        &self,
        query: &Descriptor,
        k: usize,
        options: &SearchOptions,
    ) -> Result<Vec<Neighbor>, DescriptorError> {
        let expected = self.provenance().dimension;
        let (query, found) = (query.as_slice(), query.dimension());
        if found != expected {
            return Err(DescriptorError::WrongDimension { expected, found });
        }
        let starts = self.owner_starts();
        let alive = |index: u32| {
            let owners = starts.get(index as usize..index as usize + 2);
            owners.is_some_and(|owners| owners[0] < owners[1])
        };
        let ef_search = options.ef_search.unwrap_or(DEFAULT_EF_SEARCH);
        let graph = self.base.as_ref().and_then(|base| base.graph(ef_search));
        let graph = graph.filter(|_| !options.exact);
        Ok(match (self.augmentation_sections(), graph) {
            (None, graph) => self.nearest_plain(graph.as_ref(), query, k, &alive),
            (Some(augmentation), None) => self.nearest_augmented(&augmentation, query, k, &alive),
            (Some(augmentation), graph) => {
                let wanted = ef_search.max(k);
                let candidates = self.nearest_plain(graph.as_ref(), query, wanted, &alive);
                self.rank_augmented(&augmentation, query, candidates, k)
            }
        })
    }

    /// By the vectors as they are; exactly where there is no graph.
    fn nearest_plain(
        &self,
        graph: Option<&FlatHnsw<'_>>,
        query: &[f32],
        k: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        let exact = |vectors, first| Exact {
            vectors,
            dimension: query.len(),
            first,
        };
        let mut near = exact(self.tail(), self.base_points() as u32).search(query, k, alive);
        if let Some(base) = &self.base {
            near.extend(match graph {
                Some(graph) => graph.search(query, k, alive),
                None => exact(base.vectors(), 0).search(query, k, alive),
            });
        }
        best(near, k)
    }

    fn matches(&self, near: Vec<Neighbor>, options: &SearchOptions) -> Vec<Match> {
        let lowest = options.min_similarity.unwrap_or(f32::NEG_INFINITY);
        let photos = near
            .into_iter()
            .filter(|n| n.similarity >= lowest)
            .flat_map(|neighbor| {
                let similarity = neighbor.similarity.clamp(-1.0, 1.0);
                self.owners(neighbor.index as usize)
                    .map(move |record| Match { record, similarity })
            });
        let mut matches: Vec<Match> = photos.collect();
        matches.sort_by(|a, b| {
            let order = b.similarity.total_cmp(&a.similarity);
            order.then_with(|| a.record.path.cmp(&b.record.path))
        });
        matches.truncate(options.k);
        matches
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

/// What `current` says.
fn current_name(dir: &Path) -> Result<String> {
    let current = dir.join(CURRENT);
    let name = match fs::read_to_string(&current) {
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
    if !name.starts_with("snapshot-") || name.contains(['/', '\\', '\0']) {
        return Err(damaged(&current, "it names no snapshot").into());
    }
    Ok(name)
}
