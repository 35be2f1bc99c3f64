//! What query expansion and database-side augmentation are worth, with the exact ranking.
//!
//! A query that is itself in the gallery would be found again inside the augmented vectors of its
//! neighbours. It is taken out of them for its own ranking, as it is taken out of its answers.

use rayon::prelude::*;

use super::ground_truth::GroundTruth;
use super::ranking::{Matrix, Similarities};
use crate::descriptor::{Expansion, dots};

/// Items whose neighbours are sought at once.
const BLOCK: usize = 512;

/// Rankings of expanded queries, of an augmented gallery, or of both.
pub struct Reranked<'a> {
    descriptors: &'a Matrix,
    in_gallery: Vec<bool>,
    expansion: Option<Expansion>,
    augmented: Option<Augmented>,
}

/// Every item's neighbours with their weights, and the squared length of the sum.
struct Augmented {
    neighbors: Vec<Vec<(u32, f32)>>,
    squares: Vec<f32>,
}

impl<'a> Reranked<'a> {
    /// With neither, it is the plain ranking.
    #[must_use]
    pub fn new(
        truth: &GroundTruth,
        descriptors: &'a Matrix,
        expansion: Option<Expansion>,
        augmentation: Option<Expansion>,
    ) -> Self {
        let in_gallery: Vec<bool> = truth.items.iter().map(|item| item.in_gallery).collect();
        let augmented = augmentation.map(|one| Augmented::new(descriptors, &in_gallery, one));
        Self {
            descriptors,
            in_gallery,
            expansion,
            augmented,
        }
    }

    fn expanded(&self, item: u32, similarities: &[f32], expansion: Expansion) -> Vec<f32> {
        let is_other = |other: &u32| *other != item && self.in_gallery[*other as usize];
        let nearest = nearest(similarities, expansion.neighbors, is_other);
        let nearest = nearest
            .iter()
            .map(|(item, similarity)| (*similarity, self.descriptors.row(*item as usize)));
        let query = self.descriptors.row(item as usize);
        // What cannot be expanded asks as it is.
        let expanded = expansion.expand(query, nearest);
        expanded.map_or_else(|_| query.to_vec(), |expanded| expanded.as_slice().to_vec())
    }
}

impl Similarities for Reranked<'_> {
    fn of(&self, items: &[u32]) -> Vec<f32> {
        let (dimension, rows) = (self.descriptors.dimension, self.descriptors.rows().max(1));
        let plain = dots(
            &self.descriptors.select(items).values,
            &self.descriptors.values,
            dimension,
        );
        let asked = match self.expansion {
            None => plain.clone(),
            Some(expansion) => {
                let each = items.par_iter().zip(plain.par_chunks(rows));
                let queries: Vec<Vec<f32>> = each
                    .map(|(item, row)| self.expanded(*item, row, expansion))
                    .collect();
                dots(&queries.concat(), &self.descriptors.values, dimension)
            }
        };
        match &self.augmented {
            None => asked,
            Some(augmented) => {
                let each = items
                    .par_iter()
                    .zip(plain.par_chunks(rows))
                    .zip(asked.par_chunks(rows));
                each.flat_map_iter(|((item, plain), asked)| augmented.row(*item, plain, asked))
                    .collect()
            }
        }
    }
}

impl Augmented {
    fn new(descriptors: &Matrix, in_gallery: &[bool], augmentation: Expansion) -> Self {
        let dimension = descriptors.dimension;
        let (mut neighbors, mut squares) = (Vec::new(), Vec::new());
        for (number, block) in descriptors
            .values
            .chunks(BLOCK * dimension.max(1))
            .enumerate()
        {
            let similarities = dots(block, &descriptors.values, dimension);
            let rows = similarities.par_chunks(in_gallery.len().max(1)).enumerate();
            let found = rows.map(|(row, similarities)| {
                let item = (number * BLOCK + row) as u32;
                let is_other = |other: &u32| *other != item && in_gallery[*other as usize];
                let nearest = nearest(similarities, augmentation.neighbors, is_other);
                let values: Vec<f32> = nearest.iter().map(|(_, similarity)| *similarity).collect();
                let weights = augmentation.weights(&values);
                let pairs = nearest
                    .iter()
                    .zip(weights)
                    .map(|((item, _), weight)| (*item, weight));
                let pairs: Vec<(u32, f32)> = pairs.collect();
                let mut sum = descriptors.row(item as usize).to_vec();
                for (neighbor, weight) in &pairs {
                    for (sum, value) in sum.iter_mut().zip(descriptors.row(*neighbor as usize)) {
                        *sum += weight * value;
                    }
                }
                (pairs, sum.iter().map(|value| value * value).sum::<f32>())
            });
            for (pairs, square) in found.collect::<Vec<_>>() {
                neighbors.push(pairs);
                squares.push(square);
            }
        }
        Self { neighbors, squares }
    }

    /// The cosines of a query with every augmented vector, itself taken out of them: `plain` are the
    /// similarities of the item itself, `asked` those of what it asks with.
    fn row(&self, item: u32, plain: &[f32], asked: &[f32]) -> Vec<f32> {
        let one = |(index, neighbors): (usize, &Vec<(u32, f32)>)| {
            let sum = |similarities: &[f32]| {
                let others = neighbors
                    .iter()
                    .map(|(other, weight)| weight * similarities[*other as usize]);
                similarities[index] + others.sum::<f32>()
            };
            let own = neighbors
                .iter()
                .find(|(other, _)| *other == item)
                .map_or(0.0, |(_, weight)| *weight);
            // |a − w·q|² = |a|² − 2 w (a · q) + w², for a query of length 1.
            let square = self.squares[index] - 2.0 * own * sum(plain) + own * own;
            (sum(asked) - own * asked[item as usize]) / square.max(f32::MIN_POSITIVE).sqrt()
        };
        self.neighbors.iter().enumerate().map(one).collect()
    }
}

/// The `k` items of greatest similarity, best first.
fn nearest(similarities: &[f32], k: usize, counts: impl Fn(&u32) -> bool) -> Vec<(u32, f32)> {
    let items = (0..similarities.len() as u32).filter(counts);
    let mut items: Vec<(u32, f32)> = items
        .map(|item| (item, similarities[item as usize]))
        .collect();
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if k < items.len() {
        items.select_nth_unstable_by(k, order);
        items.truncate(k);
    }
    items.sort_unstable_by(order);
    items
}

#[cfg(test)]
mod tests {
    use super::super::ground_truth::Item;
    use super::*;
    use crate::descriptor::normalize_in_place;

    fn set() -> (GroundTruth, Matrix) {
        let mut random = fastrand::Rng::with_seed(3);
        let mut values: Vec<f32> = (0..20 * 6).map(|_| random.f32() + 0.1).collect();
        values
            .chunks_mut(6)
            .for_each(|row| normalize_in_place(row).unwrap());
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
        (
            truth,
            Matrix {
                values,
                dimension: 6,
            },
        )
    }

    /// What one gets by really making the augmented vectors, without the query's own.
    #[test]
    fn similarities_are_those_of_vectors_augmented_without_the_query() {
        let (truth, descriptors) = set();
        let expansion = Expansion {
            neighbors: 4,
            alpha: 3.0,
        };
        let reranked = Reranked::new(&truth, &descriptors, None, Some(expansion));
        let found = reranked.of(&[7]);
        let query = descriptors.row(7);
        for (item, found) in found.iter().enumerate() {
            let own = descriptors.row(item);
            let similarities = dots(own, &descriptors.values, 6);
            let others = nearest(&similarities, 4, |other| *other as usize != item);
            let others = others.iter().filter(|(other, _)| *other != 7);
            let mut sum = own.to_vec();
            for (other, similarity) in others {
                let row = descriptors.row(*other as usize);
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| *sum += similarity.powi(3) * x);
            }
            normalize_in_place(&mut sum).unwrap();
            let cosine = crate::descriptor::dot(&sum, query);
            assert!((found - cosine).abs() < 1e-5, "{item}: {found} {cosine}");
        }
    }

    #[test]
    fn an_expanded_query_asks_with_its_neighbours() {
        let (truth, descriptors) = set();
        let expansion = Expansion {
            neighbors: 3,
            alpha: 0.0,
        };
        let plain = Reranked::new(&truth, &descriptors, None, None).of(&[5]);
        let nearest = nearest(&plain, 3, |other| *other != 5);
        let nearest = nearest
            .iter()
            .map(|(item, s)| (*s, descriptors.row(*item as usize)));
        let query = expansion.expand(descriptors.row(5), nearest).unwrap();
        let found = Reranked::new(&truth, &descriptors, Some(expansion), None).of(&[5]);
        let expected = dots(query.as_slice(), &descriptors.values, 6);
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6);
        }
    }
}
