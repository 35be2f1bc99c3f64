//! In which numbers a gallery's descriptors were made: told, and no part of the fingerprint.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backbone::Precision;

/// Those that some run of a gallery used, in the order f32, f16, bf16; f32 alone before there were
/// others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precisions(BTreeSet<Precision>);

impl Precisions {
    /// Those of a gallery without photos.
    pub(super) const NONE: Self = Self(BTreeSet::new());

    /// Adds one; whether it was not there before.
    pub(super) fn insert(&mut self, precision: Precision) -> bool {
        self.0.insert(precision)
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Precision> + '_ {
        self.0.iter().copied()
    }

    /// Whether there are none, since nothing was described yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Precisions {
    fn default() -> Self {
        Self([Precision::F32].into())
    }
}

impl fmt::Display for Precisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, precision) in self.0.iter().enumerate() {
            let join = if place == 0 { "" } else { " and " };
            write!(f, "{join}{precision}")?;
        }
        Ok(())
    }
}
