//! EfficientNet-Lite0: an EfficientNet without squeeze-excite and with ReLU6, made for phones.
//!
//! Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019;
//! the Lite variants are TensorFlow's of 2020. Behaviour matched: the package
//! `efficientnet_lite_pytorch` 0.1.0 (padding as TensorFlow's `SAME`, batch norm ε = 1e-3). Weights
//! load under that package's names and under timm's (`tf_efficientnet_lite0`).

use super::network::{Activation, Convolution, Network, Padding, Value, WeightNames, Window};

const NORM_EPSILON: f64 = 1e-3;
const STEM_CHANNELS: usize = 32;
const HEAD_CHANNELS: usize = 1280;
const CLASSES: usize = 1000;

/// A row of the paper's table 1: inverted residual blocks of one width and resolution.
struct Stage {
    expansion: usize,
    channels: usize,
    repeats: usize,
    stride: usize,
    kernel: usize,
}

#[rustfmt::skip]
const STAGES: [Stage; 7] = [
    Stage { expansion: 1, channels:  16, repeats: 1, stride: 1, kernel: 3 },
    Stage { expansion: 6, channels:  24, repeats: 2, stride: 2, kernel: 3 },
    Stage { expansion: 6, channels:  40, repeats: 2, stride: 2, kernel: 5 },
    Stage { expansion: 6, channels:  80, repeats: 3, stride: 2, kernel: 3 },
    Stage { expansion: 6, channels: 112, repeats: 3, stride: 1, kernel: 5 },
    Stage { expansion: 6, channels: 192, repeats: 4, stride: 2, kernel: 5 },
    Stage { expansion: 6, channels: 320, repeats: 1, stride: 1, kernel: 3 },
];

/// EfficientNet-Lite0 from pixels to class scores.
pub fn efficientnet_lite0() -> Network {
    let mut net = Network::new("efficientnet_lite0");
    let stem = names(["_conv_stem", "_bn0"], ["conv_stem", "bn1"]);
    let stem = convolution(stem, 3, STEM_CHANNELS, 3, 2).activation(Activation::Relu6);
    let mut x = net.convolution(Value::INPUT, stem);
    net.layer("stem", vec!["conv_stem".into()], x, true);

    let mut index = 0;
    for (stage_index, stage) in STAGES.iter().enumerate() {
        for repeat in 0..stage.repeats {
            let place = Place {
                index,
                stage: stage_index,
                repeat,
            };
            x = inverted_residual(&mut net, x, stage, &place);
            // timm counts blocks within their stage; the reference package counts them through.
            let timm = format!("blocks.{stage_index}.{repeat}");
            let last = repeat + 1 == stage.repeats;
            net.layer(format!("blocks.{index}"), vec![timm], x, last);
            index += 1;
        }
    }

    let head = names(["_conv_head", "_bn1"], ["conv_head", "bn2"]);
    let head = convolution(head, net.channels(x), HEAD_CHANNELS, 1, 1);
    x = net.convolution(x, head.activation(Activation::Relu6));
    net.layer("head", vec!["conv_head".into()], x, true);
    x = net.global_average_pool(x);
    net.layer("avgpool", vec!["global_pool".into()], x, false);
    x = net.convolution(x, classifier());
    net.layer("classifier", vec!["fc".into()], x, false);
    net
}

/// Where a block stands: counted through, and as stage and repeat.
struct Place {
    index: usize,
    stage: usize,
    repeat: usize,
}

/// Expand to a wider map (1×1), convolve each channel by itself, project back (1×1, linear); the
/// input is added where its shape is unchanged. Sandler et al., "MobileNetV2", 2018.
fn inverted_residual(net: &mut Network, input: Value, stage: &Stage, place: &Place) -> Value {
    let channels = net.channels(input);
    let expanded = channels * stage.expansion;
    let stride = if place.repeat == 0 { stage.stride } else { 1 };
    let block = |conv: &str, norm: &str, timm_conv: &str, timm_norm: &str| {
        let ours = format!("_blocks.{}.", place.index);
        let timm = format!("blocks.{}.{}.", place.stage, place.repeat);
        names(
            [&format!("{ours}{conv}"), &format!("{ours}{norm}")],
            [&format!("{timm}{timm_conv}"), &format!("{timm}{timm_norm}")],
        )
    };
    let (depthwise_names, project_names) = if stage.expansion == 1 {
        (
            block("_depthwise_conv", "_bn1", "conv_dw", "bn1"),
            block("_project_conv", "_bn2", "conv_pw", "bn2"),
        )
    } else {
        (
            block("_depthwise_conv", "_bn1", "conv_dw", "bn2"),
            block("_project_conv", "_bn2", "conv_pwl", "bn3"),
        )
    };

    let mut x = input;
    if stage.expansion != 1 {
        let expand_names = block("_expand_conv", "_bn0", "conv_pw", "bn1");
        let expand = convolution(expand_names, channels, expanded, 1, 1);
        x = net.convolution(x, expand.activation(Activation::Relu6));
    }
    let depthwise = convolution(depthwise_names, expanded, expanded, stage.kernel, stride);
    x = net.convolution(x, depthwise.depthwise().activation(Activation::Relu6));
    let residual = (stride == 1 && channels == stage.channels).then_some(input);
    let project = convolution(project_names, expanded, stage.channels, 1, 1);
    net.convolution(x, project.plus(residual))
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
    let window = Window {
        kernel: 1,
        stride: 1,
        padding: Padding::Symmetric(0),
    };
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
    fn has_the_papers_size_and_cost() {
        let net = efficientnet_lite0();
        let parameters: usize = net.parameters().iter().sum();
        let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
        // Published: 4.7 M parameters, 407 M multiply-adds.
        assert_eq!(parameters, 4_652_008);
        assert!(
            (380_000_000..410_000_000).contains(&multiply_adds),
            "{multiply_adds}"
        );
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
