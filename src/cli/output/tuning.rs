//! What a tuning found, as text and as JSON.

use std::io::{self, Write};

use imgsearch::eval::bootstrap::Estimate;
use imgsearch::eval::tune::{TuneOptions, TuneStep, Tuned};
use serde_json::{Value, json};

use super::json;

/// Spec, size and whitening of a step in a line.
pub fn one_line(step: &TuneStep) -> String {
    let keys = step.preprocess.to_string();
    let size: Vec<&str> = keys
        .split(',')
        .filter(|key| key.starts_with("resize=") || key.starts_with("crop="))
        .collect();
    let whitened = step.whitened.map(|keep| format!(", whitened to {keep}"));
    format!(
        "{} at {}{}",
        step.spec,
        size.join(","),
        whitened.unwrap_or_default()
    )
}

/// The path of improvements, and what it is worth on the other half.
pub fn text(tuned: &Tuned, options: &TuneOptions, out: &mut dyn Write) -> io::Result<()> {
    let [(queries, photos), (other_queries, other_photos)] = tuned.halves;
    writeln!(
        out,
        "searched on {queries} queries among {photos} photos: {} combinations",
        tuned.tried
    )?;
    for step in &tuned.path {
        let gain = match step.what {
            "default" => " ".repeat(9),
            _ => format!("(+{:.4})", step.gain.mean),
        };
        writeln!(
            out,
            "  {:.4} {gain}  {:<19}  {}",
            step.mean,
            step.what,
            one_line(step)
        )?;
    }
    let metric = options.metric;
    writeln!(
        out,
        "\nmeasured on {other_queries} queries of other groups among {other_photos} photos:"
    )?;
    writeln!(out, "  default  {metric} {}", interval(&tuned.default))?;
    writeln!(out, "  tuned    {metric} {}", interval(&tuned.tuned))?;
    writeln!(out, "  gain     {metric} {}", interval(&tuned.gain))?;
    let (better, groups) = tuned.groups;
    writeln!(out, "  better in {better} of {groups} groups")?;
    if tuned.gain.is_gain() {
        if let Some(end) = tuned.path.last() {
            writeln!(out, "\nspec: {}\npreprocess: {}", end.spec, end.preprocess)?;
        }
        Ok(())
    } else {
        writeln!(
            out,
            "\nnothing beats the default beyond noise: keep {}\n(more labelled groups would make \
             smaller gains certain)",
            options.default
        )
    }
}

fn interval(estimate: &Estimate) -> String {
    format!(
        "{:.4} [{:.4}, {:.4}]",
        estimate.mean, estimate.low, estimate.high
    )
}

/// `{metric, seed, tried, path: [{what, spec, preprocess, whitened, mean, gain}], searched: {queries,
/// photos}, held_out: {queries, photos, default, tuned, gain, is_better,
/// groups, groups_better}, spec, preprocess,
/// skipped}`; intervals are `{mean, low, high}`.
pub fn report(tuned: &Tuned, options: &TuneOptions) -> Value {
    let step = |step: &TuneStep| {
        json!({
            "what": step.what,
            "spec": step.spec.to_string(),
            "preprocess": step.preprocess.to_string(),
            "whitened": step.whitened,
            "mean": step.mean,
            "gain": step.gain,
        })
    };
    let path: Vec<Value> = tuned.path.iter().map(step).collect();
    let end = tuned.path.last().filter(|_| tuned.gain.is_gain());
    let spec = end.map_or(&options.default, |end| &end.spec);
    let preprocess = end.map_or(&options.preprocessings[0], |end| &end.preprocess);
    let [searched, held_out] = tuned.halves;
    json!({
        "metric": options.metric.to_string(),
        "seed": options.seed,
        "tried": tuned.tried,
        "path": path,
        "searched": { "queries": searched.0, "photos": searched.1 },
        "held_out": {
            "queries": held_out.0,
            "photos": held_out.1,
            "default": tuned.default,
            "tuned": tuned.tuned,
            "gain": tuned.gain,
            "is_better": tuned.gain.is_gain(),
            "groups": tuned.groups.1,
            "groups_better": tuned.groups.0,
        },
        "spec": spec.to_string(),
        "preprocess": preprocess.to_string(),
        "skipped": json::skipped(&tuned.skipped),
    })
}
