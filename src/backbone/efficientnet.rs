//! EfficientNet: inverted residual blocks that weigh their channels, scaled in width and depth
//! together.
//!
//! Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019.
//! Behaviour matched: torchvision's, which pads by half the kernel (TensorFlow's own, timm's `tf_`,
//! pad as `SAME` does). Weights load under its names and under timm's (`efficientnet_b0`), whose
//! network is the same.

use super::inverted_residual::{InvertedResidual, PartNames, Squeeze, scaled_width};
use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 32;
const CLASSES: usize = 1000;
/// Channels of the head for each of the last stage's.
const HEAD_EXPANSION: usize = 4;
/// What a squeeze reduces to is its block's input divided by this.
const SQUEEZE: usize = 4;

/// A row of the paper's table 1: inverted residual blocks of one width and resolution.
pub(super) struct Stage {
    pub expansion: usize,
    pub channels: usize,
    pub repeats: usize,
    pub stride: usize,
    pub kernel: usize,
}

#[rustfmt::skip]
pub(super) const STAGES: [Stage; 7] = [
    Stage { expansion: 1, channels:  16, repeats: 1, stride: 1, kernel: 3 },
    Stage { expansion: 6, channels:  24, repeats: 2, stride: 2, kernel: 3 },
    Stage { expansion: 6, channels:  40, repeats: 2, stride: 2, kernel: 5 },
    Stage { expansion: 6, channels:  80, repeats: 3, stride: 2, kernel: 3 },
    Stage { expansion: 6, channels: 112, repeats: 3, stride: 1, kernel: 5 },
    Stage { expansion: 6, channels: 192, repeats: 4, stride: 2, kernel: 5 },
    Stage { expansion: 6, channels: 320, repeats: 1, stride: 1, kernel: 3 },
];

/// How much wider and deeper than the smallest one.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub width: f64,
    pub depth: f64,
}

impl Scale {
    /// `repeats` times the depth, rounded up.
    pub fn repeats(self, repeats: usize) -> usize {
        (repeats as f64 * self.depth).ceil() as usize
    }
}

#[rustfmt::skip]
pub(super) const SCALES: [Scale; 5] = [
    Scale { width: 1.0, depth: 1.0 },
    Scale { width: 1.0, depth: 1.1 },
    Scale { width: 1.1, depth: 1.2 },
    Scale { width: 1.2, depth: 1.4 },
    Scale { width: 1.4, depth: 1.8 },
];

/// EfficientNet-B0 from pixels to class scores, as all of these are. Trained on 224 × 224 pixels.
pub fn efficientnet_b0() -> Network {
    build("efficientnet_b0", SCALES[0])
}

/// EfficientNet-B1.
pub fn efficientnet_b1() -> Network {
    build("efficientnet_b1", SCALES[1])
}

/// EfficientNet-B2.
pub fn efficientnet_b2() -> Network {
    build("efficientnet_b2", SCALES[2])
}

/// EfficientNet-B3.
pub fn efficientnet_b3() -> Network {
    build("efficientnet_b3", SCALES[3])
}

/// EfficientNet-B4.
pub fn efficientnet_b4() -> Network {
    build("efficientnet_b4", SCALES[4])
}

fn build(name: &str, scale: Scale) -> Network {
    let mut net = NetworkBuilder::new(name);
    let stem = names(["features.0.0", "features.0.1"], ["conv_stem", "bn1"]);
    let stem = convolution(stem, 3, scaled_width(STEM_CHANNELS, scale.width), 3, 2);
    let mut x = net.convolution(Value::INPUT, stem.activation(Activation::Silu));
    net.layer("features.0", aliases(["bn1"]), x, true);

    for (index, stage) in STAGES.iter().enumerate() {
        let repeats = scale.repeats(stage.repeats);
        // torchvision counts the stem as the first stage; timm counts stages from zero.
        let (own, timm) = (format!("features.{}", index + 1), format!("blocks.{index}"));
        for repeat in 0..repeats {
            let (block, timm_block) = (format!("{own}.{repeat}"), format!("{timm}.{repeat}"));
            let stride = if repeat == 0 { stage.stride } else { 1 };
            let outputs = scaled_width(stage.channels, scale.width);
            x = inverted_residual(&mut net, x, stage, stride, outputs, [&block, &timm_block]);
            if repeat + 1 == repeats {
                net.layer(&own, vec![block, timm.clone(), timm_block], x, true);
            } else {
                net.layer(block, vec![timm_block], x, false);
            }
        }
    }

    let head = names(["features.8.0", "features.8.1"], ["conv_head", "bn2"]);
    let channels = net.channels(x);
    let head = convolution(head, channels, HEAD_EXPANSION * channels, 1, 1);
    x = net.convolution(x, head.activation(Activation::Silu));
    net.layer("features.8", aliases(["bn2"]), x, true);
    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["global_pool"]), x, false);
    x = net.convolution(x, classifier(HEAD_EXPANSION * channels));
    net.layer("classifier.1", aliases(["classifier"]), x, false);
    net.finish()
}

/// The block called `own` in torchvision and `timm` in timm.
fn inverted_residual(
    net: &mut NetworkBuilder,
    input: Value,
    stage: &Stage,
    stride: usize,
    outputs: usize,
    [own, timm]: [&str; 2],
) -> Value {
    let channels = net.channels(input);
    let expands = stage.expansion != 1;
    let block = InvertedResidual {
        kernel: stage.kernel,
        stride,
        expanded: channels * stage.expansion,
        outputs,
        activation: Activation::Silu,
        pads_same: false,
        norm_epsilon: NORM_EPSILON,
        squeeze: Some(Squeeze {
            channels: channels / SQUEEZE,
            activation: Activation::Silu,
            gate: Activation::Sigmoid,
        }),
        names: vec![
            PartNames::torchvision(&format!("{own}.block"), expands, true),
            PartNames::timm(timm, expands),
        ],
    };
    block.append(net, input)
}

/// A convolution with batch norm, padded by half its kernel.
fn convolution(
    names: Vec<WeightNames>,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Convolution {
    Convolution::new(names, inputs, outputs, Window::centred(kernel, stride)).norm(NORM_EPSILON)
}

fn classifier(inputs: usize) -> Convolution {
    let window = Window::centred(1, 1);
    let names = ["classifier.1", "classifier"].map(WeightNames::bare);
    Convolution::new(names.to_vec(), inputs, CLASSES, window).biased()
}

/// The names of a convolution and its norm in torchvision and in timm.
fn names(torchvision: [&str; 2], timm: [&str; 2]) -> Vec<WeightNames> {
    vec![WeightNames::normed(torchvision), WeightNames::normed(timm)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes_and_costs() {
        // torchvision's figures, at the sizes that they were trained on; it counts multiply-adds in
        // thousandths of 10⁹, and those of the scaling, which we do not, are fewer than two.
        let published = [
            (efficientnet_b0(), 224, 5_288_548, 386),
            (efficientnet_b1(), 240, 7_794_184, 687),
            (efficientnet_b2(), 288, 9_109_994, 1_088),
            (efficientnet_b3(), 300, 12_233_232, 1_827),
            (efficientnet_b4(), 380, 19_341_616, 4_394),
        ];
        for (net, side, parameters, multiply_adds) in published {
            assert_eq!(net.parameters().iter().sum::<usize>(), parameters);
            let cost: u64 = net.multiply_adds(side, side).iter().sum();
            assert_eq!((cost + 500_000) / 1_000_000, multiply_adds, "{}", net.name);
        }
    }

    #[test]
    fn names_every_block_and_stage_in_both_countings() {
        let net = efficientnet_b1();
        let name = |alias: &str| net.find_layer(alias).unwrap().name.clone();
        for alias in ["features.3.2", "blocks.2", "blocks.2.2"] {
            assert_eq!(name(alias), "features.3");
        }
        assert_eq!(name("blocks.2.1"), "features.3.1");
    }
}
