//! A network written down: steps on numbered values, and names for the values worth tapping.
//!
//! This is only the declaration: no weight is loaded and nothing runs. It is enough to tell every
//! layer's shape, parameters and cost, and it is what both ways of running a network (our own
//! operations on a CPU, Candle's on a GPU) read. Family files write it down in the order of their
//! paper's table.
//!
//! A [`Network`] is made by a [`NetworkBuilder`], which checks all that does not depend on the size
//! of a picture; [`Network::check_size`] checks the rest for one size. What runs a network counts on
//! both.

mod builder;
mod convolution;
mod norm;
mod shapes;
mod window;

pub use self::builder::NetworkBuilder;
pub use self::convolution::{Activation, Branch, Convolution, WeightNames};
pub use self::norm::{BatchNorm, LayerNorm};
pub use self::shapes::MapShape;
pub use self::window::{Padding, Window};
use crate::error::{NetworkError, Result};
use crate::nearest::nearest;

/// The result of a step. Value 0 is the input, `[N, 3, H, W]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Value(pub usize);

impl Value {
    /// The network's input pixels.
    pub const INPUT: Self = Self(0);
}

/// Other names of a layer, as [`Network::layer`] takes them.
pub(super) fn aliases<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

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

/// A value with a name: what one can tap.
#[derive(Clone, PartialEq, Debug)]
pub struct Layer {
    /// The canonical name, the reference implementation's.
    pub name: String,
    /// Other frameworks' names for it.
    pub aliases: Vec<String>,
    /// The value it names.
    pub value: Value,
    /// Channels C of its map.
    pub channels: usize,
    /// Whether it ends a stage (the last map of its resolution or width), which is where one
    /// usually taps.
    pub ends_stage: bool,
}

/// An ordered list of steps with named layers.
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    /// The architecture's name, e.g. `efficientnet_lite0`.
    pub name: String,
    steps: Vec<Step>,
    channels: Vec<usize>,
    layers: Vec<Layer>,
}

impl Network {
    /// The steps, in order; step *i* makes value *i* + 1.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The layers, shallow to deep.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Channels of a value.
    #[must_use]
    pub fn channels(&self, value: Value) -> usize {
        self.channels[value.0]
    }

    /// The layer called `name`, canonically or by an alias.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`], which suggests the nearest name.
    pub fn find_layer(&self, name: &str) -> Result<&Layer, NetworkError> {
        let called =
            |layer: &&Layer| layer.name == name || layer.aliases.iter().any(|alias| alias == name);
        self.layers
            .iter()
            .find(called)
            .ok_or_else(|| NetworkError::UnknownLayer {
                architecture: self.name.clone(),
                layer: name.to_owned(),
                nearest: nearest(name, self.layers.iter().map(|layer| layer.name.as_str())),
            })
    }

    /// The same network ended at the deepest of `taps`: nothing behind it is loaded or run.
    #[must_use]
    pub fn cut_after(&self, taps: &[Value]) -> Self {
        let last = taps.iter().max().map_or(0, |value| value.0);
        let mut cut = self.clone();
        cut.steps.truncate(last);
        cut.channels.truncate(last + 1);
        cut.layers.retain(|layer| layer.value.0 <= last);
        cut
    }

    /// The same network telling so many classes apart: its last step is the classifier.
    ///
    /// # Errors
    /// [`NetworkError::Invalid`] if it cannot have so many.
    pub fn with_classes(self, classes: usize) -> Result<Self, NetworkError> {
        let mut builder = NetworkBuilder::from(self);
        builder.set_classes(classes);
        builder.build()
    }

    /// The error about a step whose trained numbers were not read.
    pub(crate) fn lacks_numbers(&self, step: usize) -> NetworkError {
        NetworkError::Invalid {
            network: self.name.clone(),
            place: format!("step {step}"),
            reason: "has no numbers".to_owned(),
        }
    }

    /// Trained numbers of every step.
    #[must_use]
    pub fn parameters(&self) -> Vec<usize> {
        let of = |(step, &channels): (&Step, &usize)| match &step.operation {
            Operation::Convolution(convolution) => convolution.parameters(),
            // A factor and a shift for each channel.
            Operation::BatchNorm(_) | Operation::LayerNorm(_) => 2 * channels,
            _ => 0,
        };
        self.steps.iter().zip(&self.channels[1..]).map(of).collect()
    }

    /// Multiply-adds of every step for an input of `height` × `width` pixels.
    #[must_use]
    pub fn multiply_adds(&self, height: usize, width: usize) -> Vec<u64> {
        let shapes = self.shapes(height, width);
        let cost = |(step, shape): (&Step, &MapShape)| match &step.operation {
            Operation::Convolution(c) => {
                let per_cell: usize = c.weight_shape().iter().product();
                (per_cell * shape.height * shape.width) as u64
            }
            _ => 0,
        };
        self.steps.iter().zip(&shapes[1..]).map(cost).collect()
    }
}
