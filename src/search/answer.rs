//! What a query found, as data.

use serde::{Serialize, Serializer};

use crate::document::{Document, Place, double};
use crate::error::fraction;
use crate::gallery::Match;
use crate::photo::ContentHash;
use crate::ranking::{Expansion, Ranking};

/// An example of a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// The file or folder; `-` for what was none.
    #[serde(flatten)]
    pub place: Place,
    /// What it counts; below 0 for what photos shall be unlike.
    #[serde(serialize_with = "double")]
    pub weight: f32,
    /// The part of the picture's area that its file has, 0.5 … 1; of a folder the least.
    #[serde(serialize_with = "double", skip_serializing_if = "is_whole")]
    pub present: f32,
    /// The contents of its files.
    #[serde(skip)]
    pub contents: Vec<ContentHash>,
    /// Of a folder, the files that have no descriptor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<PassedOver>,
}

impl Asked {
    /// The part of the picture that is there, in words: `two thirds`; none if it is all of it.
    #[must_use]
    pub fn part(&self) -> Option<String> {
        (!is_whole(&self.present)).then(|| fraction(self.present))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_whole(present: &f32) -> bool {
    *present >= 1.0
}

/// A file of a folder that was not asked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// The file.
    #[serde(flatten)]
    pub place: Place,
    /// Why.
    pub reason: String,
}

/// What a query found. As JSON `query` has the names alone of what was asked with, and `expansion` and
/// `augmentation` what the ranking says of either.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked with.
    pub queries: Vec<Asked>,
    /// How it was ranked.
    pub ranking: Ranking,
    /// Best first, equals by path; as JSON each with its rank, counted from 1, and whether it is still
    /// there.
    pub matches: Vec<Match>,
}

impl Document for Answer {
    const KIND: &'static str = "matches";
}

impl IntoIterator for Answer {
    type Item = Match;
    type IntoIter = std::vec::IntoIter<Match>;

    fn into_iter(self) -> Self::IntoIter {
        self.matches.into_iter()
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Ranked<'a> {
            rank: usize,
            exists: bool,
            #[serde(flatten)]
            found: &'a Match,
        }
        #[derive(Serialize)]
        struct Fields<'a> {
            query: Vec<&'a str>,
            queries: &'a [Asked],
            matches: Vec<Ranked<'a>>,
            ranking: Ranking,
            expansion: Option<Expansion>,
            augmentation: Option<Expansion>,
        }
        let ranked = (1..).zip(&self.matches);
        let fields = Fields {
            query: self.queries.iter().map(|one| one.place.path()).collect(),
            queries: &self.queries,
            matches: ranked
                .map(|(rank, found)| Ranked {
                    rank,
                    exists: found.exists(),
                    found,
                })
                .collect(),
            ranking: self.ranking,
            expansion: self.ranking.expand,
            augmentation: self.ranking.augment,
        };
        fields.serialize(serializer)
    }
}
