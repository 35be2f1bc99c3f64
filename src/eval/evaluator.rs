//! An evaluation from the labelled set to the report: conducted here, shown by whoever asks.

use std::fs;
use std::path::Path;

use super::approximate;
use super::dataset::Dataset;
use super::failures;
use super::features::{Features, OnEvent};
use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::ranking::{Weighted, outcomes};
use super::report::Report;
use super::rerank::Reranked;
use super::specs::all_parts;
use super::subject::Subject;
use super::trial::Evaluation;
use crate::descriptor::{DescriptorSpec, Part, Vectors};
use crate::document::Place;
use crate::error::Result;
use crate::extract::Extractor;
use crate::gallery::PooledCache;
use crate::ranking::Expansion;

/// Answers told of each failure.
const FIRST_TOLD: usize = 5;

/// What is measured.
#[derive(Clone, Debug, Default)]
pub struct EvalOptions {
    /// The specs to compare, all of the subject's network.
    pub specs: Vec<DescriptorSpec>,
    /// What decides; the set's own measure where it is not said.
    pub metric: Option<Metric>,
    /// Threads that decode and pool; 0 means one per core.
    pub jobs: usize,
    /// Also measure the best spec with queries expanded so.
    pub expand: Option<Expansion>,
    /// Also measure the best spec with every descriptor of the gallery augmented so.
    pub augment: Option<Expansion>,
    /// Also hold the approximate index of the best spec against the exact ranking.
    pub index: bool,
    /// Tell so many of the hardest queries of the best spec.
    pub failures: usize,
}

/// An evaluation that can be run.
pub struct Evaluator<'a> {
    /// The labelled set.
    pub dataset: &'a Dataset,
    /// The network.
    pub subject: &'a Subject<'a>,
    /// What is measured.
    pub options: EvalOptions,
    /// The folder that keeps what was pooled, for the next time: a gallery's.
    pub folder: &'a Path,
}

impl Evaluator<'_> {
    /// Reads the set, describes its photos, tries every spec and looks at the best more closely.
    /// When `on_event` breaks, the report says so and has what was found by then.
    ///
    /// # Errors
    /// Those of [`Dataset::read`] and of loading the network; what concerns all photos, such as a
    /// full disk.
    pub fn run(&self, on_event: OnEvent<'_>) -> Result<Report> {
        let (truth, skipped) = self.dataset.read()?;
        let parts = all_parts(&self.options.specs);
        let extractor = (self.subject.extractor)(&parts, &self.subject.preprocess)?;
        let specs = found(&self.options.specs, &parts, extractor.spec());
        let cache = PooledCache::open(self.folder)?;
        let jobs = self.options.jobs;
        let mut features = Features::new(&truth.items, &extractor, &cache, jobs, on_event)?;
        let interrupted = features.interrupted;
        let truth = if interrupted {
            truth
        } else {
            truth.restrict(&features.kept())
        };
        let mut report = Report::new(Place::of(&self.dataset.path), &truth, self.subject);
        report.metric = self.options.metric.unwrap_or(truth.measure);
        report.seed = self.dataset.seed;
        report.skipped = skipped;
        report.skipped.append(&mut features.skipped);
        if interrupted {
            report.interrupted = true;
            return Ok(report);
        }
        let compared = Compared {
            truth: &truth,
            features: &features,
            extractor: &extractor,
            specs: &specs,
        };
        self.compare(&compared, &mut report, on_event)?;
        Ok(report)
    }

    /// Tries the specs, and the best of them with more.
    fn compare(
        &self,
        compared: &Compared<'_>,
        report: &mut Report,
        on_event: OnEvent<'_>,
    ) -> Result<()> {
        let (truth, specs) = (compared.truth, compared.specs);
        let metrics = metrics(report.metric, truth.measure);
        let seed = self.dataset.seed;
        let mut evaluation =
            Evaluation::of_specs(truth, compared.features, specs, &metrics, seed, on_event)?;
        report.interrupted = evaluation.trials.len() < specs.len();
        if let Some(best) = evaluation.trials.first() {
            let descriptors = compared.features.joined(&best.spec)?;
            let descriptors = descriptors.as_vectors();
            let similarities = Weighted {
                parts: vec![descriptors],
                weights: vec![1.0],
            };
            let told = (self.options.failures, FIRST_TOLD);
            report.failures = failures::hardest(truth, best, report.metric, &similarities, told);
            self.rerank(truth, &mut evaluation, descriptors);
            if self.options.index {
                let folder = self.folder.join("eval-index");
                let made_with = compared.extractor.fingerprint();
                let index = approximate::compare(truth, descriptors, made_with, &folder);
                // Left behind it would only take room.
                let _ = fs::remove_dir_all(&folder);
                report.index = index?;
            }
        }
        report.tell(&evaluation, self.subject);
        Ok(())
    }

    /// Adds the best spec with expanded queries, with an augmented gallery, and with both.
    fn rerank(&self, truth: &GroundTruth, evaluation: &mut Evaluation, descriptors: Vectors<'_>) {
        let (expand, augment) = (self.options.expand, self.options.augment);
        let mut variants = vec![(expand, None), (None, augment)];
        if expand.is_some() && augment.is_some() {
            variants.push((expand, augment));
        }
        for (expand, augment) in variants {
            let names = [("expand", expand), ("augment", augment)];
            let names = names
                .into_iter()
                .filter_map(|(name, one)| one.map(|one| format!("{name} {}", one.neighbors)));
            let name = names.collect::<Vec<_>>().join(", ");
            if !name.is_empty() {
                let reranked = Reranked::new(truth, descriptors, expand, augment);
                evaluation.add_variant(name, &outcomes(truth, &reranked));
            }
        }
    }
}

/// What the specs are compared on.
struct Compared<'a> {
    truth: &'a GroundTruth,
    features: &'a Features<'a>,
    extractor: &'a Extractor,
    specs: &'a [DescriptorSpec],
}

/// The specs with what the extractor found for their parts in its file: of each part that was asked for
/// it has the one that it makes.
fn found(
    specs: &[DescriptorSpec],
    asked: &DescriptorSpec,
    made: &DescriptorSpec,
) -> Vec<DescriptorSpec> {
    let mut specs = specs.to_vec();
    for part in specs.iter_mut().flat_map(|spec| &mut spec.parts) {
        let place = asked.parts.iter().position(|known| known.is_made_as(part));
        if let Some(made) = place.and_then(|place| made.parts.get(place)) {
            *part = Part {
                weight: part.weight,
                ..made.clone()
            };
        }
    }
    specs
}

/// What is measured: what decides, the set's own, and the usual, each once.
fn metrics(decides: Metric, own: Metric) -> Vec<Metric> {
    let mut metrics = vec![decides];
    for metric in [own].into_iter().chain(Metric::USUAL) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    metrics
}
