//! From a network's steps to what is run on a CPU: which steps are run as one, and what halo each
//! value needs for those that read it.

use super::depthwise::is_direct;
use super::layout::{Halo, around};
use super::winograd;
use crate::backbone::network::{Convolution, MapShape, Network, Operation, Value, Window};

/// Cells of output from which on Winograd's method is faster: with fewer, reading its larger
/// weights takes longer than the products that it saves.
const WINOGRAD_FROM: usize = 100;

/// Steps of the network that are run as one; numbers are the steps'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fused {
    /// A convolution by its definition.
    Direct(usize),
    /// A 3×3 convolution by Winograd's method.
    Winograd(usize),
    /// A depthwise convolution with its neighbours.
    Separable {
        /// The convolution before it.
        expand: Option<usize>,
        /// The depthwise convolution.
        depthwise: usize,
        /// The pointwise convolution behind it.
        project: Option<usize>,
    },
    /// Max-pooling.
    MaxPool(usize),
    /// Average pooling, global or to a grid.
    Average(usize),
    /// Every channel times its own factor.
    Scale(usize),
}

impl Fused {
    /// The first and the last of its steps.
    pub const fn ends(&self) -> (usize, usize) {
        match *self {
            Self::Direct(step)
            | Self::Winograd(step)
            | Self::MaxPool(step)
            | Self::Average(step)
            | Self::Scale(step) => (step, step),
            Self::Separable {
                expand,
                depthwise,
                project,
            } => {
                let first = match expand {
                    Some(step) => step,
                    None => depthwise,
                };
                let last = match project {
                    Some(step) => step,
                    None => depthwise,
                };
                (first, last)
            }
        }
    }

    /// The value it makes.
    pub const fn output(&self) -> Value {
        Value(self.ends().1 + 1)
    }

    /// The values it reads: what it is applied to, and what is added or multiplied.
    pub fn inputs(&self, network: &Network) -> (Value, Option<Value>) {
        let (first, last) = self.ends();
        let steps = network.steps();
        let second = match &steps[last].operation {
            Operation::Convolution(convolution) => convolution.residual,
            Operation::Scale { by } => Some(*by),
            _ => None,
        };
        (steps[first].input, second)
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

/// How the network is run on a picture whose values have these shapes; `taps` must be made as they
/// are.
pub fn lower(network: &Network, shapes: &[MapShape], taps: &[Value]) -> Vec<Fused> {
    let lowering = Lowering {
        network,
        shapes,
        taps,
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
}

impl Lowering<'_> {
    fn next(&self, step: usize) -> Fused {
        match &self.network.steps()[step].operation {
            Operation::MaxPool(_) => Fused::MaxPool(step),
            Operation::GlobalAveragePool | Operation::AveragePoolTo(_) => Fused::Average(step),
            Operation::Scale { .. } => Fused::Scale(step),
            Operation::Convolution(convolution) if is_depthwise(convolution) => {
                self.separable(None, step)
            }
            Operation::Convolution(convolution) => {
                let feeds_depthwise = self.only_reader(step).is_some_and(is_depthwise);
                if feeds_depthwise && convolution.residual.is_none() {
                    self.separable(Some(step), step + 1)
                } else if self.prefers_winograd(step, convolution) {
                    Fused::Winograd(step)
                } else {
                    Fused::Direct(step)
                }
            }
        }
    }

    fn separable(&self, expand: Option<usize>, depthwise: usize) -> Fused {
        let is_projection = |next: &Convolution| is_pointwise(next) && next.groups == 1;
        let project = self.only_reader(depthwise).is_some_and(is_projection);
        Fused::Separable {
            expand,
            depthwise,
            project: project.then_some(depthwise + 1),
        }
    }

    /// The convolution that alone reads what `step` makes, right behind it.
    fn only_reader(&self, step: usize) -> Option<&Convolution> {
        let made = Value(step + 1);
        let next = convolution(self.network, step + 1)?;
        let is_read = self.network.steps()[step + 1].input == made && next.residual != Some(made);
        let later = &self.network.steps()[step + 2..];
        let others = later.iter().any(|step| step.reads(made));
        (is_read && !others && !self.taps.contains(&made)).then_some(next)
    }

    fn prefers_winograd(&self, step: usize, convolution: &Convolution) -> bool {
        let MapShape { height, width, .. } = self.shapes[step + 1];
        let Window { kernel, stride, .. } = convolution.window;
        kernel == 3
            && stride == 1
            && convolution.groups == 1
            && self.network.steps()[step].input != Value::INPUT
            && height * width >= WINOGRAD_FROM
    }
}

/// Whether a convolution sees one cell at a time and every one.
pub const fn is_pointwise(convolution: &Convolution) -> bool {
    let Window { kernel, stride, .. } = convolution.window;
    kernel == 1 && stride == 1
}

/// The halo of every value, for all that read it.
pub fn halos(network: &Network, shapes: &[MapShape], lowered: &[Fused]) -> Vec<Halo> {
    let mut halos = vec![Halo::default(); shapes.len()];
    for fused in lowered {
        let (input, _) = fused.inputs(network);
        let MapShape { height, width, .. } = shapes[input.0];
        let needed = match fused {
            Fused::Winograd(step) => convolution(network, *step)
                .map(|reader| winograd::halo(&reader.window, height, width)),
            Fused::Direct(step) => {
                convolution(network, *step).map(|reader| Halo::of(&reader.window, height, width))
            }
            Fused::Separable { .. } => convolution(network, fused.ends().0)
                .map(|reader| Halo::of(&reader.window, height, width)),
            Fused::MaxPool(_) | Fused::Average(_) | Fused::Scale(_) => None,
        };
        halos[input.0] = halos[input.0].with(&needed.unwrap_or_default());
    }
    halos
}

/// Rows and columns that a window begins before a map.
pub fn before(window: &Window, height: usize, width: usize) -> (usize, usize) {
    (around(window, height).0, around(window, width).0)
}
