//! A network written down: steps on numbered values, and names for the values worth tapping.
//!
//! This is only the declaration: no weight is loaded and nothing runs. It is enough to tell every
//! layer's shape, parameters and cost, and it is what both ways of running a network (our own
//! operations on a CPU, Candle's on a GPU) read. Family files build it in the order of their
//! paper's table.

mod convolution;
mod norm;

pub use self::convolution::{Activation, Branch, Convolution, Padding, WeightNames, Window};
pub use self::norm::{BatchNorm, LayerNorm};
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
    /// Whether it needs `value`.
    #[must_use]
    pub fn reads(&self, value: Value) -> bool {
        let second = match &self.operation {
            Operation::Convolution(convolution) => convolution.residual,
            Operation::Scale { by } => Some(*by),
            Operation::Concatenate { with } => Some(*with),
            _ => None,
        };
        self.input == value || second == Some(value)
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

/// Channels, height and width of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapShape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl MapShape {
    /// Number of values, C × H × W.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether nothing is left: the input was too small to get here.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
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
    /// A network that so far only reads RGB pixels.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            steps: Vec::new(),
            channels: vec![3],
            layers: Vec::new(),
        }
    }

    /// Appends a convolution of `input`; its `inputs` are the channels of that value.
    pub fn convolution(&mut self, input: Value, convolution: Convolution) -> Value {
        debug_assert_eq!(
            self.channels[input.0], convolution.inputs,
            "{:?}",
            convolution.names
        );
        let outputs = convolution.outputs;
        self.push(input, Operation::Convolution(convolution), outputs)
    }

    /// Appends a max-pooling of `input`.
    pub fn max_pool(&mut self, input: Value, window: Window) -> Value {
        self.push(input, Operation::MaxPool(window), self.channels[input.0])
    }

    /// Appends the mean over all positions of `input`.
    pub fn global_average_pool(&mut self, input: Value) -> Value {
        self.push(input, Operation::GlobalAveragePool, self.channels[input.0])
    }

    /// Appends the means over a `side` × `side` grid of `input`.
    pub fn average_pool_to(&mut self, input: Value, side: usize) -> Value {
        let channels = self.channels[input.0];
        self.push(input, Operation::AveragePoolTo(side), channels)
    }

    /// Appends the means over windows of `side` cells of `input`, side by side.
    pub fn average_pool(&mut self, input: Value, side: usize) -> Value {
        let channels = self.channels[input.0];
        self.push(input, Operation::AveragePool(side), channels)
    }

    /// Appends a batch norm of `input`.
    pub fn batch_norm(&mut self, input: Value, norm: BatchNorm) -> Value {
        self.push(input, Operation::BatchNorm(norm), self.channels[input.0])
    }

    /// Appends a layer norm over the channels of `input`.
    pub fn layer_norm(&mut self, input: Value, norm: LayerNorm) -> Value {
        self.push(input, Operation::LayerNorm(norm), self.channels[input.0])
    }

    /// Appends `activation` of `input`.
    pub fn activate(&mut self, input: Value, activation: Activation) -> Value {
        let channels = self.channels[input.0];
        self.push(input, Operation::Activate(activation), channels)
    }

    /// Appends `input` with the channels of `with`, of equal size, behind its own.
    pub fn concatenate(&mut self, input: Value, with: Value) -> Value {
        let channels = self.channels[input.0] + self.channels[with.0];
        self.push(input, Operation::Concatenate { with }, channels)
    }

    /// Appends `input` with every channel multiplied by its factor in `by`.
    pub fn scale(&mut self, input: Value, by: Value) -> Value {
        debug_assert_eq!(self.channels[input.0], self.channels[by.0]);
        self.push(input, Operation::Scale { by }, self.channels[input.0])
    }

    fn push(&mut self, input: Value, operation: Operation, channels: usize) -> Value {
        self.steps.push(Step { input, operation });
        self.channels.push(channels);
        Value(self.steps.len())
    }

    /// Names `value` so that it can be tapped.
    pub fn layer(
        &mut self,
        name: impl Into<String>,
        aliases: Vec<String>,
        value: Value,
        ends_stage: bool,
    ) {
        let channels = self.channels[value.0];
        self.layers.push(Layer {
            name: name.into(),
            aliases,
            value,
            channels,
            ends_stage,
        });
    }

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
    #[must_use]
    pub fn with_classes(mut self, classes: usize) -> Self {
        if let Some(Step { operation, .. }) = self.steps.last_mut()
            && let Operation::Convolution(classifier) = operation
        {
            classifier.outputs = classes;
            let last = Value(self.steps.len());
            self.channels[last.0] = classes;
            let is_last = |layer: &&mut Layer| layer.value == last;
            self.layers
                .iter_mut()
                .filter(is_last)
                .for_each(|layer| layer.channels = classes);
        }
        self
    }

    /// The shape of every value for an input of `height` × `width` pixels, value 0 first.
    #[must_use]
    pub fn shapes(&self, height: usize, width: usize) -> Vec<MapShape> {
        let mut shapes = vec![MapShape {
            channels: 3,
            height,
            width,
        }];
        for (step, &channels) in self.steps.iter().zip(&self.channels[1..]) {
            let from = shapes[step.input.0];
            let side = |window: &Window, size| window.place(size).1;
            let (height, width) = match &step.operation {
                Operation::Convolution(Convolution { window, .. }) | Operation::MaxPool(window) => {
                    (side(window, from.height), side(window, from.width))
                }
                Operation::GlobalAveragePool => (from.height.min(1), from.width.min(1)),
                Operation::AveragePoolTo(_) if from.is_empty() => (0, 0),
                Operation::AveragePoolTo(side) => (*side, *side),
                Operation::AveragePool(side) => (from.height / side, from.width / side),
                Operation::Scale { .. }
                | Operation::BatchNorm(_)
                | Operation::LayerNorm(_)
                | Operation::Activate(_)
                | Operation::Concatenate { .. } => (from.height, from.width),
            };
            shapes.push(MapShape {
                channels,
                height,
                width,
            });
        }
        shapes
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
