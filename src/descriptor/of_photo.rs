//! What stands for a photo: a vector of length 1 that knows what it was made with.

use std::sync::Arc;

use super::fingerprint::Fingerprint;
use super::vector::UnitVector;
use crate::error::DescriptorError;

/// A vector of length 1 (Euclidean) with the fingerprint of what made it: the dot product of two
/// that were made alike is the cosine similarity of their photos.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    vector: UnitVector,
    fingerprint: Arc<Fingerprint>,
}

impl Descriptor {
    /// A vector that was made as the fingerprint says.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`].
    pub fn new(
        vector: UnitVector,
        fingerprint: &Arc<Fingerprint>,
    ) -> Result<Self, DescriptorError> {
        let (expected, found) = (fingerprint.dimension(), vector.dimension());
        if found != expected {
            return Err(DescriptorError::WrongDimension { expected, found });
        }
        let fingerprint = Arc::clone(fingerprint);
        Ok(Self {
            vector,
            fingerprint,
        })
    }

    /// What it was made with.
    #[must_use]
    pub const fn fingerprint(&self) -> &Arc<Fingerprint> {
        &self.fingerprint
    }

    /// The vector.
    #[must_use]
    pub const fn vector(&self) -> &UnitVector {
        &self.vector
    }

    /// The vector's values, `[dimension]`.
    #[must_use]
    pub const fn as_slice(&self) -> &[f32] {
        self.vector.as_slice()
    }

    /// Number of values.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.vector.dimension()
    }

    /// Whether it may be compared with what has this fingerprint.
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`], which names what differs.
    pub fn check(&self, fingerprint: &Arc<Fingerprint>) -> Result<(), DescriptorError> {
        if Arc::ptr_eq(&self.fingerprint, fingerprint) {
            return Ok(());
        }
        Ok(fingerprint.check(&self.fingerprint)?)
    }

    /// Cosine similarity, −1 … 1 (up to rounding).
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`] if the two were not made alike.
    pub fn similarity(&self, other: &Self) -> Result<f32, DescriptorError> {
        other.check(&self.fingerprint)?;
        Ok(self.vector.similarity(&other.vector))
    }

    /// The direction of a weighted sum of descriptors that were made alike. A negative weight leads
    /// away from its photo.
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`]; as [`UnitVector::weighted_sum`].
    pub fn weighted_sum(terms: &[(f32, &Self)]) -> Result<Self, DescriptorError> {
        let Some((_, first)) = terms.first() else {
            return Err(DescriptorError::ZeroDescriptor);
        };
        for (_, descriptor) in terms {
            descriptor.check(&first.fingerprint)?;
        }
        let terms = terms.iter().map(|(weight, one)| (*weight, &one.vector));
        Self::new(UnitVector::weighted_sum(terms)?, &first.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_with(weights: char, values: &[f32]) -> Descriptor {
        let recipe = "efficientnet_lite0:head".parse().unwrap();
        let digest = weights.to_string().repeat(64);
        let fingerprint = Arc::new(Fingerprint::new(recipe, digest, values.len()));
        let vector = UnitVector::normalize(values.to_vec()).unwrap();
        Descriptor::new(vector, &fingerprint).unwrap()
    }

    #[test]
    fn only_what_was_made_alike_is_compared() {
        let (own, like) = (made_with('a', &[3.0, 4.0]), made_with('a', &[4.0, 3.0]));
        assert!((own.similarity(&like).unwrap() - 0.96).abs() < 1e-6);
        let foreign = made_with('b', &[4.0, 3.0]);
        let refused = |result: Result<f32, DescriptorError>| {
            matches!(
                result,
                Err(DescriptorError::Foreign {
                    what: "weights",
                    ..
                })
            )
        };
        assert!(refused(own.similarity(&foreign)));
        let sum = Descriptor::weighted_sum(&[(1.0, &own), (1.0, &foreign)]);
        assert!(refused(sum.map(|_| 0.0)));
        assert!(Descriptor::weighted_sum(&[(1.0, &own), (1.0, &like)]).is_ok());
    }

    #[test]
    fn a_vector_of_another_dimension_is_not_of_the_fingerprint() {
        let own = made_with('a', &[3.0, 4.0]);
        let vector = UnitVector::normalize(vec![1.0; 3]).unwrap();
        let made = Descriptor::new(vector, own.fingerprint());
        assert!(matches!(made, Err(DescriptorError::WrongDimension { .. })));
    }
}
