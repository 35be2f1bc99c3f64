//! EfficientNet-Lite0 with its trained weights, against the package whose behaviour is matched.

use candle_core::Tensor;
use imgsearch::Extractor;
use imgsearch::backbone::{Backbone, Instructions, Placement};
use imgsearch::photo::Photo;
use imgsearch::weights::WeightsFile;

use super::table::{Row, Table};
use super::{deviation, flat, golden, goldens, layer_names, picture_path, pixels_of};
use crate::common::{MODEL, trained_weights};

const PICTURES: [&str; 4] = ["beach", "city", "balloons_288x224", "boats_400x300"];
const COLOURS: &str = "mean=0.5/0.5/0.5,std=0.5/0.5/0.5";

fn load(row: &Row, weights: &WeightsFile, instructions: Instructions) -> Backbone {
    let network = row.network();
    let layers = layer_names(&network);
    Backbone::load_network(&network, &layers, weights, &Placement::cpu(), instructions).unwrap()
}

/// On whole pictures, and on a part of one: at even sizes stride 2 pads below and to the right
/// alone, at odd sizes on every side.
#[test]
fn every_layer_and_the_class_scores_equal_the_references() {
    let Some(weights) = trained_weights() else {
        return;
    };
    let weights = WeightsFile::open(weights).unwrap();
    let table = Table::read();
    let mut checked = 0;
    for row in table.networks.iter().filter(|row| row.trained) {
        let network = row.network();
        for instructions in Instructions::available() {
            let backbone = load(row, &weights, instructions);
            for (name, crop) in table.crops_of(row) {
                let maps = backbone.feature_maps(&crop.pixels(COLOURS)).unwrap();
                let worst = row.check((name, crop), &network, &maps);
                println!("{name}, {instructions:?}: deviation from the reference {worst:.1e}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 5 * Instructions::available().len());
}

#[test]
fn the_descriptor_of_a_photo_equals_the_references_pipeline() {
    let Some(weights) = trained_weights() else {
        return;
    };
    let recipe = format!("{MODEL}:head").parse().unwrap();
    let extractor = Extractor::load(&recipe, weights, &Placement::cpu()).unwrap();
    for picture in PICTURES {
        let photo = Photo::read(picture_path(picture)).unwrap();
        let ours = extractor.describe(&photo).unwrap();
        // Our resize may round a grey level otherwise than Pillow's.
        let worst = deviation(
            ours.as_slice(),
            &golden(&goldens(MODEL, picture), "descriptor"),
        );
        println!("{picture}: {worst:.1e}");
        assert!(worst < 2e-2, "{picture}: {worst}");
    }
}

#[test]
fn a_photo_alone_gives_what_it_gives_in_a_batch() {
    let Some(weights) = trained_weights() else {
        return;
    };
    let weights = WeightsFile::open(weights).unwrap();
    let table = Table::read();
    let row = table.networks.iter().find(|row| row.trained).unwrap();
    let backbone = load(row, &weights, Instructions::best());
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
