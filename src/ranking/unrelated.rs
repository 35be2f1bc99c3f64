//! What a similarity means: how many photos that have nothing to do with the query would be expected to be
//! this similar.
//!
//! BLAST's expect value (Karlin & Altschul, "Methods for assessing the statistical significance of molecular
//! sequence features", 1990) and the number of false alarms of a-contrario detection (Desolneux, Moisan &
//! Morel, 2000) are the same thing. Here the tail is fitted to similarities of photos of the gallery itself.

/// Points of the distribution that the tail is fitted to.
const POINTS: usize = 200;
/// Similarities with fewer tell nothing of a tail.
const LEAST: usize = 200;

/// The tail of the similarities of unrelated photos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unrelated {
    /// Of the logarithm of the share that is at least this similar: what stands before 1, s and s².
    terms: [f64; 3],
    /// Photos of a gallery that are unrelated to one.
    photos: f64,
}

impl Unrelated {
    /// Fits the tail of `similarities` of pairs, between two shares of them, 0 … 1, that lie below; `photos`
    /// of the gallery are unrelated to a query. Nothing where they are too few or all alike.
    ///
    /// A parabola is fitted to the logarithm of the share that is at least as similar, as a normal
    /// distribution has it nearly; a straight line where that would bend upwards.
    #[must_use]
    pub fn fit(mut similarities: Vec<f32>, between: (f64, f64), photos: f64) -> Option<Self> {
        similarities.retain(|it| it.is_finite());
        if similarities.len() < LEAST {
            return None;
        }
        similarities.sort_unstable_by(f32::total_cmp);
        let all = similarities.len() as f64;
        let place = |share: f64| (share * all) as usize;
        let (from, to) = (place(between.0), place(between.1));
        let mut places: Vec<usize> = (0..POINTS)
            .map(|point| from + (to - from).saturating_sub(1) * point / (POINTS - 1))
            .collect();
        places.dedup();
        let points = places.into_iter().map(|place| {
            let below = (place as f64 + 0.5) / all;
            (f64::from(similarities[place]), (1.0 - below).ln())
        });
        let points: Vec<(f64, f64)> = points.collect();
        let parabola = least_squares::<3>(&points).filter(|terms| terms[2] <= 0.0);
        let terms = parabola.or_else(|| {
            let [constant, slope] = least_squares::<2>(&points)?;
            Some([constant, slope, 0.0])
        });
        let terms = terms.filter(|terms| terms.iter().all(|it| it.is_finite()))?;
        Some(Self { terms, photos })
    }

    /// How many unrelated photos would be at least this similar, 0 or more: .001 is sure, 5 is noise.
    #[must_use]
    pub fn expected(&self, similarity: f32) -> f64 {
        let [constant, slope, bend] = self.terms;
        let mut at = f64::from(similarity);
        if bend < 0.0 {
            // Left of its top a parabola falls, and a share does not.
            at = at.max(-slope / (2.0 * bend));
        }
        self.photos * (constant + slope * at + bend * at * at).min(0.0).exp()
    }
}

/// The polynomial with `N` terms nearest to some points.
fn least_squares<const N: usize>(points: &[(f64, f64)]) -> Option<[f64; N]> {
    if points.len() < N {
        return None;
    }
    // Around the mean, or squares of nearly equal numbers are all that is left of them.
    let mean = points.iter().map(|it| it.0).sum::<f64>() / points.len() as f64;
    let mut rows = [[0.0; 4]; N];
    for (x, y) in points {
        let power = |of: usize| (x - mean).powi(of as i32);
        for (row, values) in rows.iter_mut().enumerate() {
            for (column, value) in values.iter_mut().take(N).enumerate() {
                *value += power(row + column);
            }
            values[N] += power(row) * y;
        }
    }
    for pivot in 0..N {
        let best =
            (pivot..N).max_by(|a, b| rows[*a][pivot].abs().total_cmp(&rows[*b][pivot].abs()));
        rows.swap(pivot, best?);
        let own = rows[pivot];
        if own[pivot].abs() < 1e-12 {
            return None;
        }
        for (row, values) in rows.iter_mut().enumerate() {
            if row != pivot {
                let times = values[pivot] / own[pivot];
                for (value, own) in values.iter_mut().zip(own) {
                    *value -= times * own;
                }
            }
        }
    }
    let mut around: [f64; N] = std::array::from_fn(|term| rows[term][N] / rows[term][term]);
    // And back: (x − m)² = x² − 2mx + m².
    if N == 3 {
        around[0] += around[2] * mean * mean - around[1] * mean;
        around[1] -= 2.0 * around[2] * mean;
    } else {
        around[0] -= around[1] * mean;
    }
    Some(around)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a normal distribution, by the central limit.
    fn normal(count: usize) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(3);
        let one = |_| {
            let sum: f32 = (0..12).map(|_| random.f32()).sum();
            0.3 + 0.1 * (sum - 6.0)
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn as_many_are_found_as_are_expected() {
        let fitted = Unrelated::fit(normal(100_000), (0.9, 0.999), 1000.0).unwrap();
        let others = normal(400_000);
        for similarity in [0.45, 0.5, 0.55, 0.6] {
            let found = others.iter().filter(|it| **it >= similarity).count();
            let found = found as f64 * 1000.0 / 400_000.0;
            let expected = fitted.expected(similarity);
            assert!((expected / found).ln().abs() < 0.25, "{expected} {found}");
        }
        // Below the tail it never grows beyond all there are.
        assert!(fitted.expected(-1.0) <= 1000.0 && fitted.expected(0.3) <= 1000.0);
        assert!(fitted.expected(1.0) < 1e-6);
    }

    #[test]
    fn where_there_is_no_tail_nothing_is_told() {
        assert_eq!(Unrelated::fit(normal(100), (0.9, 0.999), 10.0), None);
        assert_eq!(Unrelated::fit(vec![0.5; 1000], (0.9, 0.999), 10.0), None);
        assert_eq!(
            Unrelated::fit(vec![f32::NAN; 1000], (0.9, 0.999), 10.0),
            None
        );
    }
}
