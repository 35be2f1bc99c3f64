//! RegNetY, DenseNet and ConvNeXt with seeded weights against torchvision.

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, FeatureMap, Instructions};
use imgsearch::descriptor::Pooling;
use imgsearch::weights::WeightsFile;

use super::{crop, deviation, flat, golden, goldens, layer_names, seeded_file};

/// Picture, height and width of the corner taken of it, and the goldens' name.
const CROPS: [(&str, usize, usize, &str); 2] = [
    ("balloons_288x224", 96, 96, "balloons_96x96"),
    ("boats_400x300", 75, 97, "boats_97x75"),
];
/// Channels and values kept of each map, at most.
const SAMPLES: usize = 32;

/// The whole network in some instructions, its weights called as in the `naming`-th of its namings.
fn network_in(name: &str, naming: usize, instructions: Instructions) -> Backbone {
    let network = Architecture::find(name).unwrap().network();
    let file = seeded_file(&network, naming);
    let layers = layer_names(&network);
    Backbone::load_network(&network, &layers, &file, &Device::Cpu, instructions).unwrap()
}

fn spaced(values: &[f32]) -> Vec<f32> {
    let count = SAMPLES.min(values.len());
    let place = |i: usize| values[i * values.len() / count];
    (0..count).map(place).collect()
}

/// Of the layers that the goldens hold, the largest deviation.
fn worst_of(maps: &[FeatureMap], file: &WeightsFile) -> f32 {
    let mut worst = 0f32;
    let mut compared = 0;
    for FeatureMap { layer, map } in maps {
        if file.shape(&format!("{layer}.gap")).is_none() {
            continue;
        }
        compared += 1;
        let means = Pooling::Gap.pool(map).unwrap().remove(0);
        for (part, ours) in [("gap", means), ("sample", flat(map))] {
            let theirs = golden(file, &format!("{layer}.{part}"));
            let deviation = deviation(&spaced(&ours), &theirs);
            assert!(deviation < 1e-4, "{layer}.{part}: {deviation}");
            worst = worst.max(deviation);
        }
    }
    assert_eq!(2 * compared, file.names().count(), "layers compared");
    worst
}

fn every_layer_equals_torchvisions(name: &str) {
    let mut worst = 0f32;
    for instructions in Instructions::available() {
        let backbone = network_in(name, 0, instructions);
        for (picture, height, width, case) in CROPS {
            let maps = backbone.feature_maps(&crop(picture, height, width));
            worst = worst.max(worst_of(&maps.unwrap(), &goldens(name, case)));
        }
    }
    println!("{name}: largest deviation from torchvision {worst:.1e}");
}

/// What one picture of a batch gives is what it gives alone, and under the other naming too.
fn a_batch_of_three_gives_what_each_gives_alone(name: &str, naming: usize) {
    let backbone = network_in(name, naming, Instructions::best());
    let pictures = ["beach", "city", "balloons_288x224"].map(|picture| crop(picture, 96, 96));
    let together = backbone
        .feature_maps(&Tensor::cat(&pictures, 0).unwrap())
        .unwrap();
    let third: Vec<FeatureMap> = together
        .iter()
        .map(|all| FeatureMap {
            layer: all.layer.clone(),
            map: all.map.narrow(0, 2, 1).unwrap(),
        })
        .collect();
    worst_of(&third, &goldens(name, CROPS[0].3));
    for (index, pixels) in pictures.iter().enumerate() {
        let alone = backbone.feature_maps(pixels).unwrap();
        for (alone, together) in alone.iter().zip(&together) {
            let worst = deviation(&flat(&together.map.get(index).unwrap()), &flat(&alone.map));
            assert!(worst < 1e-5, "{name}, {}: {worst}", alone.layer);
        }
    }
}

macro_rules! networks {
    ($($name:ident, $other_naming:literal;)+) => {
        $(mod $name {
            #[test]
            fn gives_torchvisions_layers() {
                super::every_layer_equals_torchvisions(stringify!($name));
            }

            #[test]
            fn gives_each_of_a_batch_what_it_gives_it_alone_under_its_other_naming() {
                let name = stringify!($name);
                super::a_batch_of_three_gives_what_each_gives_alone(name, $other_naming);
            }
        })+
    };
}

networks! {
    regnet_y_400mf, 1;
    regnet_y_1_6gf, 1;
    regnet_y_3_2gf, 1;
    densenet121, 1;
    convnext_tiny, 1;
    convnext_small, 1;
    convnext_base, 1;
}
