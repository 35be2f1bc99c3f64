//! Whether a change is taken.
//!
//! Queries of one group succeed and fail together, and a search that looks at dozens of combinations finds
//! some that please a few groups by chance. So it asks for more than a better mean: most groups must not be
//! worse, and the first answer must stay as good. Over folds of many sets this delivered more on unseen groups
//! than a test of significance, and was as safe.

use serde::Serialize;

/// A gain below this is none.
const GAIN: f64 = 0.003;
/// The share of the groups that must not be worse.
const GROUPS: f64 = 0.6;
/// By so much recall@1 may fall.
const FIRST: f64 = 0.005;

/// What queries measure under one setting.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// What decides, for each query.
    pub metric: Vec<f64>,
    /// Recall@1 of each.
    pub first: Vec<f64>,
}

impl Values {
    /// The mean of what decides.
    pub fn mean(&self) -> f64 {
        mean(&self.metric)
    }

    /// With those of more queries.
    pub fn append(&mut self, more: &Self) {
        self.metric.extend(&more.metric);
        self.first.extend(&more.first);
    }
}

/// What a change does, over the queries that it was looked at with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// The mean gain of what decides.
    #[serde(rename = "mean_gain")]
    pub gain: f64,
    /// The mean gain of recall@1.
    #[serde(rename = "recall_at_1_gain")]
    pub first: f64,
    /// Groups that were asked for.
    pub groups: usize,
    /// Of these so many are better on average.
    pub groups_better: usize,
    /// And so many are not worse.
    pub groups_not_worse: usize,
}

impl Change {
    /// From one to the other; `groups` are the queries'.
    #[must_use]
    pub fn of(groups: &[u32], old: &Values, new: &Values) -> Self {
        let gains = differences(&new.metric, &old.metric);
        let means = means(groups, &gains);
        Self {
            gain: mean(&gains),
            first: mean(&differences(&new.first, &old.first)),
            groups: means.len(),
            groups_better: means.iter().filter(|mean| **mean > 0.0).count(),
            groups_not_worse: means.iter().filter(|mean| **mean >= 0.0).count(),
        }
    }

    /// Whether it is better.
    #[must_use]
    pub fn is_gain(&self) -> bool {
        self.fault(GAIN).is_none()
    }

    /// Whether it may be taken though it may gain nothing.
    #[must_use]
    pub fn is_no_loss(&self) -> bool {
        self.gain >= 0.0 && self.fault(f64::NEG_INFINITY).is_none()
    }

    /// Why it is not taken.
    #[must_use]
    pub fn why_not(&self) -> Option<String> {
        self.fault(GAIN)
    }

    fn fault(&self, least: f64) -> Option<String> {
        let Self {
            gain,
            first,
            groups,
            groups_not_worse: fine,
            ..
        } = *self;
        if gain <= least {
            return Some(format!("it gains {gain:+.4}, not more than {least}"));
        }
        if first < -FIRST {
            return Some(format!("recall@1 changes by {first:+.4}"));
        }
        let is_common = fine as f64 >= GROUPS * groups as f64;
        (!is_common).then(|| format!("{} of {groups} groups are worse", groups - fine))
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The mean difference of each group that has queries.
fn means(groups: &[u32], differences: &[f64]) -> Vec<f64> {
    let count = groups.iter().max().map_or(0, |last| *last as usize + 1);
    let mut sums = vec![(0.0, 0usize); count];
    for (group, difference) in groups.iter().zip(differences) {
        let sum = &mut sums[*group as usize];
        *sum = (sum.0 + difference, sum.1 + 1);
    }
    let present = sums.into_iter().filter(|(_, queries)| *queries > 0);
    present.map(|(sum, queries)| sum / queries as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(gain_of_group: impl Fn(u32) -> f64, first: f64) -> Change {
        let groups: Vec<u32> = (0..300).map(|query| query / 30).collect();
        let old = Values {
            metric: vec![0.5; 300],
            first: vec![0.5; 300],
        };
        let new = Values {
            metric: groups
                .iter()
                .map(|group| 0.5 + gain_of_group(*group))
                .collect(),
            first: vec![0.5 + first; 300],
        };
        Change::of(&groups, &old, &new)
    }

    #[test]
    fn what_pleases_a_few_groups_alone_is_no_gain() {
        assert!(change(|_| 0.01, 0.0).is_gain());
        let few = change(|group| if group < 5 { 0.5 } else { -0.01 }, 0.0);
        assert_eq!((few.groups_better, few.groups_not_worse), (5, 5));
        assert!(few.why_not().unwrap().contains("5 of 10 groups are worse"));
        assert!(!few.is_no_loss());
    }

    #[test]
    fn a_small_gain_is_no_gain_and_no_loss() {
        let small = change(|_| 0.002, 0.0);
        assert!(small.why_not().unwrap().contains("+0.0020"));
        assert!(small.is_no_loss());
        assert!(!change(|_| -0.0001, 0.0).is_no_loss());
    }

    #[test]
    fn the_first_answer_must_stay_as_good() {
        assert!(change(|_| 0.1, -0.004).is_gain());
        let worse = change(|_| 0.1, -0.006);
        assert!(worse.why_not().unwrap().contains("recall@1"));
        assert!(!worse.is_no_loss());
    }
}
