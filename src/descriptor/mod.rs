//! Feature maps become one unit vector: each layer pooled, projected, normalized, weighted, joined.
//!
//! Knows the spec's one-line form, the poolings, and what is done to descriptors afterwards:
//! whitening. Knows nothing of photos or of where descriptors are kept.

mod fingerprint;
mod heads;
mod named;
mod of_photo;
pub mod pooling;
mod products;
mod recipe;
pub mod spec;
mod vector;
mod vectors;
pub mod whitening;

pub use self::fingerprint::{Difference, Fingerprint};
pub use self::heads::{Head, Heads};
pub use self::named::NamedDescriptor;
pub use self::of_photo::Descriptor;
pub use self::pooling::Pooling;
pub(crate) use self::recipe::default_spec;
pub use self::recipe::{Projection, Recipe};
pub use self::spec::{DescriptorSpec, Part};
pub(crate) use self::vector::LEAST_SQUARES;
pub use self::vector::{UnitVector, dot, normalize_in_place};
pub use self::vectors::{Matrix, Vectors};
pub use self::whitening::{Whitening, WithinClasses};
