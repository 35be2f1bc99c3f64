//! What a tuning found, as data.

use std::path::Path;

use serde::Serialize;

use crate::descriptor::{DescriptorSpec, Projection, Recipe, Whitening};
use crate::document::{Document, Place, text};
use crate::error::FileError;
use crate::eval::bootstrap::Estimate;
use crate::eval::metrics::Metric;
use crate::ingest::Skipped;
use crate::photo::Preprocess;
use crate::ranking::Ranking;
use crate::spec_file::{MeasuredGain, SpecFile, TuningRecord};
use crate::version::version;

/// One improvement on the way, measured on the first half.
#[derive(Clone, Debug, Serialize)]
pub struct TuneStep {
    /// What was changed, e.g. `layer and pooling` or `hybrid`.
    pub what: &'static str,
    /// The spec after it.
    #[serde(serialize_with = "text")]
    pub spec: DescriptorSpec,
    /// The preprocessing after it.
    #[serde(serialize_with = "text")]
    pub preprocess: Preprocess,
    /// Dimensions that whitening keeps, if it is part of it.
    pub whitened: Option<usize>,
    /// The metric.
    pub mean: f64,
    /// What this step gained.
    pub gain: Estimate,
}

/// How large a half of the set is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Half {
    /// Queries asked.
    pub queries: usize,
    /// Photos that can be answers.
    pub photos: usize,
}

/// What the second half says, which the search has not looked at.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HeldOut {
    /// How large it is.
    #[serde(flatten)]
    pub half: Half,
    /// The default's quality.
    pub default: Estimate,
    /// The tuned spec's quality.
    pub tuned: Estimate,
    /// How much better it is, query by query.
    pub gain: Estimate,
    /// Whether it is better beyond noise.
    pub is_better: bool,
    /// Groups that were asked for.
    pub groups: usize,
    /// Of these so many are better on average.
    pub groups_better: usize,
}

/// What came of a tuning.
#[derive(Debug, Serialize)]
pub struct Tuned {
    /// The labelled set.
    pub dataset: Place,
    /// What decided.
    #[serde(serialize_with = "text")]
    pub metric: Metric,
    /// Of the halves and of the bootstrap.
    pub seed: u64,
    /// How many combinations were tried.
    pub tried: usize,
    /// From the default to the best, each better than the one before beyond noise.
    pub path: Vec<TuneStep>,
    /// The half that was searched on.
    pub searched: Half,
    /// What the other half says; nothing if it was stopped before.
    pub held_out: Option<HeldOut>,
    /// The spec to take: the end of the path if it is better beyond noise on the second half, the
    /// default otherwise.
    #[serde(serialize_with = "text")]
    pub spec: DescriptorSpec,
    /// Its preprocessing.
    #[serde(serialize_with = "text")]
    pub preprocess: Preprocess,
    /// SHA-256 of the weights that it was found with, 64 hexadecimal digits; nothing if it was stopped
    /// before they were loaded.
    pub weights: Option<String>,
    /// Its whitening, fitted on the first half.
    #[serde(skip)]
    pub whitening: Option<Whitening>,
    /// Whether it was stopped before the end. What was pooled stays in the cache.
    pub interrupted: bool,
    /// Photos that were skipped.
    pub skipped: Vec<Skipped>,
}

impl Document for Tuned {
    const KIND: &'static str = "tuning";
}

impl Tuned {
    /// Whether something is better than the default beyond noise.
    #[must_use]
    pub fn is_better(&self) -> bool {
        self.held_out.is_some_and(|held_out| held_out.is_better)
    }

    /// Writes the spec to take as a [`SpecFile`] at `file`, and its whitening beside it.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, file: &Path) -> Result<(), FileError> {
        let beside = file.with_extension("whitening.safetensors");
        if let Some(whitening) = &self.whitening {
            whitening.save(&beside)?;
        }
        let projection = match self.whitening {
            Some(_) => Projection::Whitening,
            None => Projection::None,
        };
        let saved = SpecFile {
            recipe: Recipe {
                spec: self.spec.clone(),
                preprocess: self.preprocess.clone(),
                projection,
            },
            whitening: self.whitening.as_ref().map(|_| beside),
            // What was measured was ranked by nothing else.
            ranking: Some(Ranking::NONE),
            weights: self.weights.clone(),
            tuned: self.held_out.map(|held_out| TuningRecord {
                seed: self.seed,
                version: version().to_string(),
                gain: MeasuredGain {
                    metric: self.metric.to_string(),
                    mean: held_out.gain.mean,
                    low: held_out.gain.low,
                    high: held_out.gain.high,
                },
            }),
        };
        saved.write(file)
    }
}
