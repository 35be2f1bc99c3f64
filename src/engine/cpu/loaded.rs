//! A network's steps with their weights, in the order in which kernels read them.

use std::sync::Arc;

use rayon::prelude::*;

use super::conv::Packed;
use super::depthwise::Depthwise;
use super::elementwise::Norm;
use super::map::Operands;
use super::pool::Means;
use crate::error::Result;
use crate::kernels::BLOCK;
use crate::network::{Activation, Convolution, Network, Operation, Step, Value, Window};
use crate::weights::parameters::Folded;

/// A step, ready to be planned.
pub struct Loaded {
    /// What it reads and makes.
    pub operands: Operands<Value>,
    /// What it does, and with what.
    pub work: Work,
}

/// What a step does, with its weights.
#[derive(Clone)]
pub enum Work {
    /// A convolution.
    Conv(Arc<Packed>),
    /// A convolution of each channel by itself.
    Depthwise(Arc<Depthwise>),
    /// Each cell by itself: a norm, an activation, factors for the channels.
    Elementwise(Arc<Norm>),
    /// The largest value in each window.
    MaxPool(Window),
    /// Means.
    AveragePool(Means),
    /// Channels put one behind the other.
    Concat,
}

/// All steps of a network, with their weights.
pub struct LoadedNetwork {
    /// The steps, in order.
    pub steps: Vec<Loaded>,
    /// Channels per cell of the pixels: 1 as they come, plane by plane, or [`BLOCK`] as other maps
    /// have them, where something else than a convolution reads them.
    pub pixel_lanes: usize,
}

impl LoadedNetwork {
    /// Packs the weights of every step as soon as they are read: they are still in the cache then,
    /// and no second copy of all of them is ever held.
    ///
    /// # Errors
    /// Those of `read`, of the first step that fails.
    pub fn pack(
        network: &Network,
        read: impl Fn(usize) -> Result<Option<Folded>> + Sync,
    ) -> Result<Self> {
        let pixel_lanes = pixel_lanes(network);
        let steps = network.steps().par_iter().enumerate();
        let packed = steps.map(|(index, step)| {
            let output = Value(index + 1);
            let channels = network.channels(output);
            let lanes = match step.input {
                Value::INPUT => pixel_lanes,
                _ => BLOCK,
            };
            let work = work(step, channels, lanes, read(index)?.as_ref());
            Ok(Loaded {
                operands: operands(step, output),
                work: work.ok_or_else(|| network.lacks_numbers(index))?,
            })
        });
        let packed: Vec<Result<Loaded>> = packed.collect();
        Ok(Self {
            steps: packed.into_iter().collect::<Result<_>>()?,
            pixel_lanes,
        })
    }
}

/// How the pixels are laid out for all that read them.
fn pixel_lanes(network: &Network) -> usize {
    let takes_planes = |step: &Step| match &step.operation {
        Operation::Convolution(convolution) => {
            step.second() != Some(Value::INPUT)
                && (convolution.groups == 1 || convolution.groups != convolution.inputs)
        }
        _ => false,
    };
    let mut readers = network.steps().iter();
    if readers.all(|step| !step.reads(Value::INPUT) || takes_planes(step)) {
        1
    } else {
        BLOCK
    }
}

fn operands(step: &Step, output: Value) -> Operands<Value> {
    let (second, factors) = match step.operation {
        Operation::Scale { by } => (None, Some(by)),
        _ => (step.second(), None),
    };
    Operands {
        input: step.input,
        second,
        factors,
        output,
    }
}

/// What a step does; none if it lacks its numbers.
fn work(step: &Step, channels: usize, lanes: usize, folded: Option<&Folded>) -> Option<Work> {
    let norm = |folded, activation, layer| {
        Work::Elementwise(Arc::new(Norm::pack(channels, folded, activation, layer)))
    };
    Some(match &step.operation {
        Operation::Convolution(convolution) => conv(convolution, lanes, folded?),
        Operation::BatchNorm(declared) => norm(Some(folded?), declared.activation, None),
        Operation::LayerNorm(declared) => {
            let epsilon = Some(declared.epsilon as f32);
            norm(Some(folded?), Activation::Identity, epsilon)
        }
        Operation::Activate(activation) => norm(None, *activation, None),
        Operation::Scale { .. } => norm(None, Activation::Identity, None),
        Operation::MaxPool(window) => Work::MaxPool(*window),
        Operation::AveragePool(side) => Work::AveragePool(Means::Windows(*side)),
        Operation::AveragePoolTo(_) | Operation::GlobalAveragePool => {
            Work::AveragePool(Means::Grid)
        }
        Operation::Concatenate { .. } => Work::Concat,
    })
}

fn conv(convolution: &Convolution, lanes: usize, folded: &Folded) -> Work {
    let depthwise = (lanes == BLOCK)
        .then(|| Depthwise::pack(convolution, folded))
        .flatten();
    match depthwise {
        Some(depthwise) => Work::Depthwise(Arc::new(depthwise)),
        None => Work::Conv(Arc::new(Packed::pack(convolution, folded, lanes))),
    }
}
