//! The operations a layer is made of, on tensors `[N, C, H, W]`.
//!
//! Candle's own operations are used where they are fast; where they are not (on a CPU: depthwise
//! convolution, and the bias, residual and activation behind every convolution), our own stand in
//! as Candle custom operations. The rest of the crate sees [`LoadedOperation`] alone.

mod convolution;
mod depthwise;
mod epilogue;

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor};

use self::convolution::LoadedConvolution;
use super::network::{Network, Operation, Padding, Value, Window};
use super::parameters::Parameters;
use crate::error::Result;

/// A step with its weights on the device.
pub struct LoadedOperation {
    input: Value,
    kind: Kind,
}

enum Kind {
    Convolution(Box<LoadedConvolution>),
    MaxPool(Window),
    GlobalAveragePool,
    AveragePoolTo(usize),
}

/// Moves every step's weights to `device`.
pub fn load(
    network: &Network,
    parameters: Parameters,
    device: &Device,
) -> Result<Vec<LoadedOperation>> {
    let steps = network.steps().iter().zip(parameters.0);
    let load_step = |(step, folded): (&super::network::Step, Option<_>)| {
        let kind = match (&step.operation, folded) {
            (Operation::Convolution(convolution), Some(folded)) => {
                let loaded = LoadedConvolution::new(convolution.clone(), folded, device)?;
                Kind::Convolution(Box::new(loaded))
            }
            (Operation::MaxPool(window), _) => Kind::MaxPool(*window),
            (Operation::AveragePoolTo(side), _) => Kind::AveragePoolTo(*side),
            // A convolution always has weights: `Parameters::load` gives them or fails.
            (Operation::GlobalAveragePool | Operation::Convolution(_), _) => {
                Kind::GlobalAveragePool
            }
        };
        Ok(LoadedOperation {
            input: step.input,
            kind,
        })
    };
    steps.map(load_step).collect()
}

impl LoadedOperation {
    /// Whether it needs `value`.
    pub fn reads(&self, value: Value) -> bool {
        let residual = match &self.kind {
            Kind::Convolution(convolution) => convolution.residual(),
            _ => None,
        };
        self.input == value || residual == Some(value)
    }

    /// Makes the next value from those before it.
    pub fn run(&self, values: &BTreeMap<Value, Tensor>) -> Result<Tensor> {
        let x = &values[&self.input];
        Ok(match &self.kind {
            Kind::Convolution(convolution) => {
                let residual = convolution.residual().map(|value| &values[&value]);
                convolution.run(x, residual)?
            }
            Kind::MaxPool(window) => max_pool(x, *window)?,
            Kind::GlobalAveragePool => {
                let (n, c, _, _) = x.dims4()?;
                x.flatten_from(2)?.mean(D::Minus1)?.reshape((n, c, 1, 1))?
            }
            Kind::AveragePoolTo(side) => average_pool_to(x, *side)?,
        })
    }
}

fn max_pool(x: &Tensor, window: Window) -> Result<Tensor> {
    // Repeating the edge gives the same maximum as torchvision's −∞, so it is exact here.
    let x = match window.padding {
        Padding::Symmetric(0) => x.clone(),
        _ => {
            let (_, _, height, width) = x.dims4()?;
            let (top, bottom) = around(&window, height);
            let (left, right) = around(&window, width);
            x.pad_with_same(2, top, bottom)?
                .pad_with_same(3, left, right)?
        }
    };
    Ok(x.max_pool2d_with_stride(window.kernel, window.stride)?)
}

/// Averaging is linear along each axis, so it is a matrix product from either side.
fn average_pool_to(x: &Tensor, side: usize) -> Result<Tensor> {
    let (n, c, height, width) = x.dims4()?;
    if (height, width) == (side, side) {
        return Ok(x.clone());
    }
    let rows = averages(height, side, x.device())?;
    let columns = averages(width, side, x.device())?.t()?;
    let pooled = rows
        .broadcast_matmul(&x.reshape((n * c, height, width))?)?
        .broadcast_matmul(&columns)?;
    Ok(pooled.reshape((n, c, side, side))?)
}

/// `[side, size]`: row *i* averages the cells from ⌊i·size/side⌋ to ⌈(i + 1)·size/side⌉, as torch
/// places them; neighbouring windows share a cell where `side` does not divide `size`.
fn averages(size: usize, side: usize, device: &Device) -> Result<Tensor> {
    let mut matrix = vec![0f32; side * size];
    for (i, row) in matrix.chunks_exact_mut(size).enumerate() {
        let window = i * size / side..((i + 1) * size).div_ceil(side);
        let share = 1.0 / window.len() as f32;
        row[window].fill(share);
    }
    Ok(Tensor::from_vec(matrix, (side, size), device)?)
}

/// Cells to add before and behind a side of `size` cells.
fn around(window: &Window, size: usize) -> (usize, usize) {
    let (before, cells) = window.place(size);
    let covered = (cells.max(1) - 1) * window.stride + window.kernel;
    (before, covered.saturating_sub(size + before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_to_a_grid_averages_the_windows_that_torch_averages() {
        // `torch.nn.functional.adaptive_avg_pool2d(torch.arange(15.).reshape(1, 1, 3, 5), 2)`.
        let map = Tensor::arange(0f32, 15.0, &Device::Cpu).unwrap();
        let map = map.reshape((1, 1, 3, 5)).unwrap();
        assert_near(&average_pool_to(&map, 2).unwrap(), &[3.5, 5.5, 8.5, 10.5]);
        // To more cells than there are, they repeat; here one row becomes seven of seven.
        let pooled = average_pool_to(&map.narrow(2, 0, 1).unwrap(), 7).unwrap();
        let last_row = pooled.narrow(2, 6, 1).unwrap();
        assert_near(&last_row, &[0.0, 0.5, 1.5, 2.0, 2.5, 3.5, 4.0]);
    }

    fn assert_near(map: &Tensor, expected: &[f32]) {
        let values: Vec<f32> = map.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{values:?}");
        }
    }
}
