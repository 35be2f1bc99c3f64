//! ResNet: stages of residual blocks, each of which learns what to add to its input.
//!
//! He et al., "Deep Residual Learning for Image Recognition", 2015; wider inside the blocks:
//! Zagoruyko & Komodakis, "Wide Residual Networks", 2016; in groups: Xie et al., "Aggregated
//! Residual Transformations for Deep Neural Networks", 2016. Behaviour matched: torchvision's,
//! which strides in a bottleneck's 3×3 convolution (the paper strides in the 1×1 before it; the
//! change is known as ResNet v1.5). timm's weights have torchvision's names.

use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 64;
const CLASSES: usize = 1000;
/// Width of each stage's blocks.
const STAGE_CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// What a block is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Two 3×3 convolutions.
    Basic,
    /// Narrow by 1×1, convolve by 3×3, widen fourfold by 1×1.
    Bottleneck {
        /// Groups that the 3×3 convolution is done in.
        groups: usize,
        /// How many times as wide as the stage the block is inside.
        widening: usize,
    },
}

/// The paper's bottleneck.
const PLAIN: Block = Block::Bottleneck {
    groups: 1,
    widening: 1,
};
const WIDE: Block = Block::Bottleneck {
    groups: 1,
    widening: 2,
};
/// 32 groups of 4 channels in the first stage.
const GROUPED: Block = Block::Bottleneck {
    groups: 32,
    widening: 2,
};

impl Block {
    /// Channels that it makes for each channel of its stage's width.
    const fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck { .. } => 4,
        }
    }
}

/// ResNet-18 from pixels to class scores, as all of these are.
pub fn resnet18() -> Network {
    build("resnet18", Block::Basic, [2, 2, 2, 2])
}

/// ResNet-34.
pub fn resnet34() -> Network {
    build("resnet34", Block::Basic, [3, 4, 6, 3])
}

/// ResNet-50.
pub fn resnet50() -> Network {
    build("resnet50", PLAIN, [3, 4, 6, 3])
}

/// ResNet-101.
pub fn resnet101() -> Network {
    build("resnet101", PLAIN, [3, 4, 23, 3])
}

/// ResNet-152.
pub fn resnet152() -> Network {
    build("resnet152", PLAIN, [3, 8, 36, 3])
}

/// Wide ResNet-50-2.
pub fn wide_resnet50_2() -> Network {
    build("wide_resnet50_2", WIDE, [3, 4, 6, 3])
}

/// ResNeXt-50 32x4d.
pub fn resnext50_32x4d() -> Network {
    build("resnext50_32x4d", GROUPED, [3, 4, 6, 3])
}

/// A column of the paper's table 1: the blocks and how many of them each stage has.
fn build(name: &str, kind: Block, repeats: [usize; 4]) -> Network {
    let mut net = NetworkBuilder::new(name);
    let names = WeightNames::normed(["conv1", "bn1"]);
    let stem = convolution(names, 3, STEM_CHANNELS, 7, 2);
    let mut x = net.convolution(Value::INPUT, stem.activation(Activation::Relu));
    net.layer("relu", aliases(["act1", "conv1_relu"]), x, false);
    x = net.max_pool(x, Window::centred(3, 2));
    net.layer("maxpool", aliases(["pool1_pool"]), x, true);

    for (index, repeats) in repeats.into_iter().enumerate() {
        for repeat in 0..repeats {
            let stride = if index > 0 && repeat == 0 { 2 } else { 1 };
            let block = format!("layer{}.{repeat}", index + 1);
            x = residual_block(&mut net, x, kind, &block, STAGE_CHANNELS[index], stride);
            // Keras counts the pooled stem as the first stage, and blocks from one.
            let keras = format!("conv{}_block{}_out", index + 2, repeat + 1);
            if repeat + 1 == repeats {
                net.layer(format!("layer{}", index + 1), vec![block, keras], x, true);
            } else {
                net.layer(block, vec![keras], x, false);
            }
        }
    }

    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["global_pool", "avg_pool"]), x, false);
    let features = STAGE_CHANNELS[3] * kind.expansion();
    x = net.convolution(x, classifier(features));
    net.layer("fc", aliases(["predictions"]), x, false);
    net.finish()
}

/// The block's input, brought to its output's shape where that differs, is added before the last
/// activation.
fn residual_block(
    net: &mut NetworkBuilder,
    input: Value,
    kind: Block,
    block: &str,
    width: usize,
    stride: usize,
) -> Value {
    let channels = net.channels(input);
    let outputs = width * kind.expansion();
    let part = |number: usize| {
        WeightNames::normed([
            &format!("{block}.conv{number}"),
            &format!("{block}.bn{number}"),
        ])
    };
    let mut shortcut = input;
    if stride != 1 || channels != outputs {
        let names = WeightNames::normed([
            &format!("{block}.downsample.0"),
            &format!("{block}.downsample.1"),
        ]);
        shortcut = net.convolution(input, convolution(names, channels, outputs, 1, stride));
    }
    let (inner, last) = match kind {
        Block::Basic => (
            vec![convolution(part(1), channels, width, 3, stride)],
            convolution(part(2), width, outputs, 3, 1),
        ),
        Block::Bottleneck { groups, widening } => {
            let inside = width * widening;
            let spatial = convolution(part(2), inside, inside, 3, stride).grouped(groups);
            let narrow = convolution(part(1), channels, inside, 1, 1);
            (
                vec![narrow, spatial],
                convolution(part(3), inside, outputs, 1, 1),
            )
        }
    };
    let mut x = input;
    for convolution in inner {
        x = net.convolution(x, convolution.activation(Activation::Relu));
    }
    net.convolution(x, last.plus(Some(shortcut)).activation(Activation::Relu))
}

fn convolution(
    names: WeightNames,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Convolution {
    Convolution::new(
        vec![names],
        inputs,
        outputs,
        Window::centred(kernel, stride),
    )
    .norm(NORM_EPSILON)
}

fn classifier(inputs: usize) -> Convolution {
    let names = vec![WeightNames::bare("fc")];
    Convolution::new(names, inputs, CLASSES, Window::centred(1, 1)).biased()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes_and_costs() {
        // torchvision's figures; it counts multiply-adds in thousandths of 10⁹.
        let published = [
            (resnet18(), 11_689_512, 1_814),
            (resnet34(), 21_797_672, 3_664),
            (resnet50(), 25_557_032, 4_089),
            (resnet101(), 44_549_160, 7_801),
            (resnet152(), 60_192_808, 11_514),
            (wide_resnet50_2(), 68_883_240, 11_398),
            (resnext50_32x4d(), 25_028_904, 4_230),
        ];
        for (net, parameters, multiply_adds) in published {
            assert_eq!(net.parameters().iter().sum::<usize>(), parameters);
            let cost: u64 = net.multiply_adds(224, 224).iter().sum();
            assert_eq!((cost + 500_000) / 1_000_000, multiply_adds, "{}", net.name);
        }
    }

    #[test]
    fn names_every_block_and_stage() {
        let net = resnet50();
        assert_eq!(net.layers().len(), 2 + 16 + 2);
        for name in ["layer3", "layer3.5", "conv4_block6_out"] {
            assert_eq!(net.find_layer(name).unwrap().name, "layer3");
        }
        let layer = net.find_layer("conv4_block5_out").unwrap();
        assert_eq!((layer.name.as_str(), layer.channels), ("layer3.4", 1024));
    }

    #[test]
    fn halves_the_map_as_torchvision_does_at_odd_sizes() {
        let net = resnet50();
        let shapes = net.shapes(225, 97);
        let size = |name: &str| {
            let shape = shapes[net.find_layer(name).unwrap().value.0];
            (shape.height, shape.width)
        };
        assert_eq!(size("relu"), (113, 49));
        assert_eq!(size("maxpool"), (57, 25));
        assert_eq!(size("layer4"), (8, 4));
    }
}
