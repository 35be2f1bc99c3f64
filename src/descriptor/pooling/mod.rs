//! How a layer's map `[N, C, H, W]` becomes one vector per picture.
//!
//! On a CPU over the values where they lie ([`planes`]), so that many poolings of many layers cost
//! little beside the network; elsewhere by Candle's operations ([`tensor`]), so that only the result
//! leaves the device.

mod planes;
mod tensor;

use std::fmt;
use std::str::FromStr;

use candle_core::{Storage, Tensor};

use crate::error::{NetworkError, Result};
use crate::network::MapShape;

/// The usual exponent of GeM: Radenović et al. start from it and it is seldom far off.
const GEM_P: f32 = 3.0;
/// Below this GeM takes values as this, as the reference does: powers of negatives mean nothing.
const GEM_FLOOR: f32 = 1e-6;
/// Levels of R-MAC's regions.
const RMAC_LEVELS: usize = 3;

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

    /// `[N, C, H, W]` → one vector per picture.
    ///
    /// # Errors
    /// [`NetworkError::Tensor`] if the device fails.
    pub fn pool(self, map: &Tensor) -> Result<Vec<Vec<f32>>, NetworkError> {
        let (images, _, height, width) = map.dims4()?;
        let (storage, layout) = map.storage_and_layout();
        let Storage::Cpu(values) = &*storage else {
            return tensor::pool(self, map);
        };
        let values = values.as_slice::<f32>()?;
        match layout.contiguous_offsets() {
            Some((start, end)) if end > start => {
                let image = (end - start) / images;
                let each = values[start..end].chunks_exact(image);
                Ok(each
                    .map(|image| planes::pool(self, image, height, width))
                    .collect())
            }
            _ => tensor::pool(self, map),
        }
    }
}

/// R-MAC's regions: for each level its side, and the tops and lefts of its squares.
fn regions(height: usize, width: usize) -> Vec<(usize, Vec<usize>, Vec<usize>)> {
    let short = height.min(width);
    let (more_rows, more_columns) = steps_along(height, width);
    let level = |level: usize| {
        let side = 2 * short / (level + 1);
        let places = |size: usize, more: usize| {
            let squares = level + more;
            let room = (size.saturating_sub(side)) as f64;
            let gap = if squares > 1 {
                room / (squares - 1) as f64
            } else {
                0.0
            };
            let half = (side / 2).saturating_sub(1) as f64;
            let place = |index: usize| {
                let centre = (half + index as f64 * gap).floor() - half;
                (centre as usize).min(size - side)
            };
            (0..squares).map(place).collect::<Vec<_>>()
        };
        (side, places(height, more_rows), places(width, more_columns))
    };
    (1..=RMAC_LEVELS)
        .map(level)
        .filter(|(side, ..)| *side > 0)
        .collect()
}

/// How many squares more fit along the longer side so that neighbours overlap by about 40 %.
fn steps_along(height: usize, width: usize) -> (usize, usize) {
    let (short, long) = (height.min(width) as f64, height.max(width) as f64);
    let overlap = |steps: usize| {
        let gap = (long - short) / steps as f64;
        (0.4 - (short * short - short * gap) / (short * short)).abs()
    };
    // Compares the overlaps of 2 to 7 squares along the long side; the first best wins.
    let best = (1..7).fold(1, |best, steps| {
        if overlap(steps) < overlap(best) {
            steps
        } else {
            best
        }
    });
    match height.cmp(&width) {
        std::cmp::Ordering::Less => (0, best),
        std::cmp::Ordering::Equal => (0, 0),
        std::cmp::Ordering::Greater => (best, 0),
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

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Two channels of 2×3: not square, so that swapped axes show.
    fn map() -> Tensor {
        let values = vec![1f32, 2.0, 3.0, 4.0, 5.0, 9.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0];
        Tensor::from_vec(values, (1, 2, 2, 3), &Device::Cpu).unwrap()
    }

    #[test]
    fn gap_max_and_direct_are_what_they_say() {
        assert_eq!(Pooling::Gap.pool(&map()).unwrap(), vec![vec![4.0, 1.0]]);
        assert_eq!(Pooling::Max.pool(&map()).unwrap(), vec![vec![9.0, 6.0]]);
        let direct = Pooling::Direct.pool(&map()).unwrap();
        assert_eq!(direct[0][..6], [1.0, 2.0, 3.0, 4.0, 5.0, 9.0]);
    }

    #[test]
    fn gem_lies_between_mean_and_maximum() {
        let gem = Pooling::Gem { p: 3.0 }.pool(&map()).unwrap();
        // ((1 + 8 + 27 + 64 + 125 + 729) / 6)^(1/3)
        assert!((gem[0][0] - 159f32.cbrt()).abs() < 1e-4, "{gem:?}");
        assert!((gem[0][1] - 36f32.cbrt()).abs() < 1e-4, "{gem:?}");
    }

    #[test]
    fn both_ways_give_the_same() {
        let values: Vec<f32> = (0..2 * 5 * 63)
            .map(|i| ((i * 37) % 101) as f32 / 20.0 - 1.5)
            .collect();
        let map = Tensor::from_vec(values, (2, 5, 7, 9), &Device::Cpu).unwrap();
        let gem = [0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 11.3].map(|p| Pooling::Gem { p });
        let others = [Pooling::Direct, Pooling::Gap, Pooling::Max, Pooling::RMac];
        for pooling in gem.into_iter().chain(others) {
            let (planes, tensor) = (
                pooling.pool(&map).unwrap(),
                tensor::pool(pooling, &map).unwrap(),
            );
            for (a, b) in planes.iter().flatten().zip(tensor.iter().flatten()) {
                assert!((a - b).abs() < 1e-5, "{pooling}: {a} {b}");
            }
            assert_eq!(planes.concat().len(), tensor.concat().len());
        }
    }

    #[test]
    fn rmac_regions_lie_within_the_map() {
        for (height, width) in [(1, 1), (1, 9), (7, 7), (7, 12), (14, 5), (3, 2)] {
            for (side, tops, lefts) in regions(height, width) {
                assert!(
                    tops.iter().all(|top| top + side <= height),
                    "{height}×{width}"
                );
                assert!(
                    lefts.iter().all(|left| left + side <= width),
                    "{height}×{width}"
                );
            }
            assert!(
                Pooling::RMac
                    .pool(
                        &Tensor::ones((1, 2, height, width), candle_core::DType::F32, &Device::Cpu)
                            .unwrap()
                    )
                    .is_ok()
            );
        }
    }
}
