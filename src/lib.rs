//! imgsearch finds pictures by looking at them: a convolutional network turns each photo into a unit
//! vector, and photos whose vectors are near look alike.
//!
//! ```text
//! photo ─► pixels ─► feature maps ─► descriptor ─► store ─► index ─► answer
//! photo/   photo/    engine/         descriptor/   gallery/ gallery/  cli/output
//!         └──────────── extract.rs ─────────────┘
//! ```
//!
//! Index a folder, and ask for what is like one picture and unlike another:
//!
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use imgsearch::{Gallery, Searcher};
//!
//! let mut gallery = Gallery::create_or_open(".imgsearch", &"efficientnet_lite0".parse()?)?;
//! gallery
//!     .index(["photos"])
//!     .run(|_| ControlFlow::Continue(()))?;
//!
//! let searcher = Searcher::open(".imgsearch")?;
//! for found in searcher.like("cat.jpg")?.unlike("dog.jpg")?.k(10).run()? {
//!     println!("{:.4}  {}", found.similarity, found.record.path.display());
//! }
//! # Ok::<(), imgsearch::Error>(())
//! ```
//!
//! A [`Recipe`] says what descriptors are made of, in one line:
//!
//! ```
//! use imgsearch::Recipe;
//! use imgsearch::backbone::Architecture;
//!
//! let recipe: Recipe = "efficientnet_lite0:blocks.10/gem*0.5+head@crop=none".parse()?;
//! let network = Architecture::find("efficientnet_lite0")?.network();
//! assert_eq!(recipe.spec.dimension(&network, 224, 224)?, 112 + 1280);
//! # Ok::<(), imgsearch::Error>(())
//! ```
//!
//! `examples/` shows indexing, querying and extracting, a page each.

// The tests of the rooms share the integration tests' weights.
#[cfg(test)]
extern crate self as imgsearch;

pub mod backbone;
mod bounded;
pub mod caches;
mod caught;
mod cores;
pub mod descriptor;
pub mod document;
pub mod duplicates;
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
pub mod program;
pub mod ranking;
pub mod replace;
pub mod resolve;
pub mod search;
pub mod spec_file;
mod version;
pub mod weights;

pub use descriptor::{Descriptor, DescriptorSpec, Recipe};
pub use error::{Error, Result};
pub use extract::Extractor;
pub use gallery::{Filter, Gallery};
pub use search::Searcher;
pub use spec_file::SpecFile;
pub use version::{Version, version};
