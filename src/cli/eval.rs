//! `imgsearch eval`: which layer, pooling and hybrid find the right photos.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Result;
use clap::{Args, ValueEnum};
use globset::Glob;
use imgsearch::descriptor::{DescriptorSpec, Vectors};
use imgsearch::error::{DescriptorError, FileError};
use imgsearch::eval::features::Features;
use imgsearch::eval::ground_truth::{Difficulty, Form, GroundTruth};
use imgsearch::eval::metrics::Metric;
use imgsearch::eval::ranking::{Weighted, outcomes};
use imgsearch::eval::rerank::Reranked;
use imgsearch::eval::specs::{self, Layers};
use imgsearch::eval::trial::Evaluation;
use imgsearch::eval::{approximate, failures};
use imgsearch::extract::architecture_of;
use imgsearch::gallery::PooledCache;
use imgsearch::ingest::Skipped;
use imgsearch::network::Network;
use imgsearch::photo::{Preprocess, walk};
use imgsearch::ranking::Expansion;
use imgsearch::{Error, Extractor};

use super::args::{ExtractorArgs, GalleryArgs, NetworkArgs};
use super::exit::Exit;
use super::index::excluded;
use super::output::{evaluation as output, failures as failure_page, plot};
use super::progress::{EvalProgress, stop_on_ctrl_c};
use super::setup;

/// Answers shown of each failure.
const FIRST_SHOWN: usize = 5;

/// Compare layers, poolings and hybrids on labelled photos by what they find
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
    metric: Option<Metric>,
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
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub jobs: usize,
    /// The network, if it is not the default one; `--arch` names the architecture of one of your own
    #[arg(long, conflicts_with = "arch")]
    model: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
}

/// The network of an evaluation, before it is loaded.
pub struct Subject {
    /// Its layers.
    pub network: Network,
    /// What one would take without knowing better: GAP of its last stage.
    pub default: DescriptorSpec,
    /// What its pictures go through.
    pub preprocess: Preprocess,
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
    /// The set's ground truth, and what could not be looked at.
    pub fn ground_truth(&self) -> Result<(GroundTruth, Vec<Skipped>)> {
        let dataset = &self.dataset;
        let is_table =
            dataset.is_file() && dataset.extension().is_some_and(|ending| ending == "csv");
        let folder = match dataset.parent() {
            Some(here) if is_table && here.as_os_str().is_empty() => Path::new("."),
            Some(parent) if is_table => parent,
            _ => dataset,
        };
        let form = match &self.ground_truth {
            Some(text) => Some(Form::parse(text, self.difficulty.into())?),
            None => is_table.then(|| Form::Table(dataset.clone())),
        };
        let mut walked = walk(&[folder.to_owned()], &excluded(&self.exclude)?);
        if walked.found.is_empty() && !walked.problems.is_empty() {
            let (_, reason) = walked.problems.swap_remove(0);
            return Err(reason.into());
        }
        let form = form.unwrap_or_else(|| Form::guess(folder, &walked));
        let truth = GroundTruth::read(&form, folder, &walked)?;
        let truth = match self.sample {
            Some(queries) => truth.sample(queries, self.seed),
            None => truth,
        };
        let skipped = walked.problems.into_iter().map(|(path, problem)| {
            let reason = problem.into();
            Skipped { path, reason }
        });
        Ok((truth, skipped.collect()))
    }

    /// The network that was asked for.
    pub fn subject(&self) -> Result<Subject, Error> {
        let args = self.extractor_args(self.model.clone());
        let default = setup::requested_spec(&args)?;
        Ok(Subject {
            network: architecture_of(&default.model)?.network(),
            preprocess: setup::preprocess(&default.model, &args)?,
            default,
        })
    }

    /// The network loaded as far as `spec` needs it.
    pub fn extractor(
        &self,
        spec: &DescriptorSpec,
        preprocess: &Preprocess,
    ) -> Result<Extractor, Error> {
        let mut args = self.extractor_args(Some(spec.to_string()));
        args.network.preprocess = Some(preprocess.to_string());
        // The preprocessing says them already.
        (args.network.mean, args.network.std) = (None, None);
        setup::extractor(&args)
    }

    fn extractor_args(&self, spec: Option<String>) -> ExtractorArgs {
        ExtractorArgs {
            spec,
            network: self.network.clone(),
        }
    }

    /// What decides: what was chosen, or the set's own measure.
    pub fn metric(&self, truth: &GroundTruth) -> Metric {
        self.metric.unwrap_or(truth.measure)
    }

    /// What is measured: what decides, the set's own, and the usual.
    pub fn metrics(&self, truth: &GroundTruth) -> Vec<Metric> {
        let mut metrics = vec![self.metric(truth)];
        for metric in [truth.measure].into_iter().chain(Metric::USUAL) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        metrics
    }
}

pub fn run(args: &EvalArgs) -> Result<Exit> {
    stop_on_ctrl_c();
    let (truth, mut skipped) = args.set.ground_truth()?;
    let subject = args.set.subject()?;
    let specs = specs(args, &subject)?;
    let extractor = args
        .set
        .extractor(&specs::all_parts(&specs), &subject.preprocess)?;
    let cache = PooledCache::open(&args.gallery.gallery)?;
    let mut progress = EvalProgress::new();
    let features = Features::new(
        &truth.items,
        &extractor,
        &cache,
        args.set.jobs,
        &mut |event| progress.on_event(&event),
    );
    progress.finish();
    let mut features = features?;
    skipped.append(&mut features.skipped);
    if features.interrupted {
        return Ok(Exit::Interrupted);
    }
    let truth = truth.restrict(&features.kept());
    let metrics = args.set.metrics(&truth);
    let evaluation = Evaluation::of_specs(
        &truth,
        &features,
        &specs,
        &metrics,
        args.set.seed,
        &mut |event| progress.on_event(&event),
    );
    progress.finish();
    let mut evaluation = evaluation?;
    let is_whole = evaluation.trials.len() == specs.len();
    let looked = Looked {
        truth: &truth,
        extractor: &extractor,
        network: &subject.network,
    };
    let mut approximations = Vec::new();
    if let Some(best) = evaluation.trials.first().map(|best| best.spec.clone()) {
        let descriptors = features.joined(&best)?;
        let descriptors = descriptors.as_vectors();
        looked.write_pictures(args, &evaluation, descriptors)?;
        looked.rerank(args, &mut evaluation, descriptors);
        if args.index {
            let folder = args.gallery.gallery.join("eval-index");
            let compared =
                approximate::compare(&truth, descriptors, extractor.fingerprint(), &folder);
            // Left behind it would only take room.
            let _ = fs::remove_dir_all(&folder);
            approximations = compared?;
        }
    }
    let report = output::Report::new(&truth, &evaluation, &extractor, &approximations, &skipped);
    let mut out = io::stdout().lock();
    if args.json {
        super::output::json::print(&report, &mut out)?;
    } else {
        output::table(&report, &mut out)?;
    }
    Ok(if !is_whole {
        Exit::Interrupted
    } else if skipped.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

/// A set that was looked at.
struct Looked<'a> {
    truth: &'a GroundTruth,
    extractor: &'a Extractor,
    network: &'a Network,
}

impl Looked<'_> {
    /// The plot, and the page of failures.
    fn write_pictures(
        &self,
        args: &EvalArgs,
        evaluation: &Evaluation,
        descriptors: Vectors<'_>,
    ) -> Result<()> {
        if let Some(file) = &args.plot {
            let layers: Vec<String> = self
                .network
                .layers()
                .iter()
                .map(|layer| layer.name.clone())
                .collect();
            let set = args
                .set
                .dataset
                .file_name()
                .unwrap_or_default()
                .to_string_lossy();
            let queries = self.truth.queries.len();
            let model = &self.extractor.spec().model;
            let title = format!("{model} on {set}: {queries} queries");
            plot::write(file, &plot::drawing(evaluation, &layers, &title))?;
        }
        if let (Some(file), Some(best)) = (&args.html, evaluation.trials.first()) {
            let metric = evaluation.metrics[0];
            let similarities = Weighted {
                parts: vec![descriptors],
                weights: vec![1.0],
            };
            let shown = (args.failures, FIRST_SHOWN);
            let hardest = failures::hardest(self.truth, best, metric, &similarities, shown);
            let spec = best.spec.to_string();
            let page = failure_page::page(self.truth, &hardest, &spec, &metric.to_string());
            fs::write(file, page).map_err(FileError::write_at(file))?;
        }
        Ok(())
    }

    /// Adds the best spec with expanded queries, with an augmented gallery, and with both.
    fn rerank(&self, args: &EvalArgs, evaluation: &mut Evaluation, descriptors: Vectors<'_>) {
        let by = |neighbors: Option<usize>| {
            neighbors.map(|neighbors| Expansion {
                neighbors,
                alpha: args.alpha,
            })
        };
        let (expand, augment) = (by(args.expand), by(args.augment));
        let mut variants = vec![(expand, None), (None, augment)];
        if expand.is_some() && augment.is_some() {
            variants.push((expand, augment));
        }
        for (expand, augment) in variants {
            let names = [("expand", expand), ("augment", augment)];
            let names = names
                .into_iter()
                .filter_map(|(name, one)| one.map(|one| format!("{name} {}", one.neighbors)));
            let name = names.collect::<Vec<_>>().join(", ");
            if !name.is_empty() {
                let reranked = Reranked::new(self.truth, descriptors, expand, augment);
                evaluation.add_variant(name, &outcomes(self.truth, &reranked));
            }
        }
    }
}

/// The specs to compare, with the network's own layer names.
fn specs(args: &EvalArgs, subject: &Subject) -> Result<Vec<DescriptorSpec>, Error> {
    let model = &subject.default.model;
    if args.specs.is_empty() {
        let (height, width) = subject.preprocess.output_size(512, 512)?;
        let layers = if args.all_layers {
            Layers::All
        } else {
            Layers::Stages
        };
        let size = (height as usize, width as usize);
        return Ok(specs::usual(model, &subject.network, size, layers));
    }
    let spec = |text: &String| {
        let text = if text.contains(':') {
            text.clone()
        } else {
            format!("{model}:{text}")
        };
        let spec: DescriptorSpec = text.parse()?;
        if spec.model != *model {
            let reason = "it is of another network than the others: use `--model`";
            return Err(DescriptorError::InvalidSpec { spec: text, reason }.into());
        }
        Ok(spec.resolve(&subject.network)?)
    };
    args.specs.iter().map(spec).collect()
}
