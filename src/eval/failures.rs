//! The queries that went worst, to be looked at.

use std::path::PathBuf;

use serde::Serialize;

use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::ranking::{Similarities, first};
use super::trial::Trial;
use crate::document::{double, place};
use crate::gallery::index::Neighbor;

/// Relevant items told of each query that came too late.
const MISSED: usize = 3;

/// A query that went badly.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The query's photo.
    #[serde(flatten, serialize_with = "place")]
    pub path: PathBuf,
    /// What it shows, where groups have names.
    pub group: Option<String>,
    /// The metric's value for it.
    pub value: f64,
    /// What came first, best first.
    pub first: Vec<Answer>,
    /// Of what should have come first, those that came last, the nearest first.
    pub missed: Vec<Answer>,
}

/// A photo in a query's ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The photo.
    #[serde(flatten, serialize_with = "place")]
    pub path: PathBuf,
    /// Its place, counted from 1, ignored items left out.
    pub rank: u32,
    /// Its similarity to the query, −1 … 1.
    #[serde(serialize_with = "double")]
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
        let answer = |(rank, found): &(u32, Neighbor)| Answer {
            path: truth.items[found.index as usize].path.clone(),
            rank: *rank,
            similarity: found.similarity,
            is_relevant: is_relevant(found.index),
        };
        let ranking = first(&row, query, truth, truth.items.len());
        let ranking: Vec<(u32, Neighbor)> = (1..).zip(ranking).collect();
        let (first, behind) = ranking.split_at(k.min(ranking.len()));
        let late = behind.iter().filter(|(_, found)| is_relevant(found.index));
        let late: Vec<&(u32, Neighbor)> = late.collect();
        let missed = &late[late.len().saturating_sub(MISSED)..];
        let item = &truth.items[query.item as usize];
        let group = item
            .group
            .and_then(|group| truth.groups.get(group as usize));
        Failure {
            path: item.path.clone(),
            group: group.cloned(),
            value: values[index],
            missed: missed.iter().copied().map(answer).collect(),
            first: first.iter().map(answer).collect(),
        }
    };
    order.iter().map(failure).collect()
}
