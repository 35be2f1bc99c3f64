//! Query expansion: the query moved towards what it found, so that a second search finds more.
//!
//! The same weights augment the database side: each vector moved towards its own neighbours.

use serde::{Deserialize, Serialize};

use super::Neighbor;
use crate::descriptor::UnitVector;
use crate::error::{DescriptorError, Result};

/// How many neighbours count, and how much.
///
/// Chum et al., "Total Recall", 2007: average query expansion (α = 0). Radenović et al.,
/// "Fine-tuning CNN Image Retrieval with No Human Annotation", 2018: each neighbour weighted by its
/// similarity to the power of α, which forgives a neighbour that does not belong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expansion {
    /// The nearest that are taken into account.
    pub neighbors: usize,
    /// The exponent of the similarity, 0 or more: 0 gives every neighbour the weight 1.
    pub alpha: f32,
}

impl Expansion {
    /// Radenović et al.'s exponent.
    pub const ALPHA: f32 = 3.0;

    /// The weight of each neighbour from its similarity (cosine): similarity^α, and 0 where the
    /// similarity is not above 0. What is expanded has itself the weight 1.
    #[must_use]
    pub fn weights(&self, similarities: &[f32]) -> Vec<f32> {
        let weight = |similarity: &f32| {
            if *similarity > 0.0 {
                similarity.powf(self.alpha)
            } else {
                0.0
            }
        };
        similarities.iter().map(weight).collect()
    }

    /// What a photo is moved to: itself, with weight 1, and the nearest of these others, best first, by their
    /// numbers and weights.
    #[must_use]
    pub fn terms(&self, item: u32, near: &[Neighbor]) -> Vec<(u32, f32)> {
        let near = &near[..self.neighbors.min(near.len())];
        let similarities: Vec<f32> = near.iter().map(|it| it.similarity).collect();
        let others = near.iter().map(|it| it.index);
        let others = others.zip(self.weights(&similarities));
        std::iter::once((item, 1.0)).chain(others).collect()
    }

    /// The query plus its weighted neighbours, scaled to length 1. `nearest` gives their
    /// similarities and vectors, best first; only the first [`Expansion::neighbors`] are taken.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`]; [`DescriptorError::NonFiniteDescriptor`];
    /// [`DescriptorError::ZeroDescriptor`].
    pub fn expand<'a>(
        &self,
        query: &[f32],
        nearest: impl Iterator<Item = (f32, &'a [f32])>,
    ) -> Result<UnitVector, DescriptorError> {
        let (similarities, vectors): (Vec<f32>, Vec<&[f32]>) = nearest.take(self.neighbors).unzip();
        let mut sum = query.to_vec();
        for (weight, vector) in self.weights(&similarities).into_iter().zip(vectors) {
            if vector.len() != sum.len() {
                return Err(DescriptorError::WrongDimension {
                    expected: sum.len(),
                    found: vector.len(),
                });
            }
            for (total, value) in sum.iter_mut().zip(vector) {
                *total += weight * value;
            }
        }
        UnitVector::normalize(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: [f32; 2] = [1.0, 0.0];
    const NEAR: [f32; 2] = [0.8, 0.6];
    const OPPOSITE: [f32; 2] = [-0.6, 0.8];

    fn expanded(neighbors: usize, alpha: f32) -> Vec<f32> {
        let nearest = [(0.8, &NEAR[..]), (-0.6, &OPPOSITE[..])];
        let expansion = Expansion { neighbors, alpha };
        let expanded = expansion.expand(&QUERY, nearest.into_iter()).unwrap();
        expanded.as_slice().to_vec()
    }

    fn is_direction_of(values: &[f32], [x, y]: [f32; 2]) -> bool {
        let norm = x.hypot(y);
        (values[0] - x / norm).abs() < 1e-6 && (values[1] - y / norm).abs() < 1e-6
    }

    #[test]
    fn alpha_0_averages_and_a_larger_one_trusts_the_similar() {
        assert!(is_direction_of(&expanded(1, 0.0), [1.8, 0.6]));
        let weight = 0.8f32.powi(3);
        let sum = [0.8f32.mul_add(weight, 1.0), 0.6 * weight];
        assert!(is_direction_of(&expanded(1, 3.0), sum));
    }

    #[test]
    fn what_is_dissimilar_and_what_was_not_asked_for_counts_for_nothing() {
        for alpha in [0.0, 3.0] {
            assert_eq!(expanded(2, alpha), expanded(1, alpha));
            assert_eq!(expanded(0, alpha), QUERY);
        }
    }

    #[test]
    fn a_neighbour_of_another_dimension_is_refused() {
        let expansion = Expansion {
            neighbors: 1,
            alpha: 3.0,
        };
        let nearest = [(0.5, &[1.0f32][..])];
        let expanded = expansion.expand(&QUERY, nearest.into_iter());
        assert!(matches!(
            expanded,
            Err(DescriptorError::WrongDimension { .. })
        ));
    }
}
