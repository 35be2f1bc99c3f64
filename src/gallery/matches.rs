//! What a query found, as data.

use serde::{Serialize, Serializer};

use super::record::Record;
use crate::descriptor::Expansion;
use crate::document::{Document, Place, double};

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Match {
    /// Cosine of its descriptor and the query, −1 … 1.
    #[serde(serialize_with = "double")]
    pub similarity: f32,
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
}

/// A query with all its answers.
#[derive(Clone, Debug, Serialize)]
pub struct Matches {
    /// What was asked with: the pictures, averaged into one query. As JSON `query` has their names
    /// alone.
    #[serde(flatten, serialize_with = "named")]
    pub queries: Vec<Place>,
    /// The answers, best first; as JSON each with its rank, counted from 1.
    #[serde(serialize_with = "ranked")]
    pub matches: Vec<Match>,
    /// How the query was moved towards what it found, if it was.
    pub expansion: Option<Expansion>,
    /// How the photos' descriptors were moved towards their neighbours, if they were.
    pub augmentation: Option<Expansion>,
}

impl Document for Matches {
    const KIND: &'static str = "matches";
}

fn named<S: Serializer>(queries: &[Place], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Queries<'a> {
        query: Vec<&'a str>,
        queries: &'a [Place],
    }
    let query = queries.iter().map(Place::path).collect();
    Queries { query, queries }.serialize(serializer)
}

fn ranked<S: Serializer>(matches: &[Match], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Ranked<'a> {
        rank: usize,
        #[serde(flatten)]
        found: &'a Match,
    }
    let ranked = (1..).zip(matches);
    serializer.collect_seq(ranked.map(|(rank, found)| Ranked { rank, found }))
}
