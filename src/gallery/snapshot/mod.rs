//! An immutable, memory-mapped picture of the gallery: what queries are answered from.

mod layout;
pub mod writer;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

pub use self::layout::{Header, Section, Sections};
use self::layout::{MAGIC, MAX_HEADER, PREFIX, RECORD};
use super::hnsw::FlatHnsw;
use super::index::{Exact, Index, Neighbor, best};
use super::record::{Record, path_from_bytes};
use super::{DEFAULT_EF_SEARCH, VERSION};
use crate::descriptor::{Descriptor, Provenance};
use crate::error::{Error, Result};

/// The file that names the newest snapshot.
pub const CURRENT: &str = "current";

pub fn snapshot_name(generation: u64) -> String {
    format!("snapshot-{generation}")
}

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

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The photo.
    pub record: Record,
    /// Cosine of its descriptor and the query, −1 … 1.
    pub similarity: f32,
}

/// An opened snapshot.
pub struct Snapshot {
    path: PathBuf,
    map: Mmap,
    header: Header,
}

impl Snapshot {
    /// Opens the newest snapshot of the gallery in `dir`, in milliseconds however large it is: its
    /// header is checked here, its contents by [`Snapshot::verify`].
    ///
    /// # Errors
    /// [`Error::NoGallery`]; [`Error::DamagedSnapshot`]; [`Error::GalleryTooNew`]; [`Error::Read`].
    pub fn open(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::NoGallery {
                dir: dir.to_owned(),
            });
        }
        let current = dir.join(CURRENT);
        let damaged = |path: &Path, reason| Error::DamagedSnapshot {
            path: path.to_owned(),
            reason,
        };
        let name = fs::read_to_string(&current).map_err(|_| damaged(&current, "it is missing"))?;
        if !name.starts_with("snapshot-") || name.contains(['/', '\\']) {
            return Err(damaged(&current, "it names no snapshot"));
        }
        let path = dir.join(name);
        let file = File::open(&path).map_err(|_| damaged(&path, "it is missing"))?;
        let map = map(&file).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        let header = read_header(&map).map_err(|reason| damaged(&path, reason))?;
        if header.version > VERSION {
            let (found, known) = (header.version, VERSION);
            return Err(Error::GalleryTooNew {
                dir: dir.to_owned(),
                found,
                known,
            });
        }
        check_bounds(&header, map.len() as u64).map_err(|reason| damaged(&path, reason))?;
        Ok(Self { path, map, header })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the descriptors were made with.
    #[must_use]
    pub const fn provenance(&self) -> &Provenance {
        &self.header.provenance
    }

    /// Counts and places.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Number of photos.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.header.records as usize
    }

    /// Whether there are no photos.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes(&self, section: &Section) -> &[u8] {
        // `check_bounds` has seen to it that every section lies within the file.
        &self.map[section.offset as usize..(section.offset + section.length) as usize]
    }

    fn numbers(&self, section: &Section) -> &[u32] {
        bytemuck::try_cast_slice(self.bytes(section)).unwrap_or_default()
    }

    /// All vectors, one after another.
    #[must_use]
    pub fn vectors(&self) -> &[f32] {
        bytemuck::try_cast_slice(self.bytes(&self.header.sections.vectors)).unwrap_or_default()
    }

    /// The records of vector `index`; none if it is no photo's any more.
    pub fn owners(&self, index: usize) -> impl Iterator<Item = Record> + '_ {
        let owners = self.numbers(&self.header.sections.owners);
        let at = |index: usize| owners.get(index).map_or(0, |owner| *owner as usize);
        (at(index)..at(index + 1)).filter_map(|record| self.record(record))
    }

    fn record(&self, index: usize) -> Option<Record> {
        let records = self.bytes(&self.header.sections.records);
        let stored = records.get(index * RECORD..(index + 1) * RECORD)?;
        let end = |stored: &[u8]| Some(u64::from_le_bytes(stored[56..].try_into().ok()?) as usize);
        let start = match index {
            0 => 0,
            _ => end(&records[(index - 1) * RECORD..index * RECORD])?,
        };
        let path = self
            .bytes(&self.header.sections.paths)
            .get(start..end(stored)?)?;
        Record::from_stored(path_from_bytes(path), &stored[..56])
    }

    /// All photos, in no particular order.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.len()).filter_map(|index| self.record(index))
    }

    /// The graph, over the first vectors; nothing in a small gallery.
    pub(super) fn graph(&self, ef_search: usize) -> Option<FlatHnsw<'_>> {
        let dimension = self.header.provenance.dimension;
        let points = self.header.graph_points as usize;
        let sections = &self.header.sections;
        (points > 0).then(|| FlatHnsw {
            vectors: &self.vectors()[..points * dimension],
            dimension,
            lowest: self.numbers(&sections.lowest),
            upper_starts: self.numbers(&sections.upper_starts),
            upper: self.numbers(&sections.upper),
            entry: self.header.graph_entry,
            ef_search,
        })
    }

    /// The photos most similar to `query`, best first, equals by path.
    ///
    /// Small galleries are searched exactly. In large ones a graph finds nearly all of the
    /// nearest, and the photos added since it was built are compared one by one.
    ///
    /// # Errors
    /// [`Error::WrongDimension`] if the query was made with another spec.
    pub fn search(&self, query: &Descriptor, options: &SearchOptions) -> Result<Vec<Match>> {
        let dimension = self.header.provenance.dimension;
        if query.dimension() != dimension {
            let found = query.dimension();
            return Err(Error::WrongDimension {
                expected: dimension,
                found,
            });
        }
        let query = query.as_slice();
        let owners = self.numbers(&self.header.sections.owners);
        let alive = |index: u32| {
            let index = index as usize;
            owners
                .get(index)
                .zip(owners.get(index + 1))
                .is_some_and(|(start, end)| start < end)
        };
        let ef_search = options
            .ef_search
            .unwrap_or(DEFAULT_EF_SEARCH)
            .max(options.k);
        let graph = if options.exact {
            None
        } else {
            self.graph(ef_search)
        };
        let in_graph = graph
            .as_ref()
            .map_or(0, |_| self.header.graph_points as usize);
        let tail = Exact {
            vectors: &self.vectors()[in_graph * dimension..],
            dimension,
            first: in_graph as u32,
        };
        let mut near = tail.search(query, options.k, &alive);
        if let Some(graph) = graph {
            near.extend(graph.search(query, options.k, &alive));
        }
        Ok(self.matches(best(near, options.k), options))
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
    /// [`Error::DamagedSnapshot`].
    pub fn verify(&self) -> Result<()> {
        let is_whole = |section: &Section| {
            blake3::hash(self.bytes(section)).to_hex().as_str() == section.checksum
        };
        match self
            .header
            .sections
            .all()
            .iter()
            .find(|(_, section)| !is_whole(section))
        {
            Some(_) => {
                let reason = "its contents do not match their checksums";
                Err(Error::DamagedSnapshot {
                    path: self.path.clone(),
                    reason,
                })
            }
            None => Ok(()),
        }
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: snapshots are written under another name, renamed when complete and never changed;
    // removing one leaves the mapping intact. A user who overwrites one in place can at worst end
    // this process, as with every tool that maps files.
    unsafe { Mmap::map(file) }
}

fn read_header(bytes: &[u8]) -> Result<Header, &'static str> {
    let prefix = bytes.get(..PREFIX).ok_or("it is cut off")?;
    if &prefix[..8] != MAGIC {
        return Err("it is no snapshot");
    }
    let length = u64::from_le_bytes(prefix[8..16].try_into().map_err(|_| "it is cut off")?);
    if length > MAX_HEADER {
        return Err("its header is damaged");
    }
    let json = bytes
        .get(PREFIX..PREFIX + length as usize)
        .ok_or("it is cut off")?;
    if blake3::hash(json).as_bytes() != &prefix[16..48] {
        return Err("its header is damaged");
    }
    serde_json::from_slice(json).map_err(|_| "its header is damaged")
}

/// Whether every section lies within the file and has the length that the counts say.
fn check_bounds(header: &Header, file: u64) -> Result<(), &'static str> {
    let within = |section: &Section| {
        let end = section.offset.checked_add(section.length);
        end.is_some_and(|end| end <= file) && section.offset.is_multiple_of(64)
    };
    let sections = &header.sections;
    if !sections.all().iter().all(|(_, section)| within(section)) {
        return Err("it is cut off");
    }
    let dimension = header.provenance.dimension as u64;
    let vectors = header
        .vectors
        .checked_mul(dimension)
        .and_then(|n| n.checked_mul(4));
    let fits = vectors == Some(sections.vectors.length)
        && dimension > 0
        && sections.owners.length == (header.vectors + 1) * 4
        && sections.records.length == header.records * RECORD as u64
        && header.graph_points <= header.vectors
        && sections.lowest.length == header.graph_points * 4 * 2 * super::hnsw::M as u64;
    if fits {
        Ok(())
    } else {
        Err("its counts do not fit its sections")
    }
}
