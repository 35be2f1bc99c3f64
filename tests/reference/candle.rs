//! Our networks against candle-transformers' own, where that crate has them, with the same seeded
//! weights.

use std::collections::HashMap;

use candle_core::{DType, Device, ModuleT, Tensor};
use candle_nn::{Func, Module, VarBuilder};
use candle_transformers::models::{convnext, efficientnet, repvgg, resnet, vgg};
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::weights::WeightsFile;

use super::{crop, deviation, flat};
use crate::common::seeded;

/// The same seeded weights for our network and, in the `naming`-th naming, for Candle's.
fn both(architecture: Architecture, naming: usize) -> (WeightsFile, HashMap<String, Tensor>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeded.safetensors");
    seeded::write(&architecture.network(), naming, &path);
    #[expect(
        clippy::disallowed_methods,
        reason = "Candle reads them as its users do"
    )]
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    (WeightsFile::open(path).unwrap(), tensors)
}

fn variables(tensors: HashMap<String, Tensor>) -> VarBuilder<'static> {
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

fn assert_equal(name: &str, file: &WeightsFile, layer: &str, pixels: &Tensor, theirs: &Tensor) {
    let architecture = Architecture::find(name).unwrap();
    let backbone = Backbone::load(architecture, &[layer], file, &Placement::cpu()).unwrap();
    let ours = backbone.feature_maps(pixels).unwrap();
    let worst = deviation(&flat(&ours[0].map), &flat(theirs));
    assert!(worst < 1e-4, "{name}: {worst}");
    println!("{name}: deviation from Candle's {worst:.1e}");
}

#[test]
fn resnets_pool_to_what_candles_own_do() {
    type Build = fn(VarBuilder<'static>) -> candle_core::Result<Func<'static>>;
    let builds: [(&str, Build); 5] = [
        ("resnet18", resnet::resnet18_no_final_layer),
        ("resnet34", resnet::resnet34_no_final_layer),
        ("resnet50", resnet::resnet50_no_final_layer),
        ("resnet101", resnet::resnet101_no_final_layer),
        ("resnet152", resnet::resnet152_no_final_layer),
    ];
    let pixels = crop("boats_400x300", 75, 97);
    for (name, build) in builds {
        let (file, tensors) = both(Architecture::find(name).unwrap(), 0);
        let theirs = build(variables(tensors)).unwrap().forward(&pixels).unwrap();
        assert_equal(name, &file, "avgpool", &pixels, &theirs);
    }
}

#[test]
fn repvggs_pool_to_what_candles_own_do() {
    let configs = [
        ("repvgg_a0", repvgg::Config::a0()),
        ("repvgg_a1", repvgg::Config::a1()),
        ("repvgg_b0", repvgg::Config::b0()),
    ];
    let pixels = crop("boats_400x300", 75, 97);
    for (name, config) in configs {
        let (file, tensors) = both(Architecture::find(name).unwrap(), 0);
        let theirs = repvgg::repvgg_no_final_layer(&config, variables(tensors)).unwrap();
        let theirs = theirs.forward(&pixels).unwrap();
        assert_equal(name, &file, "avgpool", &pixels, &theirs);
    }
}

/// Candle's differs from torchvision's in two ways. It pads as `SAME` does, which is the same where
/// all maps that are halved have odd sides; and its ε is 1e-3, which is the same where variances are
/// smaller by the difference.
#[test]
fn efficientnets_classify_as_candles_own_do() {
    use efficientnet::MBConvConfig as Config;
    let configs = [
        Config::b0(),
        Config::b1(),
        Config::b2(),
        Config::b3(),
        Config::b4(),
    ];
    let pixels = crop("boats_400x300", 65, 97);
    for (variant, config) in configs.into_iter().enumerate() {
        let name = format!("efficientnet_b{variant}");
        let (file, mut tensors) = both(Architecture::find(&name).unwrap(), 0);
        for (name, tensor) in &mut tensors {
            if name.ends_with("running_var") {
                *tensor = (&*tensor - (1e-3 - 1e-5)).unwrap();
            }
            if name == "classifier.1.weight" {
                *tensor = tensor.flatten_from(1).unwrap();
            }
        }
        let theirs = efficientnet::EfficientNet::new(variables(tensors), config, 1000).unwrap();
        let theirs = theirs.forward(&pixels).unwrap();
        assert_equal(&name, &file, "classifier.1", &pixels, &theirs);
    }
}

#[test]
fn vggs_classify_as_candles_own_do() {
    let models = [
        ("vgg13", vgg::Models::Vgg13),
        ("vgg16", vgg::Models::Vgg16),
        ("vgg19", vgg::Models::Vgg19),
    ];
    // Candle's takes one picture of 224 × 224, and takes the ReLU of the scores too.
    let pixels = crop("balloons_288x224", 224, 224);
    for (name, model) in models {
        let architecture = Architecture::find(name).unwrap();
        // In timm's naming, which Candle's has.
        let (file, mut tensors) = both(architecture, 1);
        // It has this one layer as a matrix, as timm's files do too.
        if let Some(scores) = tensors.get_mut("head.fc.weight") {
            *scores = scores.flatten_from(1).unwrap();
        }
        let theirs = vgg::Vgg::new(variables(tensors), model).unwrap();
        let picture = pixels.squeeze(0).unwrap();
        let theirs = theirs.forward_t(&picture, false).unwrap();
        let backbone = Backbone::load(architecture, &["fc8"], &file, &Placement::cpu()).unwrap();
        let ours = backbone.feature_maps(&pixels).unwrap();
        let worst = deviation(&flat(&ours[0].map.relu().unwrap()), &flat(&theirs));
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn convnexts_classify_as_candles_own_do() {
    let configs = [
        ("convnext_tiny", convnext::Config::tiny()),
        ("convnext_small", convnext::Config::small()),
        ("convnext_base", convnext::Config::base()),
    ];
    let pixels = crop("boats_400x300", 75, 97);
    for (name, config) in configs {
        // In timm's naming, which Candle's has.
        let (file, mut tensors) = both(Architecture::find(name).unwrap(), 1);
        for (name, tensor) in &mut tensors {
            // It has these as matrices and vectors, as timm's files do too.
            if name.contains(".fc") && name.ends_with(".weight") {
                *tensor = tensor.flatten_from(1).unwrap();
            } else if name.rsplit('.').next() == Some("gamma") {
                *tensor = tensor.flatten_all().unwrap();
            }
        }
        let theirs = convnext::convnext(&config, 1000, variables(tensors)).unwrap();
        let theirs = theirs.forward(&pixels).unwrap();
        assert_equal(name, &file, "classifier.2", &pixels, &theirs);
    }
}
