//! VGG: nothing but 3×3 convolutions and max-pooling, then three fully connected layers.
//!
//! Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
//! 2014. Behaviour matched: torchvision's, without batch norm.
//!
//! torchvision numbers a convolution and the ReLU behind it apart (`features.0`, `features.1`), and
//! its ReLU overwrites the convolution's map. Here too there is one map, the activated one: it goes
//! by the ReLU's number, and the convolution's is an alias.

use super::network::{
    Activation, Convolution, Network, Padding, Value, WeightNames, Window, aliases,
};

const HIDDEN: usize = 4096;
const CLASSES: usize = 1000;
/// Side of the map that the fully connected layers see.
const POOLED_SIDE: usize = 7;

/// A block of the paper's table 1: convolutions of one width, then a pooling that halves the map.
struct Block {
    channels: usize,
    convolutions: usize,
}

/// A column of the paper's table 1.
struct Variant {
    name: &'static str,
    blocks: [Block; 5],
}

/// The paper's configuration D.
const VGG16: Variant = Variant {
    name: "vgg16",
    blocks: blocks([2, 2, 3, 3, 3]),
};

const fn blocks(convolutions: [usize; 5]) -> [Block; 5] {
    let [a, b, c, d, e] = convolutions;
    #[rustfmt::skip]
    let blocks = [
        Block { channels:  64, convolutions: a },
        Block { channels: 128, convolutions: b },
        Block { channels: 256, convolutions: c },
        Block { channels: 512, convolutions: d },
        Block { channels: 512, convolutions: e },
    ];
    blocks
}

/// VGG16 from pixels to class scores.
pub fn vgg16() -> Network {
    build(&VGG16)
}

fn build(variant: &Variant) -> Network {
    let mut net = Network::new(variant.name);
    let mut x = Value::INPUT;
    // torchvision's running number: a convolution, its ReLU and a pooling count one each.
    let mut number = 0;
    for (index, block) in variant.blocks.iter().enumerate() {
        let keras = format!("block{}", index + 1);
        for convolution in 1..=block.convolutions {
            let own = format!("features.{number}");
            x = activated(&mut net, x, &own, block.channels);
            let aliases = vec![own, format!("{keras}_conv{convolution}")];
            net.layer(format!("features.{}", number + 1), aliases, x, false);
            number += 2;
        }
        x = net.max_pool(x, POOLING);
        let alias = format!("{keras}_pool");
        net.layer(format!("features.{number}"), vec![alias], x, true);
        number += 1;
    }
    classify(&mut net, x);
    net
}

const POOLING: Window = Window {
    kernel: 2,
    stride: 2,
    padding: Padding::Symmetric(0),
};

fn activated(net: &mut Network, input: Value, name: &str, channels: usize) -> Value {
    let window = Window {
        kernel: 3,
        stride: 1,
        padding: Padding::Symmetric(1),
    };
    let names = vec![WeightNames::bare(name)];
    let convolution = Convolution::new(names, net.channels(input), channels, window).biased();
    net.convolution(input, convolution.activation(Activation::Relu))
}

/// The fully connected layers. On the pooled map the first is a convolution whose kernel covers all
/// of it, so that pictures of any size are classified as torchvision classifies them.
fn classify(net: &mut Network, features: Value) {
    let mut x = net.average_pool_to(features, POOLED_SIDE);
    net.layer("avgpool", Vec::new(), x, false);
    let connected = |names: [&str; 2], inputs, outputs, kernel| {
        let window = Window {
            kernel,
            stride: 1,
            padding: Padding::Symmetric(0),
        };
        Convolution::new(
            names.map(WeightNames::bare).to_vec(),
            inputs,
            outputs,
            window,
        )
        .biased()
    };

    let names = ["classifier.0", "pre_logits.fc1"];
    let first = connected(names, net.channels(x), HIDDEN, POOLED_SIDE);
    x = net.convolution(x, first.activation(Activation::Relu));
    net.layer(
        "classifier.1",
        aliases(["classifier.0", "fc1", "fc6"]),
        x,
        false,
    );

    let second = connected(["classifier.3", "pre_logits.fc2"], HIDDEN, HIDDEN, 1);
    x = net.convolution(x, second.activation(Activation::Relu));
    net.layer(
        "classifier.4",
        aliases(["classifier.3", "fc2", "fc7"]),
        x,
        false,
    );

    let scores = connected(["classifier.6", "head.fc"], HIDDEN, CLASSES, 1);
    x = net.convolution(x, scores);
    net.layer(
        "classifier.6",
        aliases(["predictions", "fc8", "head.fc"]),
        x,
        false,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_size_and_cost() {
        let net = vgg16();
        let parameters: usize = net.parameters().iter().sum();
        let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
        // torchvision publishes 138 357 544 parameters and 15.47 G multiply-adds.
        assert_eq!(parameters, 138_357_544);
        assert_eq!(multiply_adds, 15_470_264_320);
    }

    #[test]
    fn names_convolutions_and_poolings_in_both_countings() {
        let net = vgg16();
        assert_eq!(net.layers().len(), 13 + 5 + 4);
        let name = |alias: &str| net.find_layer(alias).unwrap().name.clone();
        assert_eq!(name("features.0"), "features.1");
        assert_eq!(name("block5_conv3"), "features.29");
        assert_eq!(name("block4_pool"), "features.23");
        assert_eq!(name("fc7"), "classifier.4");
    }

    #[test]
    fn gives_one_vector_of_4096_at_any_size() {
        let net = vgg16();
        let hidden = net.find_layer("fc6").unwrap().value;
        for (height, width) in [(224, 224), (64, 97), (500, 333)] {
            let shape = net.shapes(height, width)[hidden.0];
            assert_eq!((shape.channels, shape.height, shape.width), (4096, 1, 1));
        }
    }
}
