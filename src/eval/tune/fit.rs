//! Projections that labels say.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::descriptor::{Matrix, Vectors, Whitening, WithinClasses};
use crate::error::Result;

/// A projection, fitted on the photos that a search looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fit {
    /// Directions in which photos of a group differ are drawn in, by this λ; none is dropped.
    WithinClasses(f32),
    /// The axes that tell the groups apart, by this λ.
    Discriminant(f32),
}

impl Fit {
    /// Whether both are of one kind, by whatever λ.
    pub(super) const fn is_like(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::WithinClasses(_), Self::WithinClasses(_))
                | (Self::Discriminant(_), Self::Discriminant(_))
        )
    }

    /// Descriptors through the projection.
    pub(super) fn apply(self, fitted: &WithinClasses, rows: Vectors<'_>) -> Result<Matrix> {
        Ok(match self {
            Self::WithinClasses(lambda) => fitted.apply(rows, lambda)?,
            Self::Discriminant(lambda) => fitted.discriminant(lambda)?.apply_all(rows)?,
        })
    }

    /// The projection itself.
    pub(super) fn whitening(self, fitted: &WithinClasses) -> Result<Whitening> {
        Ok(match self {
            Self::WithinClasses(lambda) => fitted.whitening(lambda)?,
            Self::Discriminant(lambda) => fitted.discriminant(lambda)?,
        })
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithinClasses(lambda) => write!(f, "within-class={lambda}"),
            Self::Discriminant(lambda) => write!(f, "discriminant={lambda}"),
        }
    }
}

impl Serialize for Fit {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
