//! RegNetY: ResNet-like stages whose widths and depths were found by searching for simple rules,
//! with grouped convolutions and squeeze-and-excitation.
//!
//! Radosavovic et al., "Designing Network Design Spaces", 2020. Behaviour matched: torchvision's.
//! Weights load under its names and under timm's (`regnety_004`, …), whose networks are the same.

use crate::network::{
    Activation, Convolution, Network, NetworkBuilder, Value, WeightNames, Window, aliases,
};

const NORM_EPSILON: f64 = 1e-5;
const STEM_CHANNELS: usize = 32;
const CLASSES: usize = 1000;
/// A block's squeeze is this share of its input's channels.
const SQUEEZE: f64 = 0.25;

/// A network of the paper's table of best models.
struct Variant {
    name: &'static str,
    /// Channels of a group in the 3×3 convolutions.
    group: usize,
    /// Channels of each stage.
    widths: [usize; 4],
    /// Blocks in each stage.
    depths: [usize; 4],
}

#[rustfmt::skip]
const REGNET_Y_400MF: Variant = Variant { name: "regnet_y_400mf", group:  8, widths: [48, 104, 208,  440], depths: [1, 3,  6, 6] };
#[rustfmt::skip]
const REGNET_Y_1_6GF: Variant = Variant { name: "regnet_y_1_6gf", group: 24, widths: [48, 120, 336,  888], depths: [2, 6, 17, 2] };
#[rustfmt::skip]
const REGNET_Y_3_2GF: Variant = Variant { name: "regnet_y_3_2gf", group: 24, widths: [72, 216, 576, 1512], depths: [2, 5, 13, 1] };

/// RegNetY-400MF from pixels to class scores.
pub fn regnet_y_400mf() -> Network {
    build(&REGNET_Y_400MF)
}

/// RegNetY-1.6GF from pixels to class scores.
pub fn regnet_y_1_6gf() -> Network {
    build(&REGNET_Y_1_6GF)
}

/// RegNetY-3.2GF from pixels to class scores.
pub fn regnet_y_3_2gf() -> Network {
    build(&REGNET_Y_3_2GF)
}

fn build(variant: &Variant) -> Network {
    let mut net = NetworkBuilder::new(variant.name);
    let stem = names(&["stem.0", "stem.1"], &["stem.conv", "stem.bn"]);
    let stem = convolution(stem, 3, STEM_CHANNELS, 3, 2).activation(Activation::Relu);
    let mut x = net.convolution(Value::INPUT, stem);
    net.layer("stem", Vec::new(), x, true);

    for (index, (&width, &depth)) in variant.widths.iter().zip(&variant.depths).enumerate() {
        let stage = index + 1;
        for number in 0..depth {
            let place = Place {
                ours: format!("trunk_output.block{stage}.block{stage}-{number}"),
                timm: format!("s{stage}.b{}", number + 1),
            };
            let stride = if number == 0 { 2 } else { 1 };
            x = block(&mut net, x, &place, width, variant.group, stride);
            let Place { ours, timm } = place;
            if number + 1 == depth {
                let aliases = vec![ours, timm, format!("s{stage}")];
                net.layer(format!("trunk_output.block{stage}"), aliases, x, true);
            } else {
                net.layer(ours, vec![timm], x, false);
            }
        }
    }

    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["head.global_pool"]), x, false);
    let fc = ["fc", "head.fc"].map(WeightNames::bare).to_vec();
    let fc = Convolution::new(fc, variant.widths[3], CLASSES, Window::centred(1, 1));
    x = net.convolution(x, fc.biased());
    net.layer("fc", aliases(["head.fc"]), x, false);
    net.finish()
}

/// What a block is called, by torchvision and by timm.
struct Place {
    ours: String,
    timm: String,
}

/// The paper's Y block: 1×1, grouped 3×3, squeeze-and-excitation, 1×1; the input, brought to the
/// output's shape where that differs, is added before the last activation.
fn block(
    net: &mut NetworkBuilder,
    input: Value,
    place: &Place,
    width: usize,
    group: usize,
    stride: usize,
) -> Value {
    let channels = net.channels(input);
    let part = |ours: &str, timm: &str| {
        names(
            &[0, 1].map(|part| format!("{}.{ours}.{part}", place.ours)),
            &["conv", "bn"].map(|part| format!("{}.{timm}.{part}", place.timm)),
        )
    };
    let mut shortcut = input;
    if stride != 1 || channels != width {
        let project = convolution(part("proj", "downsample"), channels, width, 1, stride);
        shortcut = net.convolution(input, project);
    }
    let narrow = convolution(part("f.a", "conv1"), channels, width, 1, 1);
    let mut x = net.convolution(input, narrow.activation(Activation::Relu));
    let grouped = Convolution {
        groups: width / group,
        ..convolution(part("f.b", "conv2"), width, width, 3, stride)
    };
    x = net.convolution(x, grouped.activation(Activation::Relu));
    x = squeeze_and_excite(net, x, place, (channels as f64 * SQUEEZE).round() as usize);
    let last = convolution(part("f.c", "conv3"), width, width, 1, 1).plus(Some(shortcut));
    net.convolution(x, last.activation(Activation::Relu))
}

fn squeeze_and_excite(
    net: &mut NetworkBuilder,
    input: Value,
    place: &Place,
    squeezed: usize,
) -> Value {
    let channels = net.channels(input);
    let linear = |name: &str, inputs, outputs| {
        let ours = format!("{}.f.se.{name}", place.ours);
        let timm = format!("{}.se.{name}", place.timm);
        let names = [ours, timm].map(|name| WeightNames::bare(&name)).to_vec();
        Convolution::new(names, inputs, outputs, Window::centred(1, 1)).biased()
    };
    let mut x = net.global_average_pool(input);
    let squeeze = linear("fc1", channels, squeezed).activation(Activation::Relu);
    x = net.convolution(x, squeeze);
    let excite = linear("fc2", squeezed, channels).activation(Activation::Sigmoid);
    x = net.convolution(x, excite);
    net.scale(input, x)
}

fn names<S: AsRef<str>, T: AsRef<str>>(ours: &[S; 2], timm: &[T; 2]) -> Vec<WeightNames> {
    vec![
        WeightNames::normed([ours[0].as_ref(), ours[1].as_ref()]),
        WeightNames::normed([timm[0].as_ref(), timm[1].as_ref()]),
    ]
}

fn convolution(
    names: Vec<WeightNames>,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Convolution {
    Convolution::new(names, inputs, outputs, Window::centred(kernel, stride)).norm(NORM_EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes_and_costs() {
        // torchvision publishes these parameters, and G multiply-adds.
        for (net, parameters, giga) in [
            (regnet_y_400mf(), 4_344_144, 0.40),
            (regnet_y_1_6gf(), 11_202_430, 1.61),
            (regnet_y_3_2gf(), 19_436_338, 3.18),
        ] {
            assert_eq!(net.parameters().iter().sum::<usize>(), parameters);
            let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
            let deviation = multiply_adds as f64 / 1e9 - giga;
            assert!(deviation.abs() < 0.006, "{}: {multiply_adds}", net.name);
        }
    }

    #[test]
    fn names_every_block_and_stage() {
        let net = regnet_y_400mf();
        assert_eq!(net.layers().len(), 1 + 16 + 2);
        for name in [
            "trunk_output.block2",
            "trunk_output.block2.block2-2",
            "s2",
            "s2.b3",
        ] {
            let layer = net.find_layer(name).unwrap();
            assert_eq!(
                (layer.name.as_str(), layer.channels),
                ("trunk_output.block2", 104)
            );
        }
    }
}
