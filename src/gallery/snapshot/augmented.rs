//! Searching a snapshot whose vectors are moved towards their neighbours.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Snapshot;
use crate::descriptor::{Expansion, dot};
use crate::gallery::index::{Neighbor, best};

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
    /// What its header says of them, where they lie.
    pub(super) fn augmentation_sections(&self) -> Option<Augmentation<'_>> {
        let augmented = self.header().sections.augmented.as_ref()?;
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
    /// nearest.
    pub(super) fn rank_augmented(
        &self,
        augmentation: &Augmentation<'_>,
        query: &[f32],
        candidates: Vec<Neighbor>,
        k: usize,
    ) -> Vec<Neighbor> {
        let known = candidates.iter().map(|n| (n.index, n.similarity));
        let mut known: HashMap<u32, f32> = known.collect();
        let product = |index: u32| self.vector(index as usize).map_or(0.0, |v| dot(query, v));
        let mut plain_of = |index| *known.entry(index).or_insert_with(|| product(index));
        let near = candidates.into_iter().map(|candidate| Neighbor {
            similarity: augmentation.similarity(candidate.index, &mut plain_of),
            ..candidate
        });
        best(near.collect(), k)
    }

    /// The vector that searches compare with: augmented where there is an augmentation.
    pub(super) fn searched_vector(&self, index: u32) -> Option<Vec<f32>> {
        let Some(augmentation) = self.augmentation_sections() else {
            return self.vector(index as usize).map(<[f32]>::to_vec);
        };
        let mut sum = vec![0.0; self.provenance().dimension];
        for (index, weight) in augmentation.terms(index) {
            for (total, value) in sum.iter_mut().zip(self.vector(index as usize)?) {
                *total += weight * value;
            }
        }
        Some(sum)
    }
}
