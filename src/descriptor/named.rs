//! A descriptor with the picture it is of, as data.

use serde::{Serialize, Serializer};

use super::of_photo::Descriptor;
use crate::document::{Document, Place};

/// A descriptor with the picture it is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedDescriptor {
    /// The picture.
    #[serde(flatten)]
    pub place: Place,
    /// Its descriptor; as JSON the list of its values, to all their digits.
    #[serde(serialize_with = "values")]
    pub descriptor: Descriptor,
}

impl Document for NamedDescriptor {
    const KIND: &'static str = "descriptor";
}

fn values<S: Serializer>(descriptor: &Descriptor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(descriptor.as_slice().iter().copied().map(f64::from))
}
