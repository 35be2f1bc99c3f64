//! Parts, weights: searched on similarities that are computed once.
//!
//! A hybrid's similarity is the sum of its parts', each times its weight squared. So trying another
//! weight is an addition of matrices and a ranking: no network runs, no product is computed.

use std::cell::Cell;

use rayon::prelude::*;

use super::super::ground_truth::{GroundTruth, Query};
use super::super::metrics::Metric;
use super::super::ranking::{Similarities, Weighted, outcome};
use super::rule::{Change, Values};
use super::side::Side;
use crate::descriptor::{DescriptorSpec, Part, Pooling};
use crate::error::Result;

/// Poolings that are tried of every stage.
pub const POOLINGS: [Pooling; 8] = [
    Pooling::Gap,
    Pooling::Max,
    Pooling::Gem { p: 1.5 },
    Pooling::Gem { p: 2.0 },
    Pooling::Gem { p: 3.0 },
    Pooling::Gem { p: 4.0 },
    Pooling::Gem { p: 6.0 },
    Pooling::RMac,
];
/// Weights of a further part beside those that are there, the first part's being 1.
const WEIGHTS: [f32; 7] = [0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0];
/// Factors that a weight is multiplied by when all are refined, coarse to fine.
const FACTORS: [f32; 4] = [1.41, 0.71, 1.19, 0.84];
/// Parts of a hybrid at most.
const MOST_PARTS: usize = 4;
/// Poolings of each layer whose similarities are kept.
const KEPT_POOLINGS: usize = 2;

/// The best of each look by itself, of plain similarities: its number and the spec. Looks that are clearly
/// worse than the best are left out.
pub fn best_of_looks(side: &Side<'_>, model: &str) -> Result<Vec<(usize, DescriptorSpec)>> {
    let mut best: Option<(usize, DescriptorSpec, f64)> = None;
    let mut own = None;
    for (look, features) in side.looks.features.iter().enumerate() {
        let mut parts: Vec<Part> = Vec::new();
        for part in features.parts() {
            parts.push(part.alone());
        }
        let search = Search::new(side, look, &parts)?;
        let mut mixture = search.best_single();
        while let Some(extended) = search.extended(&mixture) {
            mixture = extended;
        }
        let refined = search.refined(&mixture);
        let spec = DescriptorSpec {
            model: model.to_owned(),
            parts: search.parts(&refined),
        };
        side.tried.set(side.tried.get() + search.tried.get());
        if look == 0 {
            own = Some((look, spec.clone()));
        }
        if best
            .as_ref()
            .is_none_or(|(_, _, mean)| refined.mean() > *mean)
        {
            best = Some((look, spec, refined.mean()));
        }
    }
    let best = best.map(|(look, spec, _)| (look, spec));
    let best = best.filter(|best| own.as_ref() != Some(best));
    Ok(own.into_iter().chain(best).collect())
}

/// A part, and how it does by itself.
struct Candidate {
    /// Layer and pooling.
    part: Part,
    values: Values,
    similarities: Vec<f32>,
}

/// The candidates on one side.
struct Search<'a> {
    truth: &'a GroundTruth,
    in_gallery: Vec<bool>,
    groups: Vec<u32>,
    metric: Metric,
    tried: Cell<usize>,
    /// Best first.
    candidates: Vec<Candidate>,
}

/// Some candidates with weights, and how they do together.
#[derive(Clone)]
struct Mixture {
    /// Candidate and weight.
    parts: Vec<(usize, f32)>,
    values: Values,
}

impl Mixture {
    fn mean(&self) -> f64 {
        self.values.mean()
    }
}

impl<'a> Search<'a> {
    /// Tries every part by itself, and keeps the similarities of the best poolings of each layer.
    fn new(side: &'a Side<'_>, look: usize, parts: &[Part]) -> Result<Self> {
        let truth = &side.truth;
        let items: Vec<u32> = truth.queries.iter().map(|query| query.item).collect();
        let mut search = Self {
            truth,
            in_gallery: truth.items.iter().map(|item| item.in_gallery).collect(),
            groups: side.groups(),
            metric: side.metric,
            tried: Cell::new(0),
            candidates: Vec::new(),
        };
        for part in parts {
            let matrix = side.looks.features[look].matrix(part)?;
            let matrix = matrix.as_vectors().select(&side.rows);
            let weighted = Weighted {
                parts: vec![matrix.as_vectors()],
                weights: vec![1.0],
            };
            let similarities = weighted.of(&items);
            search.keep(Candidate {
                part: part.clone(),
                values: search.values_of(&similarities),
                similarities,
            });
        }
        let by_mean = |a: &Candidate, b: &Candidate| b.values.mean().total_cmp(&a.values.mean());
        search.candidates.sort_by(by_mean);
        Ok(search)
    }

    /// Keeps it if it is among the best of its layer.
    fn keep(&mut self, candidate: Candidate) {
        let same = |known: &Candidate| known.part.layer == candidate.part.layer;
        let of_layer = self.candidates.iter().enumerate();
        let of_layer = of_layer.filter(|(_, known)| same(known));
        if of_layer.clone().count() < KEPT_POOLINGS {
            self.candidates.push(candidate);
            return;
        }
        let worst = of_layer.min_by(|a, b| a.1.values.mean().total_cmp(&b.1.values.mean()));
        if let Some((place, worst)) = worst
            && worst.values.mean() < candidate.values.mean()
        {
            self.candidates[place] = candidate;
        }
    }

    /// The best part alone.
    fn best_single(&self) -> Mixture {
        let values = self.candidates.first().map(|best| best.values.clone());
        Mixture {
            parts: vec![(0, 1.0)],
            values: values.unwrap_or_default(),
        }
    }

    /// With one more part, at the best of the weights; nothing unless it is better by the rule.
    fn extended(&self, mixture: &Mixture) -> Option<Mixture> {
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
        let change = Change::of(&self.groups, &mixture.values, &best.values);
        change.is_gain().then_some(best)
    }

    /// The same parts with better weights, one changed after the other.
    fn refined(&self, mixture: &Mixture) -> Mixture {
        let mut best = mixture.clone();
        for factor in FACTORS {
            // The first part's weight stays: only proportions count.
            for place in 1..mixture.parts.len() {
                let mut parts = best.parts.clone();
                parts[place].1 *= factor;
                let values = self.values_of(&self.sum(&parts));
                if values.mean() > best.mean() {
                    best = Mixture { parts, values };
                }
            }
        }
        best
    }

    /// The mixture as parts of a spec, heaviest first, weights to two digits, the greatest 1.
    fn parts(&self, mixture: &Mixture) -> Vec<Part> {
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

    fn values_of(&self, similarities: &[f32]) -> Values {
        self.tried.set(self.tried.get() + 1);
        let rows = similarities.par_chunks(self.truth.items.len().max(1));
        let (metric, in_gallery) = (self.metric, &self.in_gallery);
        let value = |(row, query): (&[f32], &Query)| {
            let outcome = outcome(row, query, in_gallery);
            (metric.of(&outcome), Metric::Recall(1).of(&outcome))
        };
        let values = rows.zip(&self.truth.queries).map(value);
        let (metric, first) = values.unzip();
        Values { metric, first }
    }
}
