//! EfficientNet-Lite: EfficientNets without squeeze-excite and with ReLU6, made for phones.
//!
//! Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019;
//! the Lite variants are TensorFlow's of 2020, which scale neither the stem nor the head, and not
//! the depth of the first and the last stage. Behaviour matched: the package
//! `efficientnet_lite_pytorch` 0.1.0 (padding as TensorFlow's `SAME`, batch norm ε = 1e-3). Weights
//! load under that package's names and under timm's (`tf_efficientnet_lite0`).

use super::efficientnet::{SCALES, STAGES, Scale};
use super::inverted_residual::{InvertedResidual, PartNames, scaled_width};
use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Padding, Value, WeightNames, Window,
};

const NORM_EPSILON: f64 = 1e-3;
const STEM_CHANNELS: usize = 32;
const HEAD_CHANNELS: usize = 1280;
const CLASSES: usize = 1000;

/// EfficientNet-Lite0 from pixels to class scores, as all of these are. Trained on 224 × 224 pixels.
pub fn efficientnet_lite0() -> Network {
    build("efficientnet_lite0", SCALES[0])
}

/// EfficientNet-Lite1, trained on 240 × 240 pixels.
pub fn efficientnet_lite1() -> Network {
    build("efficientnet_lite1", SCALES[1])
}

/// EfficientNet-Lite2, trained on 260 × 260 pixels.
pub fn efficientnet_lite2() -> Network {
    build("efficientnet_lite2", SCALES[2])
}

/// EfficientNet-Lite3, trained on 280 × 280 pixels.
pub fn efficientnet_lite3() -> Network {
    build("efficientnet_lite3", SCALES[3])
}

/// EfficientNet-Lite4, trained on 300 × 300 pixels.
pub fn efficientnet_lite4() -> Network {
    build("efficientnet_lite4", SCALES[4])
}

fn build(name: &str, scale: Scale) -> Network {
    let mut net = NetworkBuilder::new(name);
    let stem = names(["_conv_stem", "_bn0"], ["conv_stem", "bn1"]);
    let stem = convolution(stem, 3, STEM_CHANNELS, 3, 2).activation(Activation::Relu6);
    let mut x = net.convolution(Value::INPUT, stem);
    net.layer("stem", vec!["bn1".into()], x, true);

    let mut index = 0;
    for (stage_index, stage) in STAGES.iter().enumerate() {
        let is_scaled = stage_index > 0 && stage_index + 1 < STAGES.len();
        let repeats = if is_scaled {
            scale.repeats(stage.repeats)
        } else {
            stage.repeats
        };
        for repeat in 0..repeats {
            // timm counts blocks within their stage; the reference package counts them through.
            let timm = format!("blocks.{stage_index}.{repeat}");
            let expands = stage.expansion != 1;
            let block = InvertedResidual {
                kernel: stage.kernel,
                stride: if repeat == 0 { stage.stride } else { 1 },
                expanded: net.channels(x) * stage.expansion,
                outputs: scaled_width(stage.channels, scale.width),
                activation: Activation::Relu6,
                pads_same: true,
                norm_epsilon: NORM_EPSILON,
                squeeze: None,
                names: vec![reference(index), PartNames::timm(&timm, expands)],
            };
            x = block.append(&mut net, x);
            let last = repeat + 1 == repeats;
            net.layer(format!("blocks.{index}"), vec![timm], x, last);
            index += 1;
        }
    }

    let head = names(["_conv_head", "_bn1"], ["conv_head", "bn2"]);
    let head = convolution(head, net.channels(x), HEAD_CHANNELS, 1, 1);
    x = net.convolution(x, head.activation(Activation::Relu6));
    net.layer("head", vec!["bn2".into()], x, true);
    x = net.global_average_pool(x);
    net.layer("avgpool", vec!["global_pool".into()], x, false);
    x = net.convolution(x, classifier());
    net.layer("classifier", vec!["fc".into()], x, false);
    net.finish()
}

/// A block's names in the reference package.
fn reference(index: usize) -> PartNames {
    let block = format!("_blocks.{index}");
    let part = |[convolution, norm]: [&str; 2]| {
        let names = [convolution, norm].map(|name| format!("{block}.{name}"));
        WeightNames::normed([&names[0], &names[1]])
    };
    PartNames {
        expand: part(["_expand_conv", "_bn0"]),
        depthwise: part(["_depthwise_conv", "_bn1"]),
        project: part(["_project_conv", "_bn2"]),
        squeeze: ["_se_reduce", "_se_expand"]
            .map(|name| WeightNames::bare(&format!("{block}.{name}"))),
    }
}

/// A convolution with batch norm, padded as TensorFlow pads.
fn convolution(
    names: Vec<WeightNames>,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Convolution {
    let window = Window {
        kernel,
        stride,
        padding: Padding::Same,
    };
    Convolution::new(names, inputs, outputs, window).norm(NORM_EPSILON)
}

fn classifier() -> Convolution {
    let window = Window::centred(1, 1);
    let names = vec![WeightNames::bare("_fc"), WeightNames::bare("classifier")];
    Convolution::new(names, HEAD_CHANNELS, CLASSES, window).biased()
}

/// The names of a convolution and its norm in the reference package and in timm.
fn names(reference: [&str; 2], timm: [&str; 2]) -> Vec<WeightNames> {
    vec![WeightNames::normed(reference), WeightNames::normed(timm)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes_and_costs() {
        // TensorFlow's figures: millions of parameters in tenths, and of multiply-adds, at the
        // sizes that they were trained on.
        let published = [
            (efficientnet_lite0(), 224, 47, 407),
            (efficientnet_lite1(), 240, 54, 631),
            (efficientnet_lite2(), 260, 61, 899),
            (efficientnet_lite3(), 280, 82, 1_440),
            (efficientnet_lite4(), 300, 130, 2_640),
        ];
        for (net, side, parameters, multiply_adds) in published {
            let ours: usize = net.parameters().iter().sum();
            assert_eq!((ours + 50_000) / 100_000, parameters, "{}", net.name);
            let cost: u64 = net.multiply_adds(side, side).iter().sum();
            let share = cost as f64 / 1e6 / f64::from(multiply_adds);
            assert!((0.93..1.01).contains(&share), "{}: {cost}", net.name);
        }
        let exactly: usize = efficientnet_lite0().parameters().iter().sum();
        assert_eq!(exactly, 4_652_008);
    }

    #[test]
    fn names_every_block_in_both_countings() {
        let net = efficientnet_lite0();
        assert_eq!(net.layers().len(), 1 + 16 + 3);
        assert_eq!(net.find_layer("blocks.6.0").unwrap().name, "blocks.15");
        assert_eq!(net.find_layer("blocks.15").unwrap().channels, 320);
    }

    #[test]
    fn strides_as_the_reference_does_at_odd_sizes() {
        let net = efficientnet_lite0();
        let head = net.find_layer("head").unwrap().value;
        let shape = net.shapes(225, 1)[head.0];
        assert_eq!((shape.channels, shape.height, shape.width), (1280, 8, 1));
    }
}
