//! In which numbers a store keeps descriptors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The numbers of a store's files. What was written before a change stays as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// 32 bits a value: a descriptor reads back bit for bit.
    #[default]
    F32,
    /// 16 bits a value, as segments have them: whole numbers in steps of the descriptor's own, ten times as
    /// exact as half-precision floats. Similarities are within 2e-5.
    F16,
}

impl Encoding {
    /// Bytes of a value.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
