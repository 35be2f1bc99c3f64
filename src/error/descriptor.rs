//! What can be wrong with a descriptor, and with what it shall be made of.

use std::path::{Path, PathBuf};

use super::cause::Source;

/// Why there is no descriptor, spec or whitening of this kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// Every value of the descriptor is zero, so it has no direction to compare.
    #[error("the descriptor is zero everywhere: the photo has no direction")]
    ZeroDescriptor,
    /// The descriptor holds a NaN or an infinity.
    #[error("the descriptor holds a value that is not a finite number")]
    NonFiniteDescriptor,
    /// A descriptor has another number of values than those it is to be compared or whitened with.
    #[error("a descriptor has {found} values, the others have {expected}")]
    WrongDimension {
        /// Values of the others: the gallery's, for instance.
        expected: usize,
        /// Values of this one.
        found: usize,
    },
    /// Weighted descriptors add up to nothing, or there are none.
    #[error("nothing is left to ask with: the pictures cancel each other out")]
    CancelledOut,
    /// A descriptor was made otherwise than those it is to be compared with or kept beside.
    #[error("a descriptor was made with {what} `{found}`, the others with `{expected}`")]
    Foreign {
        /// Spec, preprocessing, weights, whitening or dimension.
        what: &'static str,
        /// What the others were made with: the gallery's, for instance.
        expected: String,
        /// What this one was made with.
        found: String,
    },
    /// A spec does not have the form `MODEL:LAYER[/POOLING][*WEIGHT][+…]`.
    #[error("invalid spec `{spec}`: {reason}")]
    InvalidSpec {
        /// As given.
        spec: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The dimension of direct activations depends on the size of the picture, which is not fixed.
    #[error("spec `{spec}` takes direct activations, but pictures keep their own sizes")]
    SizeNotFixed {
        /// The spec.
        spec: String,
    },
    /// A file is no spec with its preprocessing.
    #[error("not a spec file: {}: {source}", .path.display())]
    InvalidSpecFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Source,
    },
    /// A ranking is neither `none` nor parts as [`Ranking`](crate::ranking::Ranking) has them.
    #[error("invalid ranking: `{part}`")]
    InvalidRanking {
        /// The part of the text that is wrong.
        part: String,
    },
    /// A recipe names a projection whose numbers nobody gave.
    #[error("the recipe whitens its descriptors, but there is no whitening")]
    NoProjection,
    /// A whitening cannot keep so many dimensions of what it is fitted on.
    #[error("cannot keep {keep} dimensions: {photos} photos allow 1 to {most}")]
    TooFewToWhiten {
        /// The dimensions asked for.
        keep: usize,
        /// The most that there can be: the photos differ along so many axes.
        most: usize,
        /// The photos it was to be fitted on.
        photos: usize,
    },
    /// A whitening's shrinkage lies outside of its range.
    #[error("shrinkage {shrinkage} is not in 0 … 1")]
    InvalidShrinkage {
        /// As given.
        shrinkage: f32,
    },
    /// The file is no whitening, or not as it was written.
    #[error("not a whitening: {}: {reason}", .path.display())]
    DamagedWhitening {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A spec was found with other weights than those there are.
    #[error("the spec was tuned with weights `{tuned}`, not `{found}`")]
    TunedOtherwise {
        /// The digest in the spec file.
        tuned: String,
        /// The digest of the weights that would be taken.
        found: String,
    },
    /// A whitening was fitted on descriptors that were made otherwise.
    #[error("the whitening was fitted with {what} `{fitted}`, not `{requested}`")]
    WhiteningMismatch {
        /// Spec, preprocessing or weights.
        what: &'static str,
        /// What it was fitted with.
        fitted: String,
        /// What was asked for.
        requested: String,
    },
}

impl DescriptorError {
    /// For `map_err`: the file at `path` is no spec file.
    pub(crate) fn invalid_file_at<E: Into<Source>>(path: &Path) -> impl Fn(E) -> Self + Copy {
        move |source| Self::InvalidSpecFile {
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// For `map_err`: the file at `path` is no whitening.
    pub(crate) fn damaged_whitening_at(path: &Path) -> impl Fn(&'static str) -> Self + Copy {
        move |reason| Self::DamagedWhitening {
            path: path.to_owned(),
            reason,
        }
    }
}
