//! The operations of our CPU kernels, one at a time, in every instruction set this machine has.
//!
//! `cargo bench --bench operations`; throughput is in multiply-adds, so Gelem/s × 2 are GFLOP/s.
//! Each network here repeats one operation, so that bringing pixels in and results out counts for
//! little. Compare instruction sets and shapes with it; whole networks against peers are measured
//! by `benches/peers/run`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

use std::collections::HashMap;
use std::hint::black_box;

use candle_core::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imgsearch::backbone::{Backbone, Instructions, Placement};
use imgsearch::network::{
    Activation, Convolution, Network, NetworkBuilder, Operation, Padding, Value, WeightNames,
    Window,
};
use imgsearch::weights::WeightsFile;

/// How often an operation is repeated.
const REPEATS: usize = 8;

/// Builds networks whose convolutions are named by their number.
struct Declaration {
    network: NetworkBuilder,
    named: usize,
}

impl Declaration {
    fn new(name: &str) -> Self {
        Self {
            network: NetworkBuilder::new(name),
            named: 0,
        }
    }

    fn convolution(
        &mut self,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
    ) -> Convolution {
        self.named += 1;
        let window = Window {
            kernel,
            stride,
            padding: Padding::Symmetric(kernel / 2),
        };
        let names = vec![WeightNames::bare(&self.named.to_string())];
        let convolution = Convolution::new(names, inputs, outputs, window);
        convolution.biased().activation(Activation::Relu)
    }

    /// Pixels to `channels` channels, cheaply.
    fn input(&mut self, channels: usize) -> Value {
        let first = self.convolution(3, channels, 1, 1);
        self.network.convolution(Value::INPUT, first)
    }

    fn finish(mut self, last: Value) -> Network {
        let last = self.network.global_average_pool(last);
        self.network.layer("last", Vec::new(), last, true);
        self.network.build().expect("a network of this bench")
    }
}

fn dense(channels: usize, kernel: usize, stride: usize) -> Network {
    let mut net = Declaration::new("dense");
    let from = net.input(channels);
    let mut x = from;
    for _ in 0..REPEATS {
        let convolution = net.convolution(channels, channels, kernel, stride);
        // A strided one always reads the large map: repeated on its own result it would shrink it.
        let input = if stride == 1 { x } else { from };
        x = net.network.convolution(input, convolution);
    }
    net.finish(x)
}

fn depthwise(channels: usize, kernel: usize, stride: usize) -> Network {
    let mut net = Declaration::new("depthwise");
    let from = net.input(channels);
    let mut x = from;
    for _ in 0..REPEATS {
        let convolution = net.convolution(channels, channels, kernel, stride);
        let input = if stride == 1 { x } else { from };
        x = net.network.convolution(input, convolution.depthwise());
    }
    net.finish(x)
}

fn inverted_residual(channels: usize, kernel: usize) -> Network {
    let mut net = Declaration::new("inverted residual");
    let mut x = net.input(channels);
    for _ in 0..REPEATS {
        let expand = net.convolution(channels, 6 * channels, 1, 1);
        let middle = net.convolution(6 * channels, 6 * channels, kernel, 1);
        let project = net.convolution(6 * channels, channels, 1, 1);
        let y = net.network.convolution(x, expand);
        let y = net.network.convolution(y, middle.depthwise());
        let project = project.activation(Activation::Identity);
        x = net.network.convolution(y, project.plus(Some(x)));
    }
    net.finish(x)
}

fn stem(outputs: usize, kernel: usize) -> Network {
    let mut net = Declaration::new("stem");
    let first = net.convolution(3, outputs, kernel, 2);
    let x = net.network.convolution(Value::INPUT, first);
    net.finish(x)
}

/// Weights of the right shapes, small and varied, and the folder they lie in.
fn weights(network: &Network) -> (WeightsFile, tempfile::TempDir) {
    let mut tensors = HashMap::new();
    for step in network.steps() {
        if let Operation::Convolution(convolution) = &step.operation {
            let shape = convolution.weight_shape();
            let wave = |i: usize| ((i as f32) * 0.7).sin() * 0.05;
            let weight: Vec<f32> = (0..shape.iter().product()).map(wave).collect();
            let weight = Tensor::from_vec(weight, &shape, &Device::Cpu).unwrap();
            let bias = Tensor::full(0.1f32, convolution.outputs, &Device::Cpu).unwrap();
            let name = &convolution.names[0].convolution;
            tensors.insert(format!("{name}.weight"), weight);
            tensors.insert(format!("{name}.bias"), bias);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    candle_core::safetensors::save(&tensors, &path).unwrap();
    (WeightsFile::open(path).unwrap(), folder)
}

fn operations(criterion: &mut Criterion) {
    let cases = [
        ("pointwise 256 at 14", dense(256, 1, 1), 14),
        ("pointwise 64 at 56", dense(64, 1, 1), 56),
        ("3x3 64 at 56", dense(64, 3, 1), 56),
        ("3x3 256 at 14", dense(256, 3, 1), 14),
        ("3x3 512 at 7", dense(512, 3, 1), 7),
        ("3x3 stride 2 128 at 56", dense(128, 3, 2), 56),
        ("depthwise 3x3 144 at 56", depthwise(144, 3, 1), 56),
        ("depthwise 5x5 240 at 28", depthwise(240, 5, 1), 28),
        ("depthwise 3x3 stride 2 96 at 112", depthwise(96, 3, 2), 112),
        (
            "inverted residual 3x3 24 at 56",
            inverted_residual(24, 3),
            56,
        ),
        (
            "inverted residual 5x5 112 at 14",
            inverted_residual(112, 5),
            14,
        ),
        ("stem 3x3 32 at 224", stem(32, 3), 224),
        ("stem 7x7 64 at 224", stem(64, 7), 224),
    ];
    for (name, network, side) in cases {
        let (file, _folder) = weights(&network);
        let pixels = Tensor::rand(-1f32, 1f32, (1, 3, side, side), &Device::Cpu).unwrap();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(
            network.multiply_adds(side, side).iter().sum(),
        ));
        for instructions in Instructions::available() {
            let cpu = Placement::cpu();
            let backbone = Backbone::load_network(&network, &["last"], &file, &cpu, instructions);
            let backbone = backbone.unwrap().with_threads(1);
            let id = BenchmarkId::from_parameter(format!("{instructions:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| black_box(backbone.feature_maps(&pixels).unwrap()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
