//! What an ingestion did, and what it passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::kept::Kept;
use crate::descriptor::Whitening;
use crate::descriptor::whitening::Origin;
use crate::document::{Document, Place};
use crate::error::{Error, fraction};
use crate::gallery::Repair;

/// A photo that could not be taken in. As JSON its place, the reason in words, and its
/// [`Error::kind`].
#[derive(Debug)]
pub struct Skipped {
    /// The photo.
    pub path: PathBuf,
    /// Why.
    pub reason: Error,
}

impl Serialize for Skipped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            #[serde(flatten)]
            place: Place,
            reason: String,
            kind: &'static str,
        }
        let told = Told {
            place: Place::of(&self.path),
            reason: self.reason.to_string(),
            kind: self.reason.kind(),
        };
        told.serialize(serializer)
    }
}

/// A photo that was taken though a part of the picture is missing. As JSON its place and the part of the
/// picture's area that is there, 0.5 … 1.
#[derive(Debug)]
pub struct Incomplete {
    /// The photo.
    pub path: PathBuf,
    /// The part of its area that its file has.
    pub present: f32,
}

impl Incomplete {
    /// None where all is there.
    pub(super) fn of(path: PathBuf, present: f32) -> Option<Self> {
        (present < 1.0).then_some(Self { path, present })
    }

    /// The part in words: `two thirds`.
    #[must_use]
    pub fn part(&self) -> String {
        fraction(self.present)
    }
}

impl Serialize for Incomplete {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            #[serde(flatten)]
            place: Place,
            present: f32,
        }
        let told = Told {
            place: Place::of(&self.path),
            present: self.present,
        };
        told.serialize(serializer)
    }
}

/// What an ingestion did.
#[derive(Debug, Default, Serialize)]
pub struct IngestReport {
    /// Photos that were not in the gallery before.
    pub added: usize,
    /// Photos that are as they were.
    pub unchanged: usize,
    /// Photos with another content than before.
    pub changed: usize,
    /// Photos at another place than before.
    pub moved: usize,
    /// Of those that are new or changed, the copies of photos that were described already, in this run or
    /// before: they did not go through the network.
    pub copies: usize,
    /// Photos that are gone.
    pub removed: usize,
    /// Photos that are gone from disk and stay in the gallery, by folder.
    pub kept: Vec<Kept>,
    /// Photos that were overwritten by what cannot be taken in (which is among the skipped): they are
    /// in the gallery no more.
    pub overwritten: usize,
    /// Photos in the gallery now.
    pub photos: usize,
    /// Files that were passed over because they are no photos, by kind: the ending of their names in
    /// capitals, or nothing where it has none that is one.
    pub others: BTreeMap<String, usize>,
    /// Whether the caller stopped it before the end.
    pub interrupted: bool,
    /// How long it took, in seconds of wall clock. The command counts from its own start, the
    /// loading of the network included.
    pub seconds: f64,
    /// Why the device that it began on was used no more, if the CPU went on in its place.
    pub device_lost: Option<String>,
    /// What was damaged in the gallery and is whole again.
    pub repairs: Vec<Repair>,
    /// Photos that were taken though a part of the picture is missing.
    pub incomplete: Vec<Incomplete>,
    /// Files that could not be taken in. What was known of them stays where they could not be read,
    /// and goes where they are something else now.
    pub skipped: Vec<Skipped>,
}

impl Document for IngestReport {
    const KIND: &'static str = "ingestion";
}

/// A whitening that was fitted and written.
#[derive(Debug, Serialize)]
pub struct WhiteningReport {
    /// The file as it was given.
    pub out: String,
    /// The file, from the root.
    pub out_absolute: Option<String>,
    /// [`Whitening::digest`].
    pub digest: String,
    /// What it was fitted on.
    pub fitted_on: Origin,
    /// Values of the descriptors that it takes.
    pub input_dimension: usize,
    /// Values of a whitened descriptor.
    pub dimension: usize,
    /// Files that could not be read.
    pub skipped: Vec<Skipped>,
}

impl Document for WhiteningReport {
    const KIND: &'static str = "whitening";
}

impl WhiteningReport {
    /// Of a whitening that was written to `file`.
    #[must_use]
    pub fn of(whitening: &Whitening, file: &Path, skipped: Vec<Skipped>) -> Self {
        let place = Place::as_given(file);
        Self {
            out: place.path().to_owned(),
            out_absolute: place.absolute().map(str::to_owned),
            digest: whitening.digest(),
            fitted_on: whitening.origin().clone(),
            input_dimension: whitening.input_dimension(),
            dimension: whitening.dimension(),
            skipped,
        }
    }
}
