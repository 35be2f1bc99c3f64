//! Is a gallery whole, and does it still say what is on disk?

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::open::may_not_write;
use super::{Gallery, OnProgress, Record, Repair, Snapshot, open_for_search};
use crate::descriptor::{Fingerprint, dot};
use crate::document::{Document, Place, shown};
use crate::error::{Error, GalleryError, Result};
use crate::model::FetchOptions;
use crate::model::digest::Digests;
use crate::photo::Photo;

/// What a look at all of a gallery found.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// Photos looked at.
    pub photos: usize,
    /// Whether the gallery may not be written: then its store cannot be opened, and its snapshot was
    /// looked at alone.
    pub read_only: bool,
    /// What is wrong. As JSON `problems` has the sentences alone, and `details` each with its kind
    /// and path.
    #[serde(flatten, serialize_with = "twice")]
    pub problems: Vec<Problem>,
}

impl Document for Verification {
    const KIND: &'static str = "verification";
}

/// Something that is not as it should be.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It was damaged, and is whole again.
    Repaired(Repair),
    /// The snapshot shows an earlier state than the store's.
    StaleSnapshot,
    /// There is no snapshot, or it cannot be used.
    Snapshot(Error),
    /// A photo has no descriptor.
    NoDescriptor(PathBuf),
    /// A photo's descriptor is none, or store and snapshot have different ones.
    DamagedDescriptor(PathBuf),
    /// A photo is not on disk any more.
    Gone(PathBuf),
    /// A photo's file is another than the one that was described.
    Changed(PathBuf),
    /// The file of the weights that the photos were described with has another content, with the size
    /// and time that it had.
    Weights(PathBuf),
}

impl Problem {
    /// Its name for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Repaired(_) => "repaired",
            Self::StaleSnapshot => "stale-snapshot",
            Self::Snapshot(_) => "snapshot",
            Self::NoDescriptor(_) => "no-descriptor",
            Self::DamagedDescriptor(_) => "damaged-descriptor",
            Self::Gone(_) => "gone",
            Self::Changed(_) => "changed",
            Self::Weights(_) => "weights",
        }
    }

    /// The photo concerned, or the file of weights, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Repaired(_) | Self::StaleSnapshot | Self::Snapshot(_) => None,
            Self::NoDescriptor(path)
            | Self::DamagedDescriptor(path)
            | Self::Gone(path)
            | Self::Changed(path)
            | Self::Weights(path) => Some(path),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path) = match self {
            Self::Repaired(repair) => return repair.fmt(f),
            Self::StaleSnapshot => {
                return f.write_str(
                    "the snapshot is older than the store: run `imgsearch index` again",
                );
            }
            Self::Snapshot(error) => return error.fmt(f),
            Self::NoDescriptor(path) => ("no descriptor", path),
            Self::DamagedDescriptor(path) => ("damaged descriptor", path),
            Self::Gone(path) => ("gone", path),
            Self::Changed(path) => ("changed since it was indexed", path),
            Self::Weights(path) => (
                "damaged weights (the next run fetches those of a known model again; get others again \
                 yourself)",
                path,
            ),
        };
        write!(f, "{what}: {}", shown(path).display())
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            kind: &'static str,
            message: String,
            #[serde(flatten)]
            place: Option<Place>,
        }
        let told = Told {
            kind: self.kind(),
            message: self.to_string(),
            place: self.path().map(Place::of),
        };
        told.serialize(serializer)
    }
}

fn twice<S: Serializer>(problems: &[Problem], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Problems<'a> {
        problems: Vec<String>,
        details: &'a [Problem],
    }
    let sentences = problems.iter().map(ToString::to_string).collect();
    let problems = Problems {
        problems: sentences,
        details: problems,
    };
    problems.serialize(serializer)
}

/// Holds the gallery in `dir` against its checksums and against the photos on disk: their sizes, or
/// with `read` their contents. The weights that it was made with are read anew too, as far as it is
/// known where they are; `on_weights` is told how many bytes of how many.
///
/// # Errors
/// As [`Gallery::open`]; [`GalleryError::Store`](crate::error::GalleryError::Store).
pub fn verify(dir: &Path, read: bool, on_weights: OnProgress<'_>) -> Result<Verification> {
    let mut verified = match Gallery::open(dir) {
        Err(error) if may_not_write(&error) => verify_snapshot(dir, read)?,
        opened => {
            let gallery = opened?;
            match gallery.verify_store() {
                Ok(()) => verify_all(&gallery, read)?,
                Err(GalleryError::DamagedStore { .. }) => {
                    drop(gallery);
                    // Whoever opens it next makes it anew.
                    verify_all(&Gallery::open(dir)?, read)?
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    let digests = Digests::in_folder(&FetchOptions::from_env().cache);
    let made_with = verified.1;
    let changed = digests.changed_in_place(made_with.weights(), on_weights);
    verified
        .0
        .problems
        .extend(changed.into_iter().map(Problem::Weights));
    Ok(verified.0)
}

fn verify_all(gallery: &Gallery, read: bool) -> Result<(Verification, Arc<Fingerprint>)> {
    let dir = gallery.dir();
    let repairs = gallery.repairs().iter().cloned();
    let mut problems: Vec<Problem> = repairs.map(Problem::Repaired).collect();
    let snapshot = Snapshot::open(dir).and_then(|snapshot| {
        snapshot.verify()?;
        Ok(snapshot)
    });
    let published = match snapshot {
        Ok(snapshot) => {
            if snapshot.generation() != gallery.generation()? {
                problems.push(Problem::StaleSnapshot);
            }
            Some(snapshot)
        }
        Err(error) => {
            problems.push(Problem::Snapshot(error));
            None
        }
    };
    let mut photos = 0;
    for record in gallery.records() {
        let record = record?;
        photos += 1;
        problems.extend(descriptor_problem(gallery, published.as_ref(), &record)?);
        problems.extend(photo_problem(&record, read));
    }
    let read_only = false;
    let verified = Verification {
        photos,
        read_only,
        problems,
    };
    Ok((verified, Arc::clone(gallery.fingerprint())))
}

/// Without the store, which sled opens only to write.
fn verify_snapshot(dir: &Path, read: bool) -> Result<(Verification, Arc<Fingerprint>)> {
    let (snapshot, repairs) = open_for_search(dir)?;
    let mut problems: Vec<Problem> = repairs.into_iter().map(Problem::Repaired).collect();
    if let Err(damage) = snapshot.verify() {
        problems.push(Problem::Snapshot(damage.into()));
    }
    let mut photos = 0;
    for record in snapshot.records() {
        photos += 1;
        problems.extend(photo_problem(&record, read));
    }
    let read_only = true;
    let verified = Verification {
        photos,
        read_only,
        problems,
    };
    Ok((verified, Arc::clone(snapshot.fingerprint())))
}

/// The most that a similarity to a snapshot's vector is wrong by: its numbers have 16 bits.
const ROUNDED: f32 = 2e-5;

/// Store and snapshot must have the same descriptor, to rounding.
fn descriptor_problem(
    gallery: &Gallery,
    published: Option<&Snapshot>,
    record: &Record,
) -> Result<Option<Problem>> {
    let path = || record.path.clone();
    let Some(values) = gallery.descriptor(&record.hash)? else {
        return Ok(Some(Problem::NoDescriptor(path())));
    };
    let norm = dot(&values, &values);
    let is_unit = values.len() == gallery.fingerprint().dimension() && (norm - 1.0).abs() < 1e-3;
    let shown = published.and_then(|published| {
        let (shown, vector) = published.find(&record.path, None)?;
        published
            .vector(vector)
            .filter(|_| shown.hash == record.hash)
    });
    let is_same = shown.is_none_or(|vector| {
        let kept = published.map(|it| it.kept(values));
        kept.is_none_or(|kept| (dot(&vector, &kept) - dot(&kept, &kept)).abs() < ROUNDED)
    });
    Ok((!is_unit || !is_same).then(|| Problem::DamagedDescriptor(path())))
}

fn photo_problem(record: &Record, read: bool) -> Option<Problem> {
    let path = || record.path.clone();
    let Ok(metadata) = record.path.metadata() else {
        return Some(Problem::Gone(path()));
    };
    let is_same = if read {
        Photo::read(&record.path).is_ok_and(|photo| photo.hash() == record.hash)
    } else {
        metadata.len() == record.size
    };
    (!is_same).then(|| Problem::Changed(path()))
}
