//! Some photos with their vectors, ready to be searched; written once.
//!
//! Sections beside those of the table of records, whose entries say in which row their vector lies:
//!
//! ```text
//! rows           i16 × dimension for each vector
//! steps          f32: what a row's numbers are multiplied by
//! owners         u32 × (vectors + 1): the entries of vector i are owned[owners[i] .. owners[i + 1]]
//! owned          u32: numbers of entries
//! axes           of a large segment: what its codes are along
//! codes          256 × i8 for each vector
//! lowest, upper_starts, upper   the graph, u32
//! ```
//!
//! A segment may have entries without a vector: that a photo of an earlier segment is removed. 16-bit whole
//! numbers in steps of a row's own take as many bytes as f16 and are ten times as exact: a similarity is
//! within 2e-5 of that of the f32 vectors.

mod filtered;
mod search;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::search::Wanted;
pub use self::writer::{Row, SegmentWriter};
use super::blocks::{BLOCK, Blocks, Section, damaged};
use super::graph::{Axes, CODE, M, M0};
use super::neighbors::ListsRef;
use super::record::Stored;
use super::table::{Entry, Table};
use crate::error::{GalleryError, Result};

/// What a segment says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    dimension: usize,
    vectors: u32,
    /// Where a search in the graph begins, if there is one.
    entry: Option<u32>,
}

/// Which segment a snapshot names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// `segment-N`.
    pub number: u64,
    /// What its writing gave.
    pub stamp: u32,
    /// Vectors in it.
    pub vectors: u32,
    /// Entries in it.
    pub entries: u64,
    /// Of its entries, those of which a later segment says something else.
    pub dead: u64,
    /// Whether it has a graph.
    pub graph: bool,
    /// Its bytes.
    pub bytes: u64,
    /// Its neighbour lists, if it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<ListsRef>,
}

impl SegmentRef {
    /// The names of its files.
    pub fn files(&self) -> impl Iterator<Item = String> {
        let lists = self.lists.as_ref().map(ListsRef::name);
        std::iter::once(format!("segment-{}", self.number)).chain(lists)
    }
}

/// The file of a segment.
pub fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segment-{number}"))
}

/// A mapped segment.
pub struct Segment {
    file: Blocks,
    about: About,
    table: Table,
    rows: Section,
    steps: Section,
    owners: Section,
    owned: Section,
    graph: Option<Sections>,
}

/// Where the graph lies.
struct Sections {
    axes: Axes,
    codes: Section,
    lowest: Section,
    upper_starts: Section,
    upper: Section,
    entry: u32,
}

impl Segment {
    /// Opens the segment that a snapshot in `dir` names.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`], if it is another one too; [`GalleryError::GalleryTooNew`];
    /// [`FileError::Read`](crate::error::FileError::Read).
    pub fn open(dir: &Path, wanted: &SegmentRef, dimension: usize) -> Result<Self> {
        let path = segment_path(dir, wanted.number);
        let (file, about): (Blocks, About) = Blocks::open(&path)?;
        if (file.stamp(), about.vectors, about.dimension)
            != (wanted.stamp, wanted.vectors, dimension)
        {
            return Err(damaged(&path, "it belongs to another snapshot").into());
        }
        let segment = Self {
            table: Table::of(&file),
            rows: file.section("rows"),
            steps: file.section("steps"),
            owners: file.section("owners"),
            owned: file.section("owned"),
            graph: None,
            file,
            about,
        };
        let vectors = u64::from(segment.about.vectors);
        let fits = segment.rows.holds(vectors, dimension as u64, 2)
            && segment.steps.holds(vectors, 1, 4)
            && segment.owners.holds(vectors + 1, 1, 4);
        if !fits {
            return Err(damaged(&path, "its counts do not fit its sections").into());
        }
        for section in [segment.steps, segment.owners, segment.owned] {
            segment.file.read_scattered(section);
        }
        segment.with_graph()
    }

    fn with_graph(mut self) -> Result<Self> {
        let Some(entry) = self.about.entry else {
            return Ok(self);
        };
        let path = self.file.path();
        let vectors = u64::from(self.about.vectors);
        let section = |name| self.file.section(name);
        let axes = self.file.all(section("axes")).and_then(Axes::from_bytes);
        let axes = axes.filter(|axes| axes.dimension() == self.about.dimension);
        let sections = Sections {
            axes: axes.ok_or_else(|| damaged(path, "its axes are damaged"))?,
            codes: section("codes"),
            lowest: section("lowest"),
            upper_starts: section("upper_starts"),
            upper: section("upper"),
            entry,
        };
        let fits = sections.codes.holds(vectors, CODE as u64, 1)
            && sections.lowest.holds(vectors, M0 as u64, 4)
            && sections.upper_starts.holds(vectors + 1, 1, 4)
            && sections.upper.len.is_multiple_of(4 * M as u64);
        if !fits {
            return Err(damaged(path, "its counts do not fit its graph").into());
        }
        let lists = [sections.lowest, sections.upper, sections.upper_starts];
        for section in lists.into_iter().chain([sections.codes, self.rows]) {
            self.file.read_scattered(section);
        }
        self.graph = Some(sections);
        Ok(self)
    }

    /// Vectors in it.
    pub const fn vectors(&self) -> u32 {
        self.about.vectors
    }

    /// Whether it has a graph.
    pub const fn has_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.file.len()
    }

    /// Bytes that were looked at so far.
    pub fn read_bytes(&self) -> u64 {
        self.file.touched() as u64 * BLOCK as u64
    }

    /// What was found damaged, if something was.
    pub fn damage(&self) -> Option<GalleryError> {
        self.file.damage()
    }

    /// Looks at every block.
    pub fn verify(&self) -> Result<(), GalleryError> {
        self.file.verify()
    }

    /// Says that all vectors are about to be read.
    pub fn read_in_order(&self) {
        self.file.read_in_order(self.rows);
    }

    /// The vector in a row, as it is stored: its numbers and their step.
    pub fn shorts(&self, row: u32) -> Option<(&[i16], f32)> {
        let (row, dimension) = (row as usize, self.about.dimension);
        let values = self.file.numbers(self.rows, row * dimension, dimension)?;
        Some((values, self.file.number(self.steps, row)?))
    }

    /// The vector in a row.
    pub fn vector(&self, row: u32) -> Option<Vec<f32>> {
        let (values, step) = self.shorts(row)?;
        Some(
            values
                .iter()
                .map(|value| f32::from(*value) * step)
                .collect(),
        )
    }

    /// What is known under a key, be it that it is removed.
    pub fn stored(&self, key: &[u8]) -> Option<Stored> {
        let index = self.table.find(&self.file, key)?;
        self.table.stored(&self.file, index)
    }

    /// Whether there is an entry under a key.
    pub fn has(&self, key: &[u8]) -> bool {
        self.table.find(&self.file, key).is_some()
    }

    /// How many entries it has.
    pub const fn entries_len(&self) -> usize {
        self.table.len()
    }

    /// All entries, by key.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.table.entries(&self.file, 0)
    }

    /// The entries whose vector lies in a row.
    pub fn owners(&self, row: u32) -> impl Iterator<Item = Entry> + '_ {
        let bounds: Option<&[u32]> = self.file.numbers(self.owners, row as usize, 2);
        let (start, end) = bounds.map_or((0, 0), |bounds| (bounds[0] as usize, bounds[1] as usize));
        let count = end.saturating_sub(start);
        let owned: Option<&[u32]> = self.file.numbers(self.owned, start, count);
        owned.unwrap_or_default().iter().filter_map(|index| {
            let key = self.table.entry(&self.file, *index as usize)?.0.to_vec();
            let stored = self.table.stored(&self.file, *index as usize)?;
            Some((key, stored))
        })
    }
}
