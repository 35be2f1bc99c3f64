//! The best spec for these photos, searched on one half of a labelled set and measured on the other.
//!
//! The halves have no group in common. Nothing of the second half is looked at before the search is
//! over, so what is gained there is what one may expect on photos of one's own.

mod groups;
mod report;
mod search;
mod sizes;
mod whiten;

use std::ops::ControlFlow;
use std::path::Path;

pub use self::report::{Half, HeldOut, TuneStep, Tuned};
use self::search::{Mixture, Search};
pub use self::sizes::preprocessings;
use super::bootstrap::{Bootstrap, Estimate};
use super::dataset::Dataset;
use super::features::{EvalEvent, Features};
use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::ranking::{Weighted, outcomes};
use super::subject::{MakeExtractor, Subject};
use crate::descriptor::{DescriptorSpec, Matrix, Part, Pooling, Whitening};
use crate::document::Place;
use crate::error::{EvalError, Result};
use crate::gallery::PooledCache;
use crate::ingest::Skipped;
use crate::network::Network;
use crate::photo::Preprocess;

/// Queries of each half: fewer say nothing, more are left out of the search, whose similarities are
/// held in memory.
const FEWEST_QUERIES: usize = 10;
const MOST_QUERIES: usize = 1000;
/// Poolings that are tried of every stage.
const POOLINGS: [Pooling; 8] = [
    Pooling::Gap,
    Pooling::Max,
    Pooling::Gem { p: 1.5 },
    Pooling::Gem { p: 2.0 },
    Pooling::Gem { p: 3.0 },
    Pooling::Gem { p: 4.0 },
    Pooling::Gem { p: 6.0 },
    Pooling::RMac,
];

/// What is searched.
#[derive(Clone, Debug, Default)]
pub struct TuneOptions {
    /// What decides; the set's own measure where it is not said.
    pub metric: Option<Metric>,
    /// Threads that decode and pool; 0 means one per core.
    pub jobs: usize,
    /// Do not try other input sizes and crops, which takes a pass over the photos each.
    pub keep_preprocess: bool,
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
    /// An improvement was found.
    Improved(&'a TuneStep),
}

/// Told what happens; when it breaks, the tuning stops.
pub type OnTune<'a> = &'a mut dyn FnMut(TuneEvent<'_>) -> ControlFlow<()>;

impl Tuner<'_> {
    /// Searches on one half and measures on the other. If `on_event` breaks, the report says so;
    /// what was pooled stays in the cache.
    ///
    /// # Errors
    /// Those of [`Dataset::read`] and of loading the network; [`EvalError::TooFewQueries`]; what
    /// concerns all photos.
    pub fn run(&self, on_event: OnTune<'_>) -> Result<Tuned> {
        let (truth, problems) = self.dataset.read()?;
        let own = &self.subject.preprocess;
        let plan = Plan {
            metric: self.options.metric.unwrap_or(truth.measure),
            seed: self.dataset.seed,
            jobs: self.options.jobs,
            default: self.subject.default.clone(),
            preprocessings: if self.options.keep_preprocess {
                vec![own.clone()]
            } else {
                preprocessings(own)?
            },
        };
        let cache = PooledCache::open(self.folder)?;
        let (first, second) = truth.halves(plan.seed);
        let fewest = first.queries.len().min(second.queries.len());
        if fewest < FEWEST_QUERIES {
            return Err(EvalError::TooFewQueries {
                queries: fewest,
                needed: FEWEST_QUERIES,
                what: "each half of a tuning",
            }
            .into());
        }
        let first = first.sample(MOST_QUERIES, plan.seed);
        let mut tuned = plan.nothing_yet(Place::of(&self.dataset.path), half(&first));
        let mut tuning = Tuning {
            cache: &cache,
            make_extractor: self.subject.extractor,
            options: &plan,
            skipped: Vec::new(),
            tried: 0,
            weights: None,
            on_event,
        };
        if let Some(found) = tuning.search(&first, &self.subject.network)? {
            tuning.measure(&second, found, &mut tuned)?;
        }
        tuned.tried = tuning.tried;
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
            metric: self.metric,
            seed: self.seed,
            tried: 0,
            path: Vec::new(),
            searched,
            held_out: None,
            spec: self.default.clone(),
            preprocess: self.preprocessings[0].clone(),
            weights: None,
            whitening: None,
            interrupted: true,
            skipped: Vec::new(),
        }
    }
}

fn half(truth: &GroundTruth) -> Half {
    let items = truth.items.iter();
    Half {
        queries: truth.queries.len(),
        photos: items.filter(|item| item.in_gallery).count(),
    }
}

struct Tuning<'a> {
    cache: &'a PooledCache,
    make_extractor: MakeExtractor<'a>,
    options: &'a Plan,
    skipped: Vec<Skipped>,
    tried: usize,
    /// The digest of the network's weights, once they are loaded.
    weights: Option<String>,
    on_event: OnTune<'a>,
}

/// What the first half says.
struct Best {
    path: Vec<TuneStep>,
    whitening: Option<Whitening>,
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

    /// The photos of a half that every one of the looks can be made of, with the features of
    /// each; nothing if it was stopped.
    fn features_of_all(
        &mut self,
        half: &GroundTruth,
        looks: &[(&DescriptorSpec, &Preprocess)],
    ) -> Result<Option<(GroundTruth, Vec<Features<'a>>)>> {
        let mut all = Vec::with_capacity(looks.len());
        for (spec, preprocess) in looks {
            let Some(features) = self.features(half, spec, preprocess)? else {
                return Ok(None);
            };
            all.push(features);
        }
        let mut keep = vec![true; half.items.len()];
        for features in &all {
            for (keep, kept) in keep.iter_mut().zip(features.kept()) {
                *keep &= kept;
            }
        }
        for features in &mut all {
            features.restrict(&keep);
        }
        Ok(Some((half.restrict(&keep), all)))
    }

    /// The path of improvements on the first half.
    fn search(&mut self, half: &GroundTruth, network: &Network) -> Result<Option<Best>> {
        let options = self.options;
        let all = every_part(&options.default, network);
        let looks: Vec<_> = options
            .preprocessings
            .iter()
            .map(|one| (&all, one))
            .collect();
        let Some((half, features)) = self.features_of_all(half, &looks)? else {
            return Ok(None);
        };
        let bootstrap = Bootstrap::new(half.queries.len(), options.seed);
        let mut path: Vec<TuneStep> = Vec::new();
        let mut best = Vec::new();
        let mut end = None;
        for (preprocess, features) in options.preprocessings.iter().zip(&features) {
            let search = Search::new(&half, features, &all.parts, options.metric, &bootstrap)?;
            self.tried += all.parts.len();
            let is_first = path.is_empty();
            if is_first {
                best = self.values(&options.default, features, &half)?;
                path.push(TuneStep {
                    what: "default",
                    spec: options.default.clone(),
                    preprocess: preprocess.clone(),
                    whitened: None,
                    mean: search::mean(&best),
                    gain: Estimate::default(),
                });
            }
            let what = if is_first {
                "layer and pooling"
            } else {
                "input size and crop"
            };
            let single = search.best_single();
            let is_better = self.improve(what, &single, &search, preprocess, &mut path, &mut best);
            if is_first || is_better {
                end = Some((preprocess, features, search));
            }
        }
        let Some((preprocess, features, search)) = end else {
            return Ok(None);
        };
        self.mix(&search, preprocess, &mut path, &mut best);
        let whitening = self.whiten(&half, features, &mut path)?;
        Ok(Some(Best { path, whitening }))
    }

    /// Adds parts and refines their weights as long as it helps beyond noise.
    fn mix(
        &mut self,
        search: &Search<'_>,
        preprocess: &Preprocess,
        path: &mut Vec<TuneStep>,
        best: &mut Vec<f64>,
    ) {
        let mut mixture = search.best_single();
        while let Some(extended) = search.extended(&mixture) {
            self.tried += search.candidates.len() * search::WEIGHTS.len();
            self.improve("hybrid", &extended, search, preprocess, path, best);
            mixture = extended;
        }
        let refined = search.refined(&mixture);
        self.tried += search::FACTORS.len() * (mixture.parts.len() - 1);
        self.improve("weights", &refined, search, preprocess, path, best);
    }

    /// Goes on from `mixture` if it is better than the end of the path beyond noise; tells whether.
    fn improve(
        &mut self,
        what: &'static str,
        mixture: &Mixture,
        search: &Search<'_>,
        preprocess: &Preprocess,
        path: &mut Vec<TuneStep>,
        best: &mut Vec<f64>,
    ) -> bool {
        let Some(gain) = search.gain(&mixture.values, best) else {
            return false;
        };
        let parts = search.parts(mixture);
        let step = TuneStep {
            what,
            spec: DescriptorSpec {
                parts,
                ..self.options.default.clone()
            },
            preprocess: preprocess.clone(),
            whitened: None,
            mean: mixture.mean(),
            gain,
        };
        self.improved(&step);
        path.push(step);
        best.clone_from(&mixture.values);
        true
    }

    /// Whitens the end of the path, if that helps beyond noise.
    fn whiten(
        &mut self,
        half: &GroundTruth,
        features: &Features<'_>,
        path: &mut Vec<TuneStep>,
    ) -> Result<Option<Whitening>> {
        let Some(last) = path.last().cloned() else {
            return Ok(None);
        };
        let joined = features.joined(&last.spec)?;
        let (metric, seed) = (self.options.metric, self.options.seed);
        let Some(fitted) = whiten::best(half, joined.as_vectors(), metric, seed, &mut self.tried)?
        else {
            return Ok(None);
        };
        let step = TuneStep {
            what: "whitening",
            whitened: Some(fitted.whitening.dimension()),
            mean: last.mean + fitted.gain.mean,
            gain: fitted.gain,
            ..last
        };
        self.improved(&step);
        path.push(step);
        Ok(Some(fitted.whitening))
    }

    fn improved(&mut self, step: &TuneStep) {
        // A search takes seconds; the next pass over photos stops.
        let _ = (self.on_event)(TuneEvent::Improved(step));
    }

    /// The metric of each query with a spec.
    fn values(
        &self,
        spec: &DescriptorSpec,
        features: &Features<'_>,
        truth: &GroundTruth,
    ) -> Result<Vec<f64>> {
        let matrices = features.matrices(spec)?;
        let weighted = Weighted {
            parts: matrices.iter().map(Matrix::as_vectors).collect(),
            weights: spec.parts.iter().map(|part| part.weight).collect(),
        };
        Ok(self.values_of(&outcomes(truth, &weighted)))
    }

    fn values_of(&self, outcomes: &[super::metrics::Outcome]) -> Vec<f64> {
        outcomes
            .iter()
            .map(|outcome| self.options.metric.of(outcome))
            .collect()
    }

    /// Measures the default and the end of the path on the second half, and takes the better; leaves
    /// it open if it was stopped.
    fn measure(&mut self, second: &GroundTruth, found: Best, tuned: &mut Tuned) -> Result<()> {
        let options = self.options;
        let (default, own) = (&options.default, &options.preprocessings[0]);
        tuned.path = found.path;
        let Some(end) = tuned.path.last().cloned() else {
            return Ok(());
        };
        let looks = [(default, own), (&end.spec, &end.preprocess)];
        let Some((kept, features)) = self.features_of_all(second, &looks)? else {
            return Ok(());
        };
        let [by_default, features] = &features[..] else {
            return Ok(());
        };
        let before = self.values(default, by_default, &kept)?;
        let after = match &found.whitening {
            None => self.values(&end.spec, features, &kept)?,
            Some(whitening) => {
                let joined = features.joined(&end.spec)?;
                let whitened = whitening.apply_all(joined.as_vectors())?;
                let weighted = Weighted {
                    parts: vec![whitened.as_vectors()],
                    weights: vec![1.0],
                };
                self.values_of(&outcomes(&kept, &weighted))
            }
        };
        let held_out = held_out(&kept, &before, &after, options.seed);
        if held_out.is_better {
            if let Some(whitening) = found.whitening {
                let extractor = (self.make_extractor)(&end.spec, &end.preprocess)?;
                tuned.whitening = Some(whitening.fitted_on(extractor.fingerprint()));
            }
            (tuned.spec, tuned.preprocess) = (end.spec, end.preprocess);
        }
        tuned.held_out = Some(held_out);
        tuned.interrupted = false;
        Ok(())
    }
}

/// What the second half says of the metric of each query by the default and by the tuned spec.
fn held_out(kept: &GroundTruth, before: &[f64], after: &[f64], seed: u64) -> HeldOut {
    let bootstrap = Bootstrap::new(kept.queries.len(), seed);
    let differences: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let groups: Vec<u32> = kept.queries.iter().map(|query| query.group).collect();
    let by_group = groups::means(&groups, &differences);
    let gain = bootstrap.difference(after, before);
    HeldOut {
        half: half(kept),
        default: bootstrap.estimate(before),
        tuned: bootstrap.estimate(after),
        gain,
        is_better: gain.is_gain(),
        groups: by_group.len(),
        groups_better: by_group.iter().filter(|mean| **mean > 0.0).count(),
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
