//! Feature maps become one unit vector: each layer pooled, normalized, weighted, joined.
//!
//! Knows the spec's one-line form and the poolings; knows nothing of photos or of where
//! descriptors are kept.

pub mod pooling;
mod provenance;
pub mod spec;
mod vector;

pub use self::pooling::Pooling;
pub use self::provenance::Provenance;
pub use self::spec::{DescriptorSpec, Part};
pub use self::vector::{Descriptor, dot, normalize_in_place};
