//! PCA-whitening: descriptors rotated to the axes in which a set of photos differs most, each axis
//! scaled to the same spread, the rest dropped, and scaled to length 1 again.
//!
//! Jégou & Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
//! whitening", 2012. What many photos have in common no longer hides in what they differ.

mod classes;
mod file;
mod fit;
mod origin;

pub use self::classes::WithinClasses;
pub use self::origin::Origin;
use self::origin::StoredOrigin;
use super::fingerprint::{Difference, Fingerprint};
use super::vector::{UnitVector, dot, normalize_in_place};
use super::vectors::{Matrix, Vectors};
use crate::error::{DescriptorError, Result};

/// Rows whitened at once: what is made of them on the way stays small.
const BLOCK: usize = 1024;

/// A fitted whitening.
#[derive(Clone, Debug, PartialEq)]
pub struct Whitening {
    /// The mean of what it was fitted on, `[input]`.
    mean: Vec<f32>,
    /// Orthonormal axes, that of the greatest spread first, `[output, input]`.
    projection: Matrix,
    /// What the component along each axis is multiplied by, `[output]`.
    scales: Vec<f32>,
    origin: Origin,
    /// The origin as it was first written: what the digest is of.
    origin_json: String,
}

impl Whitening {
    fn with_origin(self, origin: Origin) -> Self {
        let stored = StoredOrigin::from(origin.clone());
        Self {
            origin,
            origin_json: stored.to_json(),
            ..self
        }
    }

    /// The same, known to belong to descriptors of this fingerprint.
    #[must_use]
    pub fn fitted_on(self, fingerprint: &Fingerprint) -> Self {
        let origin = Origin {
            fingerprint: Some(fingerprint.clone()),
            ..self.origin.clone()
        };
        self.with_origin(origin)
    }

    /// What it was fitted on.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Number of values of a whitened descriptor.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.scales.len()
    }

    /// Number of values of the descriptors that it takes.
    #[must_use]
    pub const fn input_dimension(&self) -> usize {
        self.mean.len()
    }

    /// Whether it may be applied to descriptors of this fingerprint.
    ///
    /// # Errors
    /// [`DescriptorError::WhiteningMismatch`], which names what differs;
    /// [`DescriptorError::WrongDimension`].
    pub fn check(&self, fingerprint: &Fingerprint) -> Result<(), DescriptorError> {
        let checked = match &self.origin.fingerprint {
            Some(fitted) => fitted.check_unprojected(fingerprint),
            None => Err(Difference {
                what: "spec",
                expected: String::new(),
                found: fingerprint.spec().to_string(),
            }),
        };
        checked.map_err(|difference| DescriptorError::WhiteningMismatch {
            what: difference.what,
            fitted: difference.expected,
            requested: difference.found,
        })?;
        self.check_dimension(fingerprint.dimension())
    }

    fn check_dimension(&self, found: usize) -> Result<(), DescriptorError> {
        let expected = self.input_dimension();
        if found == expected {
            Ok(())
        } else {
            Err(DescriptorError::WrongDimension { expected, found })
        }
    }

    /// Subtracts the mean, projects, scales, and normalizes to length 1.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`]; [`DescriptorError::ZeroDescriptor`] for what differs
    /// from the mean along none of the axes.
    pub fn apply(&self, values: &[f32]) -> Result<UnitVector, DescriptorError> {
        self.check_dimension(values.len())?;
        let centred: Vec<f32> = values.iter().zip(&self.mean).map(|(v, m)| v - m).collect();
        let axes = self.projection.as_vectors().rows();
        let components = axes
            .zip(&self.scales)
            .map(|(axis, scale)| scale * dot(axis, &centred));
        UnitVector::normalize(components.collect())
    }

    /// As [`Whitening::apply`] for many descriptors, on all cores. One that has no direction any
    /// more is left zero.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`].
    pub fn apply_all(&self, rows: Vectors<'_>) -> Result<Matrix, DescriptorError> {
        self.check_dimension(rows.dimension())?;
        let mut whitened = Vec::with_capacity(rows.len() * self.dimension());
        for (_, block) in rows.blocks(BLOCK) {
            let each = block.values().iter().zip(self.mean.iter().cycle());
            let centred = Matrix::new(each.map(|(v, m)| v - m).collect(), rows.dimension())?;
            let start = whitened.len();
            whitened.extend(centred.as_vectors().dots(self.projection.as_vectors()));
            for row in whitened[start..].chunks_exact_mut(self.dimension()) {
                for (value, scale) in row.iter_mut().zip(&self.scales) {
                    *value *= scale;
                }
                if normalize_in_place(row).is_err() {
                    row.fill(0.0);
                }
            }
        }
        Matrix::new(whitened, self.dimension())
    }

    /// BLAKE3 of all that it is, 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.origin_json.as_bytes());
        let projection = self.projection.as_vectors().values();
        for values in [&self.mean, projection, &self.scales] {
            hasher.update(&(values.len() as u64).to_le_bytes());
            hasher.update(bytemuck::cast_slice(values));
        }
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests;
