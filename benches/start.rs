//! From a weights file to the first descriptor, stage by stage: `cargo bench --bench start
//! [-- NAME...]`, on as many threads as there are cores.
//!
//! This is what a query pays for before it can look at its picture. The file is in memory, with
//! made-up weights. Each line is the best and the median of many runs in milliseconds.

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
use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor};
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::network::{Network, Operation};
use imgsearch::weights::WeightsFile;
use rayon::prelude::*;

const RUNS: usize = 11;
const NAMES: [&str; 4] = ["efficientnet_lite0", "mobilenet_v2", "resnet50", "vgg16"];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds options of its own.
    let named: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &&str| named.iter().any(|given| given == name);
    let chosen: Vec<&str> = NAMES.into_iter().filter(|name| named(name)).collect();
    let names = if chosen.is_empty() {
        NAMES.to_vec()
    } else {
        chosen
    };
    let folder = tempfile::tempdir()?;
    for name in names {
        let path = folder.path().join(name);
        seeded::write(&Architecture::find(name)?.network(), 0, &path);
        println!("{name}:");
        measure(name, &path)?;
    }
    Ok(())
}

fn measure(name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let layer = imgsearch::model::find(name)?.default_layer;
    let pixels = (0..3 * 224 * 224)
        .map(|i| (i as f32 * 0.37).sin())
        .collect();
    let pixels = Tensor::from_vec(pixels, (1, 3, 224, 224), &Device::Cpu)?;
    let network = Architecture::find(name)?.network();
    let network = network.cut_after(&[network.find_layer(layer)?.value]);
    let mut times = [const { Vec::new() }; 6];
    for _ in 0..RUNS {
        let start = Instant::now();
        read(&network, &WeightsFile::open(path)?)?;
        times[5].push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let file = WeightsFile::open(path)?;
        let opened = Instant::now();
        let backbone = Backbone::load(
            Architecture::find(name)?,
            &[layer],
            &file,
            &Placement::cpu(),
        )?;
        let loaded = Instant::now();
        backbone.feature_maps(&pixels)?;
        let first = Instant::now();
        backbone.feature_maps(&pixels)?;
        let second = Instant::now();
        let ends = [opened, loaded, first, first, second];
        let starts = [start, opened, loaded, start, first];
        for ((times, start), end) in times.iter_mut().zip(starts).zip(ends) {
            times.push((end - start).as_secs_f64() * 1e3);
        }
    }
    let stages = [
        "open",
        "load",
        "first picture",
        "all until then",
        "next picture",
        "reading alone",
    ];
    for (mut times, stage) in times.into_iter().zip(stages) {
        times.sort_by(f64::total_cmp);
        println!("  {stage:16} {:8.2} {:8.2} ms", times[0], times[RUNS / 2]);
    }
    Ok(())
}

/// Reads the weights that `network` needs, and drops them.
fn read(network: &Network, file: &WeightsFile) -> imgsearch::Result<()> {
    network.steps().par_iter().try_for_each(|step| {
        let Operation::Convolution(convolution) = &step.operation else {
            return Ok(());
        };
        let name = format!("{}.weight", convolution.names[0].convolution);
        file.tensor(&name, &convolution.weight_shape()).map(drop)
    })
}
