//! What a snapshot consists of: the content of the file `snapshot-N`.

use serde::{Deserialize, Serialize};

use crate::descriptor::Fingerprint;
use crate::gallery::neighbors::ListKind;
use crate::gallery::precisions::Precisions;
use crate::gallery::reduction::ReductionRef;
use crate::gallery::roots::StoredRoots;
use crate::gallery::segment::SegmentRef;
use crate::ranking::Ranking;

/// The JSON of its file. Where neighbour lists are of centred vectors, the file has the section `mean`, f32,
/// that these are without.
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
    /// The axes that the segments' vectors are along, if they have fewer values than descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<ReductionRef>,
    /// What the segments' neighbour lists are, if there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<ListKind>,
}

impl Manifest {
    /// Values of a vector.
    pub fn dimension(&self) -> usize {
        let reduced = self.reduction.as_ref().map(|it| it.values);
        reduced.unwrap_or_else(|| self.fingerprint.dimension())
    }

    /// The names of all files that it needs but its own.
    pub fn files(&self) -> impl Iterator<Item = String> {
        let segments = self.segments.iter().flat_map(SegmentRef::files);
        segments.chain(self.reduction.as_ref().map(ReductionRef::name))
    }
}
