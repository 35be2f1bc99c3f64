//! What a tuning found, as data.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fit::Fit;
use super::rule::Change;
use super::splits::Split;
use crate::descriptor::{DescriptorSpec, Projection, Recipe, Whitening};
use crate::document::{Document, Place, text};
use crate::error::FileError;
use crate::eval::bootstrap::Estimate;
use crate::eval::ground_truth::GroundTruth;
use crate::eval::metrics::Metric;
use crate::ingest::Skipped;
use crate::photo::Preprocess;
use crate::ranking::Ranking;
use crate::spec_file::{MeasuredGain, SpecFile, TuningRecord};
use crate::version::version;

/// A step of the search: the best that it tried.
#[derive(Clone, Debug, Serialize)]
pub struct TuneStep {
    /// What was changed, e.g. `start` or `ranking`.
    pub what: &'static str,
    /// The spec after it.
    #[serde(serialize_with = "text")]
    pub spec: DescriptorSpec,
    /// The preprocessing after it.
    #[serde(serialize_with = "text")]
    pub preprocess: Preprocess,
    /// The ranking after it.
    pub ranking: Ranking,
    /// The projection after it, of those that labels say. It is judged by folds of what is searched, and
    /// other steps are judged without it.
    pub projection: Option<Fit>,
    /// The metric.
    pub mean: f64,
    /// What this step changes.
    #[serde(flatten)]
    pub change: Change,
    /// Why it was not taken; nothing of one that was.
    pub dropped: Option<String>,
}

/// How many were asked, and among how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Half {
    /// Queries asked.
    pub queries: usize,
    /// Photos that can be answers.
    pub photos: usize,
}

impl Half {
    pub(super) fn of(truth: &GroundTruth) -> Self {
        let items = truth.items.iter();
        Self {
            queries: truth.queries.len(),
            photos: items.filter(|item| item.in_gallery).count(),
        }
    }
}

/// A search on some groups, measured on the others.
#[derive(Clone, Debug, Serialize)]
pub struct Fold {
    /// How large what was measured on is.
    #[serde(flatten)]
    pub half: Half,
    /// What the search on the other groups chose.
    #[serde(serialize_with = "text")]
    pub spec: DescriptorSpec,
    /// Its preprocessing.
    #[serde(serialize_with = "text")]
    pub preprocess: Preprocess,
    /// Its ranking.
    pub ranking: Ranking,
    /// Its projection, fitted on those groups.
    pub projection: Option<Fit>,
    /// The default's quality.
    pub default: f64,
    /// What was chosen has this quality.
    pub tuned: f64,
    /// Recall@1 of the default.
    pub default_first: f64,
    /// Recall@1 of what was chosen.
    pub tuned_first: f64,
    /// What it changes.
    #[serde(flatten)]
    pub change: Change,
}

/// A search that ended with one of its steps, by the groups that it has not looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Beginning {
    /// Its last step.
    pub until: &'static str,
    /// Why it is not better by the rule; nothing if it is.
    pub why_not: Option<String>,
    /// The least gain of a fold.
    pub worst: f64,
    /// What it changes, all folds together.
    #[serde(flatten)]
    pub change: Change,
}

/// What groups say that the search has not looked at: all folds together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HeldOut {
    /// How large they are together.
    #[serde(flatten)]
    pub half: Half,
    /// The default's quality.
    pub default: Estimate,
    /// The quality of what each search chose.
    pub tuned: Estimate,
    /// How much better it is, query by query.
    pub gain: Estimate,
    /// Whether it is better by the rule.
    pub is_better: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// What it changes; a group counts once for each fold that asked for it.
    #[serde(flatten)]
    pub change: Change,
    /// The least gain of a fold.
    pub worst: f64,
    /// The last step of the searches that this tells of.
    pub until: &'static str,
    /// The whole search and, as long as none was better by the rule, its beginnings: what this tells of was
    /// chosen among these on the same groups.
    pub searches: Vec<Beginning>,
    /// Each fold.
    pub folds: Vec<Fold>,
}

/// What came of a tuning.
#[derive(Debug, Serialize)]
pub struct Tuned {
    /// The labelled set.
    pub dataset: Place,
    /// The form in which it says what belongs together, e.g. `folders`.
    pub ground_truth: &'static str,
    /// What decided.
    #[serde(serialize_with = "text")]
    pub metric: Metric,
    /// Of the halves and of the bootstrap.
    pub seed: u64,
    /// What folds have not in common.
    pub split: Split,
    /// How many combinations were tried.
    pub tried: usize,
    /// The steps of the search on all groups, those that were dropped too.
    pub path: Vec<TuneStep>,
    /// What was searched on: all of it.
    pub searched: Half,
    /// What the same search is worth on groups that it has not looked at; nothing if it was stopped before.
    pub held_out: Option<HeldOut>,
    /// The spec to take: what the path leads to if searches are better by the rule on groups that they have
    /// not looked at, the default otherwise.
    #[serde(serialize_with = "text")]
    pub spec: DescriptorSpec,
    /// Its preprocessing.
    #[serde(serialize_with = "text")]
    pub preprocess: Preprocess,
    /// Its ranking.
    pub ranking: Ranking,
    /// Its projection, fitted on all groups.
    pub projection: Option<Fit>,
    /// The same with its numbers.
    #[serde(skip)]
    pub whitening: Option<Whitening>,
    /// SHA-256 of the weights that it was found with, 64 hexadecimal digits; nothing if it was stopped
    /// before they were loaded.
    pub weights: Option<String>,
    /// Whether it was stopped before the end. What was pooled stays in the cache.
    pub interrupted: bool,
    /// Photos that were skipped.
    pub skipped: Vec<Skipped>,
}

impl Document for Tuned {
    const KIND: &'static str = "tuning";
    const VERSION: u32 = 2;
}

impl Tuned {
    /// Whether something is better than the default by the rule.
    #[must_use]
    pub fn is_better(&self) -> bool {
        let held_out = self.held_out.as_ref();
        let is_other = |default: &TuneStep| {
            self.projection.is_some()
                || (&self.spec, &self.preprocess, self.ranking)
                    != (&default.spec, &default.preprocess, default.ranking)
        };
        held_out.is_some_and(|held_out| held_out.is_better)
            && self.path.first().is_some_and(is_other)
    }

    /// Where the projection of a spec file at `file` is written.
    #[must_use]
    pub fn whitening_beside(file: &Path) -> PathBuf {
        file.with_extension("whitening.safetensors")
    }

    /// Writes the spec to take as a [`SpecFile`] at `file`, and a projection beside it.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, file: &Path) -> Result<(), FileError> {
        let beside = Self::whitening_beside(file);
        let mut projection = Projection::None;
        if let Some(whitening) = &self.whitening {
            whitening.save(&beside)?;
            projection = Projection::Whitening;
        }
        let saved = SpecFile {
            recipe: Recipe {
                spec: self.spec.clone(),
                preprocess: self.preprocess.clone(),
                projection,
            },
            whitening: self.whitening.is_some().then_some(beside),
            ranking: Some(self.ranking),
            weights: self.weights.clone(),
            tuned: self.held_out.as_ref().map(|held_out| TuningRecord {
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
