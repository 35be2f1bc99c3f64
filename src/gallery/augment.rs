//! Database-side augmentation: for each vector the neighbours that it is moved towards.
//!
//! Turcot & Lowe, "Better matching with fewer features", 2009; Arandjelović & Zisserman, "Three
//! things everyone should know to improve object retrieval", 2012. The vectors themselves stay as they
//! are: a query's similarity to an augmented vector is the weighted sum of its similarities to the
//! vector and to its neighbours, so neighbours and weights are all that is written.

use rayon::prelude::*;

use super::hnsw::FlatHnsw;
use super::index::{Exact, Index, Neighbor, OnProgress, best};
use crate::descriptor::{Matrix, Vectors, dot};
use crate::ranking::Expansion;

/// Marks an unused place among the neighbours.
pub const NONE: u32 = u32::MAX;

/// Vectors whose neighbours are looked for at once, and vectors compared with them at once: their
/// products fit the cache, nearly.
const BLOCK: usize = 256;
const COMPARED: usize = 4096;

/// The vectors of a snapshot in the making as they are, those of the tail behind those of the base;
/// all of one dimension.
pub struct PlainVectors<'a> {
    pub base: Vectors<'a>,
    pub tail: Vectors<'a>,
    /// The graph of the base, if there is one.
    pub graph: Option<FlatHnsw<'a>>,
    /// Whether some photo has the vector: the others are no one's neighbours.
    pub alive: &'a [bool],
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
            let near = match &self.graph {
                Some(graph) => self.near_by_graph(graph, &block, expansion.neighbors),
                None => self.near_by_products(&block, expansion.neighbors),
            };
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
        let index = index as usize;
        match index.checked_sub(self.base.len()) {
            Some(index) => self.tail.row(index),
            None => self.base.row(index),
        }
    }

    fn is_alive(&self, index: u32) -> bool {
        self.alive.get(index as usize).is_some_and(|alive| *alive)
    }

    /// Nearly all of the nearest of each, for vectors too many to compare each with each.
    fn near_by_graph(
        &self,
        graph: &FlatHnsw<'_>,
        block: &[u32],
        wanted: usize,
    ) -> Vec<Vec<Neighbor>> {
        let tail = Exact {
            vectors: self.tail,
            first: self.base.len() as u32,
        };
        let near = |index: &u32| {
            let (query, alive) = (self.vector(*index), |other| {
                other != *index && self.is_alive(other)
            });
            let mut near = graph.search(query, wanted, &alive);
            near.extend(tail.search(query, wanted, &alive));
            best(near, wanted)
        };
        block.par_iter().map(near).collect()
    }

    /// The nearest of each, exactly.
    fn near_by_products(&self, block: &[u32], wanted: usize) -> Vec<Vec<Neighbor>> {
        let rows = block.iter().map(|index| self.vector(*index));
        let queries = Matrix::from_rows(rows, self.base.dimension())
            .expect("base and tail are of one dimension");
        let mut near = vec![Vec::new(); block.len()];
        let tail = self.tail.blocks(COMPARED);
        let tail = tail.map(|(first, others)| (self.base.len() + first, others));
        for (first, others) in self.base.blocks(COMPARED).chain(tail) {
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
