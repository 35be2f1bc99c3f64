//! The best descriptor and ranking for these photos, searched on labelled ones.
//!
//! What is told is what the same search is worth on groups that it has not looked at: groups are split in
//! two, one part is searched on and the other measured, and the other way round; few groups are split in every
//! way. What is taken is what the search finds on all groups, if on those folds it was better by the rule.

mod fit;
mod held;
mod report;
mod rule;
mod search;
mod side;
mod sizes;
mod splits;
mod steps;

use std::ops::ControlFlow;
use std::path::Path;

pub use self::fit::Fit;
use self::held::Folds;
pub use self::report::{Beginning, Fold, Half, HeldOut, TuneStep, Tuned};
pub use self::rule::Change;
pub(super) use self::rule::Values;
use self::search::POOLINGS;
use self::side::{Looks, Setting, Side};
pub use self::sizes::preprocessings;
pub use self::splits::Split;
use self::splits::{can_be_split_twice, splits};
use self::steps::{Scope, Steps};
use super::dataset::{Dataset, LabelledSet};
use super::features::{EvalEvent, Features};
use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::subject::{MakeExtractor, Subject};
use crate::descriptor::{DescriptorSpec, Part};
use crate::document::Place;
use crate::error::{EvalError, Result};
use crate::gallery::PooledCache;
use crate::ingest::Skipped;
use crate::network::Network;
use crate::photo::Preprocess;
use crate::ranking::Ranking;

/// Queries of each half: fewer say nothing, more are left out.
const FEWEST_QUERIES: usize = 10;
const MOST_QUERIES: usize = 1000;

/// What is searched.
#[derive(Clone, Debug, Default)]
pub struct TuneOptions {
    /// What decides; the set's own measure where it is not said.
    pub metric: Option<Metric>,
    /// Threads that decode and pool; 0 means one per core.
    pub jobs: usize,
    /// Do not try other input sizes and crops, which takes a pass over the photos each.
    pub keep_preprocess: bool,
    /// Whether it is for other groups or for these.
    pub split: Split,
}

/// A tuning that can be run.
pub struct Tuner<'a> {
    /// The labelled set; its seed is that of the halves and of the bootstrap too.
    pub dataset: &'a Dataset,
    /// The network. Its default spec is what everything is compared with.
    pub subject: &'a Subject<'a>,
    /// What is searched.
    pub options: TuneOptions,
    /// The folder that keeps what was pooled, for the next time: a gallery's.
    pub folder: &'a Path,
}

/// What happens while tuning.
pub enum TuneEvent<'a> {
    /// A pass over photos.
    Pooling(EvalEvent<'a>),
    /// The photos are looked at in this way now.
    Preprocessing(&'a Preprocess),
    /// A fold is searched now.
    Fold {
        /// Folds done.
        done: usize,
        /// Folds in all.
        total: usize,
    },
    /// A step of the search on all groups was done.
    Step(&'a TuneStep),
}

/// Told what happens; when it breaks, the tuning stops.
pub type OnTune<'a> = &'a mut dyn FnMut(TuneEvent<'_>) -> ControlFlow<()>;

impl Tuner<'_> {
    /// Searches on all groups, and measures the same search on groups that it has not looked at. If
    /// `on_event` breaks, the report says so; what was pooled stays in the cache.
    ///
    /// # Errors
    /// Those of [`Dataset::read`] and of loading the network; [`EvalError::TooFewQueries`]; what
    /// concerns all photos.
    pub fn run(&self, on_event: OnTune<'_>) -> Result<Tuned> {
        let LabelledSet {
            truth,
            form,
            is_recognized,
            skipped: problems,
        } = self.dataset.read()?;
        let own = &self.subject.preprocess;
        let plan = Plan {
            metric: self.options.metric.unwrap_or(truth.measure),
            seed: self.dataset.seed,
            jobs: self.options.jobs,
            split: self.options.split,
            default: self.subject.default.clone(),
            preprocessings: if self.options.keep_preprocess {
                vec![own.clone()]
            } else {
                preprocessings(own)?
            },
        };
        let cache = PooledCache::open(self.folder)?;
        let folds = splits(&truth, plan.split, plan.seed);
        let queries = |half: &Vec<bool>| truth.restrict(half).queries.len();
        let fewest = folds.iter().take(2).map(queries).min().unwrap_or(0);
        if fewest < FEWEST_QUERIES {
            return Err(EvalError::TooFewQueries {
                queries: fewest,
                needed: FEWEST_QUERIES,
                what: "each half of a tuning",
            }
            .into());
        }
        let mut tuned = plan.nothing_yet(Place::of(&self.dataset.path), Half::of(&truth));
        tuned.ground_truth = form.name();
        if is_recognized && on_event(TuneEvent::Pooling(EvalEvent::Recognized(&form))).is_break() {
            return Ok(tuned);
        }
        let mut tuning = Tuning {
            cache: &cache,
            make_extractor: self.subject.extractor,
            options: &plan,
            skipped: Vec::new(),
            weights: None,
            on_event,
        };
        if let Some((kept, features)) = tuning.features_of_all(&truth, &self.subject.network)? {
            let looks = Looks::new(&plan.preprocessings, features);
            tuning.search(&kept, &looks, &self.subject.network, &mut tuned)?;
        }
        tuned.weights = tuning.weights;
        tuned.skipped = tuning.skipped;
        tuned.skipped.extend(problems);
        Ok(tuned)
    }
}

/// What is searched, and from where.
struct Plan {
    metric: Metric,
    seed: u64,
    jobs: usize,
    split: Split,
    /// What everything is compared with.
    default: DescriptorSpec,
    /// Preprocessings to try, the default first.
    preprocessings: Vec<Preprocess>,
}

impl Plan {
    /// The report of a tuning that was stopped at once.
    fn nothing_yet(&self, dataset: Place, searched: Half) -> Tuned {
        Tuned {
            dataset,
            ground_truth: "folders",
            metric: self.metric,
            seed: self.seed,
            split: self.split,
            tried: 0,
            path: Vec::new(),
            searched,
            held_out: None,
            spec: self.default.clone(),
            preprocess: self.preprocessings[0].clone(),
            ranking: Ranking::NONE,
            projection: None,
            whitening: None,
            weights: None,
            interrupted: true,
            skipped: Vec::new(),
        }
    }
}

struct Tuning<'a> {
    cache: &'a PooledCache,
    make_extractor: MakeExtractor<'a>,
    options: &'a Plan,
    skipped: Vec<Skipped>,
    /// The digest of the network's weights, once they are loaded.
    weights: Option<String>,
    on_event: OnTune<'a>,
}

impl<'a> Tuning<'a> {
    /// The items' features for all parts of `spec`; nothing if it was stopped.
    fn features(
        &mut self,
        truth: &GroundTruth,
        spec: &DescriptorSpec,
        preprocess: &Preprocess,
    ) -> Result<Option<Features<'a>>> {
        if (self.on_event)(TuneEvent::Preprocessing(preprocess)).is_break() {
            return Ok(None);
        }
        let extractor = (self.make_extractor)(spec, preprocess)?;
        self.weights = Some(extractor.fingerprint().weights().to_owned());
        let on_event = &mut *self.on_event;
        let mut features = Features::new(
            &truth.items,
            &extractor,
            self.cache,
            self.options.jobs,
            &mut |event| on_event(TuneEvent::Pooling(event)),
        )?;
        for skipped in features.skipped.drain(..) {
            if !self.skipped.iter().any(|known| known.path == skipped.path) {
                self.skipped.push(skipped);
            }
        }
        Ok((!features.interrupted).then_some(features))
    }

    /// The photos that all looks can be made of, with the features of each; nothing if it was stopped.
    fn features_of_all(
        &mut self,
        truth: &GroundTruth,
        network: &Network,
    ) -> Result<Option<(GroundTruth, Vec<Features<'a>>)>> {
        let options = self.options;
        let parts = every_part(&options.default, network);
        let mut all = Vec::with_capacity(options.preprocessings.len());
        for preprocess in &options.preprocessings {
            let Some(features) = self.features(truth, &parts, preprocess)? else {
                return Ok(None);
            };
            all.push(features);
        }
        let mut keep = vec![true; truth.items.len()];
        for features in &all {
            for (keep, kept) in keep.iter_mut().zip(features.kept()) {
                *keep &= kept;
            }
        }
        for features in &mut all {
            features.restrict(&keep);
        }
        Ok(Some((truth.restrict(&keep), all)))
    }

    /// Searches on all groups, and measures that by folds; leaves it open if it was stopped.
    fn search(
        &mut self,
        truth: &GroundTruth,
        looks: &Looks<'_>,
        network: &Network,
        tuned: &mut Tuned,
    ) -> Result<()> {
        let options = self.options;
        let told = (options.metric, MOST_QUERIES, options.seed);
        let whole = Side::new(truth, &vec![true; truth.items.len()], told, looks);
        tuned.searched = Half::of(&whole.truth);
        let mut path = Vec::new();
        let on_event = &mut *self.on_event;
        let scope = Scope {
            default: &options.default,
            network,
            split: options.split,
            may_fit: can_be_split_twice(&whole.truth, options.split),
            seed: options.seed,
        };
        let chosen = Steps::choose(&whole, &scope, &mut |step| {
            path.push(step.clone());
            on_event(TuneEvent::Step(step))
        });
        let chosen = chosen?;
        tuned.path = path;
        tuned.tried = whole.tried.get();
        let Some(reached) = chosen else {
            return Ok(());
        };
        let splits = splits(truth, options.split, options.seed);
        let mut folds = Folds::new(&options.default, options.seed);
        for (done, in_first) in splits.iter().enumerate() {
            let total = splits.len();
            if (self.on_event)(TuneEvent::Fold { done, total }).is_break() {
                return Ok(());
            }
            let others: Vec<bool> = in_first.iter().map(|first| !first).collect();
            let searched = Side::new(truth, in_first, told, looks);
            let others = Side::new(truth, &others, told, looks);
            let mut go_on = |_: &TuneStep| ControlFlow::Continue(());
            let reached = Steps::choose(&searched, &scope, &mut go_on)?;
            if let Some(reached) = reached {
                folds.add(searched, others, reached)?;
            }
        }
        let held_out = folds.held()?;
        if held_out.is_better
            && let Some(setting) = held_out.found(&reached)
        {
            self.take(&whole, setting, tuned)?;
        }
        tuned.held_out = Some(held_out);
        tuned.interrupted = false;
        Ok(())
    }

    /// What was found becomes what to take; what labels fit is fitted on all of them.
    fn take(&mut self, whole: &Side<'_>, setting: Setting, tuned: &mut Tuned) -> Result<()> {
        let preprocess = &whole.looks.preprocessings[setting.look];
        let fitted = setting.fit.map(|_| whole.within_classes(&setting));
        let fitted = fitted.transpose()?.flatten();
        if let Some((fit, fitted)) = setting.fit.zip(fitted) {
            let extractor = (self.make_extractor)(&setting.spec, preprocess)?;
            let whitening = fit.whitening(&fitted)?;
            tuned.whitening = Some(whitening.fitted_on(extractor.fingerprint()));
            tuned.projection = Some(fit);
        }
        tuned.preprocess = preprocess.clone();
        tuned.spec = setting.spec;
        tuned.ranking = setting.ranking;
        Ok(())
    }
}

/// The default's parts, and every stage with every pooling.
fn every_part(default: &DescriptorSpec, network: &Network) -> DescriptorSpec {
    let stages = network.layers().iter().filter(|layer| layer.ends_stage);
    let part =
        |layer: &crate::network::Layer| POOLINGS.map(|pooling| Part::new(&layer.name, pooling));
    let stages = DescriptorSpec {
        model: default.model.clone(),
        parts: stages.flat_map(part).collect(),
    };
    super::specs::all_parts(&[default.clone(), stages])
}
