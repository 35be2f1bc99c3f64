//! What a network costs up to each of its layers: `cargo bench --bench layers [-- NAME...]`, 224 × 224,
//! one picture, one thread.
//!
//! For every stage the network is loaded as far as that, with made-up weights, and run: the best and
//! the median of many runs in milliseconds, beside the multiply-adds that `imgsearch models show`
//! tells.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

#[path = "../tests/common/seeded.rs"]
#[allow(dead_code, reason = "a bench uses a part of what the tests share")]
mod seeded;

use std::error::Error;
use std::time::Instant;

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::weights::WeightsFile;

const RUNS: usize = 15;
const SIDE: usize = 224;
const USUAL: [&str; 3] = ["efficientnet_lite0", "resnet50", "vgg16"];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds options of its own.
    let is_name = |argument: &String| Architecture::find(argument).is_ok();
    let named: Vec<String> = std::env::args().skip(1).filter(is_name).collect();
    let usual = || USUAL.map(str::to_owned).to_vec();
    for name in if named.is_empty() { usual() } else { named } {
        measure(&name)?;
    }
    Ok(())
}

fn measure(name: &str) -> Result<(), Box<dyn Error>> {
    let architecture = Architecture::find(name)?;
    let network = architecture.network();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    seeded::write(&network, 0, &path);
    let file = WeightsFile::open(&path)?;
    let values = (0..3 * SIDE * SIDE).map(|i| (i as f32 * 0.37).sin());
    let pixels = Tensor::from_vec(values.collect(), (1, 3, SIDE, SIDE), &Device::Cpu)?;
    println!(
        "{name}:\n  {:<24}  {:>8}  {:>8}  {:>8}",
        "layer", "best ms", "median", "M madds"
    );
    for layer in network.layers().iter().filter(|layer| layer.ends_stage) {
        let backbone = Backbone::load(architecture, &[&layer.name], &file, &Placement::cpu())?;
        backbone.feature_maps_in(&pixels, 1)?;
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let begun = Instant::now();
            backbone.feature_maps_in(&pixels, 1)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let madds: u64 = backbone.network().multiply_adds(SIDE, SIDE).iter().sum();
        let (best, median) = (times[0], times[RUNS / 2]);
        let madds = madds / 1_000_000;
        println!(
            "  {:<24}  {best:>8.2}  {median:>8.2}  {madds:>8}",
            layer.name
        );
    }
    Ok(())
}
