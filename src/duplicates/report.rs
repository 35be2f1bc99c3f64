//! What was found, as data.

use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use super::decide::Change;
use crate::document::{Document, double, place};
use crate::error::GalleryError;
use crate::gallery::Record;
use crate::photo::{ContentHash, Taken};

/// Photos that are there more than once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Duplicates {
    /// Those with the most bytes to free first.
    pub groups: Vec<Group>,
    /// Photos that were looked at.
    pub photos: usize,
    /// Photos that are a duplicate of another that is kept.
    pub duplicates: usize,
    /// Bytes that would be free without them.
    pub freed: u64,
    /// Pairs that only the pixels could decide and that were not looked at.
    pub undecided: usize,
    /// Camera files beside which the same photograph lies as another format: one photograph, and none
    /// of both a duplicate of the other.
    pub raw: Vec<RawPair>,
    /// Names that lead to a file that has another name here.
    pub same_files: Vec<SameFile>,
    /// Photos that could not be compared by their pixels.
    pub skipped: Vec<Skipped>,
    /// Photos of an earlier version's gallery, of which no signature is known before the next `index`.
    pub unsigned: usize,
    /// What it took.
    pub work: Work,
}

impl Duplicates {
    /// Leaves out what is alike more loosely.
    pub fn retain(&mut self, loosest: Level) {
        for group in &mut self.groups {
            group.duplicates.retain(|it| it.level <= loosest);
            let freed = group.duplicates.iter().filter(|it| !it.protected);
            group.freed = freed.map(|it| it.freed).sum();
        }
        self.groups.retain(|group| !group.duplicates.is_empty());
        self.count();
    }

    /// Sums, and the order of the groups.
    pub(super) fn count(&mut self) {
        self.groups.sort_by(|a, b| {
            let freed = b.freed.cmp(&a.freed);
            freed.then_with(|| a.keep.record.path.cmp(&b.keep.record.path))
        });
        self.duplicates = self.groups.iter().map(|it| it.duplicates.len()).sum();
        self.freed = self.groups.iter().map(|it| it.freed).sum();
    }
}

impl Document for Duplicates {
    const KIND: &'static str = "duplicates";
}

/// A photo that is kept, and its duplicates.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The one that is kept.
    pub keep: Kept,
    /// Each a duplicate of it, by path.
    pub duplicates: Vec<Duplicate>,
    /// Bytes that would be free without them.
    pub freed: u64,
}

/// The photo of a group that is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
    /// When it was taken, if its file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// Why this one.
    pub reason: String,
}

/// A photo that is another one again.
#[derive(Clone, Debug, Serialize)]
pub struct Duplicate {
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
    /// When it was taken, if its file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// How alike it is to the kept one.
    pub level: Level,
    /// What is another way than in the kept one, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Whether it lies in a protected folder.
    pub protected: bool,
    /// Bytes that are free without it: none where its file has another name too.
    pub freed: u64,
}

/// How alike two photos are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Byte for byte.
    Bytes,
    /// Pixel for pixel; only what else is in the file differs.
    Pixels,
    /// The same photograph, changed.
    Near,
}

impl FromStr for Level {
    type Err = GalleryError;

    fn from_str(text: &str) -> Result<Self, GalleryError> {
        let all = [Self::Bytes, Self::Pixels, Self::Near];
        let named = all.into_iter().find(|level| level.name() == text);
        named.ok_or_else(|| GalleryError::InvalidFilter {
            text: text.to_owned(),
            expected: "a level: bytes, pixels or near",
        })
    }
}

impl Level {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Pixels => "pixels",
            Self::Near => "near",
        }
    }
}

/// A camera file and what lies beside it.
#[derive(Clone, Debug, Serialize)]
pub struct RawPair {
    /// The camera's own file.
    #[serde(serialize_with = "place_of")]
    pub raw: PathBuf,
    /// The same photograph in another format.
    #[serde(serialize_with = "place_of")]
    pub beside: PathBuf,
}

/// Two names of one file.
#[derive(Clone, Debug, Serialize)]
pub struct SameFile {
    /// The name that counts.
    #[serde(serialize_with = "place_of")]
    pub file: PathBuf,
    /// The other one.
    #[serde(serialize_with = "place_of")]
    pub also: PathBuf,
}

/// A photo that could not be looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// The photo.
    #[serde(flatten, serialize_with = "place")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What finding them took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Work {
    /// Pairs that signatures or descriptors suggested.
    pub candidates: usize,
    /// Pairs that were decided by the pixels.
    pub compared: usize,
    /// Pictures that were decoded for that.
    pub decoded: usize,
    /// Seconds for everything else.
    pub seconds: f64,
    /// Seconds for decoding and comparing.
    pub decoding_seconds: f64,
}

/// Photos that look alike: bursts and scenes. Nothing is ever done to them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Similar {
    /// Those with the most photos first.
    pub groups: Vec<SimilarGroup>,
    /// Photos that were looked at.
    pub photos: usize,
    /// Cosine from which on photos count as alike.
    #[serde(serialize_with = "double")]
    pub min_similarity: f32,
}

impl Document for Similar {
    const KIND: &'static str = "similar";
}

/// A photo, and those that look like it.
#[derive(Clone, Debug, Serialize)]
pub struct SimilarGroup {
    /// The one that they are compared with.
    pub first: Record,
    /// Most alike first.
    pub others: Vec<crate::gallery::Match>,
}

/// Of each new photo whether the gallery has it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Against {
    /// By path.
    pub photos: Vec<New>,
    /// How many the gallery has.
    pub known: usize,
    /// How many it has not.
    pub missing: usize,
    /// Pictures that could not be looked at.
    pub skipped: Vec<Skipped>,
}

impl Document for Against {
    const KIND: &'static str = "against";
}

/// A photo that was held against a gallery.
#[derive(Clone, Debug, Serialize)]
pub struct New {
    /// The photo.
    #[serde(flatten, serialize_with = "place")]
    pub path: PathBuf,
    /// Its content.
    pub hash: ContentHash,
    /// The gallery's photo that it is again, if there is one.
    pub known: Option<Known>,
}

/// A gallery's photo that a new one is again.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
    /// How alike both are.
    pub level: Level,
    /// What is another way, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

fn place_of<S: serde::Serializer>(
    path: &std::path::Path,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    place(path, serializer)
}
