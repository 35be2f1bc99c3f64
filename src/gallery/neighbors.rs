//! Neighbour lists on disk: of each vector the nearest others.
//!
//! A segment has a file of them. In it are the lists of its own rows, which name rows of this segment and of
//! earlier ones, and lists of earlier segments' rows as they are since this segment's rows are there too: a
//! later file counts. Segments are merged from the newest on, so no list names a row that a merge moves
//! unless it is written anew with it. Vectors are numbered through all segments.
//!
//! ```text
//! own         a list for each row
//! changed     u32: numbers of earlier segments' vectors, ascending
//! of_changed  a list for each of those
//!
//! a list: the length of the augmented sum f32; numbers u32 × L, 2³² − 1 where there are not so many
//! vectors; similarities f32 × L
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::blocks::{BlockWriter, Blocks, Section, damaged};
use super::index::Neighbor;
use crate::error::{FileError, GalleryError, Result};
use crate::ranking::{Expansion, Ranking};

/// Neighbours of a list at least: what is removed leaves others.
const LEAST: usize = 10;
/// Marks an unused place.
const NONE: u32 = u32::MAX;

/// What the lists of a snapshot are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListKind {
    /// Neighbours in a list at most.
    pub length: usize,
    /// The part of the mean that similarities are without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre: Option<f32>,
    /// What the lengths of sums are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Expansion>,
}

impl ListKind {
    /// The lists that serve a ranking, if it needs some.
    pub fn of(ranking: &Ranking) -> Option<Self> {
        let needed = ranking.neighbors();
        (needed > 0).then(|| Self {
            length: (needed + needed.div_ceil(4)).max(LEAST),
            centre: ranking.centre,
            augment: ranking.augment,
        })
    }

    const fn bytes(&self) -> usize {
        self.length.saturating_mul(8).saturating_add(4)
    }
}

/// Which file has a segment's lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListsRef {
    /// `neighbours-N`.
    pub number: u64,
    /// What its writing gave.
    pub stamp: u32,
}

/// What the file says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    length: usize,
    rows: u32,
}

/// The nearest others of a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Best first.
    pub near: Vec<Neighbor>,
    /// The length of the vector's augmented sum, if it is augmented.
    pub sum: Option<f32>,
}

impl ListsRef {
    /// The file's name.
    pub fn name(&self) -> String {
        format!("neighbours-{}", self.number)
    }

    /// The file.
    pub fn path(&self, dir: &Path) -> PathBuf {
        dir.join(self.name())
    }
}

/// A mapped file of lists.
pub struct Lists {
    file: Blocks,
    kind: ListKind,
    own: Section,
    changed: Section,
    of_changed: Section,
}

impl Lists {
    /// Opens those of a segment with so many rows.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`], if it is another one's too; [`GalleryError::GalleryTooNew`];
    /// [`FileError::Read`].
    pub fn open(dir: &Path, wanted: &ListsRef, kind: ListKind, rows: u32) -> Result<Self> {
        let path = wanted.path(dir);
        let (file, about): (Blocks, About) = Blocks::open(&path)?;
        let (own, changed, of_changed) = (
            file.section("own"),
            file.section("changed"),
            file.section("of_changed"),
        );
        let bytes = kind.bytes() as u64;
        let fits = file.stamp() == wanted.stamp
            && (about.length, about.rows) == (kind.length, rows)
            && own.holds(u64::from(rows), bytes, 1)
            && of_changed.holds(changed.len / 4, bytes, 1);
        if !fits {
            return Err(damaged(&path, "it belongs to another snapshot").into());
        }
        for section in [own, changed, of_changed] {
            file.read_scattered(section);
        }
        Ok(Self {
            file,
            kind,
            own,
            changed,
            of_changed,
        })
    }

    /// The list of one of the segment's rows.
    pub fn own(&self, row: u32) -> Option<List> {
        self.list(self.own, row as usize)
    }

    /// How many lists of earlier segments' vectors it has.
    pub const fn changed_len(&self) -> usize {
        (self.changed.len / 4) as usize
    }

    /// The vector that one of those is of.
    pub fn changed_at(&self, place: usize) -> Option<u32> {
        self.file.number(self.changed, place)
    }

    /// The list of an earlier segment's vector, if it has one.
    pub fn changed(&self, vector: u32) -> Option<List> {
        let (mut low, mut high) = (0, self.changed_len());
        while low < high {
            let middle = low.midpoint(high);
            match self.changed_at(middle)?.cmp(&vector) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.list(self.of_changed, middle),
            }
        }
        None
    }

    fn list(&self, section: Section, place: usize) -> Option<List> {
        let (bytes, length) = (self.kind.bytes(), self.kind.length);
        let record = self.file.bytes(section, place.checked_mul(bytes)?, bytes)?;
        let (sum, rest) = record.split_at(4);
        let (numbers, similarities) = rest.split_at(4 * length);
        let numbers = numbers.as_chunks::<4>().0.iter();
        let numbers = numbers.map(|bytes| u32::from_le_bytes(*bytes));
        let similarities = similarities.as_chunks::<4>().0.iter();
        let near = numbers.zip(similarities).map(|(index, bytes)| Neighbor {
            index,
            similarity: f32::from_le_bytes(*bytes),
        });
        let sum = f32::from_le_bytes([sum[0], sum[1], sum[2], sum[3]]);
        Some(List {
            near: near.take_while(|it| it.index != NONE).collect(),
            sum: (sum > 0.0).then_some(sum),
        })
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.file.len()
    }

    /// What was found damaged, if something was.
    pub fn damage(&self) -> Option<GalleryError> {
        self.file.damage()
    }

    /// Looks at every block.
    pub fn verify(&self) -> Result<(), GalleryError> {
        self.file.verify()
    }
}

/// Writes the lists of a segment: its own rows', and those of earlier vectors, ascending.
pub fn write(
    (dir, number): (&Path, u64),
    kind: ListKind,
    own: impl ExactSizeIterator<Item = List>,
    changed: &[(u32, List)],
) -> Result<ListsRef, FileError> {
    let mut file = BlockWriter::create(&dir.join(format!("neighbours-{number}")))?;
    let rows = own.len() as u32;
    file.section("own")?;
    for list in own {
        file.put(&record(kind, &list))?;
    }
    let numbers: Vec<u32> = changed.iter().map(|(vector, _)| *vector).collect();
    file.whole_section("changed", bytemuck::cast_slice(&numbers))?;
    file.section("of_changed")?;
    for (_, list) in changed {
        file.put(&record(kind, list))?;
    }
    let written = file.finish(&About {
        length: kind.length,
        rows,
    })?;
    Ok(ListsRef {
        number,
        stamp: written.stamp,
    })
}

fn record(kind: ListKind, list: &List) -> Vec<u8> {
    let near = &list.near[..list.near.len().min(kind.length)];
    let unused = kind.length - near.len();
    let mut record = Vec::with_capacity(kind.bytes());
    record.extend(list.sum.unwrap_or(0.0).to_le_bytes());
    let numbers = near.iter().map(|it| it.index);
    let numbers = numbers.chain(std::iter::repeat_n(NONE, unused));
    record.extend(numbers.flat_map(u32::to_le_bytes));
    let similarities = near.iter().map(|it| it.similarity);
    let similarities = similarities.chain(std::iter::repeat_n(0.0, unused));
    record.extend(similarities.flat_map(f32::to_le_bytes));
    record
}
