//! Exact rankings: similarities as one blocked matrix product, then where the relevant items stand.

use rayon::prelude::*;

use super::ground_truth::{GroundTruth, Query};
use super::metrics::Outcome;
use crate::descriptor::Vectors;
use crate::gallery::index::{Neighbor, best};

/// Queries whose similarities are held at once.
const BLOCK: usize = 256;

/// Where the similarities of queries come from.
pub trait Similarities: Sync {
    /// The similarity of each of these items to every item, `[queries, items]`.
    fn of(&self, items: &[u32]) -> Vec<f32>;
}

/// A weighted sum of several parts' similarities: what the cosine of a hybrid descriptor is.
pub struct Weighted<'a> {
    /// Each part's vectors, a row for every item: of length 1, or zero where there is none.
    pub parts: Vec<Vectors<'a>>,
    /// The weight of each part in the descriptor.
    pub weights: Vec<f32>,
}

impl Similarities for Weighted<'_> {
    fn of(&self, items: &[u32]) -> Vec<f32> {
        // The parts have length 1, so the joined vector has the square root of this.
        let square: f32 = self.weights.iter().map(|weight| weight * weight).sum();
        let mut sums = Vec::new();
        for (part, weight) in self.parts.iter().zip(&self.weights) {
            let share = weight * weight / square;
            let product = part.select(items).as_vectors().dots(*part);
            sums.resize(product.len(), 0.0);
            for (sum, value) in sums.iter_mut().zip(product) {
                *sum += share * value;
            }
        }
        sums
    }
}

/// Ranks the gallery for every query: where its relevant items stand.
#[must_use]
pub fn outcomes(truth: &GroundTruth, similarities: &impl Similarities) -> Vec<Outcome> {
    let in_gallery: Vec<bool> = truth.items.iter().map(|item| item.in_gallery).collect();
    let block = |queries: &[Query]| {
        let items: Vec<u32> = queries.iter().map(|query| query.item).collect();
        let similarities = similarities.of(&items);
        let rows = similarities
            .par_chunks(truth.items.len().max(1))
            .zip(queries);
        rows.map(|(row, query)| outcome(row, query, &in_gallery))
            .collect::<Vec<_>>()
    };
    truth.queries.chunks(BLOCK).flat_map(block).collect()
}

/// Where the relevant items stand among all that are not ignored, by descending similarity; of
/// equal ones the first in the list comes first.
///
/// Nothing is sorted but the relevant items: every other one is counted before the first of them
/// that it beats.
#[must_use]
pub fn outcome(similarities: &[f32], query: &Query, in_gallery: &[bool]) -> Outcome {
    let key = |item: u32| (similarities[item as usize], item);
    let before = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    let mut relevant: Vec<(f32, u32)> = query.relevant_items().map(key).collect();
    relevant.sort_unstable_by(before);
    let Some(lowest) = relevant.last().map(|last| last.0) else {
        return Outcome { places: Vec::new() };
    };
    let mut beaten = vec![0u32; relevant.len() + 1];
    for (item, &similarity) in (0u32..).zip(similarities) {
        // Most items are far below.
        if similarity < lowest || !in_gallery[item as usize] {
            continue;
        }
        let is_listed = |list: &[u32]| list.binary_search(&item).is_ok();
        if is_listed(&query.relevant) || is_listed(&query.ignored) {
            continue;
        }
        let candidate = (similarity, item);
        beaten[relevant.partition_point(|one| before(one, &candidate).is_lt())] += 1;
    }
    let mut others = 0;
    let place = |(number, beaten): (u32, &u32)| {
        others += beaten;
        number + others
    };
    let places = (0..relevant.len() as u32).zip(&beaten).map(place).collect();
    Outcome { places }
}

/// The items of a query's ranking, best first, as many as are asked for.
#[must_use]
pub fn first(similarities: &[f32], query: &Query, truth: &GroundTruth, k: usize) -> Vec<Neighbor> {
    nearest(similarities, k, |item| {
        truth.items[item as usize].in_gallery && query.ignored.binary_search(&item).is_err()
    })
}

/// Of the items that count the `k` of greatest similarity, best first.
pub fn nearest(similarities: &[f32], k: usize, counts: impl Fn(u32) -> bool) -> Vec<Neighbor> {
    let items = (0u32..)
        .zip(similarities)
        .filter(|(index, _)| counts(*index));
    let near = items.map(|(index, &similarity)| Neighbor { index, similarity });
    best(near.collect(), k)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(relevant: &[u32], ignored: &[u32]) -> Query {
        Query {
            item: 0,
            relevant: relevant.into(),
            ignored: ignored.to_vec(),
            group: 0,
        }
    }

    #[test]
    fn ignored_items_take_no_place() {
        // 0 is the query, 2 is junk: of 1, 3, 4, 5 by similarity 4, 1, 3, 5.
        let similarities = [1.0, 0.7, 0.9, 0.6, 0.8, 0.1];
        let found = outcome(&similarities, &query(&[0, 1, 5], &[0, 2]), &[true; 6]);
        assert_eq!(found.places, [1, 3]);
        let in_gallery = [true, true, true, true, false, true];
        let found = outcome(&similarities, &query(&[0, 1, 5], &[0, 2]), &in_gallery);
        assert_eq!(found.places, [0, 2]);
    }

    proptest! {
        /// Few different values, so that there are ties.
        #[test]
        fn places_are_those_of_a_full_sort(
            values in prop::collection::vec(0u8..12, 2..60),
            relevant in prop::collection::btree_set(0u32..60, 1..20),
            ignored in prop::collection::btree_set(0u32..60, 0..9),
        ) {
            let items = values.len() as u32;
            let within = |set: std::collections::BTreeSet<u32>| -> Vec<u32> {
                set.into_iter().filter(|item| *item < items).collect()
            };
            let query = query(&within(relevant), &within(ignored));
            let similarities: Vec<f32> = values.iter().map(|value| f32::from(*value)).collect();
            let mut sorted: Vec<u32> =
                (0..items).filter(|item| query.ignored.binary_search(item).is_err()).collect();
            sorted.sort_by(|a, b| similarities[*b as usize].total_cmp(&similarities[*a as usize]));
            let is_relevant = |item: &u32| query.relevant.binary_search(item).is_ok();
            let places = (0u32..).zip(&sorted).filter(|(_, item)| is_relevant(item));
            let places: Vec<u32> = places.map(|(place, _)| place).collect();
            let found = outcome(&similarities, &query, &vec![true; values.len()]);
            prop_assert_eq!(found.places, places);
        }
    }

    #[test]
    fn a_hybrids_similarity_is_the_cosine_of_the_joined_vectors() {
        let a = Vectors::new(&[1.0, 0.0, 0.6, 0.8], 2).unwrap();
        let b = Vectors::new(&[0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3).unwrap();
        let weighted = Weighted {
            parts: vec![a, b],
            weights: vec![3.0, 4.0],
        };
        let similarities = weighted.of(&[0]);
        // (9 · 1 + 16 · 1) / 25 and (9 · 0.6 + 16 · 0) / 25.
        assert!((similarities[0] - 1.0).abs() < 1e-6);
        assert!((similarities[1] - 0.216).abs() < 1e-6);
    }
}
