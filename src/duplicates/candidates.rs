//! Which contents may be one photograph: those with near signatures, however they are turned, and those
//! with near descriptors, as far as the signature of one may lie in the other's. Never all with all.

use rayon::prelude::*;

use super::collection::Collection;
use super::near::Tree;
use super::windows::Windows;
use crate::error::Result;
use crate::gallery::Snapshot;
use crate::photo::Signature;

/// Correlation of signatures that are asked for by themselves.
const ALIKE: f32 = 0.97;
/// The most of those for each.
const MOST_ALIKE: usize = 32;
/// Neighbours by descriptor that are asked for. Of a photo with more copies the others lead to all: what is
/// found to be a keeper's has its neighbours held against the keeper.
const NEIGHBOURS: usize = 12;
/// Correlation of a signature with its place in another's from which on pixels may decide.
const LIES_IN: f32 = 0.8;
/// The same of both without a strip.
const BESIDE_A_STRIP: f32 = 0.95;

/// Photos by which it is told how alike unrelated ones are.
const SAMPLED: usize = 512;
/// The way from what unrelated ones have to equal ones that a copy is on at least.
const ABOVE_MEAN: f32 = 0.3;
/// Vectors that are asked with at once.
const AT_ONCE: usize = 512;

/// Two contents, the one that is kept first before the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub first: u32,
    pub second: u32,
    /// The best correlation of their signatures; nothing where one is not known.
    pub correlation: Option<f32>,
    /// Cosine, if they are neighbours.
    pub similarity: Option<f32>,
}

/// How far it is: contents done, of all.
pub type OnStep<'a> = &'a (dyn Fn(usize) -> bool + Sync);

/// Pairs by the numbers of their contents, each once. Ended early by `on_step`, nothing.
///
/// # Errors
/// As [`Snapshot::nearest_vectors`].
pub fn candidates(
    collection: &Collection,
    snapshot: &Snapshot,
    on_step: OnStep<'_>,
) -> Result<Option<Vec<Pair>>> {
    // What is flat has no neighbour that pixels would confirm.
    let Some(mut near) = neighbours(collection, snapshot, NEIGHBOURS, true, on_step)? else {
        return Ok(None);
    };
    let mean = mean_similarity(collection, snapshot);
    let least = mean + ABOVE_MEAN * (1.0 - mean);
    near.retain(|pair| pair.similarity.is_some_and(|it| it >= least));
    let pairs = unique(alike(collection).into_iter().chain(near));
    Ok(correlated(collection, pairs, on_step))
}

/// The mean cosine of unrelated photos, by a sample: networks differ in it, and what is not much more
/// alike is no copy. Of few photos nothing is known.
fn mean_similarity(collection: &Collection, snapshot: &Snapshot) -> f32 {
    let vectors: Vec<usize> = collection
        .contents
        .iter()
        .filter_map(|it| it.vector)
        .collect();
    if vectors.len() < SAMPLED {
        return -1.0;
    }
    let step = vectors.len() / SAMPLED;
    let sampled = vectors.into_par_iter().step_by(step.max(1));
    let sampled: Vec<Vec<f32>> = sampled.filter_map(|it| snapshot.vector(it)).collect();
    let far = sampled.len() / 2;
    let cosines = sampled.iter().zip(&sampled[far..]).map(|(a, b)| {
        let products = a.iter().zip(b).map(|(a, b)| a * b);
        products.sum::<f32>()
    });
    cosines.sum::<f32>() / far.max(1) as f32
}

/// By their signatures alone.
fn alike(collection: &Collection) -> Found {
    let tree = tree(collection);
    let found = tree.each(radius(), MOST_ALIKE, |number, near| {
        alike_of(collection, number, near)
    });
    found.into_iter().flatten().collect()
}

type OrbitTree = Tree<{ Signature::ORBITS }>;

fn tree(collection: &Collection) -> OrbitTree {
    let shown = (0..)
        .zip(&collection.contents)
        .filter_map(|(number, content)| {
            content.seen.as_ref()?;
            Some((number, content.signature?.orbits()))
        });
    Tree::of(shown.collect())
}

/// So far are the orbits of those that are alike at most.
fn radius() -> f32 {
    (2.0 - 2.0 * ALIKE).sqrt()
}

fn alike_of(collection: &Collection, number: u32, near: &[(f32, u32)]) -> Found {
    let own = &collection.contents[number as usize].seen;
    let alike = |other: u32| {
        let other = collection.contents[other as usize].seen.as_ref()?;
        let correlation = own.as_ref()?.correlation(other);
        (correlation >= ALIKE).then_some(correlation)
    };
    let found = near
        .iter()
        .filter_map(|(_, other)| Some((*other, alike(*other)?)));
    let pair = |(other, correlation)| Pair {
        first: number.min(other),
        second: number.max(other),
        correlation: Some(correlation),
        similarity: None,
    };
    found.map(pair).collect()
}

/// Pairs of these contents with others, by signature and by the vectors that are told of them.
///
/// # Errors
/// As [`Snapshot::nearest_vectors`].
pub fn among(
    collection: &Collection,
    snapshot: &Snapshot,
    numbers: &[u32],
    vectors: &[(u32, Vec<f32>)],
) -> Result<Vec<Pair>> {
    let tree = tree(collection);
    let alike = numbers.par_iter().flat_map_iter(|number| {
        let content = &collection.contents[*number as usize];
        let signature = content.signature.filter(|_| content.seen.is_some());
        let near = signature.map(|signature| {
            let near = tree.near((*number, &signature.orbits()), radius(), MOST_ALIKE);
            alike_of(collection, *number, &near)
        });
        near.into_iter().flatten()
    });
    let mut found: Found = alike.collect();
    for some in vectors.chunks(AT_ONCE) {
        found.extend(near_vectors(collection, snapshot, some, NEIGHBOURS)?);
    }
    Ok(unique(found.into_iter()))
}

/// Each pair once, with all that is told of it, in order.
fn unique(found: impl Iterator<Item = Pair>) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = found.collect();
    pairs.par_sort_unstable_by_key(|pair| (pair.first, pair.second));
    pairs.dedup_by(|later, first| {
        let is_same = (later.first, later.second) == (first.first, first.second);
        if is_same {
            first.correlation = first.correlation.or(later.correlation);
            first.similarity = first.similarity.or(later.similarity);
        }
        is_same
    });
    pairs
}

/// Pairs, some more than once.
type Found = Vec<Pair>;

/// Contents with their vectors, and what lies near each.
fn near_vectors(
    collection: &Collection,
    snapshot: &Snapshot,
    some: &[(u32, Vec<f32>)],
    count: usize,
) -> Result<Found> {
    let queries: Vec<Vec<f32>> = some.iter().map(|(_, vector)| vector.clone()).collect();
    let near = snapshot.nearest_vectors(&queries, count + 1)?;
    let pairs = some.iter().zip(near).flat_map(|((number, _), near)| {
        near.into_iter().filter_map(|(vector, similarity)| {
            let other = *collection.of_vector.get(&vector)?;
            (other != *number).then(|| Pair {
                first: (*number).min(other),
                second: (*number).max(other),
                correlation: None,
                similarity: Some(similarity),
            })
        })
    });
    Ok(pairs.collect())
}

/// The nearest of each, by their descriptors; `shown_alone` leaves out flat pictures. Nothing where
/// `on_step` says that it is over.
///
/// # Errors
/// As [`Snapshot::nearest_vectors`].
pub fn neighbours(
    collection: &Collection,
    snapshot: &Snapshot,
    count: usize,
    shown_alone: bool,
    on_step: OnStep<'_>,
) -> Result<Option<Vec<Pair>>> {
    let numbers: Vec<u32> = (0..collection.contents.len() as u32).collect();
    let mut found = Vec::new();
    for numbers in numbers.chunks(AT_ONCE) {
        if !on_step(numbers.len()) {
            return Ok(None);
        }
        let vectors = numbers.par_iter().filter_map(|number| {
            let content = &collection.contents[*number as usize];
            let is_flat = content.signature.is_some() && content.seen.is_none();
            let vector = content.vector.filter(|_| !(shown_alone && is_flat))?;
            Some((*number, snapshot.vector(vector)?))
        });
        let vectors: Vec<(u32, Vec<f32>)> = vectors.collect();
        found.extend(near_vectors(collection, snapshot, &vectors, count)?);
    }
    Ok(Some(found))
}

/// Those of which one may lie in the other, by their signatures. Nothing where `on_step` says that it is
/// over.
pub fn correlated(
    collection: &Collection,
    mut pairs: Vec<Pair>,
    on_step: OnStep<'_>,
) -> Option<Vec<Pair>> {
    let mut of_each: Vec<Vec<u32>> = vec![Vec::new(); collection.contents.len()];
    let unknown = (0..)
        .zip(&pairs)
        .filter(|(_, pair)| pair.correlation.is_none());
    for (number, pair) in unknown {
        of_each[pair.first as usize].push(number);
        of_each[pair.second as usize].push(number);
    }
    // Each content is once the outer one of all its pairs.
    let found = (0..).zip(&of_each).collect::<Vec<(u32, &Vec<u32>)>>();
    let found = found.into_par_iter().map(|(outer, numbers)| {
        if !on_step(1) {
            return None;
        }
        let Some(seen) = &collection.contents[outer as usize].seen else {
            return Some(Vec::new());
        };
        let windows = Windows::of(seen);
        let correlations = numbers.iter().filter_map(|number| {
            let pair = pairs[*number as usize];
            let inner = if pair.first == outer {
                pair.second
            } else {
                pair.first
            };
            let inner = collection.contents[inner as usize].seen.as_ref()?;
            let best = windows.correlation(inner)?;
            let strip = windows.without_a_band(inner)?.correlation;
            let passes = best >= LIES_IN || strip >= BESIDE_A_STRIP;
            passes.then_some((*number, best.max(strip)))
        });
        Some(correlations.collect::<Vec<_>>())
    });
    let found: Vec<Vec<(u32, f32)>> = found.collect::<Option<_>>()?;
    for (number, correlation) in found.into_iter().flatten() {
        let pair = &mut pairs[number as usize];
        let best = pair
            .correlation
            .map_or(correlation, |it| it.max(correlation));
        pair.correlation = Some(best);
    }
    pairs.retain(|pair| {
        let signature = |number: u32| collection.contents[number as usize].signature;
        let is_unknown = signature(pair.first).is_none() || signature(pair.second).is_none();
        pair.correlation.is_some() || is_unknown
    });
    Some(pairs)
}
