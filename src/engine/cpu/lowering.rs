//! From a network's steps to what is run on a CPU: which steps are run as one, and what halo each
//! value needs for those that read it.

use super::depthwise::is_direct;
use super::layout::{Halo, around};
use super::winograd;
use crate::network::{Convolution, MapShape, Network, Operation, Padding, Value, Window};

/// Cells of output from which on Winograd's method is faster: with fewer, reading its larger
/// weights takes longer than the products that it saves.
const WINOGRAD_FROM: usize = 100;

/// Steps of the network that are run as one; numbers are the steps'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fused {
    /// A convolution by its definition.
    Direct {
        /// What is done to the cells before, if the convolution sees them one at a time.
        prepare: Option<usize>,
        /// The convolution.
        convolution: usize,
    },
    /// A 3×3 convolution by Winograd's method.
    Winograd(usize),
    /// A depthwise convolution with its neighbours.
    InvertedResidual {
        /// The convolution before it.
        expand: Option<usize>,
        /// The depthwise convolution.
        depthwise: usize,
        /// What is done to the cells between it and the next.
        norm: Option<usize>,
        /// The pointwise convolution behind it.
        project: Option<usize>,
    },
    /// Max-pooling.
    MaxPool(usize),
    /// Average pooling, global, in windows or to a grid.
    Average(usize),
    /// Each cell by itself: a norm, an activation, factors for the channels.
    Elementwise(usize),
    /// Channels put one behind the other.
    Concatenate(usize),
}

/// What is read by steps that are run as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inputs {
    /// What they are applied to.
    pub input: Value,
    /// What is added, or put behind.
    pub second: Option<Value>,
    /// What the channels of the input are multiplied by.
    pub factors: Option<Value>,
}

impl Inputs {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Value> {
        let all = [Some(self.input), self.second, self.factors];
        all.into_iter().flatten()
    }
}

impl Fused {
    /// The first and the last of its steps.
    pub fn ends(&self) -> (usize, usize) {
        match *self {
            Self::Direct {
                prepare,
                convolution,
            } => (prepare.unwrap_or(convolution), convolution),
            Self::Winograd(step)
            | Self::MaxPool(step)
            | Self::Average(step)
            | Self::Elementwise(step)
            | Self::Concatenate(step) => (step, step),
            Self::InvertedResidual {
                expand,
                depthwise,
                project,
                ..
            } => (expand.unwrap_or(depthwise), project.unwrap_or(depthwise)),
        }
    }

    /// The value it makes.
    pub fn output(&self) -> Value {
        Value(self.ends().1 + 1)
    }

    /// The values it reads.
    pub fn inputs(&self, network: &Network) -> Inputs {
        let (first, last) = self.ends();
        let steps = network.steps();
        let second = match &steps[last].operation {
            Operation::Convolution(convolution) => convolution.residual,
            Operation::Concatenate { with } => Some(*with),
            _ => None,
        };
        let factors = match &steps[first].operation {
            Operation::Scale { by } => Some(*by),
            _ => None,
        };
        Inputs {
            input: steps[first].input,
            second,
            factors,
        }
    }
}

/// Whether a convolution treats every channel by itself.
pub const fn is_depthwise(convolution: &Convolution) -> bool {
    convolution.groups == convolution.inputs
        && convolution.outputs == convolution.inputs
        && convolution.groups > 1
        && is_direct(convolution.window.kernel, convolution.window.stride)
        && convolution.residual.is_none()
}

fn convolution(network: &Network, step: usize) -> Option<&Convolution> {
    match &network.steps().get(step)?.operation {
        Operation::Convolution(convolution) => Some(convolution),
        _ => None,
    }
}

/// How the network is run on as many `pictures` side by side whose values have these shapes; `taps`
/// must be made as they are.
pub fn lower(
    network: &Network,
    shapes: &[MapShape],
    taps: &[Value],
    pictures: usize,
) -> Vec<Fused> {
    let lowering = Lowering {
        network,
        shapes,
        taps,
        pictures,
    };
    let mut lowered = Vec::new();
    let mut step = 0;
    while step < network.steps().len() {
        let fused = lowering.next(step);
        step = fused.ends().1 + 1;
        lowered.push(fused);
    }
    lowered
}

struct Lowering<'a> {
    network: &'a Network,
    shapes: &'a [MapShape],
    taps: &'a [Value],
    pictures: usize,
}

impl Lowering<'_> {
    fn next(&self, step: usize) -> Fused {
        match &self.network.steps()[step].operation {
            Operation::MaxPool(_) => Fused::MaxPool(step),
            Operation::GlobalAveragePool
            | Operation::AveragePoolTo(_)
            | Operation::AveragePool(_) => Fused::Average(step),
            Operation::Concatenate { .. } => Fused::Concatenate(step),
            Operation::Scale { .. }
            | Operation::BatchNorm(_)
            | Operation::LayerNorm(_)
            | Operation::Activate(_) => {
                if self.reader(step).is_some_and(is_projection) {
                    Fused::Direct {
                        prepare: Some(step),
                        convolution: step + 1,
                    }
                } else {
                    Fused::Elementwise(step)
                }
            }
            Operation::Convolution(convolution) if is_depthwise(convolution) => {
                self.inverted_residual(None, step)
            }
            Operation::Convolution(convolution) => {
                let feeds_depthwise = self.reader(step).is_some_and(is_depthwise);
                if feeds_depthwise && convolution.residual.is_none() {
                    self.inverted_residual(Some(step), step + 1)
                } else if self.prefers_winograd(step, convolution) {
                    Fused::Winograd(step)
                } else {
                    Fused::Direct {
                        prepare: None,
                        convolution: step,
                    }
                }
            }
        }
    }

    fn inverted_residual(&self, expand: Option<usize>, depthwise: usize) -> Fused {
        let is_norm = matches!(
            self.network.steps().get(depthwise + 1),
            Some(step) if matches!(step.operation, Operation::LayerNorm(_) | Operation::BatchNorm(_))
        );
        let norm = (is_norm && self.feeds_next(depthwise)).then_some(depthwise + 1);
        let last = norm.unwrap_or(depthwise);
        let project = self.reader(last).is_some_and(is_projection);
        Fused::InvertedResidual {
            expand,
            depthwise,
            norm: norm.filter(|_| project),
            project: project.then_some(last + 1),
        }
    }

    /// The convolution that alone reads what `step` makes, right behind it.
    fn reader(&self, step: usize) -> Option<&Convolution> {
        let next = convolution(self.network, step + 1)?;
        self.feeds_next(step).then_some(next)
    }

    /// Whether what `step` makes is the next one's input and nothing else.
    fn feeds_next(&self, step: usize) -> bool {
        let made = Value(step + 1);
        let steps = self.network.steps();
        let Some(next) = steps.get(step + 1) else {
            return false;
        };
        let is_second = match &next.operation {
            Operation::Convolution(convolution) => convolution.residual == Some(made),
            _ => false,
        };
        let others = steps[step + 2..].iter().any(|step| step.reads(made));
        next.input == made && !is_second && !others && !self.taps.contains(&made)
    }

    fn prefers_winograd(&self, step: usize, convolution: &Convolution) -> bool {
        let MapShape { height, width, .. } = self.shapes[step + 1];
        let Window { kernel, stride, .. } = convolution.window;
        kernel == 3
            && stride == 1
            && convolution.groups == 1
            && self.network.steps()[step].input != Value::INPUT
            && self.pictures * height * width >= WINOGRAD_FROM
    }
}

/// Whether a convolution sees one cell at a time and every one, all its channels together.
const fn is_projection(convolution: &Convolution) -> bool {
    let Window {
        kernel,
        stride,
        padding,
    } = convolution.window;
    let is_padded = matches!(padding, Padding::Symmetric(1..));
    kernel == 1 && stride == 1 && !is_padded && convolution.groups == 1
}

/// The halo of every value, for all that read it.
pub fn halos(network: &Network, shapes: &[MapShape], lowered: &[Fused]) -> Vec<Halo> {
    let mut halos = vec![Halo::default(); shapes.len()];
    for fused in lowered {
        let input = fused.inputs(network).input;
        let MapShape { height, width, .. } = shapes[input.0];
        let needed = match fused {
            Fused::Winograd(step) => convolution(network, *step)
                .map(|reader| winograd::halo(&reader.window, height, width)),
            Fused::Direct { .. } | Fused::InvertedResidual { .. } => {
                convolution(network, fused.ends().0)
                    .map(|reader| Halo::of(&reader.window, height, width))
            }
            Fused::MaxPool(_)
            | Fused::Average(_)
            | Fused::Elementwise(_)
            | Fused::Concatenate(_) => None,
        };
        halos[input.0] = halos[input.0].with(&needed.unwrap_or_default());
    }
    halos
}

/// Rows and columns that a window begins before a map.
pub fn before(window: &Window, height: usize, width: usize) -> (usize, usize) {
    (around(window, height).0, around(window, width).0)
}
