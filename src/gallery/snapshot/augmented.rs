//! Searching a snapshot whose vectors are moved towards their neighbours.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Snapshot;
use super::search::Asking;
use crate::descriptor::dot;
use crate::gallery::index::{Neighbor, best};
use crate::ranking::Expansion;

/// The neighbours and weights that a snapshot has.
pub struct Augmentation<'a> {
    pub expansion: Expansion,
    pub neighbors: &'a [u32],
    pub weights: &'a [f32],
}

impl Augmentation<'_> {
    /// The vectors that vector `index` is the sum of, and their weights: itself first. What a
    /// damaged file says beyond its end is read as nothing.
    pub fn terms(&self, index: u32) -> impl Iterator<Item = (u32, f32)> {
        let (index, count) = (index as usize, self.expansion.neighbors);
        let neighbors = self.neighbors.get(index * count..(index + 1) * count);
        let weights = self
            .weights
            .get(index * (count + 1)..(index + 1) * (count + 1));
        let all =
            std::iter::once(index as u32).chain(neighbors.unwrap_or_default().iter().copied());
        let terms = all.zip(weights.unwrap_or_default().iter().copied());
        terms.filter(|(_, weight)| *weight != 0.0)
    }

    /// The similarity of a query to the augmented vector `index`, from its similarities to the
    /// vectors as they are.
    fn similarity(&self, index: u32, mut plain: impl FnMut(u32) -> f32) -> f32 {
        let terms = self.terms(index);
        terms.map(|(index, weight)| weight * plain(index)).sum()
    }
}

impl Snapshot {
    /// The lists of this augmentation, if the snapshot has them.
    pub(super) fn lists_of(&self, augment: &Expansion) -> Option<Augmentation<'_>> {
        let augmented = self.header().sections.augmented.as_ref();
        let augmented = augmented.filter(|augmented| augmented.expansion == *augment)?;
        Some(Augmentation {
            expansion: augmented.expansion,
            neighbors: self.file.numbers(&augmented.neighbors),
            weights: self.file.numbers(&augmented.weights),
        })
    }

    /// The `k` nearest of all augmented vectors: one pass over the vectors, one over the weights.
    pub(super) fn nearest_augmented(
        &self,
        augmentation: &Augmentation<'_>,
        query: &[f32],
        k: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        let in_base = self.base().map(|base| base.vectors().dot(query));
        let mut plain = in_base.unwrap_or_default();
        plain.extend(self.tail().dot(query));
        let plain_of = |index: u32| plain.get(index as usize).copied().unwrap_or(0.0);
        let indexes = (0..self.vector_count() as u32).into_par_iter();
        let near = indexes.filter(|index| alive(*index)).map(|index| Neighbor {
            index,
            similarity: augmentation.similarity(index, plain_of),
        });
        best(near.collect(), k)
    }

    /// The `k` of the `candidates`, found by their vectors as they are, whose augmented vectors are
    /// nearest. `terms` gives the vectors that one is the sum of, and their weights.
    pub(super) fn rank_augmented(
        &self,
        query: &[f32],
        candidates: Vec<Neighbor>,
        k: usize,
        terms: impl Fn(u32) -> Vec<(u32, f32)> + Sync,
    ) -> Vec<Neighbor> {
        let sums = candidates.par_iter().map(|one| terms(one.index));
        let sums: Vec<_> = sums.collect();
        let known = candidates.iter().map(|n| (n.index, n.similarity));
        let mut known: HashMap<u32, f32> = known.collect();
        let product = |index: u32| self.vector(index as usize).map_or(0.0, |v| dot(query, v));
        let mut plain_of = |index| *known.entry(index).or_insert_with(|| product(index));
        let near = candidates.into_iter().zip(sums).map(|(candidate, terms)| {
            let terms = terms.into_iter();
            Neighbor {
                similarity: terms.map(|(index, weight)| weight * plain_of(index)).sum(),
                ..candidate
            }
        });
        best(near.collect(), k)
    }

    /// What vector `index` is the sum of under an augmentation: by the snapshot's lists, or looked for
    /// now where it has none.
    pub(super) fn terms(
        &self,
        index: u32,
        augment: &Expansion,
        asking: &Asking<'_>,
    ) -> Vec<(u32, f32)> {
        match self.lists_of(augment) {
            Some(lists) => lists.terms(index).collect(),
            None => self.terms_now(index, augment, asking),
        }
    }

    fn terms_now(&self, index: u32, augment: &Expansion, asking: &Asking<'_>) -> Vec<(u32, f32)> {
        let Some(own) = self.vector(index as usize) else {
            return Vec::new();
        };
        let is_alive = self.living();
        let is_other = |other: u32| other != index && is_alive(other);
        let graph = self.graph(asking);
        let near = self.nearest_plain(graph.as_ref(), own, augment.neighbors, &is_other);
        let similarities: Vec<f32> = near.iter().map(|neighbor| neighbor.similarity).collect();
        let weights = augment.weights(&similarities);
        let mut terms = vec![(index, 1.0)];
        terms.extend(near.iter().map(|neighbor| neighbor.index).zip(weights));
        let sum = self.weighted_sum(&terms);
        let length = dot(&sum, &sum).sqrt();
        for (_, weight) in &mut terms {
            *weight /= length;
        }
        terms
    }

    /// The vector that searches compare with: augmented where the ranking says so.
    pub(super) fn searched_vector(&self, index: u32, asking: &Asking<'_>) -> Option<Vec<f32>> {
        let own = self.vector(index as usize)?;
        let Some(augment) = &asking.ranking.augment else {
            return Some(own.to_vec());
        };
        Some(self.weighted_sum(&self.terms(index, augment, asking)))
    }

    fn weighted_sum(&self, terms: &[(u32, f32)]) -> Vec<f32> {
        let mut sum = vec![0.0; self.fingerprint().dimension()];
        for (index, weight) in terms {
            for (total, value) in sum
                .iter_mut()
                .zip(self.vector(*index as usize).unwrap_or_default())
            {
                *total += weight * value;
            }
        }
        sum
    }
}
