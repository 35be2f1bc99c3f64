//! From a network's steps to what is run on a CPU: which steps are run as one, and what halo each
//! value needs for those that read it.

use std::sync::Arc;

use super::conv::Packed;
use super::elementwise::Norm;
use super::inverted_residual::Stages;
use super::layout::Halo;
use super::loaded::{Loaded, Work};
use super::map::Operands;
use super::pool::Means;
use super::winograd;
use crate::network::{MapShape, Value, Window};

/// Cells of output from which on Winograd's method is faster: with fewer, reading its larger
/// weights takes longer than the products that it saves.
const WINOGRAD_FROM: usize = 100;

/// Steps of the network that are run as one.
pub struct Fused {
    /// What they read from others and make for others.
    pub operands: Operands<Value>,
    /// How many of the network's steps they are.
    pub steps: usize,
    /// How they are run.
    pub work: FusedWork,
}

/// How steps are run as one, with their weights.
pub enum FusedWork {
    /// A convolution by its definition.
    Conv {
        /// What is done to the cells before, if the convolution sees them one at a time.
        prepare: Option<Arc<Norm>>,
        /// The convolution.
        packed: Arc<Packed>,
    },
    /// A 3×3 convolution by Winograd's method.
    Winograd(Arc<Packed>),
    /// A depthwise convolution with its neighbours.
    InvertedResidual(Stages),
    /// Each cell by itself.
    Elementwise(Arc<Norm>),
    /// Max-pooling.
    MaxPool(Window),
    /// Average pooling, global, in windows or to a grid.
    AveragePool(Means),
    /// Channels put one behind the other.
    Concat,
}

impl Fused {
    /// Floats of weights.
    pub fn weights(&self) -> usize {
        match &self.work {
            FusedWork::Conv { prepare, packed } => {
                packed.len() + prepare.as_ref().map_or(0, |norm| norm.len())
            }
            FusedWork::Winograd(packed) => packed.len(),
            FusedWork::InvertedResidual(stages) => {
                let conv = |packed: &Option<Arc<Packed>>| packed.as_ref().map_or(0, |p| p.len());
                let norm = stages.norm.as_ref().map_or(0, |norm| norm.len());
                conv(&stages.expand) + stages.depthwise.len() + norm + conv(&stages.project)
            }
            FusedWork::Elementwise(norm) => norm.len(),
            FusedWork::MaxPool(_) | FusedWork::AveragePool(_) | FusedWork::Concat => 0,
        }
    }

    /// The halo that the input needs.
    fn halo(&self, input: MapShape) -> Halo {
        let MapShape { height, width, .. } = input;
        match &self.work {
            FusedWork::Conv { packed, .. } => Halo::of(&packed.window, height, width),
            FusedWork::Winograd(packed) => winograd::halo(&packed.window, height, width),
            FusedWork::InvertedResidual(stages) => {
                let first = match &stages.expand {
                    Some(expand) => &expand.window,
                    None => &stages.depthwise.window,
                };
                Halo::of(first, height, width)
            }
            FusedWork::Elementwise(_)
            | FusedWork::MaxPool(_)
            | FusedWork::AveragePool(_)
            | FusedWork::Concat => Halo::default(),
        }
    }
}

/// How the steps are run on as many `pictures` side by side whose values have these shapes; `taps`
/// must be made as they are.
pub fn lower(steps: &[Loaded], shapes: &[MapShape], taps: &[Value], pictures: usize) -> Vec<Fused> {
    let lowering = Lowering {
        steps,
        shapes,
        taps,
        pictures,
    };
    let mut lowered: Vec<Fused> = Vec::new();
    let mut step = 0;
    while let Some(first) = steps.get(step) {
        let fused = lowering.next(step, first);
        step += fused.steps;
        lowered.push(fused);
    }
    lowered
}

struct Lowering<'a> {
    steps: &'a [Loaded],
    shapes: &'a [MapShape],
    taps: &'a [Value],
    pictures: usize,
}

impl Lowering<'_> {
    fn next(&self, step: usize, first: &Loaded) -> Fused {
        let alone = |work| Fused {
            operands: first.operands,
            steps: 1,
            work,
        };
        match &first.work {
            Work::MaxPool(window) => alone(FusedWork::MaxPool(*window)),
            Work::AveragePool(means) => alone(FusedWork::AveragePool(*means)),
            Work::Concat => alone(FusedWork::Concat),
            Work::Elementwise(norm) => match self.projection_behind(step) {
                Some((projection, packed)) => Fused {
                    operands: Operands {
                        second: projection.operands.second,
                        output: projection.operands.output,
                        ..first.operands
                    },
                    steps: 2,
                    work: FusedWork::Conv {
                        prepare: Some(Arc::clone(norm)),
                        packed: Arc::clone(packed),
                    },
                },
                None => alone(FusedWork::Elementwise(Arc::clone(norm))),
            },
            Work::Depthwise(depthwise) => {
                let stages = Stages {
                    expand: None,
                    depthwise: Arc::clone(depthwise),
                    norm: None,
                    project: None,
                };
                self.inverted_residual(first, step, stages)
            }
            Work::Conv(packed) => {
                if let Some(Work::Depthwise(depthwise)) = self.only_reader(step).map(|r| &r.work)
                    && first.operands.second.is_none()
                {
                    let stages = Stages {
                        expand: Some(Arc::clone(packed)),
                        depthwise: Arc::clone(depthwise),
                        norm: None,
                        project: None,
                    };
                    self.inverted_residual(first, step + 1, stages)
                } else if self.prefers_winograd(first, packed) {
                    alone(FusedWork::Winograd(Arc::clone(packed)))
                } else {
                    alone(FusedWork::Conv {
                        prepare: None,
                        packed: Arc::clone(packed),
                    })
                }
            }
        }
    }

    /// The depthwise convolution that is step `depthwise`, with what begins at `first` and with the
    /// norm and the projection behind it.
    fn inverted_residual(&self, first: &Loaded, depthwise: usize, stages: Stages) -> Fused {
        let before = usize::from(stages.expand.is_some());
        let norm = match self.only_reader(depthwise) {
            Some(Loaded {
                work: Work::Elementwise(norm),
                operands: Operands { factors: None, .. },
            }) => Some(norm),
            _ => None,
        };
        let last = depthwise + usize::from(norm.is_some());
        match self.projection_behind(last) {
            Some((projection, packed)) => Fused {
                operands: Operands {
                    second: projection.operands.second,
                    output: projection.operands.output,
                    ..first.operands
                },
                steps: before + 1 + usize::from(norm.is_some()) + 1,
                work: FusedWork::InvertedResidual(Stages {
                    norm: norm.cloned(),
                    project: Some(Arc::clone(packed)),
                    ..stages
                }),
            },
            None => Fused {
                operands: Operands {
                    output: Value(depthwise + 1),
                    ..first.operands
                },
                steps: before + 1,
                work: FusedWork::InvertedResidual(stages),
            },
        }
    }

    /// The pointwise convolution that alone reads what `step` makes, right behind it.
    fn projection_behind(&self, step: usize) -> Option<(&Loaded, &Arc<Packed>)> {
        let reader = self.only_reader(step)?;
        match &reader.work {
            Work::Conv(packed) if packed.is_projection() => Some((reader, packed)),
            _ => None,
        }
    }

    /// The step right behind `step`, if it takes what that makes as its input and nothing else does.
    fn only_reader(&self, step: usize) -> Option<&Loaded> {
        let made = Value(step + 1);
        let next = self.steps.get(step + 1)?;
        let Operands {
            input,
            second,
            factors,
            ..
        } = next.operands;
        let reads_otherwise = second == Some(made) || factors == Some(made);
        let mut later = self.steps[step + 2..].iter();
        let others = later.any(|later| later.operands.read().any(|read| read == made));
        let is_only = input == made && !reads_otherwise && !others && !self.taps.contains(&made);
        is_only.then_some(next)
    }

    fn prefers_winograd(&self, step: &Loaded, packed: &Packed) -> bool {
        let Operands { input, output, .. } = step.operands;
        let MapShape { height, width, .. } = self.shapes[output.0];
        let Window { kernel, stride, .. } = packed.window;
        kernel == 3
            && stride == 1
            && packed.groups == 1
            && input != Value::INPUT
            && self.pictures * height * width >= WINOGRAD_FROM
    }
}

/// The halo of every value, for all that read it.
pub fn halos(shapes: &[MapShape], lowered: &[Fused]) -> Vec<Halo> {
    let mut halos = vec![Halo::default(); shapes.len()];
    for fused in lowered {
        let input = fused.operands.input;
        halos[input.0] = halos[input.0].with(&fused.halo(shapes[input.0]));
    }
    halos
}
