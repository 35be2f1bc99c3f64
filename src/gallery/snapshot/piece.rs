//! Vectors and photos that are searched together: a segment, or all of an earlier format's snapshot.

use crate::error::GalleryError;
use crate::gallery::earlier::Earlier;
use crate::gallery::graph::RowSet;
use crate::gallery::index::Neighbor;
use crate::gallery::record::Stored;
use crate::gallery::segment::{Segment, Wanted};
use crate::gallery::table::Entry;

/// One of a snapshot's.
pub enum Piece {
    Segment(Box<Segment>),
    Earlier(Box<Earlier>),
}

impl Piece {
    /// Vectors in it.
    pub const fn vectors(&self) -> u32 {
        match self {
            Self::Segment(segment) => segment.vectors(),
            Self::Earlier(earlier) => earlier.vectors(),
        }
    }

    pub fn vector(&self, row: u32) -> Option<Vec<f32>> {
        match self {
            Self::Segment(segment) => segment.vector(row),
            Self::Earlier(earlier) => earlier.vector(row).map(<[f32]>::to_vec),
        }
    }

    /// The nearest vectors, by row.
    pub fn nearest(&self, query: &[f32], wanted: Wanted<'_>) -> Vec<Neighbor> {
        match self {
            Self::Segment(segment) => segment.nearest(query, wanted),
            Self::Earlier(earlier) => {
                let allows = |row| {
                    wanted
                        .allowed
                        .is_none_or(|allowed: &RowSet| allowed.contains(row))
                };
                earlier.nearest(query, wanted.k, &allows)
            }
        }
    }

    /// The entries whose vector lies in a row.
    pub fn owners(&self, row: u32) -> Vec<Entry> {
        match self {
            Self::Segment(segment) => segment.owners(row).collect(),
            Self::Earlier(earlier) => earlier.owners(row).collect(),
        }
    }

    pub fn stored(&self, key: &[u8]) -> Option<Stored> {
        match self {
            Self::Segment(segment) => segment.stored(key),
            Self::Earlier(earlier) => earlier.stored(key),
        }
    }

    pub fn has(&self, key: &[u8]) -> bool {
        match self {
            Self::Segment(segment) => segment.has(key),
            Self::Earlier(earlier) => earlier.stored(key).is_some(),
        }
    }

    /// All entries; of a segment by key.
    pub fn entries(&self) -> Box<dyn Iterator<Item = Entry> + '_> {
        match self {
            Self::Segment(segment) => Box::new(segment.entries()),
            Self::Earlier(earlier) => Box::new(earlier.entries()),
        }
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.bytes(),
            Self::Earlier(earlier) => earlier.bytes(),
        }
    }

    /// Bytes that were looked at so far; of an earlier format nobody counts them.
    pub fn read_bytes(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.read_bytes(),
            Self::Earlier(_) => 0,
        }
    }

    /// What was found damaged so far.
    pub fn damage(&self) -> Option<GalleryError> {
        match self {
            Self::Segment(segment) => segment.damage(),
            Self::Earlier(_) => None,
        }
    }

    /// Looks at all of it.
    pub fn verify(&self) -> Result<(), GalleryError> {
        match self {
            Self::Segment(segment) => segment.verify(),
            Self::Earlier(earlier) => earlier.verify(),
        }
    }
}
