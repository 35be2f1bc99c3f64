//! Feature maps become one unit vector: each layer pooled, normalized, weighted, joined.
//!
//! Knows the spec's one-line form, the poolings, and what is done to descriptors afterwards:
//! whitening and expansion. Knows nothing of photos or of where descriptors are kept.

pub mod expansion;
mod named;
pub mod pooling;
mod products;
mod provenance;
pub mod spec;
mod spec_file;
mod vector;
pub mod whitening;

pub use self::expansion::Expansion;
pub use self::named::NamedDescriptor;
pub use self::pooling::Pooling;
pub use self::products::dots;
pub use self::provenance::Provenance;
pub use self::spec::{DescriptorSpec, Part};
pub use self::spec_file::SpecFile;
pub use self::vector::{Descriptor, dot, normalize_in_place};
pub use self::whitening::Whitening;
