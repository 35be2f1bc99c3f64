//! The poolings that there are, and how they are written.

use std::fmt;
use std::str::FromStr;

use crate::error::Result;
use crate::network::MapShape;

/// The usual exponent of GeM: Radenović et al. start from it and it is seldom far off.
const GEM_P: f32 = 3.0;
/// Below this GeM takes values as this, as the reference does: powers of negatives mean nothing.
pub(super) const GEM_FLOOR: f32 = 1e-6;

/// A pooling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pooling {
    /// The activations themselves, flattened as C × H × W.
    Direct,
    /// Global average pooling: the mean of each channel.
    Gap,
    /// The largest value of each channel (MAC; Razavian et al., 2014).
    Max,
    /// Generalized mean: (mean of xᵖ)^(1/p) of each channel. Radenović et al., "Fine-tuning CNN
    /// Image Retrieval with No Human Annotation", 2018; p = 1 is GAP of what is above 0, p → ∞ max.
    Gem {
        /// The exponent, above 0.
        p: f32,
    },
    /// Regional maximum activations: max over overlapping square regions of three sizes, each
    /// scaled to length 1, added up. Tolias et al., "Particular object retrieval with integral
    /// max-pooling of CNN activations", 2016; regions as in `cnnimageretrieval-pytorch`.
    RMac,
}

impl Pooling {
    /// Number of values it makes of a map of this shape.
    #[must_use]
    pub const fn dimension(self, shape: MapShape) -> usize {
        match self {
            Self::Direct => shape.len(),
            _ => shape.channels,
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Gap => f.write_str("gap"),
            Self::Max => f.write_str("max"),
            Self::Gem { p } if (p - GEM_P).abs() < f32::EPSILON => f.write_str("gem"),
            Self::Gem { p } => write!(f, "gem{p}"),
            Self::RMac => f.write_str("rmac"),
        }
    }
}

impl FromStr for Pooling {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const UNKNOWN: &str = "a pooling is none of direct, gap, max, gem, gemP, rmac";
        match text {
            "direct" => Ok(Self::Direct),
            "gap" => Ok(Self::Gap),
            "max" => Ok(Self::Max),
            "gem" => Ok(Self::Gem { p: GEM_P }),
            "rmac" => Ok(Self::RMac),
            _ => {
                let p: f32 = text
                    .strip_prefix("gem")
                    .and_then(|p| p.parse().ok())
                    .ok_or(UNKNOWN)?;
                let usable = p.is_finite() && p > 0.0 && p <= 100.0;
                if usable {
                    Ok(Self::Gem { p })
                } else {
                    Err("GeM's p is not in 0 … 100")
                }
            }
        }
    }
}
