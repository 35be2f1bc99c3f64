//! `imgsearch tune`: search the best spec on one half of a labelled set, measure it on the other.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use imgsearch::SpecFile;
use imgsearch::descriptor::{DescriptorSpec, Projection, Recipe};
use imgsearch::eval::features::EvalEvent;
use imgsearch::eval::tune::{TuneEvent, TuneOptions, TuneStep, Tuned, preprocessings, tune};
use imgsearch::gallery::PooledCache;
use imgsearch::photo::Preprocess;

use super::args::GalleryArgs;
use super::eval::SetArgs;
use super::exit::Exit;
use super::output::{clean, tuning as output};
use super::progress::{EvalProgress, stop_on_ctrl_c};

/// Search layers, poolings, weights, input size and whitening on one half of labelled photos, and
/// measure the gain on the other
#[derive(Args)]
#[command(
    after_help = "Examples:\n  imgsearch tune ./photos-by-class --out best.json\n  \
                        imgsearch index ./photos --spec best.json\n  \
                        imgsearch tune ./set --metric recall@1 --keep-preprocess"
)]
pub struct TuneArgs {
    #[command(flatten)]
    set: SetArgs,
    /// What everything is compared with; GAP of the model's last stage if left away
    #[arg(long, value_name = "SPEC")]
    default: Option<String>,
    /// Do not try other input sizes and crops, which takes a pass over the photos each
    #[arg(long)]
    keep_preprocess: bool,
    /// Write the spec for `imgsearch index --spec FILE` (.json), and its whitening beside it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &TuneArgs) -> Result<Exit> {
    stop_on_ctrl_c();
    let (truth, problems) = args.set.ground_truth()?;
    let subject = args.set.subject()?;
    let default = match &args.default {
        Some(text) => text.parse::<DescriptorSpec>()?.resolve(&subject.network)?,
        None => subject.default,
    };
    let own = subject.preprocess;
    let options = TuneOptions {
        metric: args.set.metric(&truth),
        seed: args.set.seed,
        jobs: args.set.jobs,
        default,
        preprocessings: if args.keep_preprocess {
            vec![own]
        } else {
            preprocessings(&own)?
        },
    };
    let cache = PooledCache::open(&args.gallery.gallery)?;
    let make =
        |spec: &DescriptorSpec, preprocess: &Preprocess| args.set.extractor(spec, preprocess);
    let mut progress = TuneProgress::new();
    let tuned = tune(
        &truth,
        &subject.network,
        &cache,
        &make,
        &options,
        &mut |event| progress.on_event(&event),
    );
    progress.bars.finish();
    let Some(mut tuned) = tuned? else {
        return Ok(Exit::Interrupted);
    };
    tuned.skipped.extend(problems);
    let saved = match &args.out {
        Some(file) => Some(save(file, &tuned, &options)?),
        None => None,
    };
    let mut out = io::stdout().lock();
    if args.json {
        super::output::json::print(&output::report(&tuned, &options), &mut out)?;
    } else {
        output::text(&tuned, &options, &mut out)?;
        if let (Some(SpecFile { .. }), Some(file)) = (saved, &args.out) {
            let file = clean(&file.display().to_string());
            writeln!(
                out,
                "written: {file}; index with it: imgsearch index PATH --spec {file}"
            )?;
        }
    }
    Ok(if tuned.skipped.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

/// Writes what is better beyond noise: otherwise the default.
fn save(file: &Path, tuned: &Tuned, options: &TuneOptions) -> Result<SpecFile> {
    let (spec, preprocess, whitening) = match tuned.path.last() {
        Some(end) if tuned.gain.is_gain() => (&end.spec, &end.preprocess, tuned.whitening.as_ref()),
        _ => (&options.default, &options.preprocessings[0], None),
    };
    let beside = file.with_extension("whitening.safetensors");
    if let Some(whitening) = whitening {
        whitening.save(&beside)?;
    }
    let recipe = Recipe {
        spec: spec.clone(),
        preprocess: preprocess.clone(),
        projection: match whitening {
            Some(_) => Projection::Whitening,
            None => Projection::None,
        },
    };
    let saved = SpecFile {
        whitening: whitening.map(|_| beside),
        ..SpecFile::of(recipe)
    };
    saved.write(file)?;
    Ok(saved)
}

/// Shows a tuning as it goes.
struct TuneProgress {
    bars: EvalProgress,
}

impl TuneProgress {
    const fn new() -> Self {
        Self {
            bars: EvalProgress::new(),
        }
    }

    fn on_event(&mut self, event: &TuneEvent<'_>) -> ControlFlow<()> {
        match event {
            TuneEvent::Pooling(event) => self.bars.on_event(event),
            TuneEvent::Preprocessing(_) => {
                self.bars.finish();
                self.bars.on_event(&EvalEvent::Started { items: 0 })
            }
            TuneEvent::Improved(step) => {
                self.bars.finish();
                eprintln!("{}", line(step));
                ControlFlow::Continue(())
            }
        }
    }
}

fn line(step: &TuneStep) -> String {
    let (what, mean, gain) = (step.what, step.mean, step.gain.mean);
    format!("{mean:.4} (+{gain:.4})  {what}: {}", output::one_line(step))
}
