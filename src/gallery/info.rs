//! What a gallery holds and what it was made with, as data.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::precisions::Precisions;
use super::snapshot::Snapshot;
use super::whitening::whitening_of;
use crate::descriptor::whitening::Origin;
use crate::descriptor::{Fingerprint, Whitening};
use crate::document::{Document, Place};
use crate::ranking::{Expansion, Ranking};

/// What a gallery holds and what it was made with.
#[derive(Clone, Debug, Serialize)]
pub struct GalleryInfo {
    /// Its folder as it was given.
    pub gallery: String,
    /// Its folder, from the root.
    pub gallery_absolute: Option<String>,
    /// Photos in it.
    pub photos: usize,
    /// Vectors in it: photos with equal descriptors share one.
    pub vectors: usize,
    /// How many of the vectors are in a graph; the others are compared one by one.
    pub graph_points: usize,
    /// Segments that they lie in: as a collection grows, small ones become one.
    pub segments: usize,
    /// Values of a vector: of a descriptor, or fewer along axes of the gallery's own.
    pub values: usize,
    /// What the descriptors were made with.
    pub provenance: Fingerprint,
    /// In which numbers the network was run for them: f32, f16, bf16.
    pub precisions: Precisions,
    /// The whitening they went through, if they did and the gallery's copy is whole.
    pub whitening: Option<WhiteningInfo>,
    /// Why the whitening that they went through cannot be told, if it cannot.
    pub whitening_lost: Option<String>,
    /// How the descriptors are moved towards their neighbours, if they are.
    pub augmentation: Option<Expansion>,
    /// How its photos are ranked unless a query says otherwise, in one line.
    pub ranking: Ranking,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
    /// Bytes of the snapshot on disk.
    pub snapshot_bytes: u64,
    /// When the snapshot was made, in seconds since 1970.
    pub created: u64,
}

/// A whitening without its numbers.
#[derive(Clone, Debug, Serialize)]
pub struct WhiteningInfo {
    /// What it was fitted on.
    #[serde(flatten)]
    pub origin: Origin,
    /// Values of the descriptors that it takes.
    pub input_dimension: usize,
    /// Values of a whitened descriptor.
    pub dimension: usize,
}

impl Document for GalleryInfo {
    const KIND: &'static str = "gallery";
}

impl GalleryInfo {
    /// Of the gallery in `dir`, whose newest snapshot this is.
    #[must_use]
    pub fn of(dir: &Path, snapshot: &Snapshot) -> Self {
        let place = Place::as_given(dir);
        let whitening = whitening_of(dir, snapshot.fingerprint());
        Self {
            gallery: place.path().to_owned(),
            gallery_absolute: place.absolute().map(str::to_owned),
            photos: snapshot.len(),
            vectors: snapshot.vector_count(),
            graph_points: snapshot.graph_points(),
            segments: snapshot.segments(),
            values: snapshot.dimension(),
            precisions: snapshot.precisions().clone(),
            provenance: snapshot.fingerprint().as_ref().clone(),
            whitening_lost: whitening.as_ref().err().map(ToString::to_string),
            whitening: whitening.ok().flatten().as_ref().map(WhiteningInfo::of),
            augmentation: snapshot.ranking().augment,
            ranking: snapshot.ranking(),
            store_bytes: size_on_disk(&dir.join("store")),
            snapshot_bytes: snapshot.size(),
            created: snapshot.created(),
        }
    }
}

impl WhiteningInfo {
    fn of(whitening: &Whitening) -> Self {
        Self {
            origin: whitening.origin().clone(),
            input_dimension: whitening.input_dimension(),
            dimension: whitening.dimension(),
        }
    }
}

/// Bytes of a file, or of all files in a folder; of a link, its own. What cannot be read has none.
pub(crate) fn size_on_disk(path: &Path) -> u64 {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| size_on_disk(&entry.path())).sum()
        }
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    }
}
