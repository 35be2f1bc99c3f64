//! Whether the next snapshot's vectors are along the axes of the one before or along others.

use super::{IndexPolicy, Publishing};
use crate::descriptor::Fingerprint;
use crate::error::Result;
use crate::gallery::reduction::{Reduction, ReductionRef};
use crate::gallery::snapshot::Snapshot;

/// Descriptors that axes are fitted on.
const SAMPLE: u64 = 8192;

/// Along which axes the next snapshot's vectors are.
pub struct Axes {
    reduction: Option<Reduction>,
    pub reference: Option<ReductionRef>,
    /// Whether the vectors before were along others.
    pub are_new: bool,
}

impl Axes {
    /// Values of a vector whose descriptor has so many.
    pub fn values(&self, dimension: usize) -> usize {
        self.reduction.as_ref().map_or(dimension, Reduction::values)
    }

    pub fn applied(&self, descriptor: Vec<f32>) -> Vec<f32> {
        match &self.reduction {
            Some(reduction) => reduction.applied(&descriptor),
            None => descriptor,
        }
    }
}

impl Publishing<'_> {
    /// The axes of the next snapshot: those of the one before, unless they are outgrown or others are wanted.
    pub(super) fn axes(&self, photos: u64, next: &mut u64) -> Result<Axes> {
        let kept = Axes {
            reduction: self.old.and_then(Snapshot::reduction).cloned(),
            reference: self.old.and_then(|old| old.manifest()?.reduction.clone()),
            are_new: false,
        };
        let is_last = self.parts.most_merged == usize::MAX;
        let wanted = self.settings.axes;
        let wanted = self
            .policy
            .reduced(wanted, self.fingerprint, photos, &kept.reference);
        if !is_last || !is_outgrown(kept.reference.as_ref(), wanted, photos) {
            return Ok(kept);
        }
        let dimension = self.fingerprint.dimension();
        let fitted = match wanted {
            Some(values) => Reduction::fit(&self.sample(photos)?, dimension, values),
            None => None,
        };
        let reference = fitted.as_ref().map(|fitted| {
            *next += 1;
            fitted.write(self.dir, *next - 1, photos)
        });
        Ok(Axes {
            are_new: fitted.is_some() || kept.reduction.is_some(),
            reduction: fitted,
            reference: reference.transpose()?,
        })
    }

    /// Descriptors of some of the photos, evenly spread.
    fn sample(&self, photos: u64) -> Result<Vec<f32>> {
        let every = photos.div_ceil(SAMPLE).max(1) as usize;
        let living = self.store.entries().filter(|entry| match entry {
            Ok((_, stored)) => !stored.is_removed,
            Err(_) => true,
        });
        let mut rows = Vec::new();
        for entry in living.step_by(every) {
            let (_, stored) = entry?;
            rows.extend(self.store.descriptor_of(&stored)?.unwrap_or_default());
        }
        Ok(rows)
    }
}

impl IndexPolicy {
    /// Values of the vectors of so many photos, if fewer than a descriptor's are wanted. Axes that there are
    /// stay until half of the photos are gone.
    fn reduced(
        &self,
        wanted: Option<usize>,
        fingerprint: &Fingerprint,
        photos: u64,
        fitted: &Option<ReductionRef>,
    ) -> Option<usize> {
        let least = match fitted {
            Some(_) => self.reduced_from / 2,
            None => self.reduced_from,
        };
        let most = fingerprint.dimension().min(photos as usize + 1);
        wanted.filter(|values| photos as usize >= least && *values < most)
    }

    /// Whether a snapshot's vectors shall be along other axes.
    pub(in crate::gallery) fn reduces_otherwise(
        &self,
        snapshot: &Snapshot,
        wanted: Option<usize>,
    ) -> bool {
        let photos = snapshot.len() as u64;
        snapshot.manifest().is_some_and(|manifest| {
            let fitted = &manifest.reduction;
            let wanted = self.reduced(wanted, &manifest.fingerprint, photos, fitted);
            is_outgrown(fitted.as_ref(), wanted, photos)
        })
    }
}

/// Whether axes must be fitted anew for so many photos, or be there no more.
fn is_outgrown(fitted: Option<&ReductionRef>, wanted: Option<usize>, photos: u64) -> bool {
    match (fitted, wanted) {
        (None, wanted) => wanted.is_some(),
        (Some(_), None) => true,
        (Some(fitted), Some(wanted)) => {
            fitted.values != wanted || photos >= fitted.photos.saturating_mul(2)
        }
    }
}
