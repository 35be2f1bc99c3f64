//! What rankings are worth for a spec, beside plain comparison.

use std::ops::ControlFlow;

use serde::Serialize;

use super::bootstrap::{Bootstrap, Estimate, by_name};
use super::ground_truth::GroundTruth;
use super::metrics::{Metric, Outcome};
use super::ranking::outcomes;
use super::rerank::Reranked;
use super::tune::{Change, Values};
use crate::descriptor::Vectors;
use crate::ranking::Ranking;

/// What is tried of every set: each photo moved towards its nearest, and neighbours in common, which gain most
/// where groups are large and behind the first answer cost no first answers.
const USUAL: [&str; 6] = [
    "none",
    "augment=3",
    "augment=3,csls=20",
    "k-reciprocal(10,3,0.3),keep-first=1",
    "k-reciprocal(20,6,0.3),keep-first=1",
    "centre=0.5,augment=3,k-reciprocal(10,3,0.3),keep-first=1",
];
/// Queries that are asked at most: a ranking takes longer than a comparison.
const MOST_QUERIES: usize = 1000;

/// A ranking, and what it is worth.
#[derive(Clone, Debug, Serialize)]
pub struct RankingRow {
    /// The ranking.
    pub ranking: Ranking,
    /// Whether it is the one to take: of those that are better by the rule the one that gains most, or plain
    /// comparison where none is.
    pub is_advised: bool,
    /// How much better it is than plain comparison, by what decides.
    pub gain: Estimate,
    /// Why it is not better by the rule; nothing if it is, and of plain comparison.
    pub why_not: Option<String>,
    /// What it changes.
    #[serde(flatten)]
    pub change: Change,
    /// Each metric's estimate; the first is what decides.
    #[serde(serialize_with = "by_name")]
    pub metrics: Vec<(Metric, Estimate)>,
}

/// How many were asked, and each of the rankings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rankings {
    /// Queries asked: of many some, chosen at random.
    pub queries: usize,
    /// Plain comparison first.
    pub rows: Vec<RankingRow>,
}

impl Rankings {
    /// The usual rankings of these descriptors, and `more`, by `metrics`, of which the first decides. Whatever
    /// was measured before `go_on` says otherwise.
    pub(super) fn of(
        (truth, descriptors): (&GroundTruth, Vectors<'_>),
        metrics: &[Metric],
        more: &[Ranking],
        seed: u64,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Self {
        let truth = truth.clone().sample(MOST_QUERIES, seed);
        let groups: Vec<u32> = truth.queries.iter().map(|query| query.group).collect();
        let bootstrap = Bootstrap::new(groups.len(), seed);
        let mut rankings: Vec<Ranking> =
            USUAL.iter().filter_map(|text| text.parse().ok()).collect();
        for ranking in more {
            if !rankings.contains(ranking) {
                rankings.push(*ranking);
            }
        }
        let mut rows: Vec<RankingRow> = Vec::new();
        let mut plain: Option<Values> = None;
        for ranking in rankings {
            if go_on().is_break() {
                break;
            }
            let outcomes = outcomes(&truth, &Reranked::new(&truth, descriptors, ranking));
            let by = |metric: Metric| -> Vec<f64> {
                outcomes
                    .iter()
                    .map(|one: &Outcome| metric.of(one))
                    .collect()
            };
            let values = Values {
                metric: metrics
                    .first()
                    .map(|metric| by(*metric))
                    .unwrap_or_default(),
                first: by(Metric::Recall(1)),
            };
            let base = plain.get_or_insert_with(|| values.clone());
            let change = Change::of(&groups, base, &values);
            rows.push(RankingRow {
                ranking,
                is_advised: false,
                gain: bootstrap.difference(&values.metric, &base.metric),
                why_not: change.why_not().filter(|_| ranking != Ranking::NONE),
                change,
                metrics: metrics
                    .iter()
                    .map(|metric| (*metric, bootstrap.estimate(&by(*metric))))
                    .collect(),
            });
        }
        advise(&mut rows);
        Self {
            queries: groups.len(),
            rows,
        }
    }

    /// The ranking to take; nothing where none was measured.
    #[must_use]
    pub fn advised(&self) -> Option<Ranking> {
        let advised = self.rows.iter().find(|row| row.is_advised);
        advised.map(|row| row.ranking)
    }
}

fn advise(rows: &mut [RankingRow]) {
    let better = rows.iter().enumerate();
    let better = better.filter(|(_, row)| row.change.is_gain());
    let best = better.max_by(|a, b| a.1.change.gain.total_cmp(&b.1.change.gain));
    let best = best.map_or(0, |(place, _)| place);
    if let Some(row) = rows.get_mut(best) {
        row.is_advised = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_ranking_is_one_and_plain_comparison_comes_first() {
        let parsed: Vec<Ranking> = USUAL.map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(parsed[0], Ranking::NONE);
    }

    #[test]
    fn the_ranking_that_gains_most_by_the_rule_is_advised_else_none() {
        let row = |gain: f64, first: f64| RankingRow {
            ranking: Ranking::NONE,
            is_advised: false,
            gain: Estimate::default(),
            why_not: None,
            change: Change {
                gain,
                first,
                groups: 4,
                groups_better: 4,
                groups_not_worse: 4,
            },
            metrics: Vec::new(),
        };
        let advised = |rows: Vec<RankingRow>| {
            let mut rows = rows;
            advise(&mut rows);
            let marked = rows.iter().enumerate().filter(|(_, row)| row.is_advised);
            marked.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let rows = vec![row(0.0, 0.0), row(0.02, 0.0), row(0.05, -0.01)];
        assert_eq!(advised(rows), [1]);
        assert_eq!(advised(vec![row(0.0, 0.0), row(0.002, 0.0)]), [0]);
        assert!(advised(Vec::new()).is_empty());
    }
}
