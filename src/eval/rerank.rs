//! What query expansion and database-side augmentation are worth, with the exact ranking.
//!
//! A query that is itself in the gallery would be found again inside the augmented vectors of its
//! neighbours. It is taken out of them for its own ranking, as it is taken out of its answers.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::ground_truth::GroundTruth;
use super::ranking::{Similarities, nearest};
use crate::descriptor::{Matrix, Vectors};
use crate::gallery::augment::{NONE, Neighborhoods, PlainVectors};
use crate::ranking::Expansion;

/// Rankings of expanded queries, of an augmented gallery, or of both.
pub struct Reranked<'a> {
    descriptors: Vectors<'a>,
    in_gallery: Vec<bool>,
    expansion: Option<Expansion>,
    augmented: Option<Neighborhoods>,
}

impl<'a> Reranked<'a> {
    /// With neither, it is the plain ranking.
    #[must_use]
    pub fn new(
        truth: &GroundTruth,
        descriptors: Vectors<'a>,
        expansion: Option<Expansion>,
        augmentation: Option<Expansion>,
    ) -> Self {
        let in_gallery: Vec<bool> = truth.items.iter().map(|item| item.in_gallery).collect();
        let vectors = PlainVectors {
            vectors: descriptors,
            alive: &in_gallery,
        };
        let mut go_on = |_, _| ControlFlow::Continue(());
        let augmented = augmentation.and_then(|one| vectors.neighborhoods(&one, &mut go_on));
        Self {
            descriptors,
            in_gallery,
            expansion,
            augmented,
        }
    }

    fn expanded(&self, item: u32, similarities: &[f32], expansion: Expansion) -> Vec<f32> {
        let is_other = |other: u32| other != item && self.in_gallery[other as usize];
        let nearest = nearest(similarities, expansion.neighbors, is_other);
        let nearest = nearest
            .iter()
            .map(|near| (near.similarity, self.descriptors.row(near.index as usize)));
        let query = self.descriptors.row(item as usize);
        // What cannot be expanded asks as it is.
        let expanded = expansion.expand(query, nearest);
        expanded.map_or_else(|_| query.to_vec(), |expanded| expanded.as_slice().to_vec())
    }
}

impl Similarities for Reranked<'_> {
    fn of(&self, items: &[u32]) -> Vec<f32> {
        let rows = self.descriptors.len().max(1);
        let queries = self.descriptors.select(items);
        let plain = queries.as_vectors().dots(self.descriptors);
        let asked = match self.expansion {
            None => plain.clone(),
            Some(expansion) => {
                let each = items.par_iter().zip(plain.par_chunks(rows));
                let queries: Vec<Vec<f32>> = each
                    .map(|(item, row)| self.expanded(*item, row, expansion))
                    .collect();
                let queries = queries.iter().map(Vec::as_slice);
                let queries = Matrix::from_rows(queries, self.descriptors.dimension())
                    .expect("a query expanded by vectors of its dimension keeps it");
                queries.as_vectors().dots(self.descriptors)
            }
        };
        match &self.augmented {
            None => asked,
            Some(augmented) => {
                let each = items
                    .par_iter()
                    .zip(plain.par_chunks(rows))
                    .zip(asked.par_chunks(rows));
                each.flat_map_iter(|((item, plain), asked)| {
                    without_itself(augmented, *item, plain, asked)
                })
                .collect()
            }
        }
    }
}

/// The cosines of a query with every augmented vector, itself taken out of them: `plain` are the
/// similarities of the item itself, `asked` those of what it asks with.
fn without_itself(augmented: &Neighborhoods, item: u32, plain: &[f32], asked: &[f32]) -> Vec<f32> {
    let count = augmented.neighbors.len() / plain.len();
    let one = |(index, weights): (usize, &[f32])| {
        let neighbors = &augmented.neighbors[index * count..(index + 1) * count];
        let others = || {
            neighbors
                .iter()
                .zip(&weights[1..])
                .filter(|(other, _)| **other != NONE)
        };
        let sum = |similarities: &[f32]| {
            let others = others().map(|(other, weight)| weight * similarities[*other as usize]);
            weights[0] * similarities[index] + others.sum::<f32>()
        };
        let own = others()
            .find(|(other, _)| **other == item)
            .map_or(0.0, |(_, weight)| *weight);
        // |a − w·q|² = |a|² − 2 w (a · q) + w², for an augmented vector and a query of length 1.
        let square = 1.0 - 2.0 * own * sum(plain) + own * own;
        (sum(asked) - own * asked[item as usize]) / square.max(f32::MIN_POSITIVE).sqrt()
    };
    augmented
        .weights
        .chunks(count + 1)
        .enumerate()
        .map(one)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::ground_truth::Item;
    use super::*;
    use crate::descriptor::normalize_in_place;

    fn set() -> (GroundTruth, Matrix) {
        let mut random = fastrand::Rng::with_seed(3);
        let mut descriptors = Matrix::zeros(20, 6).unwrap();
        for row in descriptors.rows_mut() {
            row.fill_with(|| random.f32() + 0.1);
            normalize_in_place(row).unwrap();
        }
        let item = |index: u32| Item {
            path: format!("/{index}.jpg").into(),
            region: None,
            in_gallery: true,
            group: Some(0),
        };
        let truth = GroundTruth {
            items: (0..20).map(item).collect(),
            ..GroundTruth::default()
        };
        (truth, descriptors)
    }

    /// What one gets by really making the augmented vectors, without the query's own.
    #[test]
    fn similarities_are_those_of_vectors_augmented_without_the_query() {
        let (truth, descriptors) = set();
        let descriptors = descriptors.as_vectors();
        let expansion = Expansion {
            neighbors: 4,
            alpha: 3.0,
        };
        let reranked = Reranked::new(&truth, descriptors, None, Some(expansion));
        let found = reranked.of(&[7]);
        let query = descriptors.row(7);
        for (item, found) in found.iter().enumerate() {
            let own = descriptors.row(item);
            let similarities = descriptors.dot(own);
            let others = nearest(&similarities, 4, |other| other as usize != item);
            let others = others.iter().filter(|near| near.index != 7);
            let mut sum = own.to_vec();
            for near in others {
                let row = descriptors.row(near.index as usize);
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| *sum += near.similarity.powi(3) * x);
            }
            normalize_in_place(&mut sum).unwrap();
            let cosine = crate::descriptor::dot(&sum, query);
            assert!((found - cosine).abs() < 1e-5, "{item}: {found} {cosine}");
        }
    }

    #[test]
    fn an_expanded_query_asks_with_its_neighbours() {
        let (truth, descriptors) = set();
        let descriptors = descriptors.as_vectors();
        let expansion = Expansion {
            neighbors: 3,
            alpha: 0.0,
        };
        let plain = Reranked::new(&truth, descriptors, None, None).of(&[5]);
        let nearest = nearest(&plain, 3, |other| other != 5);
        let nearest = nearest
            .iter()
            .map(|near| (near.similarity, descriptors.row(near.index as usize)));
        let query = expansion.expand(descriptors.row(5), nearest).unwrap();
        let found = Reranked::new(&truth, descriptors, Some(expansion), None).of(&[5]);
        let expected = descriptors.dot(query.as_slice());
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6);
        }
    }
}
