//! Norms that stand by themselves.

use candle_core::{DType, Result, Tensor};

use super::place::Place;
use crate::weights::parameters::Folded;

/// A norm's factors and shifts on the device, `[1, C, 1, 1]`.
pub struct LoadedNorm {
    scale: Tensor,
    shift: Tensor,
}

impl LoadedNorm {
    pub fn new(folded: Folded, (device, dtype): Place<'_>) -> Result<Self> {
        let channels = folded.weight.len();
        let shape = (1, channels, 1, 1);
        let load = |values| Tensor::from_vec(values, shape, device)?.to_dtype(dtype);
        Ok(Self {
            scale: load(folded.weight)?,
            shift: load(folded.bias)?,
        })
    }

    /// `[N, C, H, W]` channel by channel.
    pub fn scale_and_shift(&self, x: &Tensor) -> Result<Tensor> {
        x.broadcast_mul(&self.scale)?.broadcast_add(&self.shift)
    }
}

/// Every cell of `[N, C, H, W]` less its mean, over its standard deviation: in f32, since squares and
/// their sums do not fit into 16 bits.
pub fn normalized(x: &Tensor, epsilon: f64) -> Result<Tensor> {
    let (numbers, x) = (x.dtype(), x.to_dtype(DType::F32)?);
    let centred = x.broadcast_sub(&x.mean_keepdim(1)?)?;
    let deviation = (centred.sqr()?.mean_keepdim(1)? + epsilon)?.sqrt()?;
    centred.broadcast_div(&deviation)?.to_dtype(numbers)
}
