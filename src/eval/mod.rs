//! Which descriptor is best for these photos, measured.
//!
//! A labelled set ([`ground_truth`]) is described once, every layer and pooling in one forward pass;
//! each spec's exact ranking of the gallery for every query gives its quality ([`metrics`]), with an
//! interval ([`bootstrap`]). [`Evaluator`] conducts it, [`tune::Tuner`] searches with it, and what
//! they find is data. Nothing here knows a terminal.

pub mod approximate;
pub mod bootstrap;
mod dataset;
mod evaluator;
pub mod failures;
pub mod features;
pub mod ground_truth;
pub mod metrics;
mod outliers;
pub mod ranking;
mod rankings;
mod report;
pub mod rerank;
pub mod specs;
mod subject;
pub mod trial;
pub mod tune;

pub use self::dataset::{Dataset, LabelledSet};
pub use self::evaluator::{EvalOptions, Evaluator};
pub use self::outliers::{Alone, Misplaced, Outliers, outliers};
pub use self::rankings::{RankingRow, Rankings};
pub use self::report::{Report, Row, VariantRow};
pub use self::subject::{Candidates, MakeExtractor, Subject};
