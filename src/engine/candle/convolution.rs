//! Convolution with its bias, residual and activation.

use candle_core::{DType, Result, Tensor};

use super::activation::activate;
use super::place::Place;
use crate::network::{Convolution, Padding, Window};
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
        if groups > 1 && groups == self.declared.inputs && groups == self.declared.outputs {
            return depthwise(x, &self.weight, window);
        }
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

/// Each channel with a window of its own: `x` is `[N, C, H, W]`, the weight `[C, 1, k, k]`. Candle does
/// one convolution after the other for each group and joins them, thousands of calls for a network; here
/// the map is moved under each cell of the window instead, and summed in f32.
fn depthwise(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let (n, channels, height, width) = x.dims4()?;
    let Window { kernel, stride, .. } = window;
    let exact = x.to_dtype(DType::F32)?;
    let weight = weight.to_dtype(DType::F32)?;
    let around = |size: usize| {
        let (before, cells) = window.place(size);
        // So long that a map moved under the last cell still has as many whole strides.
        let wanted = kernel - 1 + stride * cells;
        (cells, before, wanted.saturating_sub(before + size))
    };
    let ((rows, top, bottom), (columns, left, right)) = (around(height), around(width));
    let padded = exact
        .pad_with_zeros(2, top, bottom)?
        .pad_with_zeros(3, left, right)?;
    let moved = |row: usize, column: usize| {
        let view = padded.narrow(2, row, stride * rows)?;
        let view = view.narrow(3, column, stride * columns)?;
        if stride == 1 {
            return Ok(view);
        }
        let strides = view
            .contiguous()?
            .reshape(vec![n, channels, rows, stride, columns, stride])?;
        let first = strides.narrow(3, 0, 1)?.narrow(5, 0, 1)?.contiguous()?;
        first.reshape((n, channels, rows, columns))
    };
    let mut sum: Option<Tensor> = None;
    for row in 0..kernel {
        for column in 0..kernel {
            let factor = weight.narrow(2, row, 1)?.narrow(3, column, 1)?;
            let factor = factor.contiguous()?.reshape((1, channels, 1, 1))?;
            let part = moved(row, column)?.broadcast_mul(&factor)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
    }
    let sum = sum.map_or_else(|| exact.zeros_like(), Ok)?;
    sum.to_dtype(x.dtype())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_window_for_each_channel_gives_what_candles_groups_give() {
        let channels = 6;
        for (height, width) in [(9, 9), (12, 7), (8, 15), (5, 5)] {
            for kernel in [1, 3, 5] {
                for stride in [1, 2, 3] {
                    for padding in [
                        Padding::Symmetric(0),
                        Padding::Symmetric(kernel / 2),
                        Padding::Same,
                    ] {
                        let window = Window {
                            kernel,
                            stride,
                            padding,
                        };
                        let x =
                            Tensor::randn(0f32, 1.0, (2, channels, height, width), &Device::Cpu);
                        let shape = (channels, 1, kernel, kernel);
                        let weight = Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap();
                        let x = x.unwrap();
                        let ours = depthwise(&x, &weight, window).unwrap();
                        let (top, bottom) = window.around(height);
                        let (left, right) = window.around(width);
                        let padded = x.pad_with_zeros(2, top, bottom).unwrap();
                        let padded = padded.pad_with_zeros(3, left, right).unwrap();
                        let theirs = padded.conv2d(&weight, 0, stride, 1, channels).unwrap();
                        assert_eq!(ours.dims(), theirs.dims(), "{window:?}, {height}×{width}");
                        let worst = (ours - theirs).unwrap().abs().unwrap().flatten_all();
                        let worst = worst.unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
                        assert!(worst < 1e-5, "{window:?}, {height}×{width}: {worst}");
                    }
                }
            }
        }
    }
}
