//! Whether a gain is one of many groups or of a few.
//!
//! Queries of one group succeed and fail together. A search that looks at hundreds of combinations
//! would take what pleases one group for a gain, were queries counted as if they were independent;
//! so it asks for more: that the groups' mean gains, few as they are, be above zero by Student's t
//! ("The probable error of a mean", 1908).

/// The 97.5 % quantile of Student's t by degrees of freedom, from 1; behind the table, the last.
const QUANTILES: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// Whether the groups' mean differences are above zero beyond noise; `groups` are the queries'.
pub fn agree(groups: &[u32], differences: &[f64]) -> bool {
    let means = means(groups, differences);
    let count = means.len() as f64;
    if means.len() < 2 {
        return false;
    }
    let mean = means.iter().sum::<f64>() / count;
    let squares: f64 = means.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    let quantile = QUANTILES[(means.len() - 2).min(QUANTILES.len() - 1)];
    mean > quantile * error
}

/// The mean difference of each group that has queries.
pub fn means(groups: &[u32], differences: &[f64]) -> Vec<f64> {
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

    #[test]
    fn what_pleases_one_group_alone_is_no_gain() {
        let groups: Vec<u32> = (0..300).map(|query| query / 50).collect();
        let alike: Vec<f64> = (0..300)
            .map(|query| 0.01 + f64::from(query % 7) / 1000.0)
            .collect();
        assert!(agree(&groups, &alike));
        let one: Vec<f64> = groups
            .iter()
            .map(|group| if *group == 2 { 0.5 } else { 0.001 })
            .collect();
        assert!(!agree(&groups, &one));
        assert!(!agree(&[0; 300], &alike));
    }
}
