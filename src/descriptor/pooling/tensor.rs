//! Poolings by Candle's operations: what runs on a GPU, and what the other way is held against.

use candle_core::{D, Tensor};

use super::kind::{GEM_FLOOR, Pooling};
use super::regions::regions;
use crate::error::{NetworkError, Result};

/// `[N, C, H, W]` → `[N, dimension]`.
pub fn pool(pooling: Pooling, map: &Tensor) -> Result<Tensor, NetworkError> {
    let flat = map.flatten_from(2)?;
    Ok(match pooling {
        Pooling::Direct => map.flatten_from(1)?,
        Pooling::Gap => flat.mean(D::Minus1)?,
        Pooling::Max => flat.max(D::Minus1)?,
        Pooling::Gem { p } => gem(&flat, p)?,
        Pooling::RMac => rmac(map)?,
    })
}

/// `[N, C, HW]` → `[N, C]`.
fn gem(flat: &Tensor, p: f32) -> Result<Tensor, NetworkError> {
    let powers = flat.maximum(GEM_FLOOR)?.powf(f64::from(p))?;
    Ok(powers.mean(D::Minus1)?.powf(1.0 / f64::from(p))?)
}

/// `[N, C, H, W]` → `[N, C]`.
fn rmac(map: &Tensor) -> Result<Tensor, NetworkError> {
    let (_, _, height, width) = map.dims4()?;
    let mut sum = unit_length(&map.flatten_from(2)?.max(D::Minus1)?)?;
    for (side, tops, lefts) in regions(height, width) {
        for &top in &tops {
            for &left in &lefts {
                let region = map.narrow(2, top, side)?.narrow(3, left, side)?;
                let region = region.contiguous()?.flatten_from(2)?.max(D::Minus1)?;
                sum = (sum + unit_length(&region)?)?;
            }
        }
    }
    Ok(sum)
}

fn unit_length(vectors: &Tensor) -> Result<Tensor, NetworkError> {
    let norms = (vectors.sqr()?.sum_keepdim(D::Minus1)?.sqrt()? + f64::from(GEM_FLOOR))?;
    Ok(vectors.broadcast_div(&norms)?)
}
