//! The two files of a snapshot of formats 1 to 3, byte by byte.
//!
//! `snapshot-N` holds all records and the vectors that came since the base was made; `base-N`
//! holds the vectors of a large gallery and their graph, and is shared by the snapshots that
//! follow. So publishing a small change to a large gallery writes a small file. A small gallery
//! has no base. Both are made alike:
//!
//! ```text
//! 0   magic `IMGSNAP1` or `IMGBASE1`
//! 8   length of the header's JSON, u64 little-endian
//! 16  BLAKE3 of the JSON, 32 bytes
//! 48  the JSON: version, counts, and where each section lies
//!     sections, each at a multiple of 64 bytes. Of the snapshot:
//!     tail          f32 × dimension for each vector behind the base's
//!     owners        u32 × (vectors + 1): the records of vector i, of the base's and then of the
//!                   tail's, are owners[i] .. owners[i + 1]
//!     records       64 bytes each: hash 32, size u64, modified i64, width u32, height u32, and
//!                   where its path ends in `paths`, u64
//!     paths         bytes
//!     neighbors     with an augmentation to N neighbours: u32 × N for each vector, the vectors that
//!                   it is moved towards; 2³² − 1 where there are not so many
//!     weights       and f32 × (N + 1) for each vector: its own weight and theirs
//!     Of the base:
//!     vectors       f32 × dimension × points
//!     lowest, upper_starts, upper   the graph, u32; empty where its making was interrupted
//! ```
//!
//! All numbers are little-endian.

use serde::Deserialize;

use super::container::{ContainerHeader, Section};
use crate::descriptor::Fingerprint;
use crate::gallery::precisions::Precisions;
use crate::ranking::{Expansion, Ranking};

/// Neighbours of a point on the lowest layer of its graph.
const M0: u64 = 32;
/// Bytes of a record.
pub const RECORD: usize = 64;

/// The snapshot's JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    pub generation: u64,
    /// Seconds since 1970.
    pub created: u64,
    #[serde(rename = "provenance")]
    pub fingerprint: Fingerprint,
    /// Vectors of the base and of the tail.
    pub vectors: u64,
    pub records: u64,
    pub base: Option<BaseRef>,
    /// How its photos are ranked unless a query says otherwise; of an augmentation what its sections
    /// say counts, which are missing where the making was interrupted.
    #[serde(default)]
    pub ranking: Ranking,
    #[serde(default)]
    pub precisions: Precisions,
    pub sections: Sections,
}

/// Which base belongs to a snapshot.
#[derive(Clone, Debug, Deserialize)]
pub struct BaseRef {
    /// Name of the file, beside the snapshot.
    pub name: String,
    /// BLAKE3 of its header's JSON, hexadecimal.
    pub stamp: String,
    /// Its vectors.
    pub points: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Sections {
    pub tail: Section,
    pub owners: Section,
    pub records: Section,
    pub paths: Section,
    #[serde(default)]
    pub augmented: Option<Augmented>,
}

/// What each vector is moved towards.
#[derive(Clone, Debug, Deserialize)]
pub struct Augmented {
    pub expansion: Expansion,
    pub neighbors: Section,
    pub weights: Section,
}

impl Augmented {
    fn is_consistent(&self, vectors: u64) -> bool {
        let neighbors = self.expansion.neighbors as u64;
        let length = |each: u64| vectors.checked_mul(each.checked_mul(4)?);
        length(neighbors) == Some(self.neighbors.length)
            && neighbors.checked_add(1).and_then(length) == Some(self.weights.length)
    }
}

impl ContainerHeader for Header {
    const MAGIC: &'static [u8; 8] = b"IMGSNAP1";

    fn sections(&self) -> Vec<&Section> {
        let Sections {
            tail,
            owners,
            records,
            paths,
            augmented,
        } = &self.sections;
        let mut sections = vec![tail, owners, records, paths];
        if let Some(augmented) = augmented {
            sections.extend([&augmented.neighbors, &augmented.weights]);
        }
        sections
    }

    fn is_consistent(&self) -> bool {
        let in_base = self.base.as_ref().map_or(0, |base| base.points);
        let in_tail = self.vectors.checked_sub(in_base);
        let row = (self.fingerprint.dimension() as u64).checked_mul(4);
        let tail = in_tail.and_then(|vectors| vectors.checked_mul(row?));
        let owners = self.vectors.checked_add(1).and_then(|n| n.checked_mul(4));
        let records = self.records.checked_mul(RECORD as u64);
        self.fingerprint.dimension() > 0
            && u32::try_from(self.vectors).is_ok()
            && tail == Some(self.sections.tail.length)
            && owners == Some(self.sections.owners.length)
            && records == Some(self.sections.records.length)
            && self
                .sections
                .augmented
                .as_ref()
                .is_none_or(|augmented| augmented.is_consistent(self.vectors))
    }
}

/// The base's JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct BaseHeader {
    pub dimension: usize,
    pub points: u64,
    pub sections: BaseSections,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct BaseSections {
    pub vectors: Section,
    pub lowest: Section,
    pub upper_starts: Section,
    pub upper: Section,
}

impl BaseHeader {
    /// Whether there is a graph; without one the vectors are compared one by one.
    pub const fn has_graph(&self) -> bool {
        self.sections.lowest.length > 0
    }
}

impl ContainerHeader for BaseHeader {
    const MAGIC: &'static [u8; 8] = b"IMGBASE1";

    fn sections(&self) -> Vec<&Section> {
        let BaseSections {
            vectors,
            lowest,
            upper_starts,
            upper,
        } = &self.sections;
        vec![vectors, lowest, upper_starts, upper]
    }

    fn is_consistent(&self) -> bool {
        let row = (self.dimension as u64).checked_mul(4);
        let vectors = row.and_then(|row| self.points.checked_mul(row));
        let lowest = self.points.checked_mul(4 * M0);
        self.dimension > 0
            && u32::try_from(self.points).is_ok()
            && vectors == Some(self.sections.vectors.length)
            && (!self.has_graph() || lowest == Some(self.sections.lowest.length))
    }
}
