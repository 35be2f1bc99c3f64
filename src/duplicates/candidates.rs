//! Which contents may be one photograph: those with near signatures, however they are turned, and those
//! with near descriptors, as far as the signature of one may lie in the other's. Never all with all.

use std::collections::HashMap;

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
/// Neighbours by descriptor that are asked for.
const NEIGHBOURS: usize = 12;
/// Correlation of a signature with its place in another's from which on pixels may decide.
const LIES_IN: f32 = 0.68;
/// The same of both without a strip.
const BESIDE_A_STRIP: f32 = 0.95;

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
    let alike = alike(collection).into_iter().map(|pair| (pair, None));
    // What is flat has no neighbour that pixels would confirm.
    let Some(near) = neighbours(collection, snapshot, NEIGHBOURS, true, on_step)? else {
        return Ok(None);
    };
    let near = near.into_iter().map(|(pair, it)| (pair, Some(it)));
    let pairs = unique(alike.chain(near));
    Ok(correlated(collection, pairs, on_step))
}

/// By their signatures alone.
fn alike(collection: &Collection) -> Vec<(u32, u32)> {
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

fn alike_of(collection: &Collection, number: u32, near: &[(f32, u32)]) -> Vec<(u32, u32)> {
    let own = &collection.contents[number as usize].seen;
    let is_alike = |other: &u32| {
        let other = &collection.contents[*other as usize].seen;
        own.iter()
            .zip(other)
            .any(|(a, b)| a.correlation(b) >= ALIKE)
    };
    let near = near.iter().map(|(_, other)| *other).filter(is_alike);
    near.map(|other| (number.min(other), number.max(other)))
        .collect()
}

/// Pairs of these contents with others, by signature and by the vector that is told of each.
///
/// # Errors
/// As [`Snapshot::nearest_vectors`].
pub fn among(
    collection: &Collection,
    snapshot: &Snapshot,
    numbers: &[u32],
    vector_of: &(dyn Fn(u32) -> Option<Vec<f32>> + Sync),
) -> Result<Vec<Pair>> {
    let tree = tree(collection);
    let found = numbers.par_iter().map(|number| {
        let content = &collection.contents[*number as usize];
        let mut pairs = Vec::new();
        if let (Some(signature), Some(_)) = (content.signature, &content.seen) {
            let near = tree.near((*number, &signature.orbits()), radius(), MOST_ALIKE);
            let alike = alike_of(collection, *number, &near);
            pairs.extend(alike.into_iter().map(|pair| (pair, None)));
        }
        if let Some(vector) = vector_of(*number) {
            let near = near_vectors(collection, snapshot, (*number, &vector), NEIGHBOURS)?;
            pairs.extend(near.into_iter().map(|(pair, it)| (pair, Some(it))));
        }
        Ok(pairs)
    });
    let found: Vec<Vec<((u32, u32), Option<f32>)>> = found.collect::<Result<_>>()?;
    Ok(unique(found.into_iter().flatten()))
}

/// Each pair once, with its cosine where one is told, in order.
fn unique(found: impl Iterator<Item = ((u32, u32), Option<f32>)>) -> Vec<Pair> {
    let mut similarities: HashMap<(u32, u32), Option<f32>> = HashMap::new();
    for (pair, similarity) in found {
        let known = similarities.entry(pair).or_default();
        *known = similarity.or(*known);
    }
    let pairs = similarities.into_iter();
    let mut pairs: Vec<Pair> = pairs
        .map(|((first, second), similarity)| Pair {
            first,
            second,
            correlation: None,
            similarity,
        })
        .collect();
    pairs.par_sort_unstable_by_key(|pair| (pair.first, pair.second));
    pairs
}

/// Pairs of contents with their cosine.
pub type Neighbours = Vec<((u32, u32), f32)>;

fn near_vectors(
    collection: &Collection,
    snapshot: &Snapshot,
    (number, vector): (u32, &[f32]),
    count: usize,
) -> Result<Neighbours> {
    let near = snapshot.nearest_vectors(vector, count + 1)?;
    let others = near.into_iter().filter_map(|(vector, similarity)| {
        let other = *collection.of_vector.get(&vector)?;
        (other != number).then(|| ((number.min(other), number.max(other)), similarity))
    });
    Ok(others.collect())
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
) -> Result<Option<Neighbours>> {
    let numbers = 0..collection.contents.len() as u32;
    let found = numbers.into_par_iter().map(|number| {
        if !on_step(1) {
            return Ok(None);
        }
        let content = &collection.contents[number as usize];
        let is_flat = content.signature.is_some() && content.seen.is_none();
        let vector = content.vector.filter(|_| !(shown_alone && is_flat));
        let Some(vector) = vector.and_then(|vector| snapshot.vector(vector)) else {
            return Ok(Some(Vec::new()));
        };
        near_vectors(collection, snapshot, (number, &vector), count).map(Some)
    });
    let found: Result<Option<Vec<Neighbours>>> = found.collect();
    Ok(found?.map(|found| found.into_iter().flatten().collect()))
}

/// Those of which one may lie in the other, by their signatures. Nothing where `on_step` says that it is
/// over.
pub fn correlated(
    collection: &Collection,
    mut pairs: Vec<Pair>,
    on_step: OnStep<'_>,
) -> Option<Vec<Pair>> {
    let mut of_each: Vec<Vec<u32>> = vec![Vec::new(); collection.contents.len()];
    for (number, pair) in (0..).zip(&pairs) {
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
            let best = windows.hypotheses(inner).first()?.correlation;
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
