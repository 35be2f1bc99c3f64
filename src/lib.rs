//! imgsearch finds pictures by looking at them.
pub mod backbone;
pub mod descriptor;
pub mod error;
pub mod photo;

pub use descriptor::DescriptorSpec;
pub use error::{Error, Result};
