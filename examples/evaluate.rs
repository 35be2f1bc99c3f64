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
use std::path::{Path, PathBuf};

use imgsearch::backbone::Architecture;
use imgsearch::eval::ground_truth::Difficulty;
use imgsearch::eval::{Candidates, Dataset, EvalOptions, Evaluator, Subject};
use imgsearch::photo::{Exclude, Preprocess};
use imgsearch::resolve::{self, Overrides};
use imgsearch::{DescriptorSpec, Recipe};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    let recipe: Recipe = "efficientnet_lite0".parse()?;
    let load = |spec: &DescriptorSpec, preprocess: &Preprocess| {
        let recipe = Recipe::new(spec.clone(), preprocess.clone());
        resolve::plain(&Overrides::of(&recipe), &mut |_| ControlFlow::Continue(()))
    };
    let subject = Subject {
        network: Architecture::find(&recipe.spec.model)?.network(),
        default: recipe.spec,
        preprocess: recipe.preprocess,
        extractor: &load,
    };
    // One folder per class: every photo asks for the others of its own.
    let dataset = Dataset {
        path: folder,
        ground_truth: Some("folders".to_owned()),
        pairs: None,
        with: Vec::new(),
        difficulty: Difficulty::Medium,
        sample: None,
        seed: 0,
        exclude: Exclude::default(),
    };
    let specs = ["head", "blocks.15", "blocks.15/gem*0.5+head"].map(str::to_owned);
    let candidates = [Candidates {
        specs: subject.specs(&specs)?,
        subject,
    }];
    let evaluator = Evaluator {
        dataset: &dataset,
        candidates: &candidates,
        options: EvalOptions::default(),
        folder: Path::new(".imgsearch"),
    };
    let report = evaluator.run(&mut |_| ControlFlow::Continue(()))?;
    for row in &report.specs {
        let metrics = row.metrics.iter().take(3);
        let quality = metrics.map(|(metric, estimate)| format!("{metric} {:.4}", estimate.mean));
        println!("{}  {}", quality.collect::<Vec<_>>().join("  "), row.spec);
    }
    Ok(())
}
