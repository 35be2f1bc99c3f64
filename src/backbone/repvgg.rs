//! RepVGG: nothing but 3×3 convolutions and ReLU, each trained as the sum of three branches.
//!
//! Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", 2021. The network is declared in
//! its fused form; the branches of a training checkpoint are added up when it is loaded. Behaviour
//! matched: timm's (`repvgg_a0`), fused or not.

use crate::network::{
    Activation, Branch, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const CLASSES: usize = 1000;

/// A row of the paper's table 2.
struct Variant {
    name: &'static str,
    /// Convolutions in each stage.
    repeats: [usize; 4],
    /// Width of each stage; the stem has the first one's.
    channels: [usize; 4],
}

#[rustfmt::skip]
const A0: Variant = Variant { name: "repvgg_a0", repeats: [2, 4, 14, 1], channels: [48,  96, 192, 1280] };
#[rustfmt::skip]
const A1: Variant = Variant { name: "repvgg_a1", repeats: [2, 4, 14, 1], channels: [64, 128, 256, 1280] };
#[rustfmt::skip]
const B0: Variant = Variant { name: "repvgg_b0", repeats: [4, 6, 16, 1], channels: [64, 128, 256, 1280] };

/// RepVGG-A0 from pixels to class scores, as all of these are.
pub fn repvgg_a0() -> Network {
    build(&A0)
}

/// RepVGG-A1.
pub fn repvgg_a1() -> Network {
    build(&A1)
}

/// RepVGG-B0.
pub fn repvgg_b0() -> Network {
    build(&B0)
}

fn build(variant: &Variant) -> Network {
    let mut net = NetworkBuilder::new(variant.name);
    let mut x = activated(&mut net, Value::INPUT, "stem", variant.channels[0], 2);
    net.layer("stem", Vec::new(), x, true);
    let stages = variant.repeats.iter().zip(variant.channels).enumerate();
    for (index, (&repeats, channels)) in stages {
        let stage = format!("stages.{index}");
        for repeat in 0..repeats {
            let block = format!("{stage}.{repeat}");
            let stride = if repeat == 0 { 2 } else { 1 };
            x = activated(&mut net, x, &block, channels, stride);
            if repeat + 1 == repeats {
                net.layer(&stage, vec![block], x, true);
            } else {
                net.layer(block, Vec::new(), x, false);
            }
        }
    }
    x = net.global_average_pool(x);
    let names = aliases(["head.global_pool", "global_pool"]);
    net.layer("avgpool", names, x, false);
    let names = vec![WeightNames::bare("head.fc")];
    let classifier = Convolution::new(names, net.channels(x), CLASSES, Window::centred(1, 1));
    x = net.convolution(x, classifier.biased());
    net.layer("head.fc", aliases(["fc", "head"]), x, false);
    net.finish()
}

/// A block: 3×3, 1×1 and, where shapes allow, the input itself, each with its norm, added up before
/// the ReLU.
fn activated(
    net: &mut NetworkBuilder,
    input: Value,
    block: &str,
    outputs: usize,
    stride: usize,
) -> Value {
    let inputs = net.channels(input);
    let branch = |name: &str, kernel| {
        let names = ["conv", "bn"].map(|part| format!("{block}.{name}.{part}"));
        let names = WeightNames::normed([&names[0], &names[1]]);
        let window = Window::centred(kernel, stride);
        let convolution = Convolution::new(vec![names], inputs, outputs, window);
        Branch::Convolution(Box::new(convolution.norm(NORM_EPSILON)))
    };
    let mut branches = vec![branch("conv_kxk", 3), branch("conv_1x1", 1)];
    if inputs == outputs && stride == 1 {
        branches.push(Branch::Identity {
            norm: format!("{block}.identity"),
            epsilon: NORM_EPSILON,
        });
    }
    let names = vec![WeightNames::bare(&format!("{block}.reparam_conv"))];
    let fused = Convolution::new(names, inputs, outputs, Window::centred(3, stride)).biased();
    let fused = fused.sum_of(branches).activation(Activation::Relu);
    net.convolution(input, fused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes() {
        // Millions as the paper has them for the fused form, in hundredths; the exact ones are
        // those of timm's network after `reparameterize_model`.
        let published = [
            (repvgg_a0(), 831, 8_309_384),
            (repvgg_a1(), 1_279, 12_789_864),
            (repvgg_b0(), 1_434, 14_339_048),
        ];
        for (net, hundredths, parameters) in published {
            let ours: usize = net.parameters().iter().sum();
            assert_eq!(ours, parameters, "{}", net.name);
            assert_eq!((ours + 5_000) / 10_000, hundredths, "{}", net.name);
        }
    }

    #[test]
    fn names_every_block_and_stage() {
        let net = repvgg_b0();
        assert_eq!(net.layers().len(), 1 + 27 + 2);
        assert_eq!(net.find_layer("stages.2.15").unwrap().name, "stages.2");
    }
}
