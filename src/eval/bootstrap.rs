//! How sure a mean is: the bootstrap's 95 % interval.
//!
//! Efron, "Bootstrap methods: another look at the jackknife", 1979: queries are drawn anew, with
//! replacement, many times over; the middle 95 % of the means are the interval. All specs and
//! measures see the same draws, so the difference of two is judged query by query.

use std::fmt::Display;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

/// Times that the queries are drawn anew.
const DRAWS: usize = 2000;
/// Of the means sorted, the first and last inside the interval.
const INSIDE: (usize, usize) = (DRAWS / 40, DRAWS - DRAWS / 40 - 1);

/// How often each query was drawn, each time that they were.
pub struct Bootstrap {
    /// `[DRAWS, queries]`.
    counts: Vec<f32>,
    queries: usize,
}

/// A mean and where it may lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean over the queries.
    pub mean: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A JSON object by the names of what was measured.
///
/// # Errors
/// The serializer's.
pub fn by_name<N: Display, S: Serializer>(
    measured: &[(N, Estimate)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let named = measured.iter().map(|(name, one)| (name.to_string(), one));
    serializer.collect_map(named)
}

impl Bootstrap {
    /// Draws from so many queries, always the same for a seed.
    #[must_use]
    pub fn new(queries: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut counts = vec![0.0; DRAWS * queries];
        for draw in counts.chunks_mut(queries.max(1)) {
            for _ in 0..queries {
                draw[random.usize(..queries)] += 1.0;
            }
        }
        Self { counts, queries }
    }

    /// The mean of a value per query, with its interval.
    #[must_use]
    pub fn estimate(&self, values: &[f64]) -> Estimate {
        debug_assert_eq!(values.len(), self.queries);
        if values.is_empty() {
            return Estimate::default();
        }
        let queries = values.len() as f64;
        let drawn = |counts: &[f32]| {
            let weighted = counts
                .iter()
                .zip(values)
                .map(|(count, value)| f64::from(*count) * value);
            weighted.sum::<f64>() / queries
        };
        let mut means: Vec<f64> = self.counts.par_chunks(self.queries).map(drawn).collect();
        means.sort_unstable_by(f64::total_cmp);
        Estimate {
            mean: values.iter().sum::<f64>() / queries,
            low: means[INSIDE.0],
            high: means[INSIDE.1],
        }
    }

    /// How much better `a` is than `b`, query by query.
    #[must_use]
    pub fn difference(&self, a: &[f64], b: &[f64]) -> Estimate {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        self.estimate(&differences)
    }
}

impl Estimate {
    /// Whether it is above zero beyond noise.
    #[must_use]
    pub fn is_gain(&self) -> bool {
        self.low > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "the mean of these is exact")]
    fn the_interval_is_about_two_standard_errors_wide_on_each_side() {
        // 400 queries, half right: the standard error of the mean is 0.025.
        let values: Vec<f64> = (0..400).map(|query| f64::from(query % 2)).collect();
        let estimate = Bootstrap::new(400, 1).estimate(&values);
        assert_eq!(estimate.mean, 0.5);
        for end in [0.5 - estimate.low, estimate.high - 0.5] {
            assert!((end - 0.049).abs() < 0.006, "{estimate:?}");
        }
    }

    #[test]
    fn a_small_but_constant_gain_is_seen_though_the_queries_differ_much() {
        let worse: Vec<f64> = (0..100).map(|query| f64::from(query % 10) / 10.0).collect();
        let better: Vec<f64> = worse.iter().map(|value| value + 0.01).collect();
        let bootstrap = Bootstrap::new(100, 1);
        assert!(bootstrap.difference(&better, &worse).is_gain());
        assert!(!bootstrap.difference(&worse, &worse).is_gain());
    }
}
