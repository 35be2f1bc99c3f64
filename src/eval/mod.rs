//! Which descriptor is best for these photos, measured.
//!
//! A labelled set ([`ground_truth`]) is described once, every layer and pooling in one forward pass;
//! each spec's exact ranking of the gallery for every query gives its quality ([`metrics`]), with an
//! interval ([`bootstrap`]). Nothing here knows a terminal.

pub mod approximate;
pub mod bootstrap;
pub mod failures;
pub mod features;
pub mod ground_truth;
pub mod metrics;
pub mod ranking;
pub mod rerank;
pub mod specs;
pub mod trial;
pub mod tune;
