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

/// Cells to add before and behind a side of `size` cells.
fn around(window: &Window, size: usize) -> (usize, usize) {
    let (before, cells) = window.place(size);
    let covered = (cells.max(1) - 1) * window.stride + window.kernel;
    (before, covered.saturating_sub(size + before))
}
