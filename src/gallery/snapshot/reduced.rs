//! Between descriptors and the vectors of a snapshot, which may have fewer values.

use std::path::Path;

use super::Snapshot;
use crate::descriptor::Descriptor;
use crate::error::Result;
use crate::gallery::reduction::Reduction;
use crate::gallery::store::Settings;

impl Snapshot {
    /// Values of a vector: of a descriptor, or fewer along axes of the gallery's own.
    #[must_use]
    pub fn dimension(&self) -> usize {
        let reduced = self.reduction.as_ref().map(Reduction::values);
        reduced.unwrap_or_else(|| self.fingerprint.dimension())
    }

    pub(in crate::gallery) const fn reduction(&self) -> Option<&Reduction> {
        self.reduction.as_ref()
    }

    /// A descriptor's values as vectors are compared with.
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`](crate::error::DescriptorError::Foreign) if it was not made as the
    /// gallery's are.
    pub fn asked(&self, query: &Descriptor) -> Result<Vec<f32>> {
        query.check(&self.fingerprint)?;
        let values = query.as_slice();
        Ok(match &self.reduction {
            Some(reduction) => reduction.asked(values),
            None => values.to_vec(),
        })
    }

    /// Of a descriptor of a photo in it the vector that it has.
    pub(in crate::gallery) fn kept(&self, descriptor: Vec<f32>) -> Vec<f32> {
        match &self.reduction {
            Some(reduction) => reduction.applied(&descriptor),
            None => descriptor,
        }
    }

    /// Of a vector in it the descriptor: where vectors have fewer values, what of it they tell.
    pub(in crate::gallery) fn whole(&self, vector: Vec<f32>) -> Vec<f32> {
        match &self.reduction {
            Some(reduction) => reduction.lifted(&vector),
            None => vector,
        }
    }

    /// What a store says of it beside photos and descriptors.
    pub(in crate::gallery) fn settings(&self, dir: &Path) -> Settings {
        Settings {
            ranking: self.ranking(),
            axes: self.reduction.as_ref().map(Reduction::values),
            precisions: self.precisions().clone(),
            roots: self.roots.to_stored(dir),
        }
    }
}
