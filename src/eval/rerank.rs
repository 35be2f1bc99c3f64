//! What a ranking is worth, with the exact nearest.
//!
//! A query that is itself in the gallery would be found again in the neighbour lists of what it is near to.
//! It is taken out of them for its own ranking, as it is taken out of its answers.

use std::sync::Arc;

use rayon::prelude::*;

use super::ground_truth::GroundTruth;
use super::ranking::{Similarities, nearest};
use crate::descriptor::{Matrix, Vectors, dot};
use crate::ranking::{Centre, Neighbor, Neighborhood, Ranking, order};

/// Queries of which all similarities are held at once.
const BLOCK: usize = 64;

/// A labelled set, ranked otherwise than by its descriptors as they are.
pub struct Reranked {
    ranking: Ranking,
    /// Centred where the ranking centres.
    descriptors: Matrix,
    in_gallery: Vec<bool>,
    /// Of each item the nearest in the gallery, one more than the ranking asks for.
    lists: Vec<Arc<[Neighbor]>>,
    /// Lengths of augmented sums, where the query is not in them.
    lengths: Vec<f32>,
}

impl Reranked {
    /// Finds out who is near whom. With [`Ranking::NONE`], it is the plain ranking.
    #[must_use]
    pub fn new(truth: &GroundTruth, descriptors: Vectors<'_>, ranking: Ranking) -> Self {
        let in_gallery: Vec<bool> = truth.items.iter().map(|item| item.in_gallery).collect();
        let dimension = descriptors.dimension();
        let gallery = descriptors
            .rows()
            .zip(&in_gallery)
            .filter(|(_, is_in)| **is_in);
        let centre = ranking
            .centre
            .map(|share| Centre::of(share, dimension, gallery.map(|(row, _)| row)));
        let items: Vec<u32> = (0..descriptors.len() as u32).collect();
        let mut descriptors = descriptors.select(&items);
        if let Some(centre) = centre {
            for row in descriptors.rows_mut() {
                row.copy_from_slice(&centre.applied(row));
            }
        }
        let mut reranked = Self {
            ranking,
            descriptors,
            in_gallery,
            lists: Vec::new(),
            lengths: Vec::new(),
        };
        let needed = ranking.neighbors();
        if needed > 0 {
            reranked.lists = reranked.nearest_of_all(needed + 1);
            reranked.lengths = reranked.all_lengths();
        }
        reranked
    }

    fn nearest_of_all(&self, count: usize) -> Vec<Arc<[Neighbor]>> {
        let all = self.descriptors.as_vectors();
        let items: Vec<u32> = (0..all.len() as u32).collect();
        let block = |items: &[u32]| {
            let similarities = all.select(items).as_vectors().dots(all);
            let rows = items.par_iter().zip(similarities.par_chunks(all.len()));
            let lists = rows.map(|(item, row)| {
                let is_other = |other: u32| other != *item && self.in_gallery[other as usize];
                Arc::from(nearest(row, count, is_other))
            });
            lists.collect::<Vec<_>>()
        };
        items.chunks(BLOCK).flat_map(block).collect()
    }

    fn all_lengths(&self) -> Vec<f32> {
        let Some(augment) = self.ranking.augment else {
            return Vec::new();
        };
        let lists = self.lists.par_iter().enumerate();
        let lengths = lists.map(|(item, near)| self.length(&augment.terms(item as u32, near)));
        lengths.collect()
    }

    fn length(&self, terms: &[(u32, f32)]) -> f32 {
        let mut sum = vec![0.0; self.descriptors.as_vectors().dimension()];
        for (item, weight) in terms {
            let row = self.descriptors.as_vectors().row(*item as usize);
            for (total, value) in sum.iter_mut().zip(row) {
                *total += weight * value;
            }
        }
        dot(&sum, &sum).sqrt()
    }

    /// The scores of all items for one query, by its similarities to them.
    fn scores(&self, item: u32, similarities: &[f32]) -> Vec<f32> {
        let is_other = |other: u32| other != item && self.in_gallery[other as usize];
        let all = self.in_gallery.iter().filter(|is_in| **is_in).count();
        let mut around = Around {
            set: self,
            item,
            similarities: similarities.to_vec(),
        };
        if let Some(expansion) = self.ranking.expand {
            let first = Ranking {
                augment: self.ranking.augment,
                ..Ranking::NONE
            };
            let near = order(&first, nearest(similarities, all, is_other), all, &around);
            let rows = self.descriptors.as_vectors();
            let near = near
                .iter()
                .map(|it| (it.similarity, rows.row(it.index as usize)));
            let query = rows.row(item as usize);
            // What cannot be expanded asks as it is.
            if let Ok(expanded) = expansion.expand(query, near) {
                around.similarities = rows.dot(expanded.as_slice());
            }
        }
        let near = nearest(&around.similarities, all, is_other);
        let most = self.ranking.candidates(all, 0);
        let mut scores = vec![f32::NEG_INFINITY; similarities.len()];
        for one in order(&self.ranking, near, most, &around) {
            scores[one.index as usize] = one.similarity;
        }
        scores
    }
}

impl Similarities for Reranked {
    fn of(&self, items: &[u32]) -> Vec<f32> {
        let all = self.descriptors.as_vectors();
        let plain = all.select(items).as_vectors().dots(all);
        let each = items.par_iter().zip(plain.par_chunks(all.len().max(1)));
        each.flat_map_iter(|(item, row)| self.scores(*item, row))
            .collect()
    }
}

/// The set around one of its items.
struct Around<'a> {
    set: &'a Reranked,
    item: u32,
    similarities: Vec<f32>,
}

impl Neighborhood for Around<'_> {
    fn to_query(&self, item: u32) -> f32 {
        self.similarities[item as usize]
    }

    fn between(&self, a: u32, b: u32) -> f32 {
        let rows = self.set.descriptors.as_vectors();
        dot(rows.row(a as usize), rows.row(b as usize))
    }

    fn nearest(&self, item: u32, count: usize) -> Vec<Neighbor> {
        let near = self.set.lists[item as usize].iter();
        let others = near.filter(|it| it.index != self.item);
        others.take(count).copied().collect()
    }

    fn length(&self, terms: &[(u32, f32)]) -> f32 {
        let item = terms[0].0;
        let near = &self.set.lists[item as usize];
        let asked = near.iter().take(terms.len() - 1);
        if asked
            .map(|it| it.index)
            .eq(terms[1..].iter().map(|(index, _)| *index))
        {
            return self.set.lengths[item as usize];
        }
        self.set.length(terms)
    }
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

    fn scores(ranking: &str, item: u32) -> Vec<f32> {
        let (truth, descriptors) = set();
        let ranking = ranking.parse().unwrap();
        Reranked::new(&truth, descriptors.as_vectors(), ranking).of(&[item])
    }

    /// What one gets by really making the augmented vectors, without the query's own.
    #[test]
    fn similarities_are_those_of_vectors_augmented_without_the_query() {
        let (_, descriptors) = set();
        let descriptors = descriptors.as_vectors();
        let query = descriptors.row(7);
        for (item, found) in scores("augment=4", 7).into_iter().enumerate() {
            if item == 7 {
                assert!(found < -1.0);
                continue;
            }
            let own = descriptors.row(item);
            let similarities = descriptors.dot(own);
            let others = nearest(&similarities, 4, |other| ![item as u32, 7].contains(&other));
            let mut sum = own.to_vec();
            for near in others {
                let row = descriptors.row(near.index as usize);
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| *sum += near.similarity.powi(3) * x);
            }
            normalize_in_place(&mut sum).unwrap();
            let cosine = dot(&sum, query);
            assert!((found - cosine).abs() < 1e-5, "{item}: {found} {cosine}");
        }
    }

    #[test]
    fn an_expanded_query_asks_with_its_neighbours() {
        let (_, descriptors) = set();
        let descriptors = descriptors.as_vectors();
        let plain = scores("none", 5);
        let nearest = nearest(&plain, 3, |other| other != 5);
        let mut query = descriptors.row(5).to_vec();
        for near in nearest {
            let row = descriptors.row(near.index as usize);
            query.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        normalize_in_place(&mut query).unwrap();
        let expected = descriptors.dot(&query);
        for (item, (found, expected)) in scores("expand=3^0", 5).iter().zip(expected).enumerate() {
            assert!(item == 5 || (found - expected).abs() < 1e-6);
        }
    }
}
