//! What an evaluation found, as data: tables, plots and pages are drawn from it alone.

use serde::Serialize;

use super::approximate::Approximation;
use super::bootstrap::{Estimate, by_name};
use super::failures::Failure;
use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::rankings::Rankings;
use super::subject::Subject;
use super::trial::{Evaluation, Trial, Variant};
use crate::descriptor::DescriptorSpec;
use crate::document::{Document, Place, text};
use crate::ingest::Skipped;
use crate::photo::Preprocess;

/// What an evaluation found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The labelled set.
    pub dataset: Place,
    /// The form in which it says what belongs together, e.g. `folders`.
    pub ground_truth: &'static str,
    /// The network's name, of several that of the best spec.
    pub model: String,
    /// What its pictures went through, in its one-line form.
    pub preprocess: String,
    /// Photos that can be answers.
    pub photos: usize,
    /// Queries asked.
    pub queries: usize,
    /// Groups that the photos belong to.
    pub groups: usize,
    /// What decides.
    #[serde(serialize_with = "text")]
    pub metric: Metric,
    /// Seed of all that was random.
    pub seed: u64,
    /// Whether it was stopped before the end: then not every spec is there, or none.
    pub interrupted: bool,
    /// The specs that were tried, the best first.
    pub specs: Vec<Row>,
    /// The best spec with more, where it was asked for.
    pub variants: Vec<VariantRow>,
    /// The best spec by several rankings.
    pub rankings: Rankings,
    /// The approximate index of the best spec, where it was asked for.
    pub index: Vec<Approximation>,
    /// The hardest queries of the best spec, worst first, where they were asked for.
    pub failures: Vec<Failure>,
    /// That network's layers, shallow to deep.
    pub layers: Vec<String>,
    /// Photos that were skipped.
    pub skipped: Vec<Skipped>,
}

impl Document for Report {
    const KIND: &'static str = "evaluation";
}

/// A spec that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The spec.
    #[serde(serialize_with = "text")]
    pub spec: DescriptorSpec,
    /// What pictures went through.
    #[serde(serialize_with = "text")]
    pub preprocess: Preprocess,
    /// The digest of the weights, 64 hexadecimal digits.
    pub weights: String,
    /// Values of each descriptor.
    pub dimension: usize,
    /// Multiply-adds of one photo of the usual size, up to the deepest layer.
    pub multiply_adds: u64,
    /// Whether it is the first of all.
    pub is_best: bool,
    /// Whether it is not worse than the best beyond noise.
    pub is_as_good: bool,
    /// How much better the best is, by what decides.
    pub behind: Estimate,
    /// Each metric's estimate; the first is what decides.
    #[serde(serialize_with = "by_name")]
    pub metrics: Vec<(Metric, Estimate)>,
}

/// The best spec with something done besides.
#[derive(Clone, Debug, Serialize)]
pub struct VariantRow {
    /// What, e.g. `expand 5`.
    pub name: String,
    /// How much better it is than the spec alone, by what decides.
    pub gain: Estimate,
    /// Each metric's estimate; the first is what decides.
    #[serde(serialize_with = "by_name")]
    pub metrics: Vec<(Metric, Estimate)>,
}

impl Report {
    /// Nothing found yet about the set that `truth` says.
    pub(super) fn new(dataset: Place, truth: &GroundTruth, subject: &Subject<'_>) -> Self {
        let mut report = Self {
            dataset,
            ground_truth: "folders",
            model: String::new(),
            preprocess: String::new(),
            photos: truth.items.iter().filter(|item| item.in_gallery).count(),
            queries: truth.queries.len(),
            groups: truth.groups.len(),
            metric: truth.measure,
            seed: 0,
            interrupted: false,
            specs: Vec::new(),
            variants: Vec::new(),
            rankings: Rankings::default(),
            index: Vec::new(),
            failures: Vec::new(),
            layers: Vec::new(),
            skipped: Vec::new(),
        };
        report.is_of(subject);
        report
    }

    /// Whose network is told of.
    fn is_of(&mut self, subject: &Subject<'_>) {
        let layers = subject.network.layers().iter();
        self.model.clone_from(&subject.default.model);
        self.preprocess = subject.preprocess.to_string();
        self.layers = layers.map(|layer| layer.name.clone()).collect();
    }

    /// The specs of the best one's network, the best first.
    pub fn of_the_best(&self) -> impl Iterator<Item = &Row> {
        let best = self.specs.first();
        let same = move |row: &&Row| best.is_some_and(|best| row.is_beside(best));
        self.specs.iter().filter(same)
    }

    /// Takes over what the trials and variants of an evaluation are worth; of each network the weights'
    /// digest.
    pub(super) fn tell(&mut self, evaluation: &Evaluation, networks: &[(&Subject<'_>, &str)]) {
        if let Some(best) = evaluation.trials.first() {
            self.is_of(networks[best.network].0);
        }
        let named = |estimates: &[Estimate]| {
            let metrics = evaluation.metrics.iter().copied();
            metrics.zip(estimates.iter().copied()).collect()
        };
        let row = |(index, trial): (usize, &Trial)| {
            let (subject, weights) = networks[trial.network];
            Row {
                spec: trial.spec.clone(),
                preprocess: subject.preprocess.clone(),
                weights: weights.to_owned(),
                dimension: trial.dimension,
                multiply_adds: cost(&trial.spec, subject),
                is_best: index == 0,
                is_as_good: trial.is_as_good(),
                behind: trial.behind,
                metrics: named(&trial.estimates),
            }
        };
        let variant = |variant: &Variant| VariantRow {
            name: variant.name.clone(),
            gain: variant.gain,
            metrics: named(&variant.estimates),
        };
        self.specs = evaluation.trials.iter().enumerate().map(row).collect();
        self.variants = evaluation.variants.iter().map(variant).collect();
    }
}

impl Row {
    /// Whether it is of the same network behind the same preprocessing.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        (&self.spec.model, &self.weights) == (&other.spec.model, &other.weights)
            && self.preprocess == other.preprocess
    }
}

/// Multiply-adds of a picture of the usual size up to the spec's deepest layer.
fn cost(spec: &DescriptorSpec, subject: &Subject<'_>) -> u64 {
    let (height, width) = subject
        .preprocess
        .output_size(512, 512)
        .unwrap_or((224, 224));
    let layers = spec.layers();
    let values = layers
        .iter()
        .filter_map(|layer| subject.network.find_layer(layer).ok());
    let values: Vec<_> = values.map(|layer| layer.value).collect();
    let cut = subject.network.cut_after(&values);
    let costs = cut.multiply_adds(height as usize, width as usize);
    costs.iter().sum()
}
