//! EfficientNet-Lite0 with its trained weights, against the package whose behaviour is matched.

use candle_core::{Device, Tensor};
use image::codecs::jpeg::JpegEncoder;
use imgsearch::backbone::{Architecture, Backbone, Instructions};
use imgsearch::photo::{Photo, Preprocess};
use imgsearch::weights::WeightsFile;
use imgsearch::{DescriptorSpec, Extractor};

use super::{
    corner, deviation, flat, golden, goldens, layer_names, map_deviation, picture_path, pixels_of,
};
use crate::common::paint::{Scene, paint};
use crate::common::weights;

const NAME: &str = "efficientnet_lite0";
const PICTURES: [&str; 4] = ["beach", "city", "balloons_288x224", "boats_400x300"];
const COLOURS: &str = "mean=0.5/0.5/0.5,std=0.5/0.5/0.5";

fn whole_network() -> Option<Backbone> {
    whole_network_in(Instructions::best())
}

fn whole_network_in(instructions: Instructions) -> Option<Backbone> {
    let weights = WeightsFile::open(weights()?).unwrap();
    let network = Architecture::find(NAME).unwrap().network();
    let layers = layer_names(&network);
    let cpu = Device::Cpu;
    Some(Backbone::load_network(&network, &layers, &weights, &cpu, instructions).unwrap())
}

/// Checks every layer and the class scores; the largest deviation.
fn check(backbone: &Backbone, name: &str, pixels: &Tensor) -> f32 {
    let values = goldens(NAME, name);
    let mut worst = 0f32;
    for feature_map in backbone.feature_maps(pixels).unwrap() {
        let deviation = match feature_map.layer.as_str() {
            // Nothing but the head's GAP, which is compared there.
            "avgpool" => continue,
            "classifier" => deviation(&flat(&feature_map.map), &golden(&values, "classifier")),
            layer => map_deviation(&feature_map.map, &values, layer),
        };
        assert!(
            deviation < 1e-4,
            "{name}, {}: {deviation}",
            feature_map.layer
        );
        worst = worst.max(deviation);
    }
    worst
}

#[test]
fn every_layer_and_the_class_scores_equal_the_references() {
    for instructions in Instructions::available() {
        let Some(backbone) = whole_network_in(instructions) else {
            return;
        };
        let deviations = PICTURES.map(|name| check(&backbone, name, &pixels_of(name, COLOURS)));
        println!("{instructions:?}: deviations from the reference {deviations:?}");
    }
}

#[test]
fn padding_at_odd_sizes_equals_the_references() {
    let Some(backbone) = whole_network() else {
        return;
    };
    // At even sizes stride 2 pads below and to the right alone, at odd sizes on every side.
    let pixels = corner(&pixels_of("boats_400x300", COLOURS), 225, 161);
    let worst = check(&backbone, "boats_161x225", &pixels);
    println!("deviation from the reference: {worst:.1e}");
}

#[test]
fn the_descriptor_of_a_photo_equals_the_references_pipeline() {
    let Some(weights) = weights() else { return };
    let preprocess = imgsearch::model::find(NAME)
        .unwrap()
        .preprocess
        .parse()
        .unwrap();
    let spec = DescriptorSpec::gap(NAME, "head");
    let extractor = Extractor::load(spec, preprocess, weights, "cpu").unwrap();
    for picture in PICTURES {
        let photo = Photo::read(picture_path(picture)).unwrap();
        let ours = extractor.describe(&photo).unwrap();
        // Our resize may round a grey level otherwise than Pillow's.
        let worst = deviation(
            ours.as_slice(),
            &golden(&goldens(NAME, picture), "descriptor"),
        );
        println!("{picture}: {worst:.1e}");
        assert!(worst < 2e-2, "{picture}: {worst}");
    }
}

#[test]
fn a_large_photo_decoded_at_reduced_size_has_nearly_the_same_descriptor() {
    let Some(weights) = weights() else {
        return;
    };
    let extractor = |decode: &str| {
        let preprocess = "resize=256,crop=224,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";
        let preprocess: Preprocess = preprocess.parse().unwrap();
        let spec = DescriptorSpec::gap("efficientnet_lite0", "head");
        Extractor::load(spec, preprocess.with(decode).unwrap(), weights, "cpu").unwrap()
    };
    let (full, reduced) = (extractor("decode=full"), extractor("decode=reduced"));
    for (scene, name) in Scene::ALL {
        let mut jpeg = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
        let picture = paint(scene, 7, 2100, 1400);
        picture.write_with_encoder(encoder).unwrap();
        let photo = Photo::from_bytes(name, jpeg);
        let decoded = reduced.decode(&photo).unwrap();
        assert_eq!((decoded.width, decoded.height), (2100, 1400));
        assert_eq!(decoded.image.dimensions(), (788, 525), "three eighths");
        let [a, b] = [&full, &reduced].map(|extractor| extractor.describe(&photo).unwrap());
        let distance = 1.0 - a.similarity(&b);
        assert!(distance < 1e-2, "{name}: {distance}");
    }
}

#[test]
fn a_photo_alone_gives_what_it_gives_in_a_batch() {
    let Some(backbone) = whole_network() else {
        return;
    };
    let pictures = ["beach", "city"].map(|name| pixels_of(name, COLOURS));
    let together = backbone
        .feature_maps(&Tensor::cat(&pictures, 0).unwrap())
        .unwrap();
    for (index, pixels) in pictures.iter().enumerate() {
        let alone = backbone.feature_maps(pixels).unwrap();
        for (alone, together) in alone.iter().zip(&together) {
            let worst = deviation(&flat(&together.map.get(index).unwrap()), &flat(&alone.map));
            assert!(worst < 1e-5, "{}: {worst}", alone.layer);
        }
    }
}

#[test]
fn nothing_behind_the_deepest_tap_is_loaded() {
    let Some(weights) = weights() else { return };
    let architecture = Architecture::find(NAME).unwrap();
    let file = WeightsFile::open(weights).unwrap();
    let backbone = Backbone::load(architecture, &["blocks.4"], &file, &Device::Cpu).unwrap();
    let deepest = architecture.network().find_layer("blocks.4").unwrap().value;
    assert_eq!(backbone.network().steps().len(), deepest.0);
}
