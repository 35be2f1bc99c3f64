//! MobileNetV2: inverted residual blocks with linear bottlenecks, made for phones.
//!
//! Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018. Behaviour
//! matched: torchvision's. Weights load under its names and under timm's (`mobilenetv2_100`), whose
//! network is the same.

use super::inverted_residual::{InvertedResidual, PartNames};
use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 32;
const HEAD_CHANNELS: usize = 1280;
const CLASSES: usize = 1000;

/// A row of the paper's table 2: blocks of one width and resolution.
struct Stage {
    expansion: usize,
    channels: usize,
    repeats: usize,
    stride: usize,
}

#[rustfmt::skip]
const STAGES: [Stage; 7] = [
    Stage { expansion: 1, channels:  16, repeats: 1, stride: 1 },
    Stage { expansion: 6, channels:  24, repeats: 2, stride: 2 },
    Stage { expansion: 6, channels:  32, repeats: 3, stride: 2 },
    Stage { expansion: 6, channels:  64, repeats: 4, stride: 2 },
    Stage { expansion: 6, channels:  96, repeats: 3, stride: 1 },
    Stage { expansion: 6, channels: 160, repeats: 3, stride: 2 },
    Stage { expansion: 6, channels: 320, repeats: 1, stride: 1 },
];

/// MobileNetV2 of width 1 from pixels to class scores.
pub fn mobilenet_v2() -> Network {
    let mut net = NetworkBuilder::new("mobilenet_v2");
    let stem = names(["features.0.0", "features.0.1"], ["conv_stem", "bn1"]);
    let stem = convolution(stem, 3, STEM_CHANNELS, 3, 2).activation(Activation::Relu6);
    let mut x = net.convolution(Value::INPUT, stem);
    net.layer("features.0", aliases(["bn1", "Conv1_relu"]), x, true);

    // torchvision counts blocks through, the stem being 0; timm counts them within their stage.
    let mut index = 1;
    for (stage_index, stage) in STAGES.iter().enumerate() {
        for repeat in 0..stage.repeats {
            let own = format!("features.{index}");
            let timm = format!("blocks.{stage_index}.{repeat}");
            let stride = if repeat == 0 { stage.stride } else { 1 };
            let adds = stride == 1 && net.channels(x) == stage.channels;
            let expands = stage.expansion != 1;
            let block = InvertedResidual {
                kernel: 3,
                stride,
                expanded: net.channels(x) * stage.expansion,
                outputs: stage.channels,
                activation: Activation::Relu6,
                pads_same: false,
                norm_epsilon: NORM_EPSILON,
                squeeze: None,
                names: vec![torchvision(&own, expands), PartNames::timm(&timm, expands)],
            };
            x = block.append(&mut net, x);
            let aliases = vec![timm, keras_name(index, adds)];
            let last = repeat + 1 == stage.repeats;
            net.layer(own, aliases, x, last);
            index += 1;
        }
    }

    let head = [format!("features.{index}.0"), format!("features.{index}.1")];
    let head = names([&head[0], &head[1]], ["conv_head", "bn2"]);
    let head = convolution(head, net.channels(x), HEAD_CHANNELS, 1, 1);
    x = net.convolution(x, head.activation(Activation::Relu6));
    net.layer(
        format!("features.{index}"),
        aliases(["bn2", "out_relu"]),
        x,
        true,
    );
    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["global_pool"]), x, false);
    x = net.convolution(x, classifier());
    net.layer(
        "classifier.1",
        aliases(["classifier", "predictions"]),
        x,
        false,
    );
    net.finish()
}

/// torchvision nests a convolution with its norm and activation, and so names them `N.0`, `N.1`;
/// the projection has no activation, and its parts are named side by side.
fn torchvision(block: &str, expands: bool) -> PartNames {
    let part = |[convolution, norm]: [&str; 2]| {
        let names = [convolution, norm].map(|name| format!("{block}.conv.{name}"));
        WeightNames::normed([&names[0], &names[1]])
    };
    let (depthwise, project) = if expands {
        (["1.0", "1.1"], ["2", "3"])
    } else {
        (["0.0", "0.1"], ["1", "2"])
    };
    PartNames {
        expand: part(["0.0", "0.1"]),
        depthwise: part(depthwise),
        project: part(project),
        // There is none.
        squeeze: [WeightNames::bare(block), WeightNames::bare(block)],
    }
}

/// Keras numbers blocks from 0, calls the first otherwise, and names a block's last operation.
fn keras_name(index: usize, adds: bool) -> String {
    match (index - 1, adds) {
        (0, _) => "expanded_conv_project_BN".to_owned(),
        (block, true) => format!("block_{block}_add"),
        (block, false) => format!("block_{block}_project_BN"),
    }
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

fn classifier() -> Convolution {
    let names = vec![
        WeightNames::bare("classifier.1"),
        WeightNames::bare("classifier"),
    ];
    Convolution::new(names, HEAD_CHANNELS, CLASSES, Window::centred(1, 1)).biased()
}

/// The names of a convolution and its norm in torchvision and in timm.
fn names(torchvision: [&str; 2], timm: [&str; 2]) -> Vec<WeightNames> {
    vec![WeightNames::normed(torchvision), WeightNames::normed(timm)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_size_and_cost() {
        let net = mobilenet_v2();
        let parameters: usize = net.parameters().iter().sum();
        let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
        // torchvision publishes 3 504 872 parameters and 0.301 G multiply-adds.
        assert_eq!(parameters, 3_504_872);
        assert_eq!(multiply_adds, 300_774_272);
    }

    #[test]
    fn names_every_block_in_every_counting() {
        let net = mobilenet_v2();
        assert_eq!(net.layers().len(), 1 + 17 + 3);
        let name = |alias: &str| net.find_layer(alias).unwrap().name.clone();
        assert_eq!(name("blocks.3.1"), "features.8");
        assert_eq!(name("block_7_add"), "features.8");
        assert_eq!(name("block_16_project_BN"), "features.17");
        assert_eq!(name("out_relu"), "features.18");
    }
}
