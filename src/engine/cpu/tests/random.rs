//! Random small networks: those that are built run, and right; those that were made wrong are
//! refused.
//!
//! The feature `checked` runs a thousand of either kind and asserts every access; without it they
//! are fewer.

use super::*;
use crate::error::NetworkError;
use crate::network::{BatchNorm, LayerNorm, Step};

/// How many of either kind.
const SEEDS: u64 = if cfg!(feature = "checked") { 1000 } else { 100 };
fn seeds() -> std::ops::Range<u64> {
    0..asked_cases().map_or(SEEDS, u64::from)
}

const ACTIVATIONS: [Activation; 8] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::HardSwish,
    Activation::HardSigmoid,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Gelu,
];

/// Channels at and around the ends of blocks, and others.
const CHANNELS: [usize; 12] = [1, 2, 3, 7, 15, 16, 17, 24, 32, 33, 48, 70];

/// Draws steps for a network.
struct Drawing {
    random: fastrand::Rng,
    steps: Vec<Step>,
    channels: Vec<usize>,
    /// Rows and columns of every value.
    sizes: Vec<(usize, usize)>,
}

impl Drawing {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let size = (random.usize(1..34), random.usize(1..34));
        Self {
            random,
            steps: Vec::new(),
            channels: vec![3],
            sizes: vec![size],
        }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.usize(..all.len())]
    }

    /// A value that there is: often the last, else any.
    fn value(&mut self) -> Value {
        let last = self.steps.len();
        Value(match self.random.u8(..4) {
            0 => self.random.usize(..=last),
            _ => last,
        })
    }

    /// Another value of the same size and, if asked for, as many channels.
    fn like(&mut self, value: Value, channels: Option<usize>) -> Option<Value> {
        let fits = |other: &usize| {
            self.sizes[*other] == self.sizes[value.0]
                && channels.is_none_or(|channels| self.channels[*other] == channels)
        };
        let found: Vec<usize> = (0..self.sizes.len()).filter(fits).collect();
        (!found.is_empty()).then(|| Value(self.one_of(&found)))
    }

    fn window(&mut self, kernels: &[usize]) -> Window {
        let (kernel, stride) = (self.one_of(kernels), self.random.usize(1..4));
        let padding = if self.random.bool() {
            Padding::Same
        } else {
            Padding::Symmetric(self.random.usize(..=kernel / 2))
        };
        window(kernel, stride, padding)
    }

    fn conv(&mut self, input: Value) -> Operation {
        let inputs = self.channels[input.0];
        let depthwise = self.random.u8(..3) == 0;
        let window = match (depthwise, self.random.u8(..3)) {
            (true, _) => self.window(&[2, 3, 5, 7]),
            (false, 0) => window(1, 1, Padding::Symmetric(0)),
            (false, 1) => window(3, 1, Padding::Symmetric(1)),
            (false, _) => self.window(&[1, 2, 3, 4, 5]),
        };
        let activation = self.one_of(&ACTIVATIONS);
        let outputs = self.one_of(&CHANNELS);
        let divisors: Vec<usize> = (1..=inputs)
            .filter(|by| inputs.is_multiple_of(*by))
            .collect();
        let groups = match self.random.u8(..3) {
            0 => self.one_of(&divisors),
            _ => 1,
        };
        let declared = if depthwise {
            convolution(inputs, inputs, window).depthwise()
        } else {
            convolution(inputs, outputs.next_multiple_of(groups), window).grouped(groups)
        };
        let place = |size| window.place(size).1;
        let (height, width) = self.sizes[input.0];
        let made = (place(height), place(width));
        let outputs = declared.outputs;
        let residual = match self.random.u8(..3) {
            0 => self
                .sizes
                .iter()
                .position(|size| *size == made)
                .and_then(|value| self.like(Value(value), Some(outputs))),
            _ => None,
        };
        Operation::Convolution(declared.activation(activation).plus(residual))
    }

    fn operation(&mut self, input: Value) -> Operation {
        let names = || vec!["any".to_owned()];
        let activation = self.one_of(&ACTIVATIONS);
        match self.random.u8(..14) {
            0 => Operation::MaxPool(self.window(&[1, 2, 3, 5, 9, 11])),
            1 => Operation::AveragePool(self.random.usize(1..4)),
            2 => Operation::AveragePoolTo(self.random.usize(1..5)),
            3 => Operation::GlobalAveragePool,
            4 => Operation::BatchNorm(BatchNorm {
                names: names(),
                epsilon: 1e-5,
                activation,
            }),
            // Its ε keeps rounding errors small where a cell's channels are nearly equal.
            5 => Operation::LayerNorm(LayerNorm {
                names: names(),
                epsilon: 0.05,
            }),
            6 => Operation::Activate(activation),
            7 | 8 => match self.like(input, None) {
                Some(with) => Operation::Concatenate { with },
                None => Operation::Activate(activation),
            },
            9 => {
                let factors = |value: &usize| {
                    self.sizes[*value] == (1, 1) && self.channels[*value] == self.channels[input.0]
                };
                match (0..self.sizes.len()).find(factors) {
                    Some(by) => Operation::Scale { by: Value(by) },
                    None => Operation::GlobalAveragePool,
                }
            }
            _ => self.conv(input),
        }
    }

    /// Draws one more step, unless nothing would be left of the picture behind it.
    fn step(&mut self) {
        let input = self.value();
        let step = Step {
            input,
            operation: self.operation(input),
        };
        let Ok(network) = built(self.steps.iter().chain([&step])) else {
            panic!("drawn wrong: {step:?}")
        };
        let (height, width) = self.sizes[0];
        let Some(made) = network.shapes(height, width).pop() else {
            return;
        };
        if !made.is_empty() && made.channels <= 300 {
            self.steps.push(step);
            self.channels.push(made.channels);
            self.sizes.push((made.height, made.width));
        }
    }

    fn draw(seed: u64) -> Self {
        let mut drawing = Self::new(seed);
        let count = drawing.random.usize(1..9);
        for _ in 0..count {
            drawing.step();
        }
        drawing
    }
}

fn built<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Result<Network, NetworkError> {
    let mut net = NetworkBuilder::new("random");
    for step in steps {
        net.step(step.clone());
    }
    net.build()
}

#[test]
fn random_networks_are_run_as_candle_runs_them() {
    for seed in seeds() {
        let drawing = Drawing::draw(seed);
        if drawing.steps.is_empty() {
            continue;
        }
        let network = built(&drawing.steps).unwrap();
        let images = 1 + seed as usize % 3;
        check_network(&network, drawing.sizes[0], images, seed);
    }
}

/// Makes one thing about a step wrong, or perhaps only different.
fn mutate(steps: &mut [Step], random: &mut fastrand::Rng) {
    let at = random.usize(..steps.len());
    let count = steps.len();
    let number = [0, 1, 2, 5, 16, 1 << 11, 1 << 40, usize::MAX][random.usize(..8)];
    let step = &mut steps[at];
    if random.u8(..4) == 0 {
        step.input = Value([number, random.usize(..=count + 1)][random.usize(..2)]);
        return;
    }
    match &mut step.operation {
        Operation::Convolution(convolution) => match random.u8(..9) {
            0 => convolution.inputs = number,
            1 => convolution.outputs = number,
            2 => convolution.groups = number,
            3 => convolution.window.kernel = number,
            4 => convolution.window.stride = number,
            5 => convolution.window.padding = Padding::Symmetric(number),
            6 => convolution.residual = Some(Value(random.usize(..=count + 1))),
            7 => convolution.names.clear(),
            _ => convolution.norm_epsilon = Some(f64::NAN),
        },
        Operation::MaxPool(window) => match random.u8(..3) {
            0 => window.kernel = number,
            1 => window.stride = number,
            _ => window.padding = Padding::Symmetric(number),
        },
        Operation::AveragePoolTo(side) | Operation::AveragePool(side) => *side = number,
        Operation::BatchNorm(norm) => norm.epsilon = -1.0,
        Operation::LayerNorm(norm) => norm.epsilon = f64::INFINITY,
        Operation::Concatenate { with } => *with = Value(random.usize(..=count + 1)),
        Operation::Scale { by } => *by = Value(random.usize(..=count + 1)),
        Operation::GlobalAveragePool | Operation::Activate(_) => {
            step.operation = Operation::Concatenate {
                with: Value(random.usize(..=count + 1)),
            };
        }
    }
}

/// What is wrong is said when the network is built, or when it meets a picture of a size at which
/// its maps do not fit; a mutant that is a network after all is run, and right.
#[test]
fn networks_that_were_made_wrong_are_refused_and_never_run() {
    let (mut refused, mut unfit, mut right) = (0, 0, 0);
    for seed in seeds() {
        let mut drawing = Drawing::draw(seed);
        if drawing.steps.is_empty() {
            continue;
        }
        mutate(&mut drawing.steps, &mut drawing.random);
        let (height, width) = drawing.sizes[0];
        let network = match built(&drawing.steps) {
            Ok(network) => network,
            Err(NetworkError::Invalid { .. }) => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        let last = Value(network.steps().len());
        let mut numbers = Numbers(seed);
        let Ok(shapes) = network.check_size(height, width) else {
            // The engine is asked all the same, since it must refuse by itself.
            let parameters = parameters(&network, &mut numbers);
            let cpu = pack(&network, &parameters, vec![last], Instructions::best());
            let pixels = numbers.take(3 * height * width, 1.0);
            let error = cpu.run(&pixels, (height, width), 2).unwrap_err();
            assert!(
                matches!(
                    error,
                    NetworkError::PictureTooSmall { .. } | NetworkError::UnfitSize { .. }
                ),
                "{error}"
            );
            unfit += 1;
            continue;
        };
        if shapes.iter().all(|shape| shape.len() < 1 << 18) {
            check_network(&network, (height, width), 1, seed);
            right += 1;
        }
    }
    let asked = seeds().end as usize;
    if asked >= 100 {
        let counts = format!("{refused} refused, {unfit} do not fit, {right} are networks");
        assert!(refused > asked / 3, "{counts}");
        assert!(unfit > asked / 100 && right > asked / 20, "{counts}");
    }
}
