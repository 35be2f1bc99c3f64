//! Every network on a GPU, in a build with the feature `cuda`.

use candle_core::Tensor;
use imgsearch::backbone::{Architecture, Backbone, Placement, Precision};

use super::{crop, deviation, flat, layer_names, seeded_file};
use crate::common::skip::skip;

/// What our operations give on a CPU, which other tests hold against the reference.
#[test]
fn networks_give_on_a_gpu_what_they_give_on_a_cpu() {
    let Ok(gpu) = Placement::open("cuda", Precision::F32) else {
        skip("there is no GPU that this build can run on");
        return;
    };
    let square = ["beach", "balloons_288x224", "city"].map(|picture| crop(picture, 96, 96));
    let batches = [
        Tensor::cat(&square, 0).unwrap(),
        crop("boats_400x300", 75, 97),
    ];
    for architecture in Architecture::all() {
        let name = architecture.name;
        let network = architecture.network();
        let file = seeded_file(&network, 0);
        let layers = layer_names(&network);
        let [ours, theirs] = [&Placement::cpu(), &gpu]
            .map(|placement| Backbone::load(*architecture, &layers, &file, placement).unwrap());
        let mut worst = 0f32;
        for pixels in &batches {
            let expected = ours.feature_maps(pixels).unwrap();
            let maps = theirs.feature_maps(&pixels.to_device(gpu.device()).unwrap());
            for (map, expected) in maps.unwrap().iter().zip(&expected) {
                let deviation = deviation(&flat(&map.map), &flat(&expected.map));
                assert!(deviation < 1e-3, "{name}, {}: {deviation}", map.layer);
                worst = worst.max(deviation);
            }
        }
        println!("{name}: largest deviation of a GPU from a CPU {worst:.1e}");
    }
}
