//! Depthwise convolution on a CPU: every channel convolved with its own kernel.
//!
//! Candle runs it as one small convolution per channel, which is an order of magnitude slower. Here
//! each output row is a sum of input rows times one weight, which compilers vectorize.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape};

use crate::backbone::network::Window;

/// `[N, C, H, W]` and weights `[C, 1, k, k]` to `[N, C, h, w]`.
pub struct Depthwise {
    pub window: Window,
}

impl CustomOp2 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = x_layout.shape().dims4()?;
        let x = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let (top, rows) = self.window.place(height);
        let (left, columns) = self.window.place(width);
        let plane = Plane {
            height,
            width,
            top,
            left,
            columns,
        };
        let mut out = vec![0.0f32; n * channels * rows * columns];
        let taps = self.window.kernel * self.window.kernel;
        let planes = out
            .chunks_exact_mut(rows * columns)
            .zip(x.chunks_exact(height * width));
        for (index, (out, x)) in planes.enumerate() {
            let channel = index % channels;
            let kernel = &weight[channel * taps..(channel + 1) * taps];
            self.convolve_plane(x, kernel, out, &plane);
        }
        Ok((CpuStorage::F32(out), (n, channels, rows, columns).into()))
    }
}

/// Sizes of one channel's input, the zeros before it, and the width of its output.
struct Plane {
    height: usize,
    width: usize,
    top: usize,
    left: usize,
    columns: usize,
}

impl Depthwise {
    fn convolve_plane(&self, x: &[f32], kernel: &[f32], out: &mut [f32], plane: &Plane) {
        let side = self.window.kernel;
        for (row, out) in out.chunks_exact_mut(plane.columns).enumerate() {
            for ky in 0..side {
                let Some(y) = (row * self.window.stride + ky).checked_sub(plane.top) else {
                    continue;
                };
                if y >= plane.height {
                    continue;
                }
                let x = &x[y * plane.width..(y + 1) * plane.width];
                for kx in 0..side {
                    self.add_row(x, kernel[ky * side + kx], kx, out, plane.left);
                }
            }
        }
    }

    /// Adds `weight` times the input row, seen through column `kx` of the kernel, to the output row.
    fn add_row(&self, x: &[f32], weight: f32, kx: usize, out: &mut [f32], left: usize) {
        let stride = self.window.stride;
        // The first output column whose input column is not in the padding, and its input column.
        let first = left.saturating_sub(kx).div_ceil(stride);
        if first >= out.len() {
            return;
        }
        let start = first * stride + kx - left;
        let Some(x) = x.get(start..) else { return };
        if stride == 1 {
            for (sum, value) in out[first..].iter_mut().zip(x) {
                *sum += weight * value;
            }
        } else {
            for (sum, value) in out[first..].iter_mut().zip(x.iter().step_by(stride)) {
                *sum += weight * value;
            }
        }
    }
}

/// The f32 values of a contiguous tensor.
pub fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => candle_core::bail!("this operation needs a contiguous tensor"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use proptest::prelude::*;

    use super::*;
    use crate::backbone::network::Padding;

    proptest! {
        #[test]
        fn equals_candles_grouped_convolution(
            channels in 2usize..6,
            height in 1usize..12,
            width in 1usize..12,
            kernel in prop::sample::select(vec![3usize, 5]),
            stride in 1usize..3,
        ) {
            let device = Device::Cpu;
            let x = Tensor::randn(0f32, 1.0, (2, channels, height, width), &device).unwrap();
            let weight = Tensor::randn(0f32, 1.0, (channels, 1, kernel, kernel), &device).unwrap();
            let pad = kernel / 2;
            let window = Window { kernel, stride, padding: Padding::Symmetric(pad) };
            let ours = x.apply_op2_no_bwd(&weight, &Depthwise { window }).unwrap();
            let candles = x.conv2d(&weight, pad, stride, 1, channels).unwrap();
            prop_assert_eq!(ours.dims(), candles.dims());
            let difference = (ours - candles).unwrap().abs().unwrap().flatten_all().unwrap();
            let largest = difference.max(0).unwrap().to_scalar::<f32>().unwrap();
            prop_assert!(largest < 1e-4, "{}", largest);
        }
    }
}
