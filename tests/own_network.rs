//! Networks that people trained themselves, of an architecture that is known here.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use candle_core::{Device, Tensor};
use imgsearch::Error;
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::error::WeightsError;
use imgsearch::model;
use imgsearch::network::Network;
use imgsearch::photo::Preprocess;
use imgsearch::weights::WeightsFile;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::paint::{Scene, paint};
use crate::common::seeded;

const NAME: &str = "mobilenet_v3_small";

fn network(name: &str) -> Network {
    Architecture::find(name).unwrap().network()
}

/// A folder with a photo, and the weights of a network that tells seven classes apart.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let photo = paint(Scene::ALL[0].0, 1, 160, 120);
    photo.save(folder.path().join("photo.png")).unwrap();
    let weights = folder.path().join("own.safetensors");
    seeded::write(&network(NAME).with_classes(7).unwrap(), 0, &weights);
    (folder, weights)
}

fn extract(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgsearch"))
        .current_dir(folder)
        .args(["extract", "photo.png", "--format", "jsonl"])
        .args(["--weights", "own.safetensors"])
        .args(arguments)
        .output()
        .unwrap()
}

fn descriptor(folder: &Path, arguments: &[&str]) -> Vec<f64> {
    let output = extract(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let values = line["descriptor"].as_array().unwrap();
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn a_network_with_other_classes_and_colours_describes_photos() {
    let (folder, _) = folder();
    let own =
        |arguments: &[&str]| descriptor(folder.path(), &[&["--arch", NAME], arguments].concat());
    let default = own(&[]);
    assert_eq!(default.len(), 576);
    assert_eq!(own(&["--spec", "features.12"]), default);
    let long = format!("{NAME}:features.12/gap");
    assert_eq!(own(&["--spec", &long]), default);
    assert_eq!(own(&["--spec", "classifier.3/direct"]).len(), 7);

    let colours = ["--mean", "0.5/0.5/0.5", "--std", "0.5,0.5,0.5"];
    let same = ["--preprocess", "mean=0.5/0.5/0.5,std=0.5/0.5/0.5"];
    assert_ne!(own(&colours), default);
    assert_eq!(own(&colours), own(&same));
}

#[test]
fn a_known_model_that_was_trained_further_keeps_its_pictures_by_timms_name_too() {
    let (folder, weights) = folder();
    seeded::write(&network("regnet_y_400mf"), 0, &weights);
    let of = |arguments: &[&str]| descriptor(folder.path(), arguments);
    let named = of(&["--arch", "regnety_004.pycls_in1k"]);
    let layer = of(&[
        "--arch",
        "timm/regnety_004.pycls_in1k",
        "--spec",
        "trunk_output.block4",
    ]);
    assert_eq!(named, layer);
    assert_eq!(named, of(&["--spec", "regnety_004.pycls_in1k"]));
    let keys = model::find("regnety_004.pycls_in1k").unwrap().preprocess;
    let said = of(&["--arch", "regnet_y_400mf", "--preprocess", keys]);
    assert_eq!(named, said);
    assert_ne!(named, of(&["--arch", "regnet_y_400mf"]));
}

#[test]
fn what_does_not_fit_the_architecture_is_told_by_name() {
    let (folder, _) = folder();
    let said = |arguments: &[&str]| {
        let output = extract(folder.path(), arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let large = said(&["--arch", "mobilenet_v3_large"]);
    assert!(large.contains("`features.1.block.1.0.weight`"), "{large}");
    let v2 = said(&["--arch", "mobilenet_v2"]);
    let shapes = "`features.0.0.weight` has shape [16, 3, 3, 3], expected [32, 3, 3, 3]";
    assert!(v2.contains(shapes), "{v2}");
    let unknown = said(&["--arch", "mobilenet_v3_tiny"]);
    assert!(unknown.contains("mobilenet_v3_"), "{unknown}");
    let two = said(&["--arch", NAME, "--spec", "resnet50:layer4"]);
    assert!(two.contains("resnet50"), "{two}");
}

/// VGG16 is cut before half of its convolutions and all of its fully connected layers.
#[test]
fn a_file_without_what_lies_behind_the_tap_is_enough() {
    let whole = network("vgg16");
    let cut = whole.cut_after(&[whole.find_layer("block3_pool").unwrap().value]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.safetensors");
    seeded::write(&cut, 0, &path);
    let file = WeightsFile::open(path).unwrap();
    let load = |layer| {
        let architecture = Architecture::find("vgg16").unwrap();
        Backbone::load(architecture, &[layer], &file, &Placement::cpu())
    };
    let backbone = load("block3_pool").unwrap();
    let pixels = Tensor::ones((1, 3, 32, 40), candle_core::DType::F32, &Device::Cpu).unwrap();
    let maps = backbone.feature_maps(&pixels).unwrap();
    assert_eq!(maps[0].map.dims(), [1, 256, 4, 5]);
    match load("block4_conv1").err() {
        Some(Error::Weights(WeightsError::MissingTensor { name, .. })) => {
            assert_eq!(name, "features.17.weight");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_model_of_the_catalogue_has_a_layer_to_tap_and_a_preprocessing_that_fits() {
    for model in model::catalogue() {
        let network = network(model.architecture);
        let layer = network.find_layer(model.default_layer).unwrap();
        assert_eq!(layer.name, model.default_layer, "{}", model.name);
        let preprocess: Preprocess = model.preprocess.parse().unwrap();
        assert!(preprocess.has_fixed_size(), "{}", model.name);
        preprocess.output_size(300, 400).unwrap();
    }
}

#[test]
fn every_architecture_is_a_models() {
    for architecture in Architecture::all() {
        let is_of_it = |model: &model::Model| model.architecture == architecture.name;
        assert!(model::catalogue().any(is_of_it), "{}", architecture.name);
    }
}
