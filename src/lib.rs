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
//! use imgsearch::Recipe;
//! use imgsearch::backbone::Architecture;
//!
//! // Which layers there are, and what a descriptor of two of them is made of.
//! let network = Architecture::find("efficientnet_lite0")?.network();
//! let recipe: Recipe = "efficientnet_lite0:blocks.10/gem*0.5+head".parse()?;
//! assert_eq!(recipe.spec.dimension(&network, 224, 224)?, 112 + 1280);
//! # Ok::<(), imgsearch::Error>(())
//! ```
//!
//! `examples/` shows indexing, querying and extracting, a page each.

pub mod backbone;
mod cores;
pub mod descriptor;
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
pub mod ranking;
pub mod resolve;
pub mod search;
pub mod weights;

pub use descriptor::{Descriptor, DescriptorSpec, Recipe};
pub use error::{Error, Result};
pub use extract::Extractor;
pub use gallery::Gallery;
pub use search::Searcher;
