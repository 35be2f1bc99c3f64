//! Every network with seeded weights against its reference implementation, at every layer.

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, FeatureMap, Instructions};
use imgsearch::network::Network;
use imgsearch::weights::WeightsFile;

use super::{crop, deviation, flat, goldens, layer_names, map_deviation, seeded_file};

/// A part of a picture, and which layers the reference's values of it are kept of.
struct Crop {
    picture: &'static str,
    height: usize,
    width: usize,
    goldens: &'static str,
    /// Every layer's, rather than those that end a stage.
    every_layer: bool,
}

const CROPS: [Crop; 2] = [
    Crop {
        picture: "balloons_288x224",
        height: 96,
        width: 96,
        goldens: "balloons_96x96",
        every_layer: true,
    },
    Crop {
        picture: "boats_400x300",
        height: 75,
        width: 97,
        goldens: "boats_97x75",
        every_layer: false,
    },
];

impl Crop {
    fn of(&self, picture: &str) -> Tensor {
        crop(picture, self.height, self.width)
    }

    /// The largest deviation of all layers from the reference.
    fn check(&self, network: &Network, maps: &[FeatureMap]) -> f32 {
        let values = goldens(&network.name, self.goldens);
        let mut worst = 0f32;
        for (layer, map) in network.layers().iter().zip(maps) {
            assert_eq!(layer.name, map.layer);
            if !self.every_layer && !layer.ends_stage {
                continue;
            }
            let deviation = map_deviation(&map.map, &values, &layer.name);
            let case = (&network.name, self.goldens, &layer.name);
            assert!(deviation < 1e-4, "{case:?}: {deviation}");
            worst = worst.max(deviation);
        }
        worst
    }
}

/// The network as far as `deepest`, with its seeded weights under the reference's names.
fn seeded_network(name: &str, deepest: &str) -> (Network, WeightsFile) {
    let whole = Architecture::find(name).unwrap().network();
    let cut = whole.cut_after(&[whole.find_layer(deepest).unwrap().value]);
    let file = seeded_file(&cut, 0);
    (cut, file)
}

/// Alone and in the middle of a batch of three; in the other instruction sets the smaller crop alone.
fn equals_the_reference(name: &str, deepest: &str) {
    let (network, file) = seeded_network(name, deepest);
    let layers = layer_names(&network);
    let load = |instructions| {
        Backbone::load_network(&network, &layers, &file, &Device::Cpu, instructions).unwrap()
    };
    let mut worst = 0f32;
    let backbone = load(Instructions::best());
    for crop in &CROPS {
        let alone = backbone.feature_maps(&crop.of(crop.picture)).unwrap();
        worst = worst.max(crop.check(&network, &alone));
        let three = ["beach", crop.picture, "city"].map(|picture| crop.of(picture));
        let batch = Tensor::cat(&three, 0).unwrap();
        for (alone, batch) in alone.iter().zip(backbone.feature_maps(&batch).unwrap()) {
            let second = flat(&batch.map.get(1).unwrap());
            let between = deviation(&second, &flat(&alone.map));
            assert!(between < 1e-5, "{name}, {}: {between}", alone.layer);
        }
    }
    let [_, small] = &CROPS;
    let others = Instructions::available().into_iter();
    for instructions in others.filter(|others| *others != Instructions::best()) {
        let maps = load(instructions).feature_maps(&small.of(small.picture));
        worst = worst.max(small.check(&network, &maps.unwrap()));
    }
    println!("{name}: largest deviation from the reference {worst:.1e}");
}

#[test]
fn vggs_give_torchvisions_layers() {
    // The fully connected ones are VGG16's, which has a test of them.
    for name in ["vgg11", "vgg13", "vgg19"] {
        equals_the_reference(name, "avgpool");
    }
}

#[test]
fn vggs_with_batch_norm_give_torchvisions_layers() {
    for name in ["vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"] {
        equals_the_reference(name, "avgpool");
    }
}

#[test]
fn resnets_give_torchvisions_layers() {
    for name in ["resnet18", "resnet34", "resnet101", "resnet152"] {
        equals_the_reference(name, "fc");
    }
}

#[test]
fn wide_and_grouped_resnets_give_torchvisions_layers() {
    for name in ["wide_resnet50_2", "resnext50_32x4d"] {
        equals_the_reference(name, "fc");
    }
}

#[test]
fn efficientnets_give_torchvisions_layers() {
    for variant in 0..5 {
        equals_the_reference(&format!("efficientnet_b{variant}"), "classifier.1");
    }
}

#[test]
fn efficientnet_lites_give_the_packages_layers() {
    for variant in 1..5 {
        equals_the_reference(&format!("efficientnet_lite{variant}"), "classifier");
    }
}

#[test]
fn mobilenet_v3s_give_torchvisions_layers() {
    for name in ["mobilenet_v3_large", "mobilenet_v3_small"] {
        equals_the_reference(name, "classifier.3");
    }
}

#[test]
fn keras_resnet50_gives_keras_layers() {
    equals_the_reference("resnet50_keras", "predictions");
}

#[test]
fn repvggs_give_timms_layers() {
    for name in ["repvgg_a0", "repvgg_a1", "repvgg_b0"] {
        equals_the_reference(name, "head.fc");
    }
}
