//! Database-side augmentation: for each vector the neighbours that it is moved towards.
//!
//! Turcot & Lowe, "Better matching with fewer features", 2009; Arandjelović & Zisserman, "Three
//! things everyone should know to improve object retrieval", 2012. The vectors themselves stay as they
//! are: a query's similarity to an augmented vector is the weighted sum of its similarities to the
//! vector and to its neighbours, so neighbours and weights are all that is written.

use rayon::prelude::*;

use super::index::{Neighbor, OnProgress, best};
use crate::descriptor::{Vectors, dot};
use crate::ranking::Expansion;

/// Marks an unused place among the neighbours.
pub const NONE: u32 = u32::MAX;

/// Vectors whose neighbours are looked for at once, and vectors compared with them at once: their
/// products fit the cache, nearly.
const BLOCK: usize = 256;
const COMPARED: usize = 4096;

/// Vectors as they are.
pub struct PlainVectors<'a> {
    pub vectors: Vectors<'a>,
    /// Whether some photo has the vector: the others are no one's neighbours.
    pub alive: &'a [bool],
}

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
    pub fn similarity(&self, index: u32, mut plain: impl FnMut(u32) -> f32) -> f32 {
        let terms = self.terms(index);
        terms.map(|(index, weight)| weight * plain(index)).sum()
    }
}

/// For each vector its neighbours, and its own weight and theirs.
#[derive(Debug, Default)]
pub struct Neighborhoods {
    /// As many for each vector as the expansion takes, [`NONE`] where there are not so many.
    pub neighbors: Vec<u32>,
    /// One more for each vector, its own first; divided by the length of the weighted sum.
    pub weights: Vec<f32>,
}

impl PlainVectors<'_> {
    /// The neighbours of all vectors; nothing if `on_progress` says to stop.
    pub fn neighborhoods(
        &self,
        expansion: &Expansion,
        on_progress: OnProgress<'_>,
    ) -> Option<Neighborhoods> {
        let count = self.alive.len();
        let mut found = Neighborhoods::default();
        for start in (0..count).step_by(BLOCK) {
            if on_progress(start, count).is_break() {
                return None;
            }
            let block: Vec<u32> = (start as u32..(start + BLOCK).min(count) as u32).collect();
            let near = self.near(&block, expansion.neighbors);
            let weighted = block.par_iter().zip(near);
            let weighted: Vec<_> = weighted
                .map(|(index, near)| self.weighted(*index, &near, expansion))
                .collect();
            for (neighbors, weights) in weighted {
                found.neighbors.extend(neighbors);
                found.weights.extend(weights);
            }
        }
        Some(found)
    }

    fn vector(&self, index: u32) -> &[f32] {
        self.vectors.row(index as usize)
    }

    fn is_alive(&self, index: u32) -> bool {
        self.alive.get(index as usize).is_some_and(|alive| *alive)
    }

    /// The nearest of each, exactly.
    fn near(&self, block: &[u32], wanted: usize) -> Vec<Vec<Neighbor>> {
        let queries = self.vectors.select(block);
        let mut near = vec![Vec::new(); block.len()];
        for (first, others) in self.vectors.blocks(COMPARED) {
            let similarities = queries.as_vectors().dots(others);
            let rows = near
                .par_iter_mut()
                .zip(block)
                .zip(similarities.par_chunks(others.len()));
            rows.for_each(|((near, index), similarities)| {
                let others = (first as u32..).zip(similarities);
                let neighbors = others
                    .filter(|(other, _)| other != index && self.is_alive(*other))
                    .map(|(index, similarity)| Neighbor {
                        index,
                        similarity: *similarity,
                    });
                near.extend(neighbors);
                *near = best(std::mem::take(near), wanted);
            });
        }
        near
    }

    /// The neighbours and weights of one vector, as they are written.
    fn weighted(
        &self,
        index: u32,
        near: &[Neighbor],
        expansion: &Expansion,
    ) -> (Vec<u32>, Vec<f32>) {
        let mut neighbors = vec![NONE; expansion.neighbors];
        let mut weights = vec![0.0; expansion.neighbors + 1];
        if !self.is_alive(index) {
            return (neighbors, weights);
        }
        let similarities: Vec<f32> = near.iter().map(|neighbor| neighbor.similarity).collect();
        weights[0] = 1.0;
        weights[1..=near.len()].copy_from_slice(&expansion.weights(&similarities));
        let mut sum = self.vector(index).to_vec();
        for (place, neighbor) in near.iter().enumerate() {
            neighbors[place] = neighbor.index;
            for (total, value) in sum.iter_mut().zip(self.vector(neighbor.index)) {
                *total += weights[place + 1] * value;
            }
        }
        let length = dot(&sum, &sum).sqrt();
        for weight in &mut weights {
            *weight /= length;
        }
        (neighbors, weights)
    }
}
