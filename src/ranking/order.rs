//! Candidates of a plain search, brought into the order of a ranking.

use super::neighborhood::{Known, Neighborhood};
use super::{Neighbor, Ranking, best, reciprocal};

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
