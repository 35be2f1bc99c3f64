//! DenseNet: every layer of a block sees the channels of all layers before it.
//!
//! Huang et al., "Densely Connected Convolutional Networks", 2016. Behaviour matched: torchvision's,
//! whose names timm's weights have; its oldest files, which wrote `norm.1` for `norm1`, load too.

use crate::network::{
    Activation, BatchNorm, Convolution, Network, NetworkBuilder, Value, WeightNames, Window,
    aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 64;
const CLASSES: usize = 1000;
/// Channels that a layer's 1×1 convolution makes, for each that its 3×3 does.
const BOTTLENECK: usize = 4;

/// A column of the paper's table 1.
struct Variant {
    name: &'static str,
    /// Channels that each layer adds.
    growth: usize,
    /// Layers in each block.
    layers: [usize; 4],
}

#[rustfmt::skip]
const DENSENET121: Variant = Variant { name: "densenet121", growth: 32, layers: [6, 12, 24, 16] };

/// DenseNet-121 from pixels to class scores.
pub fn densenet121() -> Network {
    build(&DENSENET121)
}

fn build(variant: &Variant) -> Network {
    let mut net = NetworkBuilder::new(variant.name);
    let stem = vec![WeightNames::normed(["features.conv0", "features.norm0"])];
    let stem = Convolution::new(stem, 3, STEM_CHANNELS, Window::centred(7, 2)).norm(NORM_EPSILON);
    let mut x = net.convolution(Value::INPUT, stem.activation(Activation::Relu));
    net.layer("features.relu0", aliases(["conv1_relu"]), x, false);
    x = net.max_pool(x, Window::centred(3, 2));
    net.layer("features.pool0", aliases(["pool1"]), x, true);

    for (index, &layers) in variant.layers.iter().enumerate() {
        let block = format!("features.denseblock{}", index + 1);
        for number in 1..=layers {
            let name = format!("{block}.denselayer{number}");
            let new = dense_layer(&mut net, x, &name, variant.growth);
            // torchvision's layer gives its own channels; the block puts them behind the others.
            net.layer(name, Vec::new(), new, false);
            x = net.concatenate(x, new);
        }
        // Keras counts the stem as the first stage, and names what is concatenated.
        let keras = format!("conv{}_block{layers}_concat", index + 2);
        net.layer(block, vec![keras], x, true);
        if index + 1 < variant.layers.len() {
            let name = format!("features.transition{}", index + 1);
            x = transition(&mut net, x, &name);
            let keras = format!("pool{}_pool", index + 2);
            net.layer(name, vec![keras], x, false);
        }
    }

    let last = batch_norm(vec!["features.norm5".to_owned()], Activation::Identity);
    x = net.batch_norm(x, last);
    net.layer("features.norm5", aliases(["bn"]), x, false);
    // torchvision does this and the next in functions; `relu` is Keras' name.
    x = net.activate(x, Activation::Relu);
    net.layer("relu", Vec::new(), x, true);
    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["global_pool", "avg_pool"]), x, false);
    let scores = vec![WeightNames::bare("classifier")];
    let scores = Convolution::new(scores, net.channels(x), CLASSES, Window::centred(1, 1));
    x = net.convolution(x, scores.biased());
    net.layer("classifier", aliases(["predictions"]), x, false);
    net.finish()
}

/// Norm and ReLU of all channels so far, narrowed by 1×1, then 3×3: the channels that it adds.
fn dense_layer(net: &mut NetworkBuilder, input: Value, name: &str, growth: usize) -> Value {
    let both = |part: &str, number| [format!("{part}{number}"), format!("{part}.{number}")];
    let of = |part, number| both(part, number).map(|part| format!("{name}.{part}"));
    let normed = |conv: usize, norm: usize| {
        let names = of("conv", conv).into_iter().zip(of("norm", norm));
        let names = names.map(|(conv, norm)| WeightNames::normed([&conv, &norm]));
        names.collect()
    };
    let narrow = BOTTLENECK * growth;
    let x = net.batch_norm(input, batch_norm(of("norm", 1).to_vec(), Activation::Relu));
    let first = Convolution::new(normed(1, 2), net.channels(x), narrow, Window::centred(1, 1));
    let first = first.norm(NORM_EPSILON).activation(Activation::Relu);
    let x = net.convolution(x, first);
    let names = of("conv", 2).map(|name| WeightNames::bare(&name)).to_vec();
    net.convolution(
        x,
        Convolution::new(names, narrow, growth, Window::centred(3, 1)),
    )
}

/// Norm, ReLU, half the channels, half the side. The reference averages last; averages and 1×1
/// convolutions change places freely, and this way around the convolution costs a quarter.
fn transition(net: &mut NetworkBuilder, input: Value, name: &str) -> Value {
    let x = net.batch_norm(
        input,
        batch_norm(vec![format!("{name}.norm")], Activation::Relu),
    );
    let x = net.average_pool(x, 2);
    let channels = net.channels(x);
    let names = vec![WeightNames::bare(&format!("{name}.conv"))];
    net.convolution(
        x,
        Convolution::new(names, channels, channels / 2, Window::centred(1, 1)),
    )
}

const fn batch_norm(names: Vec<String>, activation: Activation) -> BatchNorm {
    BatchNorm {
        names,
        epsilon: NORM_EPSILON,
        activation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_size_and_nearly_the_cost() {
        let net = densenet121();
        assert_eq!(net.parameters().iter().sum::<usize>(), 7_978_856);
        // torchvision publishes 2.83 G multiply-adds, of which averaging first saves 0.23.
        let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
        let expected = 2_834_161_664 - 3 * (256 * 128 * 56 * 56) * 3 / 4;
        assert_eq!(multiply_adds, expected);
    }

    #[test]
    fn a_block_has_the_channels_of_its_input_and_of_its_layers() {
        let net = densenet121();
        let channels = |name: &str| net.find_layer(name).unwrap().channels;
        assert_eq!(channels("features.denseblock3.denselayer24"), 32);
        assert_eq!(channels("features.denseblock3"), 1024);
        assert_eq!(channels("pool4_pool"), 512);
        assert_eq!(channels("features.norm5"), 1024);
    }
}
