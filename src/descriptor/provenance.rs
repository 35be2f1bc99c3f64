//! What decides a photo's descriptor, written down so that only like is compared with like.

use serde::{Deserialize, Serialize};

/// Where descriptors come from. Two descriptors may be compared only if these are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The descriptor's spec in its one-line form, e.g. `efficientnet_lite0:head/gap`.
    pub spec: String,
    /// The preprocessing in its one-line form, e.g. `resize=256,crop=224,interpolation=bicubic,…`.
    pub preprocess: String,
    /// SHA-256 of the weights file, 64 hexadecimal digits.
    pub weights: String,
    /// Number of values of each descriptor.
    pub dimension: usize,
    /// [`Whitening::digest`](super::Whitening::digest) of the whitening that was applied, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whitening: Option<String>,
}
