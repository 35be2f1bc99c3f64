//! imgsearch finds pictures by looking at them: a convolutional network turns each photo into a unit
//! vector, and photos whose vectors are near look alike.
//!
//! ```text
//! photo ─► pixels ─► feature maps ─► descriptor ─► store ─► index ─► answer
//! photo/   photo/    engine/         descriptor/   gallery/ gallery/  cli/output
//!         └──────────── extract.rs ─────────────┘
//! ```
//!
//! ```
//! use imgsearch::{Descriptor, DescriptorSpec};
//! use imgsearch::backbone::Architecture;
//!
//! // Which layers there are, and what a descriptor of two of them is made of.
//! let network = Architecture::find("efficientnet_lite0")?.network();
//! let spec: DescriptorSpec = "efficientnet_lite0:blocks.10/gem*0.5+head".parse()?;
//! assert_eq!(spec.dimension(&network, 224, 224)?, 112 + 1280);
//!
//! // Descriptors have length 1, so their dot product is their cosine similarity.
//! let a = Descriptor::normalize(vec![3.0, 4.0])?;
//! let b = Descriptor::normalize(vec![4.0, 3.0])?;
//! assert!((a.similarity(&b) - 0.96).abs() < 1e-6);
//! # Ok::<(), imgsearch::Error>(())
//! ```
//!
//! `examples/` shows indexing, querying and extracting, a page each.

pub mod backbone;
mod cores;
pub mod descriptor;
pub mod document;
mod engine;
pub mod error;
pub mod eval;
pub mod extract;
pub mod gallery;
pub mod ingest;
mod kernels;
pub mod model;
mod nearest;
pub mod network;
pub mod photo;
pub mod weights;

pub use descriptor::{Descriptor, DescriptorSpec};
pub use error::{Error, Result};
pub use extract::Extractor;
