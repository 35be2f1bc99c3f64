//! imgsearch finds pictures by looking at them.
#![warn(missing_docs)]
pub mod backbone;
pub mod descriptor;
pub mod error;
pub mod extract;
pub mod gallery;
pub mod ingest;
pub mod model;
mod nearest;
pub mod photo;

pub use descriptor::{Descriptor, DescriptorSpec};
pub use error::{Error, Result};
pub use extract::Extractor;
