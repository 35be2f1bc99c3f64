//! How do I index a folder from Rust? `cargo run --example index -- FOLDER GALLERY`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

use std::ops::ControlFlow;
use std::path::PathBuf;

use imgsearch::gallery::Gallery;
use imgsearch::ingest::{IngestEvent, IngestOptions, ingest};
use imgsearch::model::{self, FetchOptions};
use imgsearch::{DescriptorSpec, Extractor};

fn main() -> imgsearch::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().unwrap_or_else(|| "data/painted".into());
    let dir = arguments.next().unwrap_or_else(|| ".imgsearch".into());

    // A model of the catalogue, its weights (fetched the first time), and the layer to take.
    let model = model::find("efficientnet_lite0")?;
    let weights = model::fetch::weights(model, &FetchOptions::from_env(), &mut |_| {})?;
    let spec = DescriptorSpec::gap(model.name, model.default_layer);
    let extractor = Extractor::load(spec, model.preprocess.parse()?, &weights, "cpu")?;

    // The gallery remembers what its descriptors were made with and refuses others.
    let mut gallery = Gallery::open_or_create(&dir, extractor.provenance())?;
    let options = IngestOptions {
        jobs: 0,
        exclude: globset::GlobSet::empty(),
    };
    let report = ingest(
        &[folder],
        &extractor,
        &mut gallery,
        &options,
        &mut |event| {
            if let IngestEvent::Skipped(skipped) = event {
                println!("skipped {}: {}", skipped.path.display(), skipped.reason);
            }
            ControlFlow::Continue(())
        },
    )?;
    println!("{} added, {} in the gallery", report.added, report.photos);
    Ok(())
}
