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
