//! The best spec for these photos, searched on one half of a labelled set and measured on the other.
//!
//! The halves have no group in common. Nothing of the second half is looked at before the search is
//! over, so what is gained there is what one may expect on photos of one's own.

mod groups;
mod search;
mod sizes;
mod whiten;

use std::ops::ControlFlow;

use self::search::{Mixture, Search};
pub use self::sizes::preprocessings;
use super::bootstrap::{Bootstrap, Estimate};
use super::features::{EvalEvent, Features};
use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::ranking::{Weighted, outcomes};
use crate::descriptor::{DescriptorSpec, Matrix, Part, Pooling, Whitening};
use crate::error::{EvalError, Result};
use crate::extract::Extractor;
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

/// What is searched, and from where.
pub struct TuneOptions {
    /// What decides.
    pub metric: Metric,
    /// Of the halves and of the bootstrap.
    pub seed: u64,
    /// Threads that decode and pool; 0 means one per core.
    pub jobs: usize,
    /// What everything is compared with.
    pub default: DescriptorSpec,
    /// Preprocessings to try, the default first.
    pub preprocessings: Vec<Preprocess>,
}

/// One improvement on the way, measured on the first half.
#[derive(Clone, Debug)]
pub struct TuneStep {
    /// What was changed, e.g. `layer and pooling` or `hybrid`.
    pub what: &'static str,
    /// The spec after it.
    pub spec: DescriptorSpec,
    /// The preprocessing after it.
    pub preprocess: Preprocess,
    /// Dimensions that whitening keeps, if it is part of it.
    pub whitened: Option<usize>,
    /// The metric.
    pub mean: f64,
    /// What this step gained.
    pub gain: Estimate,
}

/// What came of a tuning.
pub struct Tuned {
    /// From the default to the best, each better than the one before beyond noise.
    pub path: Vec<TuneStep>,
    /// How many combinations were tried.
    pub tried: usize,
    /// The whitening, fitted on the first half.
    pub whitening: Option<Whitening>,
    /// Queries and gallery photos of both halves.
    pub halves: [(usize, usize); 2],
    /// The default's quality on the second half.
    pub default: Estimate,
    /// The tuned spec's quality there.
    pub tuned: Estimate,
    /// How much better it is there, query by query.
    pub gain: Estimate,
    /// Of so many groups of the second half so many are better on average.
    pub groups: (usize, usize),
    /// Photos that were skipped.
    pub skipped: Vec<Skipped>,
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

/// Makes the extractor of a spec with a preprocessing.
pub type MakeExtractor<'a> = &'a dyn Fn(&DescriptorSpec, &Preprocess) -> Result<Extractor>;

/// Told what happens; when it breaks, the tuning stops.
pub type OnTune<'a> = &'a mut dyn FnMut(TuneEvent<'_>) -> ControlFlow<()>;

/// Searches. Nothing if `on_event` broke; what was pooled stays in the cache.
///
/// # Errors
/// [`EvalError::TooFewQueries`]; what concerns all photos.
pub fn tune(
    truth: &GroundTruth,
    network: &Network,
    cache: &PooledCache,
    make_extractor: MakeExtractor<'_>,
    options: &TuneOptions,
    on_event: OnTune<'_>,
) -> Result<Option<Tuned>> {
    let (first, second) = truth.halves(options.seed);
    let fewest = first.queries.len().min(second.queries.len());
    if fewest < FEWEST_QUERIES {
        return Err(EvalError::TooFewQueries {
            queries: fewest,
            needed: FEWEST_QUERIES,
            what: "each half of a tuning",
        }
        .into());
    }
    let first = first.sample(MOST_QUERIES, options.seed);
    let mut tuning = Tuning {
        cache,
        make_extractor,
        options,
        skipped: Vec::new(),
        tried: 0,
        on_event,
    };
    let Some(found) = tuning.search(&first, network)? else {
        return Ok(None);
    };
    tuning.report(&second, found, (first.queries.len(), gallery_size(&first)))
}

fn gallery_size(truth: &GroundTruth) -> usize {
    truth.items.iter().filter(|item| item.in_gallery).count()
}

struct Tuning<'a> {
    cache: &'a PooledCache,
    make_extractor: MakeExtractor<'a>,
    options: &'a TuneOptions,
    skipped: Vec<Skipped>,
    tried: usize,
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

    /// Measures the default and the end of the path on the second half.
    fn report(
        &mut self,
        half: &GroundTruth,
        found: Best,
        first: (usize, usize),
    ) -> Result<Option<Tuned>> {
        let options = self.options;
        let (default, own) = (&options.default, &options.preprocessings[0]);
        let Some(end) = found.path.last().cloned() else {
            return Ok(None);
        };
        let looks = [(default, own), (&end.spec, &end.preprocess)];
        let Some((kept, features)) = self.features_of_all(half, &looks)? else {
            return Ok(None);
        };
        let [by_default, features] = &features[..] else {
            return Ok(None);
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
        let bootstrap = Bootstrap::new(kept.queries.len(), self.options.seed);
        let differences: Vec<f64> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        let groups: Vec<u32> = kept.queries.iter().map(|query| query.group).collect();
        let by_group = groups::means(&groups, &differences);
        let better = by_group.iter().filter(|mean| **mean > 0.0).count();
        let whitening = match found.whitening {
            Some(whitening) => {
                let extractor = (self.make_extractor)(&end.spec, &end.preprocess)?;
                Some(whitening.fitted_on(extractor.fingerprint()))
            }
            None => None,
        };
        Ok(Some(Tuned {
            path: found.path,
            tried: self.tried,
            whitening,
            halves: [first, (kept.queries.len(), gallery_size(&kept))],
            default: bootstrap.estimate(&before),
            tuned: bootstrap.estimate(&after),
            gain: bootstrap.difference(&after, &before),
            groups: (better, by_group.len()),
            skipped: std::mem::take(&mut self.skipped),
        }))
    }
}

/// The default's parts, and every stage with every pooling.
fn every_part(default: &DescriptorSpec, network: &Network) -> DescriptorSpec {
    let stages = network.layers().iter().filter(|layer| layer.ends_stage);
    let part = |layer: &crate::network::Layer| {
        POOLINGS.map(|pooling| Part {
            layer: layer.name.clone(),
            pooling,
            weight: 1.0,
        })
    };
    let stages = DescriptorSpec {
        model: default.model.clone(),
        parts: stages.flat_map(part).collect(),
    };
    super::specs::all_parts(&[default.clone(), stages])
}
