//! Which of a few specs finds the photos of the same folder best?
//!
//!     cargo run --release --example evaluate -- FOLDER

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

use imgsearch::eval::features::Features;
use imgsearch::eval::ground_truth::{Form, GroundTruth};
use imgsearch::eval::metrics::Metric;
use imgsearch::eval::specs::all_parts;
use imgsearch::eval::trial::Evaluation;
use imgsearch::gallery::PooledCache;
use imgsearch::model;
use imgsearch::photo::{Exclude, walk};
use imgsearch::resolve::{self, Overrides};
use imgsearch::{DescriptorSpec, Recipe};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    let model = model::find("efficientnet_lite0")?;
    let specs = ["head", "blocks.15", "blocks.15/gem*0.5+head"]
        .map(|layers| format!("{}:{layers}", model.name).parse::<DescriptorSpec>());
    let specs = specs.into_iter().collect::<Result<Vec<_>, _>>()?;

    // One folder per class: every photo asks for the others of its own.
    let walked = walk(std::slice::from_ref(&folder), &Exclude::default());
    let truth = GroundTruth::read(&Form::Folders, &folder, &walked)?;

    // One pass over the photos gives the parts of all specs.
    let parts = all_parts(&specs);
    let extractor = resolve::plain(&Overrides::of(&Recipe::of(parts)?), &mut |_| {})?;
    let cache = PooledCache::open(&PathBuf::from(".imgsearch"))?;
    let mut go_on = |_: imgsearch::eval::features::EvalEvent<'_>| ControlFlow::Continue(());
    let features = Features::new(&truth.items, &extractor, &cache, 0, &mut go_on)?;
    let truth = truth.restrict(&features.kept());

    let metrics = [Metric::MeanAveragePrecision, Metric::Recall(1)];
    let evaluation = Evaluation::of_specs(&truth, &features, &specs, &metrics, 0, &mut go_on)?;
    for trial in &evaluation.trials {
        let quality = trial
            .estimates
            .iter()
            .map(|estimate| format!("{:.4}", estimate.mean));
        println!("{}  {}", quality.collect::<Vec<_>>().join("  "), trial.spec);
    }
    Ok(())
}
