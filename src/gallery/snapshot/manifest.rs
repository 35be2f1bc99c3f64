//! What a snapshot consists of: the content of the file `snapshot-N`.

use serde::{Deserialize, Serialize};

use crate::descriptor::Fingerprint;
use crate::gallery::precisions::Precisions;
use crate::gallery::roots::StoredRoots;
use crate::gallery::segment::SegmentRef;
use crate::ranking::{Expansion, Ranking};

/// The JSON of its file. With lists, the file has two sections: `neighbors`, u32 × N for each vector of
/// all segments, those that it is moved towards, 2³² − 1 where there are not so many; and `weights`, f32 ×
/// (N + 1), its own weight and theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The state of the store that it shows.
    pub generation: u64,
    /// Seconds since 1970.
    pub created: u64,
    #[serde(rename = "provenance")]
    pub fingerprint: Fingerprint,
    #[serde(default)]
    pub ranking: Ranking,
    #[serde(default)]
    pub precisions: Precisions,
    #[serde(default)]
    pub roots: StoredRoots,
    /// Photos in it.
    pub photos: u64,
    /// The oldest first: what a later one says of a photo counts.
    pub segments: Vec<SegmentRef>,
    /// The number of the next file.
    pub next: u64,
    /// The augmentation that there are lists for: small galleries have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<Expansion>,
}
