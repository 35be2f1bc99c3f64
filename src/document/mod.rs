//! What the library returns is data, and a document is such data as JSON: an object that says which
//! version of which kind it is, so that a reader knows what to expect before it looks at the rest.
//!
//! `data/schemas/KIND.schema.json` says what is in each. Within a version fields are only added.

mod place;

use std::fmt::Display;

use serde::{Serialize, Serializer};

pub use self::place::{Place, place, shown};

/// Data that is written as a JSON object of its own.
pub trait Document: Serialize {
    /// What kind of object it is, and what its schema is called.
    const KIND: &'static str;
    /// The version of its schema.
    const VERSION: u32 = 1;
}

/// A document as it is written: `version` and `kind` come first, then the fields of the data.
#[derive(Debug, Serialize)]
pub struct Versioned<'a, T> {
    version: u32,
    kind: &'static str,
    #[serde(flatten)]
    data: &'a T,
}

impl<'a, T: Document> Versioned<'a, T> {
    /// The data with its version and kind.
    pub const fn of(data: &'a T) -> Self {
        Self {
            version: T::VERSION,
            kind: T::KIND,
            data,
        }
    }
}

/// For `serialize_with`: what has one line of text is that text.
///
/// # Errors
/// Those of the serializer.
pub fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// For `serialize_with`: a number to all its digits, as programs compute that know only doubles. The
/// shortest digits that give the same `f32` again would be another number to them.
///
/// # Errors
/// Those of the serializer.
pub fn double<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Weighed {
        grams: f32,
    }

    impl Document for Weighed {
        const KIND: &'static str = "weighed";
    }

    #[test]
    fn version_and_kind_come_before_the_data() {
        let json = serde_json::to_string(&Versioned::of(&Weighed { grams: 0.5 })).unwrap();
        assert_eq!(json, r#"{"version":1,"kind":"weighed","grams":0.5}"#);
    }
}
