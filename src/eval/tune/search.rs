//! Parts, weights: searched on similarities that are computed once.
//!
//! A hybrid's similarity is the sum of its parts', each times its weight squared. So trying another
//! weight is an addition of matrices and a ranking: no network runs, no product is computed.

use super::super::bootstrap::{Bootstrap, Estimate};
use super::super::features::Features;
use super::super::ground_truth::{GroundTruth, Query};
use super::super::metrics::Metric;
use super::super::ranking::{Similarities, Weighted, outcome};
use super::groups;
use crate::descriptor::Part;
use crate::error::Result;
use rayon::prelude::*;

/// Weights of a further part beside those that are there, the first part's being 1.
pub const WEIGHTS: [f32; 7] = [0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0];
/// Factors that a weight is multiplied by when all are refined, coarse to fine.
pub const FACTORS: [f32; 4] = [1.41, 0.71, 1.19, 0.84];
/// Parts of a hybrid at most.
const MOST_PARTS: usize = 4;
/// Poolings of each layer whose similarities are kept.
const KEPT_POOLINGS: usize = 2;

/// A part, and how it does by itself.
pub struct Candidate {
    /// Layer and pooling.
    pub part: Part,
    /// The metric of each query.
    pub values: Vec<f64>,
    similarities: Vec<f32>,
}

/// The candidates on one half of a set.
pub struct Search<'a> {
    truth: &'a GroundTruth,
    in_gallery: Vec<bool>,
    groups: Vec<u32>,
    metric: Metric,
    bootstrap: &'a Bootstrap,
    /// Best first.
    pub candidates: Vec<Candidate>,
}

/// Some candidates with weights, and how they do together.
#[derive(Clone)]
pub struct Mixture {
    /// Candidate and weight.
    pub parts: Vec<(usize, f32)>,
    /// The metric of each query.
    pub values: Vec<f64>,
}

impl Mixture {
    /// The mean over the queries.
    pub fn mean(&self) -> f64 {
        mean(&self.values)
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl<'a> Search<'a> {
    /// Tries every part by itself, and keeps the similarities of the best poolings of each layer.
    pub fn new(
        truth: &'a GroundTruth,
        features: &Features<'_>,
        parts: &[Part],
        metric: Metric,
        bootstrap: &'a Bootstrap,
    ) -> Result<Self> {
        let items: Vec<u32> = truth.queries.iter().map(|query| query.item).collect();
        let mut search = Self {
            truth,
            in_gallery: truth.items.iter().map(|item| item.in_gallery).collect(),
            groups: truth.queries.iter().map(|query| query.group).collect(),
            metric,
            bootstrap,
            candidates: Vec::new(),
        };
        for part in parts {
            let matrix = features.matrix(part)?;
            let weighted = Weighted {
                parts: vec![matrix.as_vectors()],
                weights: vec![1.0],
            };
            let similarities = weighted.of(&items);
            let candidate = Candidate {
                part: Part {
                    weight: 1.0,
                    ..part.clone()
                },
                values: search.values_of(&similarities),
                similarities,
            };
            let candidates = &mut search.candidates;
            let same = |known: &Candidate| known.part.layer == part.layer;
            if candidates.iter().filter(|known| same(known)).count() >= KEPT_POOLINGS {
                let of_layer = candidates
                    .iter()
                    .enumerate()
                    .filter(|(_, known)| same(known));
                let worst = of_layer.min_by(|a, b| mean(&a.1.values).total_cmp(&mean(&b.1.values)));
                if let Some((place, worst)) = worst
                    && mean(&worst.values) < mean(&candidate.values)
                {
                    candidates[place] = candidate;
                }
            } else {
                candidates.push(candidate);
            }
        }
        search
            .candidates
            .sort_by(|a, b| mean(&b.values).total_cmp(&mean(&a.values)));
        Ok(search)
    }

    /// How much better one is than another, if it is beyond noise, over queries and over groups.
    pub fn gain(&self, new: &[f64], old: &[f64]) -> Option<Estimate> {
        let differences: Vec<f64> = new.iter().zip(old).map(|(new, old)| new - old).collect();
        if mean(&differences) <= 0.0 || !groups::agree(&self.groups, &differences) {
            return None;
        }
        Some(self.bootstrap.estimate(&differences)).filter(Estimate::is_gain)
    }

    /// The best part alone.
    pub fn best_single(&self) -> Mixture {
        let values = self.candidates.first().map(|best| best.values.clone());
        Mixture {
            parts: vec![(0, 1.0)],
            values: values.unwrap_or_default(),
        }
    }

    /// With one more part, at the best of the weights; nothing unless it is better beyond noise.
    pub fn extended(&self, mixture: &Mixture) -> Option<Mixture> {
        if mixture.parts.len() >= MOST_PARTS {
            return None;
        }
        let base = self.sum(&mixture.parts);
        let is_new = |candidate: &usize| mixture.parts.iter().all(|(known, _)| known != candidate);
        let tried = (0..self.candidates.len())
            .filter(is_new)
            .flat_map(|candidate| WEIGHTS.map(|weight| (candidate, weight)));
        let tried = tried.map(|(candidate, weight)| {
            let values = self.values_of(&self.plus(&base, candidate, weight));
            let parts = mixture.parts.iter().copied().chain([(candidate, weight)]);
            Mixture {
                parts: parts.collect(),
                values,
            }
        });
        let best = tried.max_by(|a, b| a.mean().total_cmp(&b.mean()))?;
        self.gain(&best.values, &mixture.values).map(|_| best)
    }

    /// The same parts with better weights, one changed after the other.
    pub fn refined(&self, mixture: &Mixture) -> Mixture {
        let mut best = mixture.clone();
        for factor in FACTORS {
            // The first part's weight stays: only proportions count.
            for place in 1..mixture.parts.len() {
                let mut parts = best.parts.clone();
                parts[place].1 *= factor;
                let values = self.values_of(&self.sum(&parts));
                if mean(&values) > best.mean() {
                    best = Mixture { parts, values };
                }
            }
        }
        best
    }

    /// The mixture as parts of a spec, heaviest first, weights to two digits, the greatest 1.
    pub fn parts(&self, mixture: &Mixture) -> Vec<Part> {
        let greatest = mixture
            .parts
            .iter()
            .map(|(_, weight)| *weight)
            .fold(0.0, f32::max);
        let part = |(candidate, weight): &(usize, f32)| Part {
            weight: (weight / greatest * 100.0).round().max(1.0) / 100.0,
            ..self.candidates[*candidate].part.clone()
        };
        let mut parts: Vec<Part> = mixture.parts.iter().map(part).collect();
        parts.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        parts
    }

    fn sum(&self, parts: &[(usize, f32)]) -> Vec<f32> {
        let mut sum = vec![
            0.0;
            self.candidates
                .first()
                .map_or(0, |one| one.similarities.len())
        ];
        for (candidate, weight) in parts {
            sum = self.plus(&sum, *candidate, *weight);
        }
        sum
    }

    fn plus(&self, base: &[f32], candidate: usize, weight: f32) -> Vec<f32> {
        let added = &self.candidates[candidate].similarities;
        base.iter()
            .zip(added)
            .map(|(base, added)| base + weight * weight * added)
            .collect()
    }

    fn values_of(&self, similarities: &[f32]) -> Vec<f64> {
        let rows = similarities.par_chunks(self.truth.items.len().max(1));
        let value =
            |(row, query): (&[f32], &Query)| self.metric.of(&outcome(row, query, &self.in_gallery));
        rows.zip(&self.truth.queries).map(value).collect()
    }
}
