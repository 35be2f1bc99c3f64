//! Descriptors without what all of them have in common.

use crate::descriptor::normalize_in_place;

/// What is subtracted from every descriptor.
#[derive(Clone, Debug, PartialEq)]
pub struct Centre {
    /// The part of the mean, 0 … 1.
    pub share: f32,
    /// The mean of a gallery's descriptors.
    pub mean: Vec<f32>,
}

impl Centre {
    /// The mean of vectors of this dimension.
    #[must_use]
    pub fn of<V: AsRef<[f32]>>(
        share: f32,
        dimension: usize,
        vectors: impl Iterator<Item = V>,
    ) -> Self {
        let mut sum = vec![0.0f64; dimension];
        let mut count = 0.0f64;
        for vector in vectors {
            count += 1.0;
            for (sum, value) in sum.iter_mut().zip(vector.as_ref()) {
                *sum += f64::from(*value);
            }
        }
        let mean = sum.iter().map(|sum| (sum / count.max(1.0)) as f32);
        Self {
            share,
            mean: mean.collect(),
        }
    }

    /// A descriptor centred and normalized again; what nothing is left of stays as it is.
    #[must_use]
    pub fn applied(&self, vector: &[f32]) -> Vec<f32> {
        let values = vector.iter().zip(&self.mean);
        let mut centred: Vec<f32> = values
            .map(|(value, mean)| value - self.share * mean)
            .collect();
        if normalize_in_place(&mut centred).is_err() {
            return vector.to_vec();
        }
        centred
    }
}
