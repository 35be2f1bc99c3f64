//! `imgsearch eval`: which layer, pooling and hybrid find the right photos.

use std::io;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use globset::Glob;
use imgsearch::descriptor::{DescriptorSpec, Projection, Recipe};
use imgsearch::error::{DescriptorError, FileError};
use imgsearch::eval::ground_truth::Difficulty;
use imgsearch::eval::metrics::Metric;
use imgsearch::eval::specs::Layers;
use imgsearch::eval::{
    Candidates, Dataset, EvalOptions, Evaluator, MakeExtractor, Report, Row, Subject,
};
use imgsearch::extract::architecture_of;
use imgsearch::photo::Preprocess;
use imgsearch::ranking::{Expansion, Ranking};
use imgsearch::replace::replace;
use imgsearch::{Error, Extractor};

use super::args::{ExtractorArgs, GalleryArgs, NetworkArgs, PartArgs, jobs};
use super::exit::Exit;
use super::index::excluded;
use super::open;
use super::output::html::failures;
use super::output::table::evaluation;
use super::output::{clean_line, json, plot, shell_word};
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
                        imgsearch eval ./set --specs head,blocks.15/gem,blocks.15*0.5+head\n  \
                        imgsearch eval ./set --specs efficientnet_lite0,resnet50.a1_in1k,vgg16:features.23/gem\n  \
                        imgsearch eval ./set --plot layers.svg --html failures.html")]
pub struct EvalArgs {
    #[command(flatten)]
    set: SetArgs,
    /// Compare these specs (separated by commas) instead of every stage with every pooling: layers of the
    /// network, or of any networks, each with its own preprocessing (`MODEL`, `MODEL:LAYER…`,
    /// `MODEL:LAYER…@KEYS`)
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
    /// Also measure the best spec with this ranking; may be given several times
    #[arg(long = "ranking", value_name = "RANKING", value_parser = |text: &str| text.parse::<Ranking>())]
    rankings: Vec<Ranking>,
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
    /// Pairs that show the same instead of groups: a line `a,b` for each (.csv, or .tsv with tabs), paths
    /// relative to the file's folder or to the photos'. A photo's answers are those that it is paired with;
    /// whatever is connected stays together when photos are split
    #[arg(long, value_name = "FILE", conflicts_with = "ground_truth")]
    pairs: Option<PathBuf>,
    /// Photos of which nobody knows what they show, in the gallery beside the others (may be repeated); so are
    /// those that lie in DATASET itself where its folders are the groups
    #[arg(long, value_name = "FOLDER")]
    with: Vec<PathBuf>,
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
            pairs: self.pairs.clone(),
            with: self.with.clone(),
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

    /// The network loaded as far as `spec` needs it. Weights that were given are those of the network
    /// that was asked for, and of no other.
    pub fn extractor(
        &self,
        spec: &DescriptorSpec,
        preprocess: &Preprocess,
    ) -> Result<Extractor, Error> {
        let recipe = Recipe::new(spec.clone(), preprocess.clone());
        let mut args = self.extractor_args(Some(recipe.to_string()));
        let own = self
            .extractor_args(self.model.clone())
            .overrides()
            .recipe()?;
        let network = &mut args.network;
        // The recipe says them already.
        (network.preprocess, network.mean, network.std) = (None, None, None);
        if own.spec.model != spec.model {
            (network.weights, network.arch) = (None, None);
            network.part = PartArgs::default();
        }
        setup::extractor(&args)
    }

    /// What a text means beside the network that was asked for: a layer of it, another network, or one's
    /// layers, with its own preprocessing or another.
    fn recipe(&self, text: &str, own: &Subject<'_>) -> Result<Recipe, Error> {
        let (spec, keys) = text.split_once('@').unwrap_or((text, ""));
        let is_network = |name: &str| architecture_of(name).is_ok();
        let text = if spec.contains(':') || is_network(spec) {
            text.to_owned()
        } else {
            format!("{}:{text}", own.default.model)
        };
        let mut recipe: Recipe = text.parse()?;
        if recipe.projection != Projection::None {
            let reason = "what is compared has no projection";
            return Err(DescriptorError::InvalidSpec { spec: text, reason }.into());
        }
        if recipe.spec.model == own.default.model {
            // What was said of it holds for all of its specs.
            recipe.preprocess = own.preprocess.with(keys)?;
        } else if let (Some(said), None) = (&self.network.preprocess, &self.network.weights) {
            recipe = recipe.with_preprocess(said)?.with_preprocess(keys)?;
        }
        let network = architecture_of(&recipe.spec.model)?.network();
        recipe.spec = recipe.spec.resolve(&network)?;
        Ok(recipe)
    }

    /// The command that indexes with a spec as it was evaluated, ranked by what was best for it.
    fn advice(&self, best: &Row, ranking: Option<Ranking>, own: &str) -> Result<String, Error> {
        let recipe = Recipe::new(best.spec.clone(), best.preprocess.clone());
        let usual = Recipe::of(best.spec.clone())?;
        let spec = if usual.preprocess == recipe.preprocess {
            best.spec.to_string()
        } else {
            recipe.to_string()
        };
        let mut words = vec!["imgsearch index PATH".to_owned(), "--spec".to_owned()];
        words.push(shell_word(&spec));
        let network = &self.network;
        let weights = network
            .weights
            .as_ref()
            .map(|path| path.display().to_string());
        let said = [
            ("--arch", &network.arch),
            ("--weights", &weights),
            ("--key", &network.part.key),
            ("--prefix", &network.part.prefix),
        ];
        for (flag, value) in said.into_iter().filter(|_| best.spec.model == own) {
            if let Some(value) = value {
                words.push(format!("{flag} {}", shell_word(value)));
            }
        }
        if let Some(ranking) = ranking {
            words.push(format!("--ranking {}", shell_word(&ranking.to_string())));
        }
        Ok(words.join(" "))
    }

    fn extractor_args(&self, spec: Option<String>) -> ExtractorArgs {
        ExtractorArgs {
            spec,
            projection_from: None,
            network: self.network.clone(),
        }
    }
}

/// Specs of which commas within a preprocessing made several: `KEY=…` goes on with the one before.
fn whole_specs(texts: &[String]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for text in texts {
        let is_key = text
            .split_once('=')
            .is_some_and(|(key, _)| key.trim().bytes().all(|byte| byte.is_ascii_lowercase()));
        match whole.last_mut().filter(|last| is_key && last.contains('@')) {
            Some(last) => {
                last.push(',');
                last.push_str(text);
            }
            None => whole.push(text.clone()),
        }
    }
    whole
}

pub fn run(args: &EvalArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::GoesOn);
    setup::tell_threads(args.set.jobs);
    let dataset = args.set.dataset()?;
    let load =
        |spec: &DescriptorSpec, preprocess: &Preprocess| args.set.extractor(spec, preprocess);
    let own = args.set.subject(&load)?;
    let candidates = args.candidates(&own)?;
    let folder = args.gallery.find_or_here(&[])?;
    let evaluator = Evaluator {
        dataset: &dataset,
        options: args.options(),
        candidates: &candidates,
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
    } else if let Some(best) = report.specs.first() {
        let advice = args
            .set
            .advice(best, report.rankings.advised(), &own.default.model)?;
        evaluation::table(&report, &advice, &mut out)?;
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

    /// The specs to compare, network by network in the order in which they are first named.
    fn candidates<'a>(&self, own: &Subject<'a>) -> Result<Vec<Candidates<'a>>> {
        if self.specs.is_empty() {
            let layers = if self.all_layers {
                Layers::All
            } else {
                Layers::Stages
            };
            return Ok(vec![Candidates {
                specs: own.usual_specs(layers)?,
                subject: own.clone(),
            }]);
        }
        let mut all: Vec<Candidates<'a>> = Vec::new();
        for text in whole_specs(&self.specs) {
            let Recipe {
                spec, preprocess, ..
            } = self.set.recipe(&text, own)?;
            let same = |Candidates { subject, .. }: &&mut Candidates<'a>| {
                subject.default.model == spec.model && subject.preprocess == preprocess
            };
            if let Some(known) = all.iter_mut().find(same) {
                known.specs.push(spec);
            } else {
                let subject = Subject {
                    network: architecture_of(&spec.model)?.network(),
                    default: spec.clone(),
                    preprocess,
                    extractor: own.extractor,
                };
                let specs = vec![spec];
                all.push(Candidates { subject, specs });
            }
        }
        let is_own = |it: &Candidates<'_>| it.subject.default.model == own.default.model;
        if self.set.network.weights.is_some() && !all.iter().any(is_own) {
            return Err(DescriptorError::InvalidSpec {
                spec: self.specs.join(","),
                reason: "none is of the network whose weights are given: name it with `--model`, or \
                         its architecture with `--arch`",
            }
            .into());
        }
        Ok(all)
    }

    fn options(&self) -> EvalOptions {
        let by = |neighbors: Option<usize>| {
            neighbors.map(|neighbors| Expansion {
                neighbors,
                alpha: self.alpha,
            })
        };
        EvalOptions {
            metric: self.set.metric,
            jobs: self.set.jobs,
            expand: by(self.expand),
            augment: by(self.augment),
            rankings: self.rankings.clone(),
            index: self.index,
            failures: self.html.as_ref().map_or(0, |_| self.failures),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_within_a_preprocessing_does_not_end_a_spec() {
        let whole = |text: &str| {
            let texts: Vec<String> = text.split(',').map(str::to_owned).collect();
            whole_specs(&texts)
        };
        assert_eq!(whole("a:b*2,c"), ["a:b*2", "c"]);
        assert_eq!(
            whole("vgg16@crop=none,resize=96x96,resnet50:layer4"),
            ["vgg16@crop=none,resize=96x96", "resnet50:layer4"]
        );
        assert_eq!(whole("a@crop=none,b/gem=p"), ["a@crop=none", "b/gem=p"]);
    }
}
