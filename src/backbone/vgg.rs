//! VGG: nothing but 3×3 convolutions and max-pooling, then three fully connected layers.
//!
//! Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
//! 2014. Behaviour matched: torchvision's, with batch norm (`_bn`) and without. timm's weights have
//! torchvision's names up to the fully connected layers; Keras' have names of their own.
//!
//! torchvision numbers a convolution, its norm and the ReLU behind it apart (`features.0`,
//! `features.1`, …), and its ReLU overwrites the map before it. Here too there is one map, the
//! activated one: it goes by the ReLU's number, and the number of what it overwrote, the norm or
//! else the convolution, is an alias. A convolution's map before its norm cannot be tapped.

use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Padding, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
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
    /// Whether each convolution has a batch norm behind it, which the paper did not know yet.
    normed: bool,
}

/// The paper's configurations by their convolutions in each block.
const A: [usize; 5] = [1, 1, 2, 2, 2];
const B: [usize; 5] = [2, 2, 2, 2, 2];
const D: [usize; 5] = [2, 2, 3, 3, 3];
const E: [usize; 5] = [2, 2, 4, 4, 4];

const fn blocks(convolutions: [usize; 5]) -> [Block; 5] {
    #[rustfmt::skip]
    let blocks = [
        Block { channels:  64, convolutions: convolutions[0] },
        Block { channels: 128, convolutions: convolutions[1] },
        Block { channels: 256, convolutions: convolutions[2] },
        Block { channels: 512, convolutions: convolutions[3] },
        Block { channels: 512, convolutions: convolutions[4] },
    ];
    blocks
}

/// VGG11 from pixels to class scores, as all of these are.
pub fn vgg11() -> Network {
    plain("vgg11", A)
}

/// VGG11 with batch norm.
pub fn vgg11_bn() -> Network {
    normed("vgg11_bn", A)
}

/// VGG13.
pub fn vgg13() -> Network {
    plain("vgg13", B)
}

/// VGG13 with batch norm.
pub fn vgg13_bn() -> Network {
    normed("vgg13_bn", B)
}

/// VGG16.
pub fn vgg16() -> Network {
    plain("vgg16", D)
}

/// VGG16 with batch norm.
pub fn vgg16_bn() -> Network {
    normed("vgg16_bn", D)
}

/// VGG19.
pub fn vgg19() -> Network {
    plain("vgg19", E)
}

/// VGG19 with batch norm.
pub fn vgg19_bn() -> Network {
    normed("vgg19_bn", E)
}

fn plain(name: &'static str, convolutions: [usize; 5]) -> Network {
    build(&Variant {
        name,
        blocks: blocks(convolutions),
        normed: false,
    })
}

fn normed(name: &'static str, convolutions: [usize; 5]) -> Network {
    build(&Variant {
        name,
        blocks: blocks(convolutions),
        normed: true,
    })
}

fn build(variant: &Variant) -> Network {
    let mut net = NetworkBuilder::new(variant.name);
    let mut x = Value::INPUT;
    // torchvision's running number: a convolution, its norm, its ReLU and a pooling count one each.
    let mut number = 0;
    for (index, block) in variant.blocks.iter().enumerate() {
        let keras = format!("block{}", index + 1);
        for convolution in 1..=block.convolutions {
            let relu = number + 1 + usize::from(variant.normed);
            let keras_name = format!("{keras}_conv{convolution}");
            let names = names(number, variant.normed, &keras_name);
            x = activated(&mut net, x, names, block.channels);
            let overwritten = format!("features.{}", relu - 1);
            let aliases = vec![overwritten, keras_name];
            net.layer(format!("features.{relu}"), aliases, x, false);
            number = relu + 1;
        }
        x = net.max_pool(x, POOLING);
        let alias = format!("{keras}_pool");
        net.layer(format!("features.{number}"), vec![alias], x, true);
        number += 1;
    }
    classify(&mut net, x);
    net.finish()
}

const POOLING: Window = Window {
    kernel: 2,
    stride: 2,
    padding: Padding::Symmetric(0),
};

/// The names of the convolution numbered so, and of its norm if it has one: torchvision's and timm's,
/// which are the same, and Keras'.
fn names(number: usize, normed: bool, keras: &str) -> Vec<WeightNames> {
    let [own, norm] = [number, number + 1].map(|number| format!("features.{number}"));
    if normed {
        // Keras has none.
        return vec![WeightNames::normed([&own, &norm])];
    }
    [&own, &own, keras].map(WeightNames::bare).to_vec()
}

/// A convolution, with its norm if its weights have one, and its ReLU.
fn activated(
    net: &mut NetworkBuilder,
    input: Value,
    names: Vec<WeightNames>,
    channels: usize,
) -> Value {
    let window = Window::centred(3, 1);
    let normed = names.iter().any(|names| names.norm.is_some());
    let mut convolution = Convolution::new(names, net.channels(input), channels, window).biased();
    if normed {
        convolution = convolution.norm(NORM_EPSILON);
    }
    net.convolution(input, convolution.activation(Activation::Relu))
}

/// The fully connected layers. On the pooled map the first is a convolution whose kernel covers all
/// of it, so that pictures of any size are classified as torchvision classifies them.
fn classify(net: &mut NetworkBuilder, features: Value) {
    let mut x = net.average_pool_to(features, POOLED_SIDE);
    net.layer("avgpool", Vec::new(), x, false);
    let connected = |names: [&str; 3], inputs, outputs, kernel| {
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

    let names = ["classifier.0", "pre_logits.fc1", "fc1"];
    let first = connected(names, net.channels(x), HIDDEN, POOLED_SIDE);
    x = net.convolution(x, first.activation(Activation::Relu));
    net.layer(
        "classifier.1",
        aliases(["classifier.0", "fc1", "fc6"]),
        x,
        false,
    );

    let second = connected(["classifier.3", "pre_logits.fc2", "fc2"], HIDDEN, HIDDEN, 1);
    x = net.convolution(x, second.activation(Activation::Relu));
    net.layer(
        "classifier.4",
        aliases(["classifier.3", "fc2", "fc7"]),
        x,
        false,
    );

    let scores = connected(
        ["classifier.6", "head.fc", "predictions"],
        HIDDEN,
        CLASSES,
        1,
    );
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
    fn have_the_published_sizes_and_costs() {
        // torchvision's figures; it counts multiply-adds in thousandths of 10⁹.
        let published = [
            (vgg11(), 132_863_336, 7_609),
            (vgg11_bn(), 132_868_840, 7_609),
            (vgg13(), 133_047_848, 11_308),
            (vgg13_bn(), 133_053_736, 11_308),
            (vgg16(), 138_357_544, 15_470),
            (vgg16_bn(), 138_365_992, 15_470),
            (vgg19(), 143_667_240, 19_632),
            (vgg19_bn(), 143_678_248, 19_632),
        ];
        for (net, parameters, multiply_adds) in published {
            assert_eq!(net.parameters().iter().sum::<usize>(), parameters);
            let cost: u64 = net.multiply_adds(224, 224).iter().sum();
            assert_eq!((cost + 500_000) / 1_000_000, multiply_adds, "{}", net.name);
        }
    }

    #[test]
    fn a_convolution_goes_by_what_overwrites_it_and_not_by_its_number_before_a_norm() {
        let net = vgg19_bn();
        assert_eq!(net.layers().len(), 16 + 5 + 4);
        let name = |alias: &str| net.find_layer(alias).unwrap().name.clone();
        assert_eq!(name("features.1"), "features.2");
        assert_eq!(name("block5_conv4"), "features.51");
        assert_eq!(name("block5_pool"), "features.52");
        assert!(net.find_layer("features.0").is_err());
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
