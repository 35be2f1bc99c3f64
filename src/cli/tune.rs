//! `imgsearch tune`: search the best spec on one half of a labelled set, measure it on the other.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use imgsearch::descriptor::{DescriptorSpec, Recipe};
use imgsearch::eval::features::EvalEvent;
use imgsearch::eval::tune::{Split, TuneEvent, TuneOptions, Tuned, Tuner};
use imgsearch::photo::Preprocess;

use super::args::GalleryArgs;
use super::eval::SetArgs;
use super::exit::Exit;
use super::output::table::tuning;
use super::output::{clean_line, json};
use super::progress::{Afterwards, EvalProgress, stop_on_ctrl_c};
use super::setup;
use super::tell::note;

/// Search the descriptor and the ranking that are best for labelled photos, and measure the gain on groups
/// that the search has not looked at
#[derive(Args)]
#[command(
    after_help = "Examples:\n  imgsearch tune ./photos-by-class --out best.json\n  \
                        imgsearch index ./photos --spec best.json\n  \
                        imgsearch tune ./set --metric recall@1 --keep-preprocess\n  \
                        imgsearch tune ./photos --pairs same.csv --with ./more\n  \
                        imgsearch tune ./people --split photos --out people.json"
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
    /// What it is for: other groups than these, or new photos of these groups (`photos`), for which what tells
    /// them apart is fitted
    #[arg(long, value_enum, default_value = "groups")]
    split: SplitArg,
    /// Write spec and ranking for `imgsearch index --spec FILE` (.json)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitArg {
    Groups,
    Photos,
}

impl From<SplitArg> for Split {
    fn from(arg: SplitArg) -> Self {
        match arg {
            SplitArg::Groups => Self::Groups,
            SplitArg::Photos => Self::Photos,
        }
    }
}

pub fn run(args: &TuneArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::GoesOn);
    setup::tell_threads(args.set.jobs);
    let dataset = args.set.dataset()?;
    let load =
        |spec: &DescriptorSpec, preprocess: &Preprocess| args.set.extractor(spec, preprocess);
    let mut subject = args.set.subject(&load)?;
    subject.default = match &args.default {
        Some(text) => text.parse::<Recipe>()?.spec.resolve(&subject.network)?,
        None => gap_of(&subject.default),
    };
    let folder = args.gallery.find_or_here(&[])?;
    let tuner = Tuner {
        dataset: &dataset,
        subject: &subject,
        options: TuneOptions {
            metric: args.set.metric,
            jobs: args.set.jobs,
            keep_preprocess: args.keep_preprocess,
            split: args.split.into(),
        },
        folder: &folder,
    };
    let mut progress = TuneProgress::default();
    let tuned = tuner.run(&mut |event| progress.on_event(&event));
    progress.bars.finish();
    let tuned = tuned?;
    // What does not hold is not written: whoever indexes with the file takes it for better.
    let file = args.out.as_ref().filter(|_| !tuned.interrupted);
    let written = file.filter(|_| tuned.is_better());
    if let Some(file) = written {
        tuned.save(file)?;
    }
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&tuned, &mut out)?;
    } else {
        tuning::text(&tuned, &mut out)?;
        if let Some(file) = written {
            let path = |path: &Path| clean_line(&path.display().to_string());
            if tuned.whitening.is_some() {
                let beside = Tuned::whitening_beside(file);
                writeln!(out, "its projection: {}", path(&beside))?;
            }
            let file = path(file);
            writeln!(
                out,
                "written: {file}; index with it: imgsearch index PATH --spec {file}"
            )?;
        }
    }
    if let Some(file) = file.filter(|_| written.is_none()) {
        let file = clean_line(&file.display().to_string());
        note!("nothing is written to {file}: nothing is better than the default by the rule");
    }
    Ok(if tuned.interrupted {
        Exit::Interrupted
    } else if file.is_some() && written.is_none() {
        Exit::Nothing
    } else if tuned.skipped.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

/// GAP of the same layer.
fn gap_of(spec: &DescriptorSpec) -> DescriptorSpec {
    let first = spec.parts.first();
    first.map_or_else(
        || spec.clone(),
        |part| DescriptorSpec::gap(&spec.model, &part.layer),
    )
}

/// Shows a tuning as it goes.
#[derive(Default)]
struct TuneProgress {
    bars: EvalProgress,
}

impl TuneProgress {
    fn on_event(&mut self, event: &TuneEvent<'_>) -> ControlFlow<()> {
        match event {
            TuneEvent::Pooling(event) => self.bars.on_event(event),
            TuneEvent::Preprocessing(_) => {
                self.bars.finish();
                self.bars.on_event(&EvalEvent::Started { items: 0 })
            }
            TuneEvent::Fold { done, total } => self.bars.on_event(&EvalEvent::Evaluated {
                done: *done,
                total: *total,
            }),
            TuneEvent::Step(step) => {
                self.bars.finish();
                note!("{}", tuning::step(step));
                // Whether somebody wants it to stop is asked by the bars.
                self.bars.on_event(&EvalEvent::Waiting)
            }
        }
    }
}
