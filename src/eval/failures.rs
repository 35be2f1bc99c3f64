//! The queries that went worst, to be looked at.

use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::ranking::{Similarities, first};
use super::trial::Trial;
use crate::gallery::index::Neighbor;

/// Relevant items told of each query that came too late.
const MISSED: usize = 3;

/// A query that went badly.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The query's item.
    pub query: u32,
    /// The metric's value for it.
    pub value: f64,
    /// What came first, best first.
    pub first: Vec<Answer>,
    /// Of what should have come first, those that came last, the nearest first.
    pub missed: Vec<Answer>,
}

/// An item in a query's ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The item.
    pub item: u32,
    /// Its place, counted from 1, ignored items left out.
    pub rank: u32,
    /// Its similarity to the query.
    pub similarity: f32,
    /// Whether it is relevant.
    pub is_relevant: bool,
}

/// The `count` queries of lowest value, worst first, with the first `k` answers of each.
#[must_use]
pub fn hardest(
    truth: &GroundTruth,
    trial: &Trial,
    metric: Metric,
    similarities: &impl Similarities,
    (count, k): (usize, usize),
) -> Vec<Failure> {
    let values = trial.values(metric);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order.truncate(count);
    let failure = |&index: &usize| {
        let query = &truth.queries[index];
        let row = similarities.of(&[query.item]);
        let is_relevant = |item: u32| query.relevant.binary_search(&item).is_ok();
        let answer = |(rank, found): (u32, Neighbor)| Answer {
            item: found.index,
            rank,
            similarity: found.similarity,
            is_relevant: is_relevant(found.index),
        };
        let ranking = first(&row, query, truth, truth.items.len());
        let all: Vec<Answer> = (1..).zip(ranking).map(answer).collect();
        let late = all
            .iter()
            .skip(k)
            .filter(|answer| answer.is_relevant)
            .copied();
        let late: Vec<Answer> = late.collect();
        Failure {
            query: query.item,
            value: values[index],
            missed: late[late.len().saturating_sub(MISSED)..].to_vec(),
            first: all.into_iter().take(k).collect(),
        }
    };
    order.iter().map(failure).collect()
}
