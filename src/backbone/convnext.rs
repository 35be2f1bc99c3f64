//! ConvNeXt: a convolutional network in the proportions of a transformer.
//!
//! Liu et al., "A ConvNet for the 2020s", 2022. Behaviour matched: torchvision's. Weights load under
//! its names and under timm's (`convnext_tiny`, …), whose networks are the same.

use crate::network::{
    Activation, Convolution, LayerNorm, Network, NetworkBuilder, Padding, Value, WeightNames,
    Window, aliases,
};

const NORM_EPSILON: f64 = 1e-6;
const CLASSES: usize = 1000;
/// How much wider a block is between its two pointwise convolutions.
const EXPANSION: usize = 4;

/// A row of the paper's section 3.
struct Variant {
    name: &'static str,
    /// Channels of each stage.
    widths: [usize; 4],
    /// Blocks in each stage.
    depths: [usize; 4],
}

#[rustfmt::skip]
const CONVNEXT_TINY: Variant = Variant { name: "convnext_tiny", widths: [96, 192, 384, 768], depths: [3, 3, 9, 3] };
#[rustfmt::skip]
const CONVNEXT_SMALL: Variant = Variant { name: "convnext_small", widths: [96, 192, 384, 768], depths: [3, 3, 27, 3] };
#[rustfmt::skip]
const CONVNEXT_BASE: Variant = Variant { name: "convnext_base", widths: [128, 256, 512, 1024], depths: [3, 3, 27, 3] };

/// ConvNeXt-T from pixels to class scores.
pub fn convnext_tiny() -> Network {
    build(&CONVNEXT_TINY)
}

/// ConvNeXt-S from pixels to class scores.
pub fn convnext_small() -> Network {
    build(&CONVNEXT_SMALL)
}

/// ConvNeXt-B from pixels to class scores.
pub fn convnext_base() -> Network {
    build(&CONVNEXT_BASE)
}

fn build(variant: &Variant) -> Network {
    let mut net = NetworkBuilder::new(variant.name);
    let mut x = Value::INPUT;
    for (stage, (&width, &depth)) in variant.widths.iter().zip(&variant.depths).enumerate() {
        // torchvision counts what halves the map and what follows it through.
        x = downsample(&mut net, x, stage, width);
        for number in 0..depth {
            let ours = format!("features.{}.{number}", 2 * stage + 1);
            let timm = format!("stages.{stage}.blocks.{number}");
            x = block(&mut net, x, &ours, &timm);
            // The paper's own weights count blocks without `blocks`.
            let mut aliases = vec![timm, format!("stages.{stage}.{number}")];
            if number + 1 == depth {
                aliases.extend([ours, format!("stages.{stage}")]);
                net.layer(format!("features.{}", 2 * stage + 1), aliases, x, true);
            } else {
                net.layer(ours, aliases, x, false);
            }
        }
    }

    x = net.global_average_pool(x);
    net.layer("avgpool", aliases(["head.global_pool"]), x, false);
    x = net.layer_norm(x, norm(["classifier.0", "head.norm"]));
    net.layer("classifier.0", aliases(["head.norm"]), x, false);
    let scores = names(["classifier.2", "head.fc"]);
    let scores = Convolution::new(scores, variant.widths[3], CLASSES, patches(1));
    x = net.convolution(x, scores.biased());
    net.layer("classifier.2", aliases(["head.fc"]), x, false);
    net.finish()
}

/// Pixels to patches of 4 × 4, normed; later, maps normed and made of patches of 2 × 2.
fn downsample(net: &mut NetworkBuilder, input: Value, stage: usize, width: usize) -> Value {
    let (index, channels) = (2 * stage, net.channels(input));
    if stage == 0 {
        let stem = names(["features.0.0", "stem.0"]);
        let stem = Convolution::new(stem, channels, width, patches(4)).biased();
        let x = net.convolution(input, stem);
        let x = net.layer_norm(x, norm(["features.0.1", "stem.1"]));
        net.layer("features.0", aliases(["stem"]), x, false);
        return x;
    }
    let ours = |part| format!("features.{index}.{part}");
    let timm = |part| format!("stages.{stage}.downsample.{part}");
    let x = net.layer_norm(input, norm([ours(0), timm(0)]));
    let halved = Convolution::new(names([ours(1), timm(1)]), channels, width, patches(2));
    let x = net.convolution(x, halved.biased());
    let alias = format!("stages.{stage}.downsample");
    net.layer(format!("features.{index}"), vec![alias], x, false);
    x
}

/// Each channel by itself (7×7), norm, wider and back by 1×1, scaled, added to the input.
fn block(net: &mut NetworkBuilder, input: Value, ours: &str, timm: &str) -> Value {
    let width = net.channels(input);
    let part = |number, name| [format!("{ours}.block.{number}"), format!("{timm}.{name}")];
    let window = Window::centred(7, 1);
    let spatial = Convolution::new(names(part(0, "conv_dw")), width, width, window);
    let mut x = net.convolution(input, spatial.depthwise().biased());
    x = net.layer_norm(x, norm(part(2, "norm")));
    let wide = EXPANSION * width;
    let widen = Convolution::new(names(part(3, "mlp.fc1")), width, wide, patches(1));
    x = net.convolution(x, widen.biased().activation(Activation::Gelu));
    let narrow = Convolution::new(names(part(5, "mlp.fc2")), wide, width, patches(1));
    let scales = vec![format!("{ours}.layer_scale"), format!("{timm}.gamma")];
    net.convolution(x, narrow.biased().scaled(scales).plus(Some(input)))
}

fn names<S: AsRef<str>>(names: [S; 2]) -> Vec<WeightNames> {
    names.map(|name| WeightNames::bare(name.as_ref())).to_vec()
}

fn norm<S: Into<String>>(names: [S; 2]) -> LayerNorm {
    LayerNorm {
        names: names.map(Into::into).to_vec(),
        epsilon: NORM_EPSILON,
    }
}

/// Patches that do not overlap.
const fn patches(side: usize) -> Window {
    Window {
        kernel: side,
        stride: side,
        padding: Padding::Symmetric(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_published_sizes_and_costs() {
        // torchvision publishes these parameters, and G multiply-adds.
        for (net, parameters, giga) in [
            (convnext_tiny(), 28_589_128, 4.46),
            (convnext_small(), 50_223_688, 8.68),
            (convnext_base(), 88_591_464, 15.36),
        ] {
            assert_eq!(net.parameters().iter().sum::<usize>(), parameters);
            let multiply_adds: u64 = net.multiply_adds(224, 224).iter().sum();
            let deviation = multiply_adds as f64 / 1e9 - giga;
            assert!(deviation.abs() < 0.01, "{}: {multiply_adds}", net.name);
        }
    }

    #[test]
    fn names_every_block_and_stage() {
        let net = convnext_tiny();
        assert_eq!(net.layers().len(), 4 + 18 + 3);
        for name in [
            "features.5",
            "features.5.8",
            "stages.2.blocks.8",
            "stages.2.8",
            "stages.2",
        ] {
            let layer = net.find_layer(name).unwrap();
            assert_eq!((layer.name.as_str(), layer.channels), ("features.5", 384));
        }
    }
}
