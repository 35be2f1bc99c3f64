//! The first networks whose trained weights cannot be had everywhere, with seeded ones, against
//! torchvision.

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, Instructions};

use super::{crop, deviation, flat, goldens, layer_names, map_deviation, seeded_file};

/// Picture, height and width of the corner taken of it, and the goldens' name.
const CROPS: [(&str, usize, usize, &str); 2] = [
    ("balloons_288x224", 96, 160, "balloons_160x96"),
    ("boats_400x300", 127, 97, "boats_97x127"),
];

/// The network as far as `deepest`, giving all its layers.
fn seeded_network(name: &str, deepest: &str) -> Backbone {
    seeded_network_in(name, deepest, Instructions::best())
}

fn seeded_network_in(name: &str, deepest: &str, instructions: Instructions) -> Backbone {
    let whole = Architecture::find(name).unwrap().network();
    let cut = whole.cut_after(&[whole.find_layer(deepest).unwrap().value]);
    let file = seeded_file(&cut, 0);
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

#[test]
fn vgg16_classifies_as_torchvision_does() {
    let backbone = seeded_network("vgg16", "classifier.6");
    let (picture, height, width, case) = CROPS[0];
    let values = goldens("vgg16", case);
    let maps = backbone.feature_maps(&crop(picture, height, width));
    let maps = maps.unwrap();
    let (_, connected) = maps.split_at(maps.len() - 4);
    for feature_map in connected {
        let deviation = map_deviation(&feature_map.map, &values, &feature_map.layer);
        assert!(deviation < 1e-4, "{}: {deviation}", feature_map.layer);
    }
}
