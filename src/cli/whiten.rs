//! `imgsearch whiten`: fit a PCA-whitening on photos.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use globset::Glob;
use imgsearch::descriptor::Whitening;
use imgsearch::ingest::{IngestEvent, IngestOptions, WhiteningReport, descriptors_of};

use super::args::{ExtractorArgs, jobs};
use super::exit::Exit;
use super::index::excluded;
use super::output::error::ErrorReport;
use super::output::{json, photos};
use super::progress::{Afterwards, IngestProgress, stop_on_ctrl_c};
use super::setup;

/// Fit a PCA-whitening on photos, for `index --whitening FILE`
#[derive(Args)]
#[command(
    after_help = "Example:\n  imgsearch whiten ./photos --dim 256 --out photos.safetensors\n  \
                        imgsearch index ./photos --whitening photos.safetensors"
)]
pub struct WhitenArgs {
    /// Photos and folders of photos: many, and like those it is for; equal files count once
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Values that a whitened descriptor has; there must be more photos than that
    #[arg(long, value_name = "N", default_value_t = 256)]
    dim: usize,
    /// How far the variances are drawn towards their mean before they are made equal: 0 (plain
    /// whitening) to 1 (PCA alone)
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    shrinkage: f32,
    /// File to write (.safetensors)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Pass over what matches, a name or a path within the folder (may be repeated)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,
    /// Photos worked on at once; 0: one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = jobs)]
    jobs: usize,
    /// Print the summary, with every skipped photo, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    extractor: ExtractorArgs,
}

pub fn run(args: &WhitenArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::BeginsAnew);
    setup::tell_threads(args.jobs);
    let extractor = setup::extractor(&args.extractor)?;
    let options = IngestOptions {
        jobs: args.jobs,
        exclude: excluded(&args.exclude)?,
        ..IngestOptions::default()
    };
    let mut progress = IngestProgress::default();
    let mut on_event = |event: IngestEvent<'_>| progress.on_event(&event);
    let descriptors = descriptors_of(&args.paths, &extractor, &options, &mut on_event);
    progress.finish();
    let descriptors = descriptors?;
    if descriptors.interrupted {
        if args.json {
            ErrorReport::interrupted().print();
        }
        return Ok(Exit::Interrupted);
    }
    let fingerprint = extractor.fingerprint();
    let rows = descriptors.rows.as_vectors();
    let whitening = Whitening::fit(rows, args.dim, args.shrinkage)?;
    let whitening = whitening.fitted_on(fingerprint);
    whitening.save(&args.out)?;
    let origin = whitening.origin();
    let is_whole = descriptors.skipped.is_empty();
    let mut out = io::stdout().lock();
    if args.json {
        let skipped = descriptors.skipped;
        let report = WhiteningReport::of(&whitening, &args.out, skipped);
        json::print(&report, &mut out)?;
    } else {
        writeln!(
            out,
            "{} → {} values, {:.1} % of the variance; fitted on {}",
            rows.dimension(),
            whitening.dimension(),
            100.0 * origin.kept_variance,
            photos(origin.photos)
        )?;
    }
    Ok(if is_whole { Exit::Done } else { Exit::Skipped })
}
