//! A network written down: steps on numbered values, and names for the values worth tapping.
//!
//! This is only the declaration: no weight is loaded and nothing runs. It is enough to tell every
//! layer's shape, parameters and cost, and it is what both ways of running a network (our own
//! operations on a CPU, Candle's on a GPU) read. Family files build it in the order of their
//! paper's table.

use crate::error::{Error, Result};
use crate::nearest::nearest;

/// The result of a step. Value 0 is the input, `[N, 3, H, W]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Value(pub usize);

impl Value {
    /// The network's input pixels.
    pub const INPUT: Self = Self(0);
}

/// What is applied to each output of a convolution, after the residual is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · min(max(x + 3, 0), 6) / 6. Howard et al., "Searching for MobileNetV3", 2019.
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// x / (1 + e⁻ˣ), also called swish.
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

/// How many zeros a convolution or pooling sees around its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Padding {
    /// As many on each side.
    Symmetric(usize),
    /// TensorFlow's `SAME`: the output has ⌈size / stride⌉ cells, and where the padding is odd,
    /// the extra row and column are at the bottom and the right.
    Same,
}

/// The geometry of a sliding window, square.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Side of the window in cells.
    pub kernel: usize,
    /// Cells from one window to the next.
    pub stride: usize,
    /// Zeros (for max-pooling: −∞) around the input.
    pub padding: Padding,
}

impl Window {
    /// Padding before the first cell and number of output cells, along one side of `size` cells.
    /// No output cells where the padded input is smaller than the window.
    #[must_use]
    pub fn place(&self, size: usize) -> (usize, usize) {
        match self.padding {
            Padding::Symmetric(pad) => {
                let padded = size + 2 * pad;
                let cells = if padded < self.kernel {
                    0
                } else {
                    (padded - self.kernel) / self.stride + 1
                };
                (pad, cells)
            }
            Padding::Same => {
                let cells = size.div_ceil(self.stride);
                let covered = (cells.max(1) - 1) * self.stride + self.kernel;
                (covered.saturating_sub(size) / 2, cells)
            }
        }
    }
}

/// Where a convolution's weights stand in a weights file, under one naming.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightNames {
    /// Prefix of the convolution's `weight` and `bias`.
    pub convolution: String,
    /// Prefix of the batch norm's `weight`, `bias`, `running_mean`, `running_var`.
    pub norm: Option<String>,
}

impl WeightNames {
    /// Of a convolution without a norm.
    #[must_use]
    pub fn bare(convolution: &str) -> Self {
        Self {
            convolution: convolution.to_owned(),
            norm: None,
        }
    }

    /// Of a convolution and its batch norm.
    #[must_use]
    pub fn normed([convolution, norm]: [&str; 2]) -> Self {
        Self {
            convolution: convolution.to_owned(),
            norm: Some(norm.to_owned()),
        }
    }
}

/// Other names of a layer, as [`Network::layer`] takes them.
pub(super) fn aliases<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// A convolution with what is fused into it: batch norm (at load), residual and activation.
///
/// A linear layer is one with a 1×1 kernel on a 1×1 map.
#[derive(Clone, PartialEq, Debug)]
pub struct Convolution {
    /// Its weights' names, one per naming the family knows; the reference's first.
    pub names: Vec<WeightNames>,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Kernel, stride, padding.
    pub window: Window,
    /// Groups of channels convolved apart; `inputs` of them make it depthwise.
    pub groups: usize,
    /// Whether it has a bias of its own (beside the batch norm's).
    pub bias: bool,
    /// The ε of its batch norm, where it has one.
    pub norm_epsilon: Option<f64>,
    /// Added to the result before the activation.
    pub residual: Option<Value>,
    /// Applied last.
    pub activation: Activation,
}

impl Convolution {
    /// A bare convolution: no norm, no bias, no activation; `names` under each known naming.
    #[must_use]
    pub const fn new(
        names: Vec<WeightNames>,
        inputs: usize,
        outputs: usize,
        window: Window,
    ) -> Self {
        Self {
            names,
            inputs,
            outputs,
            window,
            groups: 1,
            bias: false,
            norm_epsilon: None,
            residual: None,
            activation: Activation::Identity,
        }
    }

    /// Followed by a batch norm with this ε.
    #[must_use]
    pub fn norm(self, epsilon: f64) -> Self {
        Self {
            norm_epsilon: Some(epsilon),
            ..self
        }
    }

    /// Followed by `activation`.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Each channel convolved by itself.
    #[must_use]
    pub fn depthwise(self) -> Self {
        Self {
            groups: self.inputs,
            ..self
        }
    }

    /// With a bias of its own.
    #[must_use]
    pub fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// With `residual`, if any, added before the activation.
    #[must_use]
    pub fn plus(self, residual: Option<Value>) -> Self {
        Self { residual, ..self }
    }

    /// `[outputs, inputs / groups, kernel, kernel]`.
    #[must_use]
    pub fn weight_shape(&self) -> [usize; 4] {
        [
            self.outputs,
            self.inputs / self.groups,
            self.window.kernel,
            self.window.kernel,
        ]
    }

    /// Trained numbers: weights, bias, and the batch norm's scale and shift.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let norm = if self.norm_epsilon.is_some() {
            2 * self.outputs
        } else {
            0
        };
        let bias = if self.bias { self.outputs } else { 0 };
        self.weight_shape().iter().product::<usize>() + norm + bias
    }
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
    /// Every channel times a factor of its own, as squeeze-and-excitation has it. Hu et al.,
    /// "Squeeze-and-Excitation Networks", 2018.
    Scale {
        /// The factors, `[N, C, 1, 1]`.
        by: Value,
    },
}

/// One step: reads `input` (and a residual), makes the next value.
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
    /// [`Error::UnknownLayer`], which suggests the nearest name.
    pub fn find_layer(&self, name: &str) -> Result<&Layer> {
        let called =
            |layer: &&Layer| layer.name == name || layer.aliases.iter().any(|alias| alias == name);
        self.layers
            .iter()
            .find(called)
            .ok_or_else(|| Error::UnknownLayer {
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
                Operation::Scale { .. } => (from.height, from.width),
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
        let of = |step: &Step| match &step.operation {
            Operation::Convolution(convolution) => convolution.parameters(),
            _ => 0,
        };
        self.steps.iter().map(of).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize, padding: Padding) -> Window {
        Window {
            kernel,
            stride,
            padding,
        }
    }

    #[test]
    fn same_padding_puts_the_odd_zero_at_the_end() {
        // 224 at stride 2 with a 3-kernel needs one zero in all, and TensorFlow puts it last.
        assert_eq!(window(3, 2, Padding::Same).place(224), (0, 112));
        assert_eq!(window(5, 2, Padding::Same).place(28), (1, 14));
        assert_eq!(window(3, 1, Padding::Same).place(7), (1, 7));
        assert_eq!(window(3, 2, Padding::Same).place(7), (1, 4));
    }

    #[test]
    fn a_window_larger_than_its_input_has_no_place() {
        assert_eq!(window(7, 2, Padding::Symmetric(0)).place(5), (0, 0));
        assert_eq!(window(7, 2, Padding::Symmetric(3)).place(224), (3, 112));
    }
}
