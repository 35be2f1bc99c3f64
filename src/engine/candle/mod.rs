//! A network by Candle's own operations, on any device.

mod activation;
mod convolution;
mod norm;
mod place;

use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Result, Tensor};

use self::activation::activate;
use self::convolution::LoadedConvolution;
use self::norm::LoadedNorm;
use self::place::Place;
use crate::error::NetworkError;
use crate::network::{Activation, Network, Operation, Padding, Step, Value, Window};
use crate::weights::parameters::{Folded, Parameters};

type Loading<T> = std::result::Result<T, NetworkError>;

/// What a step does, with its weights on a device.
enum Work {
    Convolution(Box<LoadedConvolution>, Option<Value>),
    BatchNorm(LoadedNorm, Activation),
    /// With its ε.
    LayerNorm(LoadedNorm, f64),
    MaxPool(Window),
    GlobalAveragePool,
    AveragePoolTo(usize),
    AveragePool(usize),
    Activate(Activation),
    Concatenate(Value),
    Scale(Value),
}

/// A network whose weights are on a device.
pub struct CandleNetwork {
    steps: Vec<(Step, Work)>,
    taps: Vec<Value>,
    dtype: DType,
}

impl CandleNetwork {
    /// Moves the weights to a device; `taps` are what [`CandleNetwork::run`] gives.
    pub fn load(
        network: &Network,
        parameters: Parameters,
        taps: Vec<Value>,
        place: Place<'_>,
    ) -> Loading<Self> {
        let steps = network.steps().iter().zip(parameters.0).enumerate();
        let load = |(index, (step, folded)): (usize, (&Step, Option<Folded>))| {
            let folded = || folded.ok_or_else(|| network.lacks_numbers(index));
            let work = load_step(step, folded, place)?;
            Ok((step.clone(), work))
        };
        Ok(Self {
            steps: steps.map(load).collect::<Loading<_>>()?,
            taps,
            dtype: place.1,
        })
    }

    /// `[N, 3, H, W]` pixels to one map `[N, C, h, w]` for each tap, in the network's own numbers.
    pub fn run(&self, pixels: &Tensor) -> Result<Vec<Tensor>> {
        let pixels = pixels.to_dtype(self.dtype)?;
        let mut values = BTreeMap::from([(Value::INPUT, pixels)]);
        for (index, (step, work)) in self.steps.iter().enumerate() {
            let made = run_step(step.input, work, &values)?;
            values.insert(Value(index + 1), made);
            self.forget_used(&mut values, index);
        }
        Ok(self.taps.iter().map(|tap| values[tap].clone()).collect())
    }

    /// Lets go of maps that no later step reads and no one asked for, to bound memory.
    fn forget_used(&self, values: &mut BTreeMap<Value, Tensor>, done: usize) {
        let later = &self.steps[done + 1..];
        values.retain(|value, _| {
            self.taps.contains(value)
                || value.0 == done + 1
                || later.iter().any(|(step, _)| step.reads(*value))
        });
    }
}

fn load_step(
    step: &Step,
    folded: impl FnOnce() -> Loading<Folded>,
    place: Place<'_>,
) -> Loading<Work> {
    Ok(match &step.operation {
        Operation::Convolution(convolution) => {
            let residual = convolution.residual;
            let loaded = LoadedConvolution::new(convolution.clone(), folded()?, place)?;
            Work::Convolution(Box::new(loaded), residual)
        }
        Operation::BatchNorm(norm) => {
            Work::BatchNorm(LoadedNorm::new(folded()?, place)?, norm.activation)
        }
        Operation::LayerNorm(norm) => {
            Work::LayerNorm(LoadedNorm::new(folded()?, place)?, norm.epsilon)
        }
        Operation::MaxPool(window) => Work::MaxPool(*window),
        Operation::GlobalAveragePool => Work::GlobalAveragePool,
        Operation::AveragePoolTo(side) => Work::AveragePoolTo(*side),
        Operation::AveragePool(side) => Work::AveragePool(*side),
        Operation::Activate(activation) => Work::Activate(*activation),
        Operation::Concatenate { with } => Work::Concatenate(*with),
        Operation::Scale { by } => Work::Scale(*by),
    })
}

fn run_step(input: Value, work: &Work, values: &BTreeMap<Value, Tensor>) -> Result<Tensor> {
    let x = &values[&input];
    Ok(match work {
        Work::Convolution(convolution, residual) => {
            convolution.run(x, residual.map(|value| &values[&value]))?
        }
        Work::BatchNorm(norm, activation) => activate(&norm.scale_and_shift(x)?, *activation)?,
        Work::LayerNorm(norm, epsilon) => norm.scale_and_shift(&norm::normalized(x, *epsilon)?)?,
        Work::MaxPool(window) => max_pool(x, *window)?,
        Work::AveragePoolTo(side) => average_pool_to(x, *side)?,
        Work::AveragePool(side) => {
            let exact = x.to_dtype(DType::F32)?.avg_pool2d(*side)?;
            exact.to_dtype(x.dtype())?
        }
        Work::Scale(by) => x.broadcast_mul(&values[by])?,
        Work::Activate(activation) => activate(x, *activation)?,
        Work::Concatenate(with) => Tensor::cat(&[x, &values[with]], 1)?,
        Work::GlobalAveragePool => {
            let (n, c, _, _) = x.dims4()?;
            // Sums of thousands of cells do not fit into 16 bits.
            let cells = x.flatten_from(2)?.to_dtype(DType::F32)?;
            let means = cells.mean(D::Minus1)?.to_dtype(x.dtype())?;
            means.reshape((n, c, 1, 1))?
        }
    })
}

fn max_pool(x: &Tensor, window: Window) -> Result<Tensor> {
    // Repeating the edge gives the same maximum as torchvision's −∞, so it is exact here.
    let x = if window.padding == Padding::Symmetric(0) {
        x.clone()
    } else {
        let (_, _, height, width) = x.dims4()?;
        let (top, bottom) = window.around(height);
        let (left, right) = window.around(width);
        x.pad_with_same(2, top, bottom)?
            .pad_with_same(3, left, right)?
    };
    x.max_pool2d_with_stride(window.kernel, window.stride)
}

/// Averaging is linear along each axis, so it is a matrix product from either side.
fn average_pool_to(x: &Tensor, side: usize) -> Result<Tensor> {
    let (n, c, height, width) = x.dims4()?;
    if (height, width) == (side, side) {
        return Ok(x.clone());
    }
    let (numbers, x) = (x.dtype(), x.to_dtype(DType::F32)?);
    let rows = averages(height, side, x.device())?;
    let columns = averages(width, side, x.device())?.t()?;
    let pooled = rows
        .broadcast_matmul(&x.reshape((n * c, height, width))?)?
        .broadcast_matmul(&columns)?;
    pooled.reshape((n, c, side, side))?.to_dtype(numbers)
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
    Tensor::from_vec(matrix, (side, size), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_to_a_grid_averages_the_windows_that_torch_averages() {
        // `torch.nn.functional.adaptive_avg_pool2d(torch.arange(15.).reshape(1, 1, 3, 5), 2)`.
        let map = Tensor::arange(0f32, 15.0, &Device::Cpu).unwrap();
        let map = map.reshape((1, 1, 3, 5)).unwrap();
        let pooled = average_pool_to(&map, 2).unwrap().flatten_all().unwrap();
        assert_close(&pooled, &[3.5, 5.5, 8.5, 10.5]);
        // To more cells than there are, each repeats.
        let pooled = average_pool_to(&map.narrow(2, 0, 1).unwrap(), 7).unwrap();
        let row = pooled.get(0).unwrap().get(0).unwrap().get(6).unwrap();
        assert_close(&row, &[0.0, 0.5, 1.5, 2.0, 2.5, 3.5, 4.0]);
    }

    fn assert_close(tensor: &Tensor, expected: &[f32]) {
        let values = tensor.to_vec1::<f32>().unwrap();
        let is_close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
        assert!(values.iter().zip(expected).all(is_close), "{values:?}");
        assert_eq!(values.len(), expected.len());
    }
}
