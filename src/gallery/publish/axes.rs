//! Whether the next snapshot's vectors are along the axes of the one before or along others.

use std::path::Path;

use crate::descriptor::{Fingerprint, Matrix};
use crate::error::Result;
use crate::gallery::reduction::{Reduction, ReductionRef};
use crate::gallery::snapshot::Snapshot;
use crate::gallery::store::Store;

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
    /// Those of the snapshot before.
    pub fn of(old: Option<&Snapshot>) -> Self {
        Self {
            reduction: old.and_then(Snapshot::reduction).cloned(),
            reference: old.and_then(|old| old.manifest()?.reduction.clone()),
            are_new: false,
        }
    }

    /// So many of a store's descriptors' own instead, of so many photos, as file number `next`; or none.
    pub fn instead(
        self,
        values: Option<usize>,
        store: &Store,
        photos: u64,
        (dir, next): (&Path, &mut u64),
    ) -> Result<Self> {
        let fitted = match values {
            Some(values) => Reduction::fit(sample(store, photos)?.as_vectors(), values),
            None => None,
        };
        let reference = fitted.as_ref().map(|fitted| {
            *next += 1;
            fitted.write(dir, *next - 1, photos)
        });
        Ok(Self {
            are_new: fitted.is_some() || self.reduction.is_some(),
            reduction: fitted,
            reference: reference.transpose()?,
        })
    }

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

/// Descriptors of some of the photos, evenly spread.
fn sample(store: &Store, photos: u64) -> Result<Matrix> {
    let every = photos.div_ceil(SAMPLE).max(1) as usize;
    let living = store.entries().filter(|entry| match entry {
        Ok((_, stored)) => !stored.is_removed,
        Err(_) => true,
    });
    let mut rows = Vec::new();
    for entry in living.step_by(every) {
        let (_, stored) = entry?;
        rows.extend(store.descriptor_of(&stored)?.unwrap_or_default());
    }
    Ok(Matrix::new(rows, store.fingerprint().dimension())?)
}

/// Values of the vectors of so many photos, if fewer than a descriptor's are wanted and `least` photos are
/// there. Axes that there are stay until half of those are gone.
pub fn reduced(
    wanted: Option<usize>,
    fingerprint: &Fingerprint,
    (photos, least): (u64, usize),
    fitted: Option<&ReductionRef>,
) -> Option<usize> {
    let least = match fitted {
        Some(_) => least / 2,
        None => least,
    };
    let most = fingerprint.dimension().min(photos as usize + 1);
    wanted.filter(|values| photos as usize >= least && *values < most)
}

/// Whether axes must be fitted anew for so many photos, or be there no more.
pub fn is_outgrown(fitted: Option<&ReductionRef>, wanted: Option<usize>, photos: u64) -> bool {
    match (fitted, wanted) {
        (None, wanted) => wanted.is_some(),
        (Some(_), None) => true,
        (Some(fitted), Some(wanted)) => {
            fitted.values != wanted || photos >= fitted.photos.saturating_mul(2)
        }
    }
}
