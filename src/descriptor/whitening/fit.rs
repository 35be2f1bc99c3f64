//! The axes and scales of a whitening, from the descriptors of a set of photos.

use faer::{Mat, Side};

use super::{Origin, Whitening};
use crate::descriptor::products::Centred;
use crate::descriptor::vectors::{Matrix, Vectors};
use crate::error::{DescriptorError, Result};

/// Axes along which the photos differ by less than this share of their greatest variance differ only
/// by the rounding of f32.
const NOISE: f64 = 1e-12;

impl Whitening {
    /// Fits a whitening on `rows`, descriptors, that keeps `keep` axes.
    ///
    /// The axes are the eigenvectors of the covariance with the greatest eigenvalues λ (of the
    /// descriptors' products with each other where there are fewer of them than values: the same
    /// axes). Component i is multiplied by 1 / √((1 − s)·λᵢ + s·λ̄) where s is the `shrinkage` and
    /// λ̄ the mean variance of a value, tr(covariance) / dimension: the whitening of the
    /// covariance shrunk towards a multiple of the identity, as Ledoit & Wolf, "A well-conditioned
    /// estimator for large-dimensional covariance matrices", 2004. s = 0 is plain whitening, equal
    /// up to sign to scikit-learn's `PCA(whiten=True)`; s = 1 scales all components alike, which
    /// after normalizing is PCA alone. Each axis points to where its largest value is positive.
    ///
    /// Takes memory for three f64 matrices of n × n, where n is the smaller of the number of
    /// descriptors and their dimension, beside the rows.
    ///
    /// # Errors
    /// [`DescriptorError::NonFiniteDescriptor`]; [`DescriptorError::InvalidShrinkage`] outside of 0
    /// … 1; [`DescriptorError::TooFewToWhiten`] if `keep` is 0 or more than there are axes along
    /// which the descriptors differ: fewer than there are descriptors, and no more than they have
    /// values.
    pub fn fit(rows: Vectors<'_>, keep: usize, shrinkage: f32) -> Result<Self, DescriptorError> {
        check(rows, keep, shrinkage)?;
        let (photos, dimension) = (rows.len(), rows.dimension());
        let rows = Centred::new(rows);
        let (axes, variances, total) = axes(&rows, keep)?;
        let mean_variance = total / dimension as f64;
        let shrinkage64 = f64::from(shrinkage);
        let scale = |variance: &f64| {
            let shrunk = (1.0 - shrinkage64) * variance + shrinkage64 * mean_variance;
            (1.0 / shrunk.sqrt()) as f32
        };
        let fitted = Self {
            mean: rows.mean.iter().map(|value| *value as f32).collect(),
            projection: axes,
            scales: variances.iter().map(scale).collect(),
            origin: Origin::default(),
            origin_json: String::new(),
        };
        Ok(fitted.with_origin(Origin {
            fingerprint: None,
            shrinkage,
            photos,
            kept_variance: (variances.iter().sum::<f64>() / total) as f32,
        }))
    }
}

fn check(rows: Vectors<'_>, keep: usize, shrinkage: f32) -> Result<(), DescriptorError> {
    if !(0.0..=1.0).contains(&shrinkage) {
        return Err(DescriptorError::InvalidShrinkage { shrinkage });
    }
    if !rows.values().iter().all(|value| value.is_finite()) {
        return Err(DescriptorError::NonFiniteDescriptor);
    }
    let photos = rows.len();
    at_most(photos.saturating_sub(1).min(rows.dimension()), keep, photos)
}

fn at_most(most: usize, keep: usize, photos: usize) -> Result<(), DescriptorError> {
    if (1..=most).contains(&keep) {
        Ok(())
    } else {
        Err(DescriptorError::TooFewToWhiten { keep, most, photos })
    }
}

/// The first `keep` axes `[keep, dimension]`, the variance along each, and the variance in all.
fn axes(rows: &Centred<'_>, keep: usize) -> Result<(Matrix, Vec<f64>, f64), DescriptorError> {
    let has_fewer_values = rows.count() > rows.mean.len();
    let mut matrix = if has_fewer_values {
        rows.scatter()
    } else {
        rows.gram()
    };
    let divisor = (rows.count() - 1) as f64;
    matrix *= faer::Scale(1.0 / divisor);
    let total = (0..matrix.nrows()).map(|i| matrix[(i, i)]).sum();
    let decomposed = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| DescriptorError::NonFiniteDescriptor)?;
    // In ascending order.
    let count = matrix.nrows();
    let variance = |i: usize| decomposed.S()[count - 1 - i];
    let is_spread = |i: &usize| variance(*i) > NOISE * variance(0);
    let spread = (0..count).take_while(is_spread).count();
    at_most(spread, keep, rows.count())?;
    let variances: Vec<f64> = (0..keep).map(variance).collect();
    let vectors = decomposed.U();
    let vector = |row: usize, axis: usize| vectors[(row, count - 1 - axis)];
    let mut axes = if has_fewer_values {
        Mat::from_fn(keep, count, |axis, value| vector(value, axis))
    } else {
        let lengths: Vec<f64> = variances.iter().map(|v| (v * divisor).sqrt()).collect();
        let weights = Mat::from_fn(count, keep, |row, axis| vector(row, axis) / lengths[axis]);
        rows.weighted_sums(weights.as_ref())
    };
    point_to_the_positive(&mut axes);
    let axes =
        (0..keep).flat_map(|axis| axes.row(axis).iter().map(|v| *v as f32).collect::<Vec<_>>());
    let axes = Matrix::new(axes.collect(), rows.mean.len())?;
    Ok((axes, variances, total))
}

/// An eigenvector's sign means nothing, but the same photos shall give the same whitening.
fn point_to_the_positive(axes: &mut Mat<f64>) {
    for axis in 0..axes.nrows() {
        let values = axes.row(axis);
        let largest = values
            .iter()
            .copied()
            .max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if largest.is_some_and(|value| value < 0.0) {
            axes.row_mut(axis)
                .iter_mut()
                .for_each(|value| *value = -*value);
        }
    }
}
