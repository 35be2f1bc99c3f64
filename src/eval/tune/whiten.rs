//! Whether whitening helps, judged on groups that it was not fitted on.

use super::super::bootstrap::{Bootstrap, Estimate};
use super::super::ground_truth::GroundTruth;
use super::super::metrics::Metric;
use super::super::ranking::{Weighted, outcomes};
use super::groups;
use crate::descriptor::{Matrix, Vectors, Whitening};
use crate::error::{DescriptorError, Result};

/// Dimensions kept that are tried.
const KEEP: [usize; 6] = [64, 128, 256, 512, 1024, 2048];
/// Shrinkages that are tried: with few photos the small axes are noise, and less whitening is more.
const SHRINKAGE: [f32; 4] = [0.0, 0.1, 0.3, 0.6];

/// A whitening that helps.
pub struct Fitted {
    /// Fitted on all of the half.
    pub whitening: Whitening,
    /// What it gained where each part of the half was whitened with what was fitted on the other.
    pub gain: Estimate,
}

/// The best whitening of these descriptors, if any is better than none beyond noise.
///
/// The half is split by group once more, and each part is whitened by what the other was fitted on:
/// fitted and judged on the same photos every whitening would look splendid.
pub fn best(
    truth: &GroundTruth,
    descriptors: Vectors<'_>,
    metric: Metric,
    seed: u64,
    tried: &mut usize,
) -> Result<Option<Fitted>, DescriptorError> {
    let folds = folds(truth, descriptors, seed);
    let plain: Vec<f64> = folds
        .iter()
        .flat_map(|fold| values(&fold.truth, fold.descriptors.as_vectors(), metric))
        .collect();
    if plain.is_empty() {
        return Ok(None);
    }
    let bootstrap = Bootstrap::new(plain.len(), seed);
    let fewest = folds
        .iter()
        .map(|fold| fold.descriptors.as_vectors().len())
        .min()
        .unwrap_or(0);
    let groups = folds
        .iter()
        .flat_map(|fold| fold.truth.queries.iter().map(|query| query.group));
    let groups: Vec<u32> = groups.collect();
    let mut best: Option<(Estimate, usize, f32)> = None;
    for shrinkage in SHRINKAGE {
        // The axes do not depend on how many are kept.
        for keep in KEEP
            .into_iter()
            .filter(|keep| *keep < fewest && *keep <= descriptors.dimension())
        {
            *tried += 1;
            let fit = |fold: &Fold| Whitening::fit(fold.descriptors.as_vectors(), keep, shrinkage);
            let (a, b) = (fit(&folds[1])?, fit(&folds[0])?);
            let of = |fold: &Fold, whitening: &Whitening| {
                let whitened = whitening.apply_all(fold.descriptors.as_vectors())?;
                Ok::<_, DescriptorError>(values(&fold.truth, whitened.as_vectors(), metric))
            };
            let after = [of(&folds[0], &a)?, of(&folds[1], &b)?].concat();
            let differences: Vec<f64> = after.iter().zip(&plain).map(|(a, b)| a - b).collect();
            let gain = bootstrap.estimate(&differences);
            if !gain.is_gain() || !groups::agree(&groups, &differences) {
                continue;
            }
            if best.is_none_or(|(known, ..)| gain.mean > known.mean) {
                best = Some((gain, keep, shrinkage));
            }
        }
    }
    let Some((gain, keep, shrinkage)) = best else {
        return Ok(None);
    };
    let whitening = Whitening::fit(descriptors, keep, shrinkage)?;
    Ok(Some(Fitted { whitening, gain }))
}

struct Fold {
    truth: GroundTruth,
    descriptors: Matrix,
}

fn folds(truth: &GroundTruth, descriptors: Vectors<'_>, seed: u64) -> [Fold; 2] {
    truth.half_items(seed).map(|keep| {
        let rows: Vec<u32> = (0u32..)
            .zip(&keep)
            .filter(|(_, kept)| **kept)
            .map(|(row, _)| row)
            .collect();
        Fold {
            truth: truth.restrict(&keep),
            descriptors: descriptors.select(&rows),
        }
    })
}

fn values(truth: &GroundTruth, descriptors: Vectors<'_>, metric: Metric) -> Vec<f64> {
    let weighted = Weighted {
        parts: vec![descriptors],
        weights: vec![1.0],
    };
    outcomes(truth, &weighted)
        .iter()
        .map(|outcome| metric.of(outcome))
        .collect()
}
