//! Convolution with its bias, residual and activation.

use candle_core::{Result, Tensor};

use super::activation::activate;
use super::place::Place;
use crate::network::{Convolution, Padding};
use crate::weights::parameters::Folded;

/// A convolution whose weights are on the device.
pub struct LoadedConvolution {
    declared: Convolution,
    /// `[outputs, inputs / groups, kernel, kernel]`.
    weight: Tensor,
    /// `[1, outputs, 1, 1]`.
    bias: Tensor,
}

impl LoadedConvolution {
    pub fn new(declared: Convolution, folded: Folded, (device, dtype): Place<'_>) -> Result<Self> {
        let shape = declared.weight_shape();
        let weight = Tensor::from_vec(folded.weight, &shape, device)?;
        let bias = Tensor::from_vec(folded.bias, (1, declared.outputs, 1, 1), device)?;
        Ok(Self {
            declared,
            weight: weight.to_dtype(dtype)?,
            bias: bias.to_dtype(dtype)?,
        })
    }

    /// `x` is `[N, inputs, H, W]`; the result `[N, outputs, h, w]`, as `residual` is.
    pub fn run(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        let mut sum = self.convolve(x)?.broadcast_add(&self.bias)?;
        if let Some(residual) = residual {
            sum = (sum + residual)?;
        }
        activate(&sum, self.declared.activation)
    }

    fn convolve(&self, x: &Tensor) -> Result<Tensor> {
        let window = self.declared.window;
        let groups = self.declared.groups;
        if let Padding::Symmetric(pad) = window.padding {
            return x.conv2d(&self.weight, pad, window.stride, 1, groups);
        }
        let (_, _, height, width) = x.dims4()?;
        let (top, bottom) = window.around(height);
        let (left, right) = window.around(width);
        let padded = x
            .pad_with_zeros(2, top, bottom)?
            .pad_with_zeros(3, left, right)?;
        padded.conv2d(&self.weight, 0, window.stride, 1, groups)
    }
}
