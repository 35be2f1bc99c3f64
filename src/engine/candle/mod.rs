//! A network by Candle's own operations, on any device.

#![expect(clippy::single_match_else, reason = "older than the rule")]

mod convolution;
mod norm;

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor};

use self::convolution::LoadedConvolution;
use self::norm::LoadedNorm;
use super::cpu::around;
use crate::error::Result;
use crate::network::{Activation, Network, Operation, Padding, Step, Value, Window};
use crate::weights::parameters::Parameters;

/// A step's weights, on a device.
enum Loaded {
    Convolution(Box<LoadedConvolution>),
    Norm(LoadedNorm),
    /// The step has none.
    None,
}

/// A network whose weights are on a device.
pub struct CandleNetwork {
    steps: Vec<(Step, Loaded)>,
    taps: Vec<Value>,
}

impl CandleNetwork {
    /// Moves the weights to `device`; `taps` are what [`CandleNetwork::run`] gives.
    pub fn load(
        network: &Network,
        parameters: Parameters,
        taps: Vec<Value>,
        device: &Device,
    ) -> Result<Self> {
        let load = |(step, folded): (&Step, Option<_>)| {
            let loaded = match (&step.operation, folded) {
                (Operation::Convolution(convolution), Some(folded)) => {
                    let convolution = convolution.clone();
                    let loaded = LoadedConvolution::new(convolution, folded, device)?;
                    Loaded::Convolution(Box::new(loaded))
                }
                (_, Some(folded)) => Loaded::Norm(LoadedNorm::new(folded, device)?),
                (_, None) => Loaded::None,
            };
            Ok((step.clone(), loaded))
        };
        let steps = network.steps().iter().zip(parameters.0).map(load);
        Ok(Self {
            steps: steps.collect::<Result<_>>()?,
            taps,
        })
    }

    /// `[N, 3, H, W]` pixels to one map `[N, C, h, w]` for each tap.
    pub fn run(&self, pixels: &Tensor) -> Result<Vec<Tensor>> {
        let mut values = BTreeMap::from([(Value::INPUT, pixels.clone())]);
        for (index, (step, loaded)) in self.steps.iter().enumerate() {
            let made = run_step(step, loaded, &values)?;
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

fn run_step(step: &Step, loaded: &Loaded, values: &BTreeMap<Value, Tensor>) -> Result<Tensor> {
    let x = &values[&step.input];
    Ok(match (&step.operation, loaded) {
        (Operation::Convolution(declared), Loaded::Convolution(convolution)) => {
            convolution.run(x, declared.residual.map(|value| &values[&value]))?
        }
        (Operation::BatchNorm(norm), Loaded::Norm(loaded)) => {
            activate(&loaded.scale_and_shift(x)?, norm.activation)?
        }
        (Operation::LayerNorm(norm), Loaded::Norm(loaded)) => {
            loaded.scale_and_shift(&norm::normalized(x, norm.epsilon)?)?
        }
        (Operation::MaxPool(window), _) => max_pool(x, *window)?,
        (Operation::AveragePoolTo(side), _) => average_pool_to(x, *side)?,
        (Operation::AveragePool(side), _) => x.avg_pool2d(*side)?,
        (Operation::Scale { by }, _) => x.broadcast_mul(&values[by])?,
        (Operation::Activate(activation), _) => activate(x, *activation)?,
        (Operation::Concatenate { with }, _) => Tensor::cat(&[x, &values[with]], 1)?,
        (Operation::GlobalAveragePool, _) => {
            let (n, c, _, _) = x.dims4()?;
            x.flatten_from(2)?.mean(D::Minus1)?.reshape((n, c, 1, 1))?
        }
        (Operation::Convolution(_) | Operation::BatchNorm(_) | Operation::LayerNorm(_), _) => {
            unreachable!("`Parameters::load` gives weights to every step that has them, or fails")
        }
    })
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

/// The activation, by Candle.
fn activate(x: &Tensor, activation: Activation) -> candle_core::Result<Tensor> {
    let hard_sigmoid = |x: &Tensor| (x + 3.0)?.clamp(0f32, 6f32)? / 6.0;
    match activation {
        Activation::Identity => Ok(x.clone()),
        Activation::Relu => x.relu(),
        Activation::Relu6 => x.clamp(0f32, 6f32),
        Activation::HardSwish => x * hard_sigmoid(x)?,
        Activation::HardSigmoid => hard_sigmoid(x),
        Activation::Silu => x.silu(),
        Activation::Sigmoid => (x.neg()?.exp()? + 1.0)?.recip(),
        Activation::Gelu => x.gelu_erf(),
    }
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
