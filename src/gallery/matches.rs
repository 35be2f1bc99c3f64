//! What a query found, as data.

use serde::Serialize;

use super::record::Record;
use crate::document::double;

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Match {
    /// Cosine of its descriptor and the query, −1 … 1.
    #[serde(serialize_with = "double")]
    pub similarity: f32,
    /// How many photos of the gallery that have nothing to do with the query would be expected to be this
    /// similar, 0 or more, if that was asked: .001 is sure, 5 is noise. Where the ranking compares
    /// neighbours, it is told of the similarity before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// The photo.
    #[serde(flatten)]
    pub record: Record,
}

impl Match {
    /// Whether the photo is still where it was.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.record.path.exists()
    }
}
