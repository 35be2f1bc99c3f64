//! Vectors of length 1, and the one dot product everything compares by.

use pulp::{Arch, Simd, WithSimd};

use crate::error::{DescriptorError, Result};

/// A vector of length 1 (Euclidean): the dot product of two is their cosine similarity.
///
/// It can only be made by normalizing, so it is never empty, never zero and never holds a NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitVector(Box<[f32]>);

impl UnitVector {
    /// Scales `values` to length 1.
    ///
    /// # Errors
    /// [`DescriptorError::ZeroDescriptor`] if every value is zero (or there are none): it has no
    /// direction; [`DescriptorError::NonFiniteDescriptor`] if a value is NaN or infinite.
    pub fn normalize(mut values: Vec<f32>) -> Result<Self, DescriptorError> {
        normalize_in_place(&mut values)?;
        Ok(Self(values.into_boxed_slice()))
    }

    /// Takes values that have length 1 already, as they are: what was stored reads back bit for
    /// bit.
    ///
    /// # Errors
    /// [`DescriptorError::ZeroDescriptor`] if they have another length;
    /// [`DescriptorError::NonFiniteDescriptor`].
    pub(crate) fn from_unit(values: Vec<f32>) -> Result<Self, DescriptorError> {
        let squares: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        if !squares.is_finite() {
            return Err(DescriptorError::NonFiniteDescriptor);
        }
        if (squares - 1.0).abs() > 1e-3 {
            return Err(DescriptorError::ZeroDescriptor);
        }
        Ok(Self(values.into_boxed_slice()))
    }

    /// Number of values.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.0.len()
    }

    /// The values.
    #[must_use]
    pub const fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Cosine similarity, −1 … 1 (up to rounding).
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        dot(&self.0, &other.0)
    }

    /// The direction of a weighted sum. A negative weight leads away from its vector.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`]; [`DescriptorError::ZeroDescriptor`] if there are none
    /// or they cancel out; [`DescriptorError::NonFiniteDescriptor`] if a weight is no number.
    pub fn weighted_sum<'a>(
        terms: impl IntoIterator<Item = (f32, &'a Self)>,
    ) -> Result<Self, DescriptorError> {
        let mut sum: Vec<f32> = Vec::new();
        for (weight, vector) in terms {
            if sum.is_empty() {
                sum = vec![0.0; vector.dimension()];
            }
            let (expected, found) = (sum.len(), vector.dimension());
            if found != expected {
                return Err(DescriptorError::WrongDimension { expected, found });
            }
            for (total, value) in sum.iter_mut().zip(vector.as_slice()) {
                *total += weight * value;
            }
        }
        Self::normalize(sum)
    }
}

/// Where the squares sum up to less, the values are rounding noise around zero and the direction means
/// nothing.
pub const LEAST_SQUARES: f64 = 1e-24;

/// Scales `values` to length 1 in place; the norm is summed in f64, so long vectors lose nothing.
///
/// # Errors
/// As [`UnitVector::normalize`].
pub fn normalize_in_place(values: &mut [f32]) -> Result<(), DescriptorError> {
    let squares: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if !squares.is_finite() {
        return Err(DescriptorError::NonFiniteDescriptor);
    }
    if squares < LEAST_SQUARES {
        return Err(DescriptorError::ZeroDescriptor);
    }
    let scale = 1.0 / squares.sqrt();
    for value in values {
        *value = (f64::from(*value) * scale) as f32;
    }
    Ok(())
}

/// The dot product of two slices of equal length, with the widest instructions that this machine
/// has.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    Arch::new().dispatch(Dot(a, b))
}

struct Dot<'a>(&'a [f32], &'a [f32]);

impl WithSimd for Dot<'_> {
    type Output = f32;

    /// Four registers of running sums: they hide the latency of the additions and round better
    /// than a single sum.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        const SUMS: usize = 4;
        let (a, a_rest) = S::as_simd_f32s(self.0);
        let (b, b_rest) = S::as_simd_f32s(self.1);
        let (a_blocks, a_last) = a.as_chunks::<SUMS>();
        let (b_blocks, b_last) = b.as_chunks::<SUMS>();
        let mut sums = [simd.splat_f32s(0.0); SUMS];
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
                *sum = simd.mul_add_e_f32s(*x, *y, *sum);
            }
        }
        for (x, y) in a_last.iter().zip(b_last) {
            sums[0] = simd.mul_add_e_f32s(*x, *y, sums[0]);
        }
        let [s0, s1, s2, s3] = sums;
        let sum = simd.add_f32s(simd.add_f32s(s0, s1), simd.add_f32s(s2, s3));
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
        simd.reduce_sum_f32s(sum) + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_descriptor_has_length_one(values in prop::collection::vec(-1e3f32..1e3, 1..600)) {
            prop_assume!(values.iter().any(|v| v.abs() > 1e-3));
            let descriptor = UnitVector::normalize(values).unwrap();
            prop_assert!((descriptor.similarity(&descriptor) - 1.0).abs() < 1e-5);
        }

        #[test]
        fn dot_equals_the_plain_sum(pairs in prop::collection::vec((-1f32..1.0, -1f32..1.0), 0..100)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - plain).abs() < 1e-4);
        }
    }

    #[test]
    fn zero_and_empty_vectors_are_refused() {
        assert!(matches!(
            UnitVector::normalize(vec![0.0; 4]),
            Err(DescriptorError::ZeroDescriptor)
        ));
        assert!(matches!(
            UnitVector::normalize(vec![]),
            Err(DescriptorError::ZeroDescriptor)
        ));
        assert!(matches!(
            UnitVector::weighted_sum([]),
            Err(DescriptorError::ZeroDescriptor)
        ));
    }

    #[test]
    fn nan_and_infinity_are_refused() {
        for bad in [f32::NAN, f32::INFINITY] {
            let made = UnitVector::normalize(vec![1.0, bad]);
            assert!(matches!(made, Err(DescriptorError::NonFiniteDescriptor)));
        }
    }

    #[test]
    fn a_weighted_sum_lies_between_and_a_negative_weight_leads_away() {
        let x = UnitVector::normalize(vec![1.0, 0.0]).unwrap();
        let y = UnitVector::normalize(vec![0.0, 1.0]).unwrap();
        let sum = |terms: &[(f32, &UnitVector)]| {
            let sum = UnitVector::weighted_sum(terms.iter().copied()).unwrap();
            sum.as_slice().to_vec()
        };
        let is = |found: Vec<f32>, expected: [f32; 2]| {
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
            assert!(found.iter().zip(&expected).all(near), "{found:?}");
        };
        is(sum(&[(1.0, &x), (1.0, &y)]), [0.5f32.sqrt(), 0.5f32.sqrt()]);
        is(sum(&[(3.0, &x), (4.0, &y)]), [0.6, 0.8]);
        is(sum(&[(4.0, &x), (-3.0, &y)]), [0.8, -0.6]);
        assert!(matches!(
            UnitVector::weighted_sum([(1.0, &x), (-1.0, &x)]),
            Err(DescriptorError::ZeroDescriptor)
        ));
    }
}
