//! Every instruction set against Candle's own operations, on networks of random shapes.

mod concat;
#[cfg(feature = "checked")]
mod families;
mod random;

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;

use super::CpuNetwork;
use crate::engine::candle::CandleNetwork;
use crate::kernels::Instructions;
use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Operation, Padding, Value, WeightNames,
    Window,
};
use crate::weights::parameters::{Folded, Parameters};

/// How many random cases `IMGSEARCH_CASES` asks for: fewer under valgrind, where each takes a hundred
/// times as long, or many more.
fn asked_cases() -> Option<u32> {
    std::env::var("IMGSEARCH_CASES").ok()?.parse().ok()
}

fn cases(usual: u32) -> ProptestConfig {
    ProptestConfig {
        cases: asked_cases().unwrap_or(usual),
        ..ProptestConfig::default()
    }
}

/// Numbers of −1 … 1, the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        let Self(state) = self;
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 40) as f32) / (1u64 << 23) as f32 - 1.0
    }

    fn take(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * self.next()).collect()
    }
}

/// A step's numbers, if it has any: `gain` is 3 where activations are to keep their magnitude.
fn folded(network: &Network, step: usize, numbers: &mut Numbers, gain: f32) -> Option<Folded> {
    let channels = network.channels(Value(step + 1));
    let bias_scale = gain / 10.0;
    match &network.steps()[step].operation {
        Operation::Convolution(convolution) => {
            let shape = convolution.weight_shape();
            let summed = shape[1..].iter().product::<usize>() as f32;
            Some(Folded {
                weight: numbers.take(shape.iter().product(), (gain / summed).sqrt()),
                bias: numbers.take(convolution.outputs, bias_scale),
            })
        }
        Operation::BatchNorm(_) | Operation::LayerNorm(_) => Some(Folded {
            weight: numbers.take(channels, 1.0),
            bias: numbers.take(channels, bias_scale),
        }),
        _ => None,
    }
}

fn parameters(network: &Network, numbers: &mut Numbers) -> Parameters {
    let steps = 0..network.steps().len();
    Parameters(
        steps
            .map(|step| folded(network, step, numbers, 3.0))
            .collect(),
    )
}

fn pack(
    network: &Network,
    parameters: &Parameters,
    taps: Vec<Value>,
    instructions: Instructions,
) -> CpuNetwork {
    let read = |step: usize| Ok(parameters.0[step].clone());
    CpuNetwork::load(network.clone(), read, taps, instructions).unwrap()
}

const fn window(kernel: usize, stride: usize, padding: Padding) -> Window {
    Window {
        kernel,
        stride,
        padding,
    }
}

fn convolution(inputs: usize, outputs: usize, window: Window) -> Convolution {
    Convolution::new(vec![WeightNames::bare("any")], inputs, outputs, window)
}

/// Runs the network in every instruction set, with every value tapped and with the last alone, and
/// compares with Candle's operations: largest difference over largest magnitude.
fn check(network: NetworkBuilder, size: (usize, usize), images: usize, seed: u64) {
    check_network(&network.finish(), size, images, seed);
}

fn check_network(network: &Network, (height, width): (usize, usize), images: usize, seed: u64) {
    let mut numbers = Numbers(seed);
    let parameters = parameters(network, &mut numbers);
    let pixels = numbers.take(images * 3 * height * width, 1.0);
    let shape = (images, 3, height, width);
    let tensor = Tensor::from_vec(pixels.clone(), shape, &Device::Cpu).unwrap();
    let every: Vec<Value> = (1..=network.steps().len()).map(Value).collect();
    let mut magnitudes = Vec::new();
    for taps in [every.clone(), vec![every[every.len() - 1]]] {
        let place = (&Device::Cpu, DType::F32);
        let candle = CandleNetwork::load(network, parameters.clone(), taps.clone(), place);
        let expected: Vec<Vec<f32>> = candle
            .unwrap()
            .run(&tensor)
            .unwrap()
            .iter()
            .map(|map| map.flatten_all().unwrap().to_vec1().unwrap())
            .collect();
        if magnitudes.is_empty() {
            magnitudes = summed_magnitudes(network, &pixels, &expected);
        }
        for instructions in Instructions::available() {
            let cpu = pack(network, &parameters, taps.clone(), instructions);
            for threads in 1..=3 {
                // The second run finds memory that has been used.
                cpu.run(&pixels, (height, width), threads).unwrap();
                let ours = cpu.run(&pixels, (height, width), threads).unwrap();
                let mut rest = ours.as_slice();
                for (tap, expected) in taps.iter().zip(&expected) {
                    let (map, behind) = rest.split_at(expected.len());
                    let worst = difference(map, expected) / magnitudes[tap.0];
                    assert!(
                        worst < 2e-5,
                        "{instructions:?}, {threads} threads, value {}: {worst:e}\n{:#?}",
                        tap.0,
                        network.steps()[tap.0 - 1]
                    );
                    rest = behind;
                }
            }
        }
    }
}

/// For every value the largest magnitude of what it was summed from: where numbers cancel out, what is
/// left is as wrong as they were rounded, however small it is.
fn summed_magnitudes(network: &Network, pixels: &[f32], maps: &[Vec<f32>]) -> Vec<f32> {
    let largest = |values: &[f32]| values.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    let mut magnitudes = vec![largest(pixels)];
    for (step, map) in network.steps().iter().zip(maps) {
        let read = (0..magnitudes.len()).filter(|value| step.reads(Value(*value)));
        let own = read.fold(largest(map), |m, value| m.max(magnitudes[value]));
        magnitudes.push(own);
    }
    magnitudes
}

fn difference(ours: &[f32], expected: &[f32]) -> f32 {
    let of_one = |(a, b): (&f32, &f32)| if a.is_nan() { f32::MAX } else { (a - b).abs() };
    ours.iter().zip(expected).map(of_one).fold(0.0, f32::max)
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Identity),
        Just(Activation::Relu),
        Just(Activation::Relu6),
        Just(Activation::HardSwish),
        Just(Activation::HardSigmoid),
        Just(Activation::Silu),
        Just(Activation::Sigmoid),
        Just(Activation::Gelu),
    ]
}

fn any_window(kernels: &'static [usize]) -> impl Strategy<Value = Window> {
    let kernel = prop::sample::select(kernels);
    (kernel, 1..=2usize, any::<bool>()).prop_map(|(kernel, stride, same)| {
        let padding = if same {
            Padding::Same
        } else {
            Padding::Symmetric(kernel / 2)
        };
        window(kernel, stride, padding)
    })
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn convolutions_of_any_shape_equal_candles(
        (first, second) in (any_window(&[1, 3, 7]), any_window(&[1, 2, 3, 5])),
        (middle, groups, group) in (1..40usize, 1..4usize, 1..20usize),
        (first_act, second_act) in (activation(), activation()),
        size in (1..24usize, 1..24usize),
        (images, seed) in (1..4usize, any::<u64>()),
    ) {
        let mut net = NetworkBuilder::new("random");
        let x = net.convolution(
            Value::INPUT,
            convolution(3, middle * groups, first).activation(first_act),
        );
        let grouped = Convolution { groups, ..convolution(middle * groups, group * groups, second) };
        let y = net.convolution(x, grouped.activation(second_act));
        // A bottleneck with a residual behind it.
        let pad = Padding::Symmetric(0);
        let z = net.convolution(y, convolution(group * groups, 20, window(1, 1, pad)));
        let back = convolution(20, group * groups, window(1, 1, pad));
        net.convolution(z, back.plus(Some(y)).activation(first_act));
        check(net, size, images, seed);
    }

    #[test]
    fn inverted_residuals_of_any_shape_equal_candles(
        depthwise in any_window(&[3, 5, 7]),
        (channels, expanded, outputs) in (1..36usize, 1..70usize, 1..40usize),
        act in activation(),
        size in (2..30usize, 2..30usize),
        (images, seed) in (1..4usize, any::<u64>()),
    ) {
        let mut net = NetworkBuilder::new("random");
        let stem = convolution(3, channels, window(3, 2, Padding::Same)).activation(act);
        let x = net.convolution(Value::INPUT, stem);
        let point = window(1, 1, Padding::Symmetric(0));
        let y = net.convolution(x, convolution(channels, expanded, point).activation(act));
        let middle = convolution(expanded, expanded, depthwise).depthwise().activation(act);
        let y = net.convolution(y, middle);
        // Squeeze and excitation between two of its kind.
        let mean = net.global_average_pool(y);
        let gate = convolution(expanded, expanded, point).activation(Activation::HardSigmoid);
        let gate = net.convolution(mean, gate);
        let y = net.scale(y, gate);
        let y = net.convolution(y, convolution(expanded, outputs, point));
        let y = net.convolution(y, convolution(outputs, expanded, point).activation(act));
        let same = window(depthwise.kernel, 1, Padding::Same);
        let y2 = net.convolution(y, convolution(expanded, expanded, same).depthwise());
        let end = net.convolution(y2, convolution(expanded, expanded, point).plus(Some(y)));
        net.convolution(end, convolution(expanded, expanded, same).depthwise().activation(act));
        check(net, size, images, seed);
    }

    #[test]
    fn poolings_of_any_shape_equal_candles(
        (kernel, stride, pad) in (2..4usize, 1..3usize, 0..2usize),
        (channels, side) in (1..40usize, 1..8usize),
        size in (4..24usize, 4..24usize),
        seed in any::<u64>(),
    ) {
        let mut net = NetworkBuilder::new("random");
        let x = net.convolution(Value::INPUT, convolution(3, channels, window(1, 1, Padding::Same)));
        let y = net.max_pool(x, window(kernel, stride, Padding::Symmetric(pad)));
        net.average_pool_to(y, side);
        net.global_average_pool(y);
        check(net, size, 1, seed);
    }
}

/// Large enough for several bands of rows: what a band leaves behind is what the next one needs.
#[test]
fn bands_of_rows_join_without_a_seam() {
    for (kernel, stride, padding) in [
        (3, 1, Padding::Same),
        (3, 2, Padding::Same),
        (5, 1, Padding::Symmetric(2)),
        (5, 2, Padding::Symmetric(2)),
    ] {
        let mut net = NetworkBuilder::new("bands");
        let stem = convolution(3, 24, window(3, 1, padding)).activation(Activation::Relu6);
        let x = net.convolution(Value::INPUT, stem);
        let point = window(1, 1, Padding::Symmetric(0));
        let y = net.convolution(x, convolution(24, 200, point).activation(Activation::Relu6));
        let middle = convolution(200, 200, window(kernel, stride, padding)).depthwise();
        let y = net.convolution(y, middle.activation(Activation::Relu6));
        let residual = (stride == 1).then_some(x);
        net.convolution(y, convolution(200, 24, point).plus(residual));
        check(net, (61, 75), 2, 3);
    }
}

/// Large enough for Winograd's method, with tiles that reach over the edge.
#[test]
fn winograds_method_equals_the_definition() {
    for (size, inputs, outputs) in [((13, 18), 20, 40), ((57, 62), 64, 33), ((28, 28), 130, 70)] {
        let mut net = NetworkBuilder::new("winograd");
        let three = window(3, 1, Padding::Symmetric(1));
        let x = net.convolution(Value::INPUT, convolution(3, inputs, three));
        let y = net.convolution(
            x,
            convolution(inputs, outputs, three).activation(Activation::Relu),
        );
        let back = convolution(outputs, inputs, three).plus(Some(x));
        let z = net.convolution(y, back.activation(Activation::Silu));
        let narrow = window(3, 1, Padding::Symmetric(0));
        net.convolution(z, convolution(inputs, 16, narrow));
        check(net, size, 2, 5);
    }
}

#[test]
fn a_plan_is_kept_for_each_size_and_gives_the_same_again() {
    let mut net = NetworkBuilder::new("sizes");
    let three = window(3, 1, Padding::Symmetric(1));
    net.convolution(Value::INPUT, convolution(3, 16, three));
    let net = net.finish();
    let mut numbers = Numbers(1);
    let parameters = parameters(&net, &mut numbers);
    let cpu = pack(&net, &parameters, vec![Value(1)], Instructions::best());
    let pixels = numbers.take(3 * 40 * 40, 1.0);
    let first = cpu.run(&pixels[..3 * 30 * 20], (30, 20), 2).unwrap();
    for side in 5..40 {
        cpu.run(&pixels[..3 * side * side], (side, side), 1)
            .unwrap();
    }
    assert_eq!(cpu.run(&pixels[..3 * 30 * 20], (30, 20), 2).unwrap(), first);
}
