//! ResNet: stages of residual blocks, each of which learns what to add to its input.
//!
//! He et al., "Deep Residual Learning for Image Recognition", 2015. Behaviour matched: torchvision's,
//! which strides in a bottleneck's 3×3 convolution (the paper strides in the 1×1 before it; the
//! change is known as ResNet v1.5). timm's weights have torchvision's names.

use super::network::{
    Activation, Convolution, Network, Padding, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 64;
const CLASSES: usize = 1000;
/// Width of each stage's blocks.
const STAGE_CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// What a block is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Narrow by 1×1, convolve by 3×3, widen fourfold by 1×1.
    Bottleneck,
}

impl Block {
    /// Channels that it makes for each channel of its width.
    const fn expansion(self) -> usize {
        match self {
            Self::Bottleneck => 4,
        }
    }
}

/// A column of the paper's table 1.
struct Variant {
    name: &'static str,
    block: Block,
    /// Blocks in each stage.
    repeats: [usize; 4],
}

#[rustfmt::skip]
const RESNET50: Variant = Variant { name: "resnet50", block: Block::Bottleneck, repeats: [3, 4, 6, 3] };

/// ResNet-50 from pixels to class scores.
pub fn resnet50() -> Network {
    build(&RESNET50)
}

fn build(variant: &Variant) -> Network {
    let mut net = Network::new(variant.name);
    let stem = convolution(
        WeightNames::normed(["conv1", "bn1"]),
        3,
        STEM_CHANNELS,
        7,
        2,
    );
    let mut x = net.convolution(Value::INPUT, stem.activation(Activation::Relu));
    net.layer("relu", aliases(["act1", "conv1_relu"]), x, false);
    x = net.max_pool(x, window(3, 2));
    net.layer("maxpool", aliases(["pool1_pool"]), x, true);

    for (index, &repeats) in variant.repeats.iter().enumerate() {
        for repeat in 0..repeats {
            let stride = if index > 0 && repeat == 0 { 2 } else { 1 };
            let block = format!("layer{}.{repeat}", index + 1);
            let Block::Bottleneck = variant.block;
            x = bottleneck(&mut net, x, &block, STAGE_CHANNELS[index], stride);
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
    let features = STAGE_CHANNELS[3] * variant.block.expansion();
    x = net.convolution(x, classifier(features));
    net.layer("fc", aliases(["predictions"]), x, false);
    net
}

/// The block's input, brought to its output's shape where that differs, is added before the last
/// activation.
fn bottleneck(net: &mut Network, input: Value, block: &str, width: usize, stride: usize) -> Value {
    let channels = net.channels(input);
    let outputs = width * Block::Bottleneck.expansion();
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
    let narrow = convolution(part(1), channels, width, 1, 1).activation(Activation::Relu);
    let mut x = net.convolution(input, narrow);
    let spatial = convolution(part(2), width, width, 3, stride).activation(Activation::Relu);
    x = net.convolution(x, spatial);
    let widen = convolution(part(3), width, outputs, 1, 1).plus(Some(shortcut));
    net.convolution(x, widen.activation(Activation::Relu))
}

fn convolution(
    names: WeightNames,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Convolution {
    Convolution::new(vec![names], inputs, outputs, window(kernel, stride)).norm(NORM_EPSILON)
}

fn classifier(inputs: usize) -> Convolution {
    let names = WeightNames {
        convolution: "fc".into(),
        norm: None,
    };
    Convolution::new(vec![names], inputs, CLASSES, window(1, 1)).biased()
}

/// Padded by half the kernel, so that at stride 1 the size stays.
const fn window(kernel: usize, stride: usize) -> Window {
    Window {
        kernel,
        stride,
        padding: Padding::Symmetric(kernel / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_size_and_cost() {
        let net = resnet50();
        let parameters: usize = net.parameters().iter().sum();
        let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
        // torchvision publishes 25 557 032 parameters and 4.09 G multiply-adds.
        assert_eq!(parameters, 25_557_032);
        assert_eq!(multiply_adds, 4_089_184_256);
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
