//! The networks whose trained weights cannot be had everywhere, with seeded ones, against
//! torchvision and candle-transformers.

use candle_core::{DType, Device, ModuleT, Tensor};
use candle_nn::{Module, VarBuilder};
use candle_transformers::models::{resnet, vgg};
use imgsearch::backbone::network::Network;
use imgsearch::backbone::weights::WeightsFile;
use imgsearch::backbone::{Architecture, Backbone, Instructions};

use super::{corner, deviation, flat, goldens, layer_names, map_deviation, pixels_of};
use crate::common::seeded;

const COLOURS: &str = "mean=0.485/0.456/0.406,std=0.229/0.224/0.225";
/// Picture, height and width of the corner taken of it, and the goldens' name.
const CROPS: [(&str, usize, usize, &str); 2] = [
    ("balloons_288x224", 96, 160, "balloons_160x96"),
    ("boats_400x300", 127, 97, "boats_97x127"),
];

fn crop(picture: &str, height: usize, width: usize) -> Tensor {
    corner(&pixels_of(picture, COLOURS), height, width)
}

/// The network as far as `deepest`, giving all its layers.
fn seeded_network(name: &str, deepest: &str) -> Backbone {
    seeded_network_in(name, deepest, Instructions::best())
}

fn seeded_network_in(name: &str, deepest: &str, instructions: Instructions) -> Backbone {
    let whole = Architecture::find(name).unwrap().network();
    let cut = whole.cut_after(&[whole.find_layer(deepest).unwrap().value]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeded.safetensors");
    seeded::write(&cut, 0, &path);
    let file = WeightsFile::open(path).unwrap();
    let layers = layer_names(&cut);
    Backbone::load_network(&cut, &layers, &file, &Device::Cpu, instructions).unwrap()
}

fn every_layer_equals_torchvisions(name: &str, deepest: &str) {
    for instructions in Instructions::available() {
        let backbone = seeded_network_in(name, deepest, instructions);
        println!("{instructions:?}");
        every_layer_of(&backbone, name);
    }
}

fn every_layer_of(backbone: &Backbone, name: &str) {
    for (picture, height, width, case) in CROPS {
        let values = goldens(name, case);
        let maps = backbone
            .feature_maps(&crop(picture, height, width))
            .unwrap();
        let mut worst = 0f32;
        for feature_map in maps {
            let layer = feature_map.layer;
            if (name, layer.as_str()) == ("mobilenet_v2", "avgpool") {
                // It pools in a function, to which torchvision gives no name.
                continue;
            }
            let deviation = map_deviation(&feature_map.map, &values, &layer);
            assert!(deviation < 1e-4, "{name}, {case}, {layer}: {deviation}");
            worst = worst.max(deviation);
        }
        println!("{name}, {case}: largest deviation from torchvision {worst:.1e}");
    }
}

fn a_batch_of_three_gives_what_each_gives_alone(name: &str, deepest: &str) {
    let backbone = seeded_network(name, deepest);
    let pictures = ["beach", "city", "balloons_288x224"].map(|picture| crop(picture, 66, 97));
    let together = backbone
        .feature_maps(&Tensor::cat(&pictures, 0).unwrap())
        .unwrap();
    for (index, pixels) in pictures.iter().enumerate() {
        let alone = backbone.feature_maps(pixels).unwrap();
        for (alone, together) in alone.iter().zip(&together) {
            let worst = deviation(&flat(&together.map.get(index).unwrap()), &flat(&alone.map));
            assert!(worst < 1e-5, "{name}, {}: {worst}", alone.layer);
        }
    }
}

#[test]
fn resnet50_gives_torchvisions_layers() {
    every_layer_equals_torchvisions("resnet50", "fc");
}

#[test]
fn mobilenet_v2_gives_torchvisions_layers() {
    every_layer_equals_torchvisions("mobilenet_v2", "classifier.1");
}

#[test]
fn vgg16_gives_torchvisions_layers() {
    // The fully connected ones, nine tenths of its weights, have a test of their own.
    every_layer_equals_torchvisions("vgg16", "avgpool");
}

#[test]
fn resnet50_gives_each_of_a_batch_what_it_gives_it_alone() {
    a_batch_of_three_gives_what_each_gives_alone("resnet50", "fc");
}

#[test]
fn mobilenet_v2_gives_each_of_a_batch_what_it_gives_it_alone() {
    a_batch_of_three_gives_what_each_gives_alone("mobilenet_v2", "classifier.1");
}

#[test]
fn vgg16_gives_each_of_a_batch_what_it_gives_it_alone() {
    a_batch_of_three_gives_what_each_gives_alone("vgg16", "avgpool");
}

/// The same seeded weights for our network and, in timm's naming, for Candle's.
fn both<'a>(network: &Network, naming: usize) -> (WeightsFile, VarBuilder<'a>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeded.safetensors");
    seeded::write(network, naming, &path);
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    // Candle's VGG has this one layer as a matrix, as timm's files do too.
    if let Some(scores) = tensors.get_mut("head.fc.weight") {
        *scores = scores.flatten_from(1).unwrap();
    }
    let variables = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    (WeightsFile::open(path).unwrap(), variables)
}

#[test]
fn resnet50_pools_to_what_candles_own_resnet_does() {
    let architecture = Architecture::find("resnet50").unwrap();
    let (file, variables) = both(&architecture.network(), 0);
    let pixels = crop("boats_400x300", 127, 97);
    let theirs = resnet::resnet50_no_final_layer(variables).unwrap();
    let theirs = flat(&theirs.forward(&pixels).unwrap());
    let backbone = Backbone::load(architecture, &["avgpool"], &file, &Device::Cpu).unwrap();
    let ours = backbone.feature_maps(&pixels).unwrap();
    let worst = deviation(&flat(&ours[0].map), &theirs);
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn vgg16_classifies_as_torchvision_and_candles_own_vgg_do() {
    let architecture = Architecture::find("vgg16").unwrap();
    let (file, variables) = both(&architecture.network(), 1);
    let layers = ["avgpool", "classifier.1", "classifier.4", "classifier.6"];
    let backbone = Backbone::load(architecture, &layers, &file, &Device::Cpu).unwrap();
    let (picture, height, width, case) = CROPS[0];
    let values = goldens("vgg16", case);
    for feature_map in backbone
        .feature_maps(&crop(picture, height, width))
        .unwrap()
    {
        let deviation = map_deviation(&feature_map.map, &values, &feature_map.layer);
        assert!(deviation < 1e-4, "{}: {deviation}", feature_map.layer);
    }

    // Candle's takes one picture of 224 × 224, and takes the ReLU of the scores too.
    let pixels = crop("balloons_288x224", 224, 224);
    let theirs = vgg::Vgg::new(variables, vgg::Models::Vgg16).unwrap();
    let theirs = theirs
        .forward_t(&pixels.squeeze(0).unwrap(), false)
        .unwrap();
    let ours = backbone.feature_maps(&pixels).unwrap();
    let worst = deviation(&flat(&ours[3].map.relu().unwrap()), &flat(&theirs));
    assert!(worst < 1e-4, "{worst}");
}
