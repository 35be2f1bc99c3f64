//! What an evaluation found, as a table and as JSON.

use std::io::{self, Write};

use imgsearch::Extractor;
use imgsearch::backbone::Architecture;
use imgsearch::descriptor::DescriptorSpec;
use imgsearch::eval::approximate::Approximation;
use imgsearch::eval::bootstrap::Estimate;
use imgsearch::eval::ground_truth::GroundTruth;
use imgsearch::eval::trial::{Evaluation, Trial, Variant};
use imgsearch::extract::architecture_of;
use imgsearch::ingest::Skipped;
use imgsearch::network::Network;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::json;

/// `{model, preprocess, photos, queries, groups, metric, specs: [{spec, dimension,
/// multiply_adds, is_best, is_as_good, behind: {mean, low, high}, metrics: {NAME: {mean, low,
/// high}}}], index: [{ef_search, recall, queries_per_second}], skipped: [{path, reason}]}`, the best
/// spec first.
#[derive(Serialize)]
pub struct Report {
    model: String,
    preprocess: String,
    photos: usize,
    queries: usize,
    groups: usize,
    metric: String,
    pub specs: Vec<Row>,
    /// The best spec with more, where it was asked for.
    variants: Vec<VariantRow>,
    /// The approximate index of the best spec, where it was asked for.
    index: Vec<Value>,
    skipped: Vec<Value>,
}

/// A line of the table.
#[derive(Serialize)]
pub struct Row {
    pub spec: String,
    dimension: usize,
    /// Of one photo, up to the deepest layer.
    multiply_adds: u64,
    is_best: bool,
    /// Not worse than the best beyond noise.
    is_as_good: bool,
    behind: Estimate,
    #[serde(serialize_with = "as_map")]
    metrics: Vec<(String, Estimate)>,
}

impl Report {
    pub fn new(
        truth: &GroundTruth,
        evaluation: &Evaluation,
        extractor: &Extractor,
        approximations: &[Approximation],
        skipped: &[Skipped],
    ) -> Self {
        let fingerprint = extractor.fingerprint();
        let gallery = truth.items.iter().filter(|item| item.in_gallery).count();
        let row = |(index, trial): (usize, &Trial)| Row::new(index, trial, evaluation, extractor);
        Self {
            model: extractor.spec().model.clone(),
            preprocess: fingerprint.recipe().preprocess.to_string(),
            photos: gallery,
            queries: truth.queries.len(),
            groups: truth.groups.len(),
            metric: evaluation
                .metrics
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            specs: evaluation.trials.iter().enumerate().map(row).collect(),
            variants: evaluation
                .variants
                .iter()
                .map(|one| VariantRow::new(one, evaluation))
                .collect(),
            index: approximations.iter().map(approximation).collect(),
            skipped: json::skipped(skipped),
        }
    }
}

/// The best spec with something done besides.
#[derive(Serialize)]
struct VariantRow {
    name: String,
    gain: Estimate,
    #[serde(serialize_with = "as_map")]
    metrics: Vec<(String, Estimate)>,
}

impl VariantRow {
    fn new(variant: &Variant, evaluation: &Evaluation) -> Self {
        Self {
            name: variant.name.clone(),
            gain: variant.gain,
            metrics: named(&variant.estimates, evaluation),
        }
    }
}

/// Each metric's name and estimate.
fn named(estimates: &[Estimate], evaluation: &Evaluation) -> Vec<(String, Estimate)> {
    let names = evaluation.metrics.iter().map(ToString::to_string);
    names.zip(estimates.iter().copied()).collect()
}

impl Row {
    fn new(index: usize, trial: &Trial, evaluation: &Evaluation, extractor: &Extractor) -> Self {
        Self {
            spec: trial.spec.to_string(),
            dimension: trial.dimension,
            multiply_adds: cost(&trial.spec, extractor),
            is_best: index == 0,
            is_as_good: trial.is_as_good(),
            behind: trial.behind,
            metrics: named(&trial.estimates, evaluation),
        }
    }

    /// The metric that decides, which is the first.
    fn quality(&self) -> Option<&Estimate> {
        self.metrics.first().map(|(_, interval)| interval)
    }

    const fn mark(&self) -> char {
        match (self.is_best, self.is_as_good) {
            (true, _) => '*',
            (false, true) => '=',
            (false, false) => ' ',
        }
    }

    /// The spec as it is shown: without the model, which all have in common.
    fn name(&self) -> String {
        let (_, parts) = self.spec.split_once(':').unwrap_or(("", &self.spec));
        parts.to_owned()
    }
}

fn approximation(one: &Approximation) -> Value {
    json!({
        "ef_search": one.ef_search,
        "recall": one.recall,
        "queries_per_second": one.queries_per_second,
    })
}

/// Multiply-adds of a picture of the usual size up to the spec's deepest layer.
fn cost(spec: &DescriptorSpec, extractor: &Extractor) -> u64 {
    let Ok(network) = architecture_of(&spec.model).map(Architecture::network) else {
        return 0;
    };
    let (height, width) = extractor
        .preprocess()
        .output_size(512, 512)
        .unwrap_or((224, 224));
    let layers = spec.layers();
    let values = layers
        .iter()
        .filter_map(|layer| network.find_layer(layer).ok());
    let values: Vec<_> = values.map(|layer| layer.value).collect();
    let cut: Network = network.cut_after(&values);
    cut.multiply_adds(height as usize, width as usize)
        .iter()
        .sum()
}

/// The table, the best spec first, what its marks mean, and what else was measured.
pub fn table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Report {
        model,
        photos,
        queries,
        groups,
        metric,
        ..
    } = report;
    writeln!(
        out,
        "{model}: {queries} queries, {photos} photos, {groups} groups\n"
    )?;
    specs_table(report, out)?;
    writeln!(
        out,
        "\n* best by {metric}; = not worse beyond noise (95 % interval of the difference, bootstrap \
         over queries)"
    )?;
    if !report.variants.is_empty() {
        writeln!(out, "\nthe best spec with")?;
    }
    for variant in &report.variants {
        let Estimate { mean, low, high } = variant.gain;
        let quality = variant
            .metrics
            .first()
            .map_or(0.0, |(_, interval)| interval.mean);
        let name = &variant.name;
        writeln!(
            out,
            "  {name:<20}  {metric} {quality:.4}, gain {mean:.4} [{low:.4}, {high:.4}]"
        )?;
    }
    if !report.index.is_empty() {
        index_table(report, out)?;
    }
    if let Some(best) = report.specs.first() {
        writeln!(
            out,
            "index with it: imgsearch index PATH --spec '{}'",
            best.spec
        )?;
    }
    Ok(())
}

fn specs_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = report.specs.iter().map(Row::name).collect();
    let lengths = names.iter().map(|name| name.chars().count());
    let width = lengths.max().unwrap_or(0).max(4);
    let decisive = format!("{} [95 %]", report.metric);
    write!(
        out,
        "  {:width$}  {:>5}  {:>6}  {decisive:<21}",
        "spec", "dim", "MMAC"
    )?;
    let first = report.specs.first();
    let columns = first
        .and_then(|row| row.metrics.get(1..))
        .unwrap_or_default();
    for (name, _) in columns {
        write!(out, "  {:>7}", short(name))?;
    }
    writeln!(out)?;
    for (row, name) in report.specs.iter().zip(&names) {
        let (cost, dimension) = (row.multiply_adds / 1_000_000, row.dimension);
        write!(
            out,
            "{} {name:width$}  {dimension:>5}  {cost:>6}",
            row.mark()
        )?;
        if let Some(Estimate { mean, low, high }) = row.quality() {
            write!(out, "  {mean:.4} [{low:.3}, {high:.3}]")?;
        }
        for (_, interval) in row.metrics.iter().skip(1) {
            write!(out, "  {:>7.4}", interval.mean)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn index_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\nthe index beside the exact ranking, the best spec, one thread:"
    )?;
    writeln!(
        out,
        "  {:>9}  {:>9}  {:>9}",
        "ef_search", "recall@10", "queries/s"
    )?;
    for row in &report.index {
        let ef_search = row["ef_search"]
            .as_u64()
            .map_or("exact".to_owned(), |ef| ef.to_string());
        let number = |key: &str| row[key].as_f64().unwrap_or_default();
        let (recall, speed) = (number("recall"), number("queries_per_second"));
        writeln!(out, "  {ef_search:>9}  {recall:>9.4}  {speed:>9.0}")?;
    }
    Ok(())
}

/// A metric's name as a column has room for it.
fn short(name: &str) -> String {
    name.replace("recall", "R")
        .replace("precision@", "P@")
        .replace("R-precision", "R-prec")
        .replace("mAP-oxford", "mAP-ox")
}

fn as_map<S: Serializer>(metrics: &[(String, Estimate)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(metrics.iter().map(|(name, interval)| (name, interval)))
}
