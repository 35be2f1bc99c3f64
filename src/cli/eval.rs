//! `imgsearch eval`: which layer, pooling and hybrid find the right photos.

use std::io;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use globset::Glob;
use imgsearch::descriptor::{DescriptorSpec, Recipe};
use imgsearch::error::FileError;
use imgsearch::eval::ground_truth::Difficulty;
use imgsearch::eval::metrics::Metric;
use imgsearch::eval::specs::Layers;
use imgsearch::eval::{Dataset, EvalOptions, Evaluator, MakeExtractor, Report, Subject};
use imgsearch::extract::architecture_of;
use imgsearch::photo::Preprocess;
use imgsearch::ranking::Expansion;
use imgsearch::replace::replace;
use imgsearch::{Error, Extractor};

use super::args::{ExtractorArgs, GalleryArgs, NetworkArgs, jobs};
use super::exit::Exit;
use super::index::excluded;
use super::open;
use super::output::html::failures;
use super::output::table::evaluation;
use super::output::{clean_line, json, plot};
use super::progress::{Afterwards, EvalProgress, stop_on_ctrl_c};
use super::setup;

/// Compare layers, poolings and hybrids on labelled photos by what they find
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch eval ./photos-by-class\n  \
                        imgsearch eval ./photos --ground-truth labels.csv --metric recall@1\n  \
                        imgsearch eval ./set --specs efficientnet_lite0:head,efficientnet_lite0:blocks.15/gem\n  \
                        imgsearch eval ./set --plot layers.svg --html failures.html")]
pub struct EvalArgs {
    #[command(flatten)]
    set: SetArgs,
    /// Compare these specs (separated by commas) instead of every stage with every pooling
    #[arg(long, value_name = "SPECS", value_delimiter = ',')]
    specs: Vec<String>,
    /// Compare every named layer, not only the stages
    #[arg(long, conflicts_with = "specs")]
    all_layers: bool,
    /// Also measure the best spec with queries expanded by their first N answers
    #[arg(long, value_name = "N")]
    expand: Option<usize>,
    /// Also measure the best spec with every descriptor of the gallery augmented by its N neighbours
    #[arg(long, value_name = "N")]
    augment: Option<usize>,
    /// How much a neighbour counts: its similarity to this power; 0: all count the same
    #[arg(long, value_name = "A", default_value_t = Expansion::ALPHA)]
    alpha: f32,
    /// Also compare the approximate index of the best spec with the exact ranking
    #[arg(long)]
    index: bool,
    /// Draw quality by depth (.svg or .png)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Show the hardest failures of the best spec as pictures
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show them in the browser
    #[arg(long, requires = "html")]
    open: bool,
    /// How many failures to show
    #[arg(long, value_name = "N", default_value_t = 30)]
    failures: usize,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

/// A labelled set, and how it is looked at.
#[derive(Args)]
pub struct SetArgs {
    /// Folder of labelled photos, or a table of them (.csv)
    #[arg(value_name = "DATASET")]
    pub dataset: PathBuf,
    /// What belongs together: `folders` (one per class), `holidays`, `ukbench`, a table
    /// `path,group[,role][,junk]` (.csv), a folder with Oxford's or Paris' *_query.txt files, or a
    /// revisited set's gnd_*.pkl (or the same as .json); found out if left away
    #[arg(long, value_name = "FORM")]
    ground_truth: Option<String>,
    /// Which answers count in a revisited set
    #[arg(long, value_enum, default_value = "medium")]
    difficulty: DifficultyArg,
    /// What decides: map, map-oxford, recall@K, precision@K, r-precision, map@r or n-s; map unless
    /// the set has a measure of its own
    #[arg(long)]
    pub metric: Option<Metric>,
    /// Ask only so many queries, chosen at random (the gallery stays whole)
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Seed of everything that is random
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Pass over what matches, a name or a path within the folder (may be repeated)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,
    /// Photos worked on at once; 0: one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = jobs)]
    pub jobs: usize,
    /// The network, if it is not the default one; `--arch` names the architecture of one of your own
    #[arg(long, conflicts_with = "arch")]
    model: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DifficultyArg {
    Easy,
    Medium,
    Hard,
}

impl From<DifficultyArg> for Difficulty {
    fn from(arg: DifficultyArg) -> Self {
        match arg {
            DifficultyArg::Easy => Self::Easy,
            DifficultyArg::Medium => Self::Medium,
            DifficultyArg::Hard => Self::Hard,
        }
    }
}

impl SetArgs {
    /// The labelled set.
    pub fn dataset(&self) -> Result<Dataset> {
        Ok(Dataset {
            path: self.dataset.clone(),
            ground_truth: self.ground_truth.clone(),
            difficulty: self.difficulty.into(),
            sample: self.sample,
            seed: self.seed,
            exclude: excluded(&self.exclude)?,
        })
    }

    /// The network that was asked for.
    pub fn subject<'a>(&self, extractor: MakeExtractor<'a>) -> Result<Subject<'a>, Error> {
        let args = self.extractor_args(self.model.clone());
        let Recipe {
            spec, preprocess, ..
        } = args.overrides().recipe()?;
        Ok(Subject {
            network: architecture_of(&spec.model)?.network(),
            preprocess,
            default: spec,
            extractor,
        })
    }

    /// The network loaded as far as `spec` needs it.
    pub fn extractor(
        &self,
        spec: &DescriptorSpec,
        preprocess: &Preprocess,
    ) -> Result<Extractor, Error> {
        let recipe = Recipe::new(spec.clone(), preprocess.clone());
        let mut args = self.extractor_args(Some(recipe.to_string()));
        // The recipe says them already.
        let network = &mut args.network;
        (network.preprocess, network.mean, network.std) = (None, None, None);
        setup::extractor(&args)
    }

    fn extractor_args(&self, spec: Option<String>) -> ExtractorArgs {
        ExtractorArgs {
            spec,
            projection_from: None,
            network: self.network.clone(),
        }
    }
}

pub fn run(args: &EvalArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::GoesOn);
    setup::tell_threads(args.set.jobs);
    let dataset = args.set.dataset()?;
    let load =
        |spec: &DescriptorSpec, preprocess: &Preprocess| args.set.extractor(spec, preprocess);
    let subject = args.set.subject(&load)?;
    let folder = args.gallery.find_or_here(&[])?;
    let evaluator = Evaluator {
        dataset: &dataset,
        options: args.options(&subject)?,
        subject: &subject,
        folder: &folder,
    };
    let mut progress = EvalProgress::default();
    let report = evaluator.run(&mut |event| progress.on_event(&event));
    progress.finish();
    let report = report?;
    args.draw(&report)?;
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&report, &mut out)?;
    } else if !report.specs.is_empty() {
        evaluation::table(&report, &mut out)?;
    }
    if let Some(page) = args.html.as_ref().filter(|_| args.opens(&report)) {
        open::show(page);
    }
    Ok(if report.interrupted {
        Exit::Interrupted
    } else if report.skipped.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

impl EvalArgs {
    /// Whether there is a page, and it is to be opened.
    fn opens(&self, report: &Report) -> bool {
        self.open && !report.specs.is_empty()
    }

    fn options(&self, subject: &Subject<'_>) -> Result<EvalOptions> {
        let by = |neighbors: Option<usize>| {
            neighbors.map(|neighbors| Expansion {
                neighbors,
                alpha: self.alpha,
            })
        };
        let layers = if self.all_layers {
            Layers::All
        } else {
            Layers::Stages
        };
        Ok(EvalOptions {
            specs: if self.specs.is_empty() {
                subject.usual_specs(layers)?
            } else {
                subject.specs(&self.specs)?
            },
            metric: self.set.metric,
            jobs: self.set.jobs,
            expand: by(self.expand),
            augment: by(self.augment),
            index: self.index,
            failures: self.html.as_ref().map_or(0, |_| self.failures),
        })
    }

    /// The plot, and the page of failures, where there is something to see.
    fn draw(&self, report: &Report) -> Result<(), FileError> {
        let Some(best) = report.specs.first() else {
            return Ok(());
        };
        if let Some(file) = &self.plot {
            let set = self.set.dataset.file_name().unwrap_or_default();
            let (set, queries) = (clean_line(&set.to_string_lossy()), report.queries);
            let title = format!("{} on {set}: {queries} queries", report.model);
            plot::write(file, &plot::drawing(report, &title))?;
        }
        if let Some(file) = &self.html {
            let page = failures::page(report, &best.spec.to_string());
            replace(file, page.as_bytes()).map_err(FileError::write_at(file))?;
        }
        Ok(())
    }
}
