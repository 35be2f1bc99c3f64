//! MobileNetV3: inverted residual blocks found by search, some of which weigh their channels.
//!
//! Howard et al., "Searching for MobileNetV3", 2019. Behaviour matched: torchvision's, whose batch
//! norms have ε = 1e-3. Weights load under its names and under timm's (`mobilenetv3_large_100`),
//! whose network is the same but for the ε it was trained with.

use super::inverted_residual::{InvertedResidual, PartNames, Squeeze, scaled_width};
use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-3;
const TIMM_NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 16;
const CLASSES: usize = 1000;
/// Channels of the head for each of the last block's.
const HEAD_EXPANSION: usize = 6;

/// A row of the paper's tables 1 and 2.
struct Block {
    kernel: usize,
    expanded: usize,
    channels: usize,
    squeezes: bool,
    activation: Activation,
    stride: usize,
}

use Activation::{HardSwish as HS, Relu as RE};

#[rustfmt::skip]
const LARGE: [Block; 15] = [
    Block { kernel: 3, expanded:  16, channels:  16, squeezes: false, activation: RE, stride: 1 },
    Block { kernel: 3, expanded:  64, channels:  24, squeezes: false, activation: RE, stride: 2 },
    Block { kernel: 3, expanded:  72, channels:  24, squeezes: false, activation: RE, stride: 1 },
    Block { kernel: 5, expanded:  72, channels:  40, squeezes: true,  activation: RE, stride: 2 },
    Block { kernel: 5, expanded: 120, channels:  40, squeezes: true,  activation: RE, stride: 1 },
    Block { kernel: 5, expanded: 120, channels:  40, squeezes: true,  activation: RE, stride: 1 },
    Block { kernel: 3, expanded: 240, channels:  80, squeezes: false, activation: HS, stride: 2 },
    Block { kernel: 3, expanded: 200, channels:  80, squeezes: false, activation: HS, stride: 1 },
    Block { kernel: 3, expanded: 184, channels:  80, squeezes: false, activation: HS, stride: 1 },
    Block { kernel: 3, expanded: 184, channels:  80, squeezes: false, activation: HS, stride: 1 },
    Block { kernel: 3, expanded: 480, channels: 112, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 3, expanded: 672, channels: 112, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 672, channels: 160, squeezes: true,  activation: HS, stride: 2 },
    Block { kernel: 5, expanded: 960, channels: 160, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 960, channels: 160, squeezes: true,  activation: HS, stride: 1 },
];

#[rustfmt::skip]
const SMALL: [Block; 11] = [
    Block { kernel: 3, expanded:  16, channels:  16, squeezes: true,  activation: RE, stride: 2 },
    Block { kernel: 3, expanded:  72, channels:  24, squeezes: false, activation: RE, stride: 2 },
    Block { kernel: 3, expanded:  88, channels:  24, squeezes: false, activation: RE, stride: 1 },
    Block { kernel: 5, expanded:  96, channels:  40, squeezes: true,  activation: HS, stride: 2 },
    Block { kernel: 5, expanded: 240, channels:  40, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 240, channels:  40, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 120, channels:  48, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 144, channels:  48, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 288, channels:  96, squeezes: true,  activation: HS, stride: 2 },
    Block { kernel: 5, expanded: 576, channels:  96, squeezes: true,  activation: HS, stride: 1 },
    Block { kernel: 5, expanded: 576, channels:  96, squeezes: true,  activation: HS, stride: 1 },
];

/// MobileNetV3-Large of width 1 from pixels to class scores.
pub fn mobilenet_v3_large() -> Network {
    build("mobilenet_v3_large", &LARGE, 1280)
}

/// MobileNetV3-Small of width 1 from pixels to class scores.
pub fn mobilenet_v3_small() -> Network {
    build("mobilenet_v3_small", &SMALL, 1024)
}

fn build(name: &str, blocks: &[Block], hidden: usize) -> Network {
    let mut net = NetworkBuilder::new(name);
    let stem = names(["features.0.0", "features.0.1"], ["conv_stem", "bn1"]);
    let stem = convolution(stem, 3, STEM_CHANNELS, 3, 2).activation(HS);
    let mut x = net.convolution(Value::INPUT, stem);
    net.layer("features.0", aliases(["bn1"]), x, true);

    // torchvision counts blocks through, the stem being 0; timm counts them within their stage,
    // which is as long as the width stays.
    let (mut stage, mut repeat) = (0, 0);
    for (index, block) in blocks.iter().enumerate() {
        let (own, timm) = (
            format!("features.{}", index + 1),
            format!("blocks.{stage}.{repeat}"),
        );
        x = append(&mut net, x, block, [&own, &timm]);
        let next = blocks.get(index + 1);
        let is_last = next.is_none_or(|next| next.channels != block.channels);
        net.layer(own, vec![timm], x, is_last);
        (stage, repeat) = if is_last {
            (stage + 1, 0)
        } else {
            (stage, repeat + 1)
        };
    }

    let own = format!("features.{}", blocks.len() + 1);
    let parts = [format!("{own}.0"), format!("{own}.1")];
    let timm = format!("blocks.{stage}.0");
    let timm_parts = [format!("{timm}.conv"), format!("{timm}.bn1")];
    let head = names([&parts[0], &parts[1]], [&timm_parts[0], &timm_parts[1]]);
    let channels = net.channels(x);
    let head = convolution(head, channels, HEAD_EXPANSION * channels, 1, 1).activation(HS);
    x = net.convolution(x, head);
    net.layer(own, vec![timm], x, true);
    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["global_pool"]), x, false);
    let connected = connected(
        ["classifier.0", "conv_head"],
        HEAD_EXPANSION * channels,
        hidden,
    );
    x = net.convolution(x, connected.activation(HS));
    net.layer("classifier.1", aliases(["classifier.0", "act2"]), x, false);
    x = net.convolution(
        x,
        self::connected(["classifier.3", "classifier"], hidden, CLASSES),
    );
    net.layer("classifier.3", aliases(["classifier"]), x, false);
    net.finish()
}

/// The block called `own` in torchvision and `timm` in timm.
fn append(net: &mut NetworkBuilder, input: Value, block: &Block, [own, timm]: [&str; 2]) -> Value {
    let expands = block.expanded != net.channels(input);
    let squeeze = Squeeze {
        channels: scaled_width(block.expanded / 4, 1.0),
        activation: RE,
        gate: Activation::HardSigmoid,
    };
    let block = InvertedResidual {
        kernel: block.kernel,
        stride: block.stride,
        expanded: block.expanded,
        outputs: block.channels,
        activation: block.activation,
        pads_same: false,
        norm_epsilon: NORM_EPSILON,
        squeeze: block.squeezes.then_some(squeeze),
        names: vec![
            PartNames::torchvision(&format!("{own}.block"), expands, block.squeezes),
            PartNames::timm(timm, expands).with_epsilon(TIMM_NORM_EPSILON),
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

/// A fully connected layer.
fn connected(names: [&str; 2], inputs: usize, outputs: usize) -> Convolution {
    let names = names.map(WeightNames::bare).to_vec();
    Convolution::new(names, inputs, outputs, Window::centred(1, 1)).biased()
}

/// The names of a convolution and its norm in torchvision and in timm.
fn names(torchvision: [&str; 2], timm: [&str; 2]) -> Vec<WeightNames> {
    let timm = WeightNames::normed(timm).with_epsilon(TIMM_NORM_EPSILON);
    vec![WeightNames::normed(torchvision), timm]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes_and_costs() {
        // torchvision's figures; it counts multiply-adds in thousandths of 10⁹.
        let published = [
            (mobilenet_v3_large(), 5_483_032, 217),
            (mobilenet_v3_small(), 2_542_856, 57),
        ];
        for (net, parameters, multiply_adds) in published {
            assert_eq!(net.parameters().iter().sum::<usize>(), parameters);
            let cost: u64 = net.multiply_adds(224, 224).iter().sum();
            assert_eq!((cost + 500_000) / 1_000_000, multiply_adds, "{}", net.name);
        }
    }

    #[test]
    fn names_every_block_in_both_countings() {
        let net = mobilenet_v3_large();
        let name = |alias: &str| net.find_layer(alias).unwrap().name.clone();
        assert_eq!(name("blocks.0.0"), "features.1");
        assert_eq!(name("blocks.3.3"), "features.10");
        assert_eq!(name("blocks.5.2"), "features.15");
        assert_eq!(name("blocks.6.0"), "features.16");
    }
}
