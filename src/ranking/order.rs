//! Candidates of a plain search, brought into the order of a ranking.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Expansion, Neighbor, Ranking, best, reciprocal};

/// What a ranking asks of a query and of the photos that it is compared with.
///
/// Photos are known by a number. Similarities are those of the centred descriptors where the ranking
/// centres, else cosines.
pub trait Neighborhood {
    /// The query's similarity to a photo.
    fn to_query(&self, item: u32) -> f32;

    /// The similarity of two photos.
    fn between(&self, a: u32, b: u32) -> f32;

    /// The nearest others of a photo, best first, `count` or as many as there are. The query is not among
    /// them, be it one of the photos.
    fn nearest(&self, item: u32, count: usize) -> Vec<Neighbor>;

    /// The length of the sum of some descriptors with these weights. What is asked of is an augmented
    /// photo's: its own comes first, with weight 1.
    fn length(&self, terms: &[(u32, f32)]) -> f32;
}

/// The candidates, which are ordered by similarity to the query, in the order of the ranking; each with what
/// it is ordered by. Of the ranking only what concerns candidates is done: a query is expanded by asking
/// again. Neighbours are compared of the first `most`; the others stay behind them.
#[must_use]
pub fn order(
    ranking: &Ranking,
    candidates: Vec<Neighbor>,
    most: usize,
    neighborhood: &dyn Neighborhood,
) -> Vec<Neighbor> {
    let known = Known::new(neighborhood, ranking.neighbors(), &candidates);
    let first = candidates
        .iter()
        .take(ranking.neighbors())
        .map(|it| it.index);
    let first: Vec<u32> = first.collect();
    let mut ordered = candidates;
    if let Some(augment) = &ranking.augment {
        ordered = ranked(ordered, |one| known.augmented(augment, one.index));
    }
    if let Some(count) = ranking.csls {
        ordered = ranked(ordered, |one| {
            let near = known.nearest(one.index);
            2.0 * one.similarity - mean(near.iter().take(count))
        });
    }
    let Some(reciprocal) = &ranking.k_reciprocal else {
        return ordered;
    };
    let kept = ordered.iter().take(ranking.keep_first.unwrap_or(0));
    let kept: Vec<u32> = kept.map(|it| it.index).collect();
    let behind = ordered.split_off(most.min(ordered.len()));
    let ranked = reciprocal::ranked(reciprocal, &first, ordered, &known);
    with_last(with_first(&kept, ranked), behind)
}

/// The same with others behind. Their scores are lowered to those of what they stand behind.
fn with_last(mut ordered: Vec<Neighbor>, behind: Vec<Neighbor>) -> Vec<Neighbor> {
    let last = ordered.last().zip(behind.first());
    let lower = last.map_or(0.0, |(last, next)| {
        (next.similarity - last.similarity).max(0.0)
    });
    ordered.extend(behind.into_iter().map(|one| Neighbor {
        similarity: one.similarity - lower,
        ..one
    }));
    ordered
}

fn ranked(candidates: Vec<Neighbor>, score: impl Fn(Neighbor) -> f32) -> Vec<Neighbor> {
    let all = candidates.len();
    let scored = candidates.into_iter().map(|one| Neighbor {
        similarity: score(one),
        ..one
    });
    best(scored.collect(), all)
}

fn mean<'a>(near: impl Iterator<Item = &'a Neighbor>) -> f32 {
    let (sum, count) = near.fold((0.0, 0u16), |(sum, count), one| {
        (sum + one.similarity, count.saturating_add(1))
    });
    sum / f32::from(count.max(1))
}

/// The same with these in front. Their scores are raised to those of what they are put before.
fn with_first(first: &[u32], ordered: Vec<Neighbor>) -> Vec<Neighbor> {
    let place = |one: &Neighbor| first.iter().position(|kept| *kept == one.index);
    let (mut front, behind): (Vec<_>, Vec<_>) =
        ordered.into_iter().partition(|one| place(one).is_some());
    front.sort_by_key(place);
    let mut least = behind.first().map_or(f32::NEG_INFINITY, |it| it.similarity);
    for one in front.iter_mut().rev() {
        // Above, be it by little: equal ones would be ordered by something else.
        if one.similarity <= least {
            one.similarity = least.next_up();
        }
        least = one.similarity;
    }
    front.extend(behind);
    front
}

/// What was asked of a neighbourhood, each thing once.
pub struct Known<'a> {
    neighborhood: &'a dyn Neighborhood,
    count: usize,
    to_query: RefCell<HashMap<u32, f32>>,
    nearest: RefCell<HashMap<u32, Rc<[Neighbor]>>>,
}

impl<'a> Known<'a> {
    fn new(neighborhood: &'a dyn Neighborhood, count: usize, candidates: &[Neighbor]) -> Self {
        let known = candidates.iter().map(|it| (it.index, it.similarity));
        Self {
            neighborhood,
            count,
            to_query: RefCell::new(known.collect()),
            nearest: RefCell::default(),
        }
    }

    pub fn to_query(&self, item: u32) -> f32 {
        let mut known = self.to_query.borrow_mut();
        *known
            .entry(item)
            .or_insert_with(|| self.neighborhood.to_query(item))
    }

    pub fn between(&self, a: u32, b: u32) -> f32 {
        let in_list = |of: u32, other: u32| {
            let near = self.nearest(of);
            let found = near.iter().find(|it| it.index == other);
            found.map(|it| it.similarity)
        };
        in_list(a, b)
            .or_else(|| in_list(b, a))
            .unwrap_or_else(|| self.neighborhood.between(a, b))
    }

    /// As many as the ranking asks for at most.
    pub fn nearest(&self, item: u32) -> Rc<[Neighbor]> {
        if let Some(known) = self.nearest.borrow().get(&item) {
            return Rc::clone(known);
        }
        let near: Rc<[Neighbor]> = self.neighborhood.nearest(item, self.count).into();
        self.nearest.borrow_mut().insert(item, Rc::clone(&near));
        near
    }

    fn augmented(&self, augment: &Expansion, item: u32) -> f32 {
        let terms = augment.terms(item, &self.nearest(item));
        let sum: f32 = terms
            .iter()
            .map(|(item, weight)| weight * self.to_query(*item))
            .sum();
        sum / self.neighborhood.length(&terms).max(f32::MIN_POSITIVE)
    }
}
