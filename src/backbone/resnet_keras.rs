//! ResNet as Keras has it, which is another network than torchvision's.
//!
//! He et al., "Deep Residual Learning for Image Recognition", 2015. Behaviour matched: Keras'
//! `applications.ResNet50`. As in the paper a block strides in its first 1×1 convolution; and
//! convolutions have biases, and batch norms ε = 1.001e-5. Its zeros around the max-pooling are what
//! −∞ is, as they stand beside outputs of a ReLU.

use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1.001e-5;
const STEM_CHANNELS: usize = 64;
const EXPANSION: usize = 4;
const CLASSES: usize = 1000;

/// A row of the paper's table 1.
struct Stage {
    width: usize,
    repeats: usize,
}

#[rustfmt::skip]
const STAGES: [Stage; 4] = [
    Stage { width:  64, repeats: 3 },
    Stage { width: 128, repeats: 4 },
    Stage { width: 256, repeats: 6 },
    Stage { width: 512, repeats: 3 },
];

/// ResNet-50 from pixels to class scores, before their softmax.
pub fn resnet50_keras() -> Network {
    let mut net = NetworkBuilder::new("resnet50_keras");
    let stem = convolution("conv1", 3, STEM_CHANNELS, 7, 2).activation(Activation::Relu);
    let mut x = net.convolution(Value::INPUT, stem);
    net.layer("conv1_relu", aliases(["relu"]), x, false);
    x = net.max_pool(x, Window::centred(3, 2));
    net.layer("pool1_pool", aliases(["maxpool"]), x, true);
    for (index, stage) in STAGES.iter().enumerate() {
        for repeat in 0..stage.repeats {
            // Keras counts the pooled stem as the first stage, and blocks from one.
            let block = format!("conv{}_block{}", index + 2, repeat + 1);
            let stride = if index > 0 && repeat == 0 { 2 } else { 1 };
            x = residual_block(&mut net, x, &block, stage.width, stride, repeat == 0);
            let torchvision = format!("layer{}", index + 1);
            let mut names = vec![format!("{torchvision}.{repeat}")];
            let ends_stage = repeat + 1 == stage.repeats;
            if ends_stage {
                names.push(torchvision);
            }
            net.layer(format!("{block}_out"), names, x, ends_stage);
        }
    }
    x = net.global_average_pool(x);
    net.layer("avg_pool", aliases(["avgpool"]), x, false);
    let names = vec![WeightNames::bare("predictions")];
    let scores = Convolution::new(names, net.channels(x), CLASSES, Window::centred(1, 1));
    x = net.convolution(x, scores.biased());
    net.layer("predictions", aliases(["fc"]), x, false);
    net.finish()
}

fn residual_block(
    net: &mut NetworkBuilder,
    input: Value,
    block: &str,
    width: usize,
    stride: usize,
    projects: bool,
) -> Value {
    let (channels, outputs) = (net.channels(input), EXPANSION * width);
    let part = |number: usize| format!("{block}_{number}");
    let mut shortcut = input;
    if projects {
        let projection = convolution(&part(0), channels, outputs, 1, stride);
        shortcut = net.convolution(input, projection);
    }
    let narrow = convolution(&part(1), channels, width, 1, stride).activation(Activation::Relu);
    let x = net.convolution(input, narrow);
    let spatial = convolution(&part(2), width, width, 3, 1).activation(Activation::Relu);
    let x = net.convolution(x, spatial);
    let widen = convolution(&part(3), width, outputs, 1, 1).plus(Some(shortcut));
    net.convolution(x, widen.activation(Activation::Relu))
}

/// The convolution `NAME_conv` with its norm `NAME_bn`.
fn convolution(
    name: &str,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Convolution {
    let names = [format!("{name}_conv"), format!("{name}_bn")];
    let names = vec![WeightNames::normed([&names[0], &names[1]])];
    let convolution = Convolution::new(names, inputs, outputs, Window::centred(kernel, stride));
    convolution.biased().norm(NORM_EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_size() {
        let parameters: usize = resnet50_keras().parameters().iter().sum();
        // Keras publishes 25 636 712 with the norms' running values, which are 53 120.
        assert_eq!(parameters + 53_120, 25_636_712);
    }

    #[test]
    fn names_every_block_in_both_countings() {
        let net = resnet50_keras();
        for alias in ["layer3", "layer3.5"] {
            assert_eq!(net.find_layer(alias).unwrap().name, "conv4_block6_out");
        }
    }
}
