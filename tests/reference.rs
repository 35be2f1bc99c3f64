//! Held against the reference implementation, on the same pixels with the same weights.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use image::codecs::jpeg::JpegEncoder;
use imgsearch::backbone::weights::WeightsFile;
use imgsearch::backbone::{Architecture, Backbone};
use imgsearch::descriptor::Pooling;
use imgsearch::photo::{Photo, Pixels, Preprocess};
use imgsearch::{DescriptorSpec, Extractor};

use crate::common::paint::{Scene, paint};
use crate::common::weights;

const PICTURES: [&str; 4] = ["beach", "city", "balloons_288x224", "boats_400x300"];

fn goldens(name: &str) -> (PathBuf, WeightsFile) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/goldens");
    let values = folder
        .join("efficientnet_lite0")
        .join(format!("{name}.safetensors"));
    (
        folder.join("pictures").join(format!("{name}.png")),
        WeightsFile::open(values).unwrap(),
    )
}

fn golden(file: &WeightsFile, name: &str) -> Vec<f32> {
    let shape = file.shape(name).unwrap().to_vec();
    file.tensor(name, &shape).unwrap()
}

/// Largest difference over largest magnitude.
fn deviation(ours: &[f32], golden: &[f32]) -> f32 {
    assert_eq!(ours.len(), golden.len());
    let largest = golden
        .iter()
        .fold(0f32, |largest, value| largest.max(value.abs()));
    let difference = |(a, b): (&f32, &f32)| (a - b).abs();
    ours.iter().zip(golden).map(difference).fold(0f32, f32::max) / largest
}

fn tensor(pixels: &[&Pixels]) -> Tensor {
    let values: Vec<f32> = pixels
        .iter()
        .flat_map(|pixels| pixels.values.clone())
        .collect();
    let shape = (pixels.len(), 3, pixels[0].height, pixels[0].width);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn pixels_of(path: &Path) -> Pixels {
    let preprocess: Preprocess = "none,mean=0.5/0.5/0.5,std=0.5/0.5/0.5".parse().unwrap();
    preprocess
        .apply(&Photo::read(path).unwrap().decode().unwrap().image)
        .unwrap()
}

fn whole_network() -> Option<(Backbone, Vec<String>)> {
    let weights = WeightsFile::open(weights()?).unwrap();
    let architecture = Architecture::find("efficientnet_lite0").unwrap();
    let names: Vec<String> = architecture
        .network()
        .layers()
        .iter()
        .map(|l| l.name.clone())
        .collect();
    let layers: Vec<&str> = names.iter().map(String::as_str).collect();
    let backbone = Backbone::load(architecture, &layers, &weights, &Device::Cpu).unwrap();
    Some((backbone, names))
}

#[test]
fn every_layer_and_the_class_scores_equal_the_references() {
    let Some((backbone, _)) = whole_network() else {
        return;
    };
    let mut worst = 0f32;
    for picture in PICTURES {
        let (path, values) = goldens(picture);
        let maps = backbone
            .feature_maps(&tensor(&[&pixels_of(&path)]))
            .unwrap();
        for feature_map in maps {
            let layer = feature_map.layer;
            let flat: Vec<f32> = feature_map.map.flatten_all().unwrap().to_vec1().unwrap();
            if layer == "classifier" {
                worst = worst.max(deviation(&flat, &golden(&values, "classifier")));
            } else if layer != "avgpool" {
                let gap = Pooling::Gap.pool(&feature_map.map).unwrap();
                let sample: Vec<f32> = (0..64).map(|i| flat[i * flat.len() / 64]).collect();
                worst = worst.max(deviation(
                    &gap[0],
                    &golden(&values, &format!("{layer}.gap")),
                ));
                worst = worst.max(deviation(
                    &sample,
                    &golden(&values, &format!("{layer}.sample")),
                ));
            }
            assert!(worst < 1e-4, "{picture}, {layer}: {worst}");
        }
    }
    println!("largest deviation from the reference: {worst:.1e}");
}

#[test]
fn the_descriptor_of_a_photo_equals_the_references_pipeline() {
    let Some(weights) = weights() else { return };
    let preprocess = imgsearch::model::find("efficientnet_lite0")
        .unwrap()
        .preprocess
        .parse()
        .unwrap();
    let spec = DescriptorSpec::gap("efficientnet_lite0", "head");
    let extractor = Extractor::load(spec, preprocess, weights, "cpu").unwrap();
    for picture in PICTURES {
        let (path, values) = goldens(picture);
        let ours = extractor.describe(&Photo::read(&path).unwrap()).unwrap();
        // Our resize may round a grey level otherwise than Pillow's.
        let worst = deviation(ours.as_slice(), &golden(&values, "descriptor"));
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
    let Some((backbone, _)) = whole_network() else {
        return;
    };
    let pictures = ["beach", "city"].map(|name| pixels_of(&goldens(name).0));
    let together = backbone
        .feature_maps(&tensor(&[&pictures[0], &pictures[1]]))
        .unwrap();
    for (index, pixels) in pictures.iter().enumerate() {
        let alone = backbone.feature_maps(&tensor(&[pixels])).unwrap();
        for (alone, together) in alone.iter().zip(&together) {
            let flat = |map: &Tensor| map.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let worst = deviation(&flat(&together.map.get(index).unwrap()), &flat(&alone.map));
            assert!(worst < 1e-5, "{}: {worst}", alone.layer);
        }
    }
}

#[test]
fn nothing_behind_the_deepest_tap_is_loaded() {
    let Some(weights) = weights() else { return };
    let architecture = Architecture::find("efficientnet_lite0").unwrap();
    let file = WeightsFile::open(weights).unwrap();
    let backbone = Backbone::load(architecture, &["blocks.4"], &file, &Device::Cpu).unwrap();
    let deepest = architecture.network().find_layer("blocks.4").unwrap().value;
    assert_eq!(backbone.network().steps().len(), deepest.0);
}
