//! Searching a snapshot whose vectors are moved towards their neighbours.

use std::collections::HashMap;

use rayon::prelude::*;

use super::search::Asking;
use super::{Piece, Said, Snapshot};
use crate::descriptor::dot;
use crate::gallery::augment::Augmentation;
use crate::gallery::index::{Neighbor, best};
use crate::gallery::segment::Wanted;
use crate::ranking::Expansion;

impl Snapshot {
    /// The lists of this augmentation, if the snapshot has them.
    pub(super) fn lists_of(&self, augment: &Expansion) -> Option<Augmentation<'_>> {
        let lists = match &self.said {
            Said::Manifest(manifest, file) => {
                let file = file.as_ref()?;
                let all = |name| file.all(file.section(name));
                Augmentation {
                    expansion: manifest.lists?,
                    neighbors: bytemuck::try_cast_slice(all("neighbors")?).ok()?,
                    weights: bytemuck::try_cast_slice(all("weights")?).ok()?,
                }
            }
            Said::Earlier => self.earlier()?.augmentation()?,
        };
        (lists.expansion == *augment).then_some(lists)
    }

    /// The `k` nearest of all augmented vectors: one pass over the vectors, one over the weights.
    pub(super) fn nearest_augmented(
        &self,
        augmentation: &Augmentation<'_>,
        query: &[f32],
        k: usize,
        asking: &Asking<'_>,
    ) -> Vec<Neighbor> {
        let mut plain = vec![0.0; self.vector_count()];
        for (piece, first) in self.pieces.iter().zip(&self.firsts) {
            let wanted = Wanted {
                k: piece.vectors() as usize,
                ef_search: None,
                allowed: None,
            };
            for near in Piece::nearest(piece, query, wanted) {
                plain[(first + near.index) as usize] = near.similarity;
            }
        }
        let plain_of = |index: u32| plain.get(index as usize).copied().unwrap_or(0.0);
        let indexes = (0..self.vector_count() as u32).into_par_iter();
        let near = indexes.filter(|index| self.may_be_found(*index, asking));
        let near = near.map(|index| Neighbor {
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
        let product = |index: u32| self.vector(index as usize).map_or(0.0, |v| dot(query, &v));
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
        // Itself among them; whoever it is moved towards may be found or not.
        let near = self.nearest_plain(&own, augment.neighbors + 1, &asking.of_all());
        let others = near.into_iter().filter(|near| near.index != index);
        let near: Vec<Neighbor> = others.take(augment.neighbors).collect();
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
        let Some(augment) = &asking.ranking.augment else {
            return self.vector(index as usize);
        };
        Some(self.weighted_sum(&self.terms(index, augment, asking)))
    }

    fn weighted_sum(&self, terms: &[(u32, f32)]) -> Vec<f32> {
        let mut sum = vec![0.0; self.fingerprint().dimension()];
        for (index, weight) in terms {
            let vector = self.vector(*index as usize).unwrap_or_default();
            for (total, value) in sum.iter_mut().zip(vector) {
                *total += weight * value;
            }
        }
        sum
    }
}
