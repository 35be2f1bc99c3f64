//! Specs tried on a labelled set: the quality of each, and which are no worse than the best.

use super::bootstrap::{Bootstrap, Estimate};
use super::features::{EvalEvent, Features, OnEvent};
use super::ground_truth::GroundTruth;
use super::metrics::{Metric, Outcome};
use super::ranking::{Weighted, outcomes};
use crate::descriptor::{DescriptorSpec, Matrix, Part};
use crate::error::Result;

/// One spec and its quality.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The spec.
    pub spec: DescriptorSpec,
    /// Which of the compared networks it is of.
    pub network: usize,
    /// Values of each descriptor.
    pub dimension: usize,
    /// Where each query's relevant items came.
    pub outcomes: Vec<Outcome>,
    /// Each metric of the evaluation, in its order.
    pub estimates: Vec<Estimate>,
    /// How much better the best trial is by the chosen metric.
    pub behind: Estimate,
}

/// The best spec with something done besides.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What, e.g. `expand 5`.
    pub name: String,
    /// Each metric of the evaluation, in its order.
    pub estimates: Vec<Estimate>,
    /// How much better it is than the spec alone by the chosen metric.
    pub gain: Estimate,
}

impl Trial {
    /// Whether no other trial is better beyond noise.
    #[must_use]
    pub fn is_as_good(&self) -> bool {
        !self.behind.is_gain()
    }

    /// A metric of every query.
    #[must_use]
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.outcomes
            .iter()
            .map(|outcome| metric.of(outcome))
            .collect()
    }
}

/// All trials on one set.
pub struct Evaluation {
    /// What was measured; the first is what counts.
    pub metrics: Vec<Metric>,
    /// Best first.
    pub trials: Vec<Trial>,
    /// The best of them with more.
    pub variants: Vec<Variant>,
    bootstrap: Bootstrap,
}

impl Evaluation {
    /// Tries every spec of every network on a set of which all items have features. When `on_event`
    /// breaks, the trials so far are given.
    ///
    /// # Errors
    /// Those of [`Features::matrix`].
    pub fn of_specs(
        truth: &GroundTruth,
        networks: &[(&Features<'_>, &[DescriptorSpec])],
        metrics: &[Metric],
        seed: u64,
        on_event: OnEvent<'_>,
    ) -> Result<Self> {
        let mut evaluation = Self::new(metrics, truth.queries.len(), seed);
        let total = networks.iter().map(|(_, specs)| specs.len()).sum();
        for (network, (features, specs)) in networks.iter().enumerate() {
            let mut last: Vec<(Part, Matrix)> = Vec::new();
            for spec in *specs {
                let done = evaluation.trials.len();
                if on_event(EvalEvent::Evaluated { done, total }).is_break() {
                    evaluation.sort();
                    return Ok(evaluation);
                }
                let parts = parts_of(spec, features, last)?;
                let is_sum = spec.parts.iter().any(|part| part.added);
                let joined = is_sum.then(|| features.joined(spec)).transpose()?;
                let weighted = match &joined {
                    Some(joined) => Weighted {
                        parts: vec![joined.as_vectors()],
                        weights: vec![1.0],
                    },
                    None => Weighted {
                        parts: parts.iter().map(|part| part.1.as_vectors()).collect(),
                        weights: spec.parts.iter().map(|part| part.weight).collect(),
                    },
                };
                let dimension = weighted.parts.iter().map(|part| part.dimension()).sum();
                evaluation.add((network, spec), dimension, outcomes(truth, &weighted));
                last = parts;
            }
        }
        evaluation.sort();
        Ok(evaluation)
    }

    /// No trials yet; the first of the metrics is what counts.
    #[must_use]
    fn new(metrics: &[Metric], queries: usize, seed: u64) -> Self {
        Self {
            metrics: metrics.to_vec(),
            trials: Vec::new(),
            variants: Vec::new(),
            bootstrap: Bootstrap::new(queries, seed),
        }
    }

    /// One more trial.
    fn add(
        &mut self,
        (network, spec): (usize, &DescriptorSpec),
        dimension: usize,
        outcomes: Vec<Outcome>,
    ) {
        self.trials.push(Trial {
            spec: spec.clone(),
            network,
            dimension,
            estimates: self.estimates(&outcomes),
            outcomes,
            behind: Estimate::default(),
        });
    }

    /// One more variant of the best trial.
    pub fn add_variant(&mut self, name: String, outcomes: &[Outcome]) {
        let (Some(best), Some(metric)) = (self.trials.first(), self.metrics.first()) else {
            return;
        };
        let values: Vec<f64> = outcomes.iter().map(|outcome| metric.of(outcome)).collect();
        let gain = self.bootstrap.difference(&values, &best.values(*metric));
        let estimates = self.estimates(outcomes);
        self.variants.push(Variant {
            name,
            estimates,
            gain,
        });
    }

    fn estimates(&self, outcomes: &[Outcome]) -> Vec<Estimate> {
        let estimate = |metric: &Metric| {
            let values: Vec<f64> = outcomes.iter().map(|outcome| metric.of(outcome)).collect();
            self.bootstrap.estimate(&values)
        };
        self.metrics.iter().map(estimate).collect()
    }

    /// Best first by the first metric, each with how far behind the best it is.
    fn sort(&mut self) {
        let quality = |trial: &Trial| {
            trial
                .estimates
                .first()
                .map_or(0.0, |estimate| estimate.mean)
        };
        self.trials
            .sort_by(|a, b| quality(b).total_cmp(&quality(a)));
        let (Some(best), Some(metric)) = (self.trials.first(), self.metrics.first()) else {
            return;
        };
        let best = best.values(*metric);
        for trial in &mut self.trials {
            trial.behind = self.bootstrap.difference(&best, &trial.values(*metric));
        }
    }
}

/// The vectors of a spec's parts, those of the spec before where it has the same.
fn parts_of(
    spec: &DescriptorSpec,
    features: &Features<'_>,
    mut last: Vec<(Part, Matrix)>,
) -> Result<Vec<(Part, Matrix)>> {
    let mut parts = Vec::with_capacity(spec.parts.len());
    for part in &spec.parts {
        let known = last.iter().position(|(known, _)| known == part);
        let matrix = match known {
            Some(place) => last.swap_remove(place).1,
            None => features.matrix(part)?,
        };
        parts.push((part.clone(), matrix));
    }
    Ok(parts)
}
