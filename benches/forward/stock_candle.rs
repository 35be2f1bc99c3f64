//! The same network on Candle as it comes: `candle_nn`'s layers one after another, as
//! `candle-transformers` would write it.

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Module, ModuleT};
use imgsearch::network::{Activation, Convolution, Network, Operation, Padding, Value, Window};
use imgsearch::weights::WeightsFile;

use super::{Engine, Result};

pub struct StockCandle {
    network: Network,
    /// One for each step; `None` where it is no convolution.
    layers: Vec<Option<(Conv2d, Option<BatchNorm>)>>,
    pixels: Tensor,
}

impl StockCandle {
    pub fn load(network: Network, weights: &WeightsFile, pixels: Tensor) -> Result<Self> {
        let layer = |operation: &Operation| match operation {
            Operation::Convolution(convolution) => load(convolution, weights).map(Some),
            _ => Ok(None),
        };
        let steps = network.steps().iter();
        let layers = steps.map(|step| layer(&step.operation));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            network,
            pixels,
        })
    }
}

fn load(c: &Convolution, file: &WeightsFile) -> Result<(Conv2d, Option<BatchNorm>)> {
    let held = |name: &str| file.shape(&format!("{name}.weight")).is_some();
    let names = c.names.iter().find(|names| held(&names.convolution));
    let names = names.ok_or("the weights are another network's")?;
    let tensor = |name: String, shape: &[usize]| -> Result<Tensor> {
        let values = file.tensor(&name, shape)?;
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    };
    let channels = [c.outputs];
    let weight = tensor(format!("{}.weight", names.convolution), &c.weight_shape())?;
    let bias = if c.bias {
        Some(tensor(format!("{}.bias", names.convolution), &channels)?)
    } else {
        None
    };
    let config = Conv2dConfig {
        padding: match c.window.padding {
            Padding::Symmetric(pad) => pad,
            Padding::Same => 0,
        },
        stride: c.window.stride,
        groups: c.groups,
        ..Conv2dConfig::default()
    };
    let norm = match (&names.norm, c.norm_epsilon) {
        (Some(norm), Some(epsilon)) => {
            let part = |part: &str| tensor(format!("{norm}.{part}"), &channels);
            let (mean, variance) = (part("running_mean")?, part("running_var")?);
            let (weight, bias) = (part("weight")?, part("bias")?);
            Some(BatchNorm::new(
                c.outputs, mean, variance, weight, bias, epsilon,
            )?)
        }
        _ => None,
    };
    Ok((Conv2d::new(weight, bias, config), norm))
}

impl StockCandle {
    fn is_read_after(&self, index: usize, value: Value) -> bool {
        let residual = |operation: &Operation| match operation {
            Operation::Convolution(convolution) => convolution.residual,
            _ => None,
        };
        let later = &self.network.steps()[index + 1..];
        later
            .iter()
            .any(|step| step.input == value || residual(&step.operation) == Some(value))
    }
}

impl Engine for StockCandle {
    fn forward(&self) -> Result<Vec<Vec<f32>>> {
        let mut values = BTreeMap::from([(Value::INPUT, self.pixels.clone())]);
        let mut x = self.pixels.clone();
        for (index, (step, layer)) in self.network.steps().iter().zip(&self.layers).enumerate() {
            x = values[&step.input].clone();
            x = match (&step.operation, layer) {
                (Operation::Convolution(c), Some((convolution, norm))) => {
                    let mut x = convolution.forward(&zero_padded(&x, c.window)?)?;
                    if let Some(norm) = norm {
                        x = norm.forward_t(&x, false)?;
                    }
                    if let Some(residual) = c.residual {
                        x = (x + &values[&residual])?;
                    }
                    match c.activation {
                        Activation::Identity => x,
                        Activation::Relu => x.relu()?,
                        Activation::Relu6 => x.clamp(0f32, 6f32)?,
                        _ => return Err("no network here has another activation".into()),
                    }
                }
                (Operation::MaxPool(window), _) => {
                    let pad = match window.padding {
                        Padding::Symmetric(pad) => pad,
                        Padding::Same => return Err("no network pools so".into()),
                    };
                    x.pad_with_same(2, pad, pad)?
                        .pad_with_same(3, pad, pad)?
                        .max_pool2d_with_stride(window.kernel, window.stride)?
                }
                _ => return Err("the features have no such operation".into()),
            };
            values.insert(Value(index + 1), x.clone());
            values.retain(|value, _| self.is_read_after(index, *value));
        }
        Ok(x.flatten_from(2)?.mean(D::Minus1)?.to_vec2()?)
    }
}

/// TensorFlow's `SAME` padding, which Candle's convolution does not know.
fn zero_padded(x: &Tensor, window: Window) -> Result<Tensor> {
    if window.padding != Padding::Same {
        return Ok(x.clone());
    }
    let (_, _, height, width) = x.dims4()?;
    let around = |size: usize| {
        let (before, cells) = window.place(size);
        let covered = (cells.max(1) - 1) * window.stride + window.kernel;
        (before, covered.saturating_sub(size + before))
    };
    let ((top, bottom), (left, right)) = (around(height), around(width));
    let padded = x.pad_with_zeros(2, top, bottom)?;
    Ok(padded.pad_with_zeros(3, left, right)?)
}
