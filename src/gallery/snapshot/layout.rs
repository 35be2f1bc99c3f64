//! The snapshot file, byte by byte.
//!
//! ```text
//! 0   magic `IMGSNAP1`
//! 8   length of the header's JSON, u64 little-endian
//! 16  BLAKE3 of the JSON, 32 bytes
//! 48  the JSON: versions, provenance, counts, and where each section lies
//!     sections, each at a multiple of 64 bytes:
//!     vectors       f32 × dimension × vectors
//!     owners        u32 × (vectors + 1): the records of vector i are owners[i] .. owners[i + 1]
//!     records       64 bytes each: hash 32, size u64, modified i64, width u32, height u32, and
//!                   where its path ends in `paths`, u64
//!     paths         bytes
//!     lowest, upper_starts, upper   the graph, u32, over the first `graph_points` vectors
//! ```
//!
//! All numbers are little-endian.

use serde::{Deserialize, Serialize};

use crate::descriptor::Provenance;

pub const MAGIC: &[u8; 8] = b"IMGSNAP1";
pub const PREFIX: usize = 48;
/// Sections begin at multiples of this, so that vectors are aligned for any instruction.
pub const ALIGNMENT: usize = 64;
/// Bytes of a record.
pub const RECORD: usize = 64;
/// The largest header that is believed.
pub const MAX_HEADER: u64 = 1 << 20;

/// Where a section lies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Section {
    pub offset: u64,
    pub length: u64,
    /// BLAKE3, hexadecimal.
    pub checksum: String,
}

/// The header's JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    pub version: u64,
    pub generation: u64,
    /// Seconds since 1970.
    pub created: u64,
    pub provenance: Provenance,
    pub vectors: u64,
    pub records: u64,
    pub graph_points: u64,
    pub graph_entry: u32,
    /// As [`Sections`] names them, in this order.
    pub sections: Sections,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sections {
    pub vectors: Section,
    pub owners: Section,
    pub records: Section,
    pub paths: Section,
    pub lowest: Section,
    pub upper_starts: Section,
    pub upper: Section,
}

impl Sections {
    pub const fn all(&self) -> [(&'static str, &Section); 7] {
        [
            ("vectors", &self.vectors),
            ("owners", &self.owners),
            ("records", &self.records),
            ("paths", &self.paths),
            ("lowest", &self.lowest),
            ("upper_starts", &self.upper_starts),
            ("upper", &self.upper),
        ]
    }
}
