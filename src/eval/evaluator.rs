//! An evaluation from the labelled set to the report: conducted here, shown by whoever asks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::approximate;
use super::dataset::{Dataset, LabelledSet};
use super::failures;
use super::features::{EvalEvent, Features, OnEvent};
use super::ground_truth::GroundTruth;
use super::metrics::Metric;
use super::ranking::{Weighted, outcomes};
use super::rankings::Rankings;
use super::report::Report;
use super::rerank::Reranked;
use super::specs::all_parts;
use super::subject::{Candidates, Subject};
use super::trial::Evaluation;
use crate::descriptor::{DescriptorSpec, Fingerprint, Part, Vectors};
use crate::document::Place;
use crate::error::{DescriptorError, Result};
use crate::gallery::PooledCache;
use crate::ranking::{Expansion, Ranking};

/// Answers told of each failure.
const FIRST_TOLD: usize = 5;

/// What is measured.
#[derive(Clone, Debug, Default)]
pub struct EvalOptions {
    /// What decides; the set's own measure where it is not said.
    pub metric: Option<Metric>,
    /// Threads that decode and pool; 0 means one per core.
    pub jobs: usize,
    /// Also measure the best spec with queries expanded so.
    pub expand: Option<Expansion>,
    /// Also measure the best spec with every descriptor of the gallery augmented so.
    pub augment: Option<Expansion>,
    /// Also measure the best spec with each of these rankings.
    pub rankings: Vec<Ranking>,
    /// Also hold the approximate index of the best spec against the exact ranking.
    pub index: bool,
    /// Tell so many of the hardest queries of the best spec.
    pub failures: usize,
}

/// An evaluation that can be run.
pub struct Evaluator<'a> {
    /// The labelled set.
    pub dataset: &'a Dataset,
    /// The specs to compare, network by network.
    pub candidates: &'a [Candidates<'a>],
    /// What is measured.
    pub options: EvalOptions,
    /// The folder that keeps what was pooled, for the next time: a gallery's.
    pub folder: &'a Path,
}

impl Evaluator<'_> {
    /// Reads the set, describes its photos by one network after the other, tries every spec and looks at
    /// the best more closely. When `on_event` breaks, the report says so and has what was found by then.
    ///
    /// # Errors
    /// Those of [`Dataset::read`] and of loading a network; what concerns all photos, such as a full
    /// disk; [`DescriptorError::InvalidSpec`] without candidates.
    pub fn run(&self, on_event: OnEvent<'_>) -> Result<Report> {
        let nothing = || DescriptorError::InvalidSpec {
            spec: String::new(),
            reason: "there is nothing to compare",
        };
        let first = self.candidates.first().ok_or_else(nothing)?;
        let LabelledSet {
            truth,
            form,
            is_recognized,
            skipped,
        } = self.dataset.read()?;
        let mut interrupted = is_recognized && on_event(EvalEvent::Recognized(&form)).is_break();
        let cache = PooledCache::open(self.folder)?;
        let mut described = Vec::new();
        for candidates in self.candidates {
            if interrupted {
                break;
            }
            let one = self.describe(candidates, &truth, &cache, on_event)?;
            interrupted = one.features.interrupted;
            described.push(one);
        }
        let truth = if interrupted {
            truth
        } else {
            // What one network could not describe no other is asked for.
            truth.restrict(&kept_by_all(&mut described))
        };
        let mut report = Report::new(Place::of(&self.dataset.path), &truth, &first.subject);
        report.metric = self.options.metric.unwrap_or(truth.measure);
        report.seed = self.dataset.seed;
        report.ground_truth = form.name();
        report.skipped = skipped;
        // What several networks skipped is one photo.
        let mut known: HashSet<PathBuf> = report.skipped.iter().map(|it| it.path.clone()).collect();
        let skipped = described
            .iter_mut()
            .flat_map(|one| one.features.skipped.drain(..));
        report
            .skipped
            .extend(skipped.filter(|it| known.insert(it.path.clone())));
        if interrupted {
            report.interrupted = true;
            return Ok(report);
        }
        self.compare(&truth, &described, &mut report, on_event)?;
        Ok(report)
    }

    /// The photos described by one network, which is let go of again.
    fn describe<'c>(
        &self,
        candidates: &'c Candidates<'c>,
        truth: &GroundTruth,
        cache: &'c PooledCache,
        on_event: OnEvent<'_>,
    ) -> Result<Described<'c>> {
        let Candidates { subject, specs } = candidates;
        let parts = all_parts(specs);
        let extractor = (subject.extractor)(&parts, &subject.preprocess)?;
        let jobs = self.options.jobs;
        Ok(Described {
            subject,
            specs: found(specs, &parts, extractor.spec()),
            features: Features::new(&truth.items, &extractor, cache, jobs, on_event)?,
            made_with: extractor.fingerprint().as_ref().clone(),
        })
    }

    /// Tries the specs, and the best of them with more.
    fn compare(
        &self,
        truth: &GroundTruth,
        described: &[Described<'_>],
        report: &mut Report,
        on_event: OnEvent<'_>,
    ) -> Result<()> {
        let metrics = metrics(report.metric, truth.measure);
        let seed = self.dataset.seed;
        let specs = |one: &Described<'_>| one.specs.len();
        let networks: Vec<(&Features<'_>, &[DescriptorSpec])> = described
            .iter()
            .map(|one| (&one.features, &one.specs[..]))
            .collect();
        let mut evaluation = Evaluation::of_specs(truth, &networks, &metrics, seed, on_event)?;
        report.interrupted = evaluation.trials.len() < described.iter().map(specs).sum();
        if let Some(best) = evaluation.trials.first() {
            let network = &described[best.network];
            let descriptors = network.features.joined(&best.spec)?;
            let descriptors = descriptors.as_vectors();
            let similarities = Weighted {
                parts: vec![descriptors],
                weights: vec![1.0],
            };
            let told = (self.options.failures, FIRST_TOLD);
            report.failures = failures::hardest(truth, best, report.metric, &similarities, told);
            self.rerank(truth, &mut evaluation, descriptors);
            if !report.interrupted {
                let more = &self.options.rankings;
                let measured = (truth, descriptors);
                report.rankings = Rankings::of(measured, &metrics, more, seed, &mut || {
                    let answer = on_event(EvalEvent::Waiting);
                    report.interrupted |= answer.is_break();
                    answer
                });
            }
            if self.options.index {
                let folder = self.folder.join("eval-index");
                let index = approximate::compare(truth, descriptors, &network.made_with, &folder);
                // Left behind it would only take room.
                let _ = fs::remove_dir_all(&folder);
                report.index = index?;
            }
        }
        let told: Vec<(&Subject<'_>, &str)> = described
            .iter()
            .map(|one| (one.subject, one.made_with.weights()))
            .collect();
        report.tell(&evaluation, &told);
        Ok(())
    }

    /// Adds the best spec with other rankings.
    fn rerank(&self, truth: &GroundTruth, evaluation: &mut Evaluation, descriptors: Vectors<'_>) {
        let Self { options, .. } = self;
        let both = Ranking {
            augment: options.augment,
            expand: options.expand,
            ..Ranking::NONE
        };
        let mut variants = Vec::new();
        if options.expand.is_some() && options.augment.is_some() {
            variants.extend([
                Ranking {
                    augment: None,
                    ..both
                },
                Ranking {
                    expand: None,
                    ..both
                },
            ]);
        }
        variants.extend((both != Ranking::NONE).then_some(both));
        variants.extend(&options.rankings);
        for ranking in variants {
            let reranked = Reranked::new(truth, descriptors, ranking);
            evaluation.add_variant(ranking.to_string(), &outcomes(truth, &reranked));
        }
    }
}

/// The photos as one network describes them.
struct Described<'a> {
    subject: &'a Subject<'a>,
    specs: Vec<DescriptorSpec>,
    features: Features<'a>,
    made_with: Fingerprint,
}

/// Which items all networks describe; each is left with those.
fn kept_by_all(described: &mut [Described<'_>]) -> Vec<bool> {
    let kept = described.iter().map(|one| one.features.kept());
    let both = |a: Vec<bool>, b: Vec<bool>| a.into_iter().zip(b).map(|(a, b)| a & b).collect();
    let kept = kept.reduce(both).unwrap_or_default();
    for one in described {
        one.features.restrict(&kept);
    }
    kept
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
                added: part.added,
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
