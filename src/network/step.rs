//! What a network is made of: operations on values.

use super::convolution::{Activation, Convolution};
use super::norm::{BatchNorm, LayerNorm};
use super::value::Value;
use super::window::Window;

/// What a step does.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// Convolution with everything fused into it.
    Convolution(Convolution),
    /// Largest value in each window.
    MaxPool(Window),
    /// Mean over all positions: `[N, C, H, W]` → `[N, C, 1, 1]`.
    GlobalAveragePool,
    /// Means over a grid of this many cells a side, whatever the map's size, as torch's
    /// `adaptive_avg_pool2d`: `[N, C, H, W]` → `[N, C, side, side]`.
    AveragePoolTo(usize),
    /// Means over windows of this many cells a side that do not overlap; a row or column that is
    /// left over at the end does not count.
    AveragePool(usize),
    /// A batch norm that cannot be folded into a convolution before it.
    BatchNorm(BatchNorm),
    /// Every cell's channels brought to mean 0 and variance 1. Ba et al., "Layer Normalization", 2016.
    LayerNorm(LayerNorm),
    /// An activation by itself.
    Activate(Activation),
    /// The channels of another value behind the input's, as DenseNet has it.
    Concatenate {
        /// The value whose channels come second.
        with: Value,
    },
    /// Every channel times a factor of its own, as squeeze-and-excitation has it. Hu et al.,
    /// "Squeeze-and-Excitation Networks", 2018.
    Scale {
        /// The factors, `[N, C, 1, 1]`.
        by: Value,
    },
}

/// One step: reads `input` (and perhaps a second value), makes the next value.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// What it reads. What it makes is the value numbered one above the step's own index.
    pub input: Value,
    /// What it does.
    pub operation: Operation,
}

impl Step {
    /// What it reads beside its input: a residual, factors, or channels to put behind.
    #[must_use]
    pub const fn second(&self) -> Option<Value> {
        match &self.operation {
            Operation::Convolution(convolution) => convolution.residual,
            Operation::Scale { by } => Some(*by),
            Operation::Concatenate { with } => Some(*with),
            Operation::MaxPool(_)
            | Operation::GlobalAveragePool
            | Operation::AveragePoolTo(_)
            | Operation::AveragePool(_)
            | Operation::BatchNorm(_)
            | Operation::LayerNorm(_)
            | Operation::Activate(_) => None,
        }
    }

    /// Whether it needs `value`.
    #[must_use]
    pub fn reads(&self, value: Value) -> bool {
        self.input == value || self.second() == Some(value)
    }
}
