//! Results for machines: documented objects and nothing else on standard output.

use std::io::{self, Write};
use std::path::Path;

use imgsearch::Error;
use imgsearch::gallery::Match;
use imgsearch::ingest::{IngestReport, Skipped};
use imgsearch::search::Answer;
use serde::Serialize;
use serde_json::{Value, json};

use super::{shown, shown_clean};

/// One JSON object on a line of its own, or indented for people who look at it.
pub fn print(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// One JSON object in one line.
pub fn print_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// `{query: [path], weights: [number], ranking, expansion, augmentation, matches: [{rank, similarity,
/// path, width, height, hash}]}`; `expansion` and `augmentation` are `{neighbors, alpha}` or null.
pub fn answer(answer: &Answer) -> Value {
    let one = |(rank, found): (usize, &Match)| {
        json!({
            "rank": rank,
            "similarity": found.similarity,
            "path": shown(&found.record.path).to_string_lossy(),
            "width": found.record.width,
            "height": found.record.height,
            "hash": found.record.hash.to_string(),
        })
    };
    let matches: Vec<Value> = (1..).zip(&answer.matches).map(one).collect();
    let query: Vec<String> = answer
        .query
        .iter()
        .map(|one| shown_clean(&one.path))
        .collect();
    let weights: Vec<f32> = answer.query.iter().map(|one| one.weight).collect();
    json!({
        "query": query,
        "weights": weights,
        "ranking": answer.ranking,
        "expansion": answer.ranking.expand,
        "augmentation": answer.ranking.augment,
        "matches": matches,
    })
}

/// `{query: [path], error}`: the line of a picture that could not be asked with.
pub fn unanswered(image: &Path, error: &Error) -> Value {
    json!({ "query": [shown_clean(image)], "error": error.to_string() })
}

/// `{added, unchanged, changed, moved, removed, photos, interrupted, seconds, skipped: [{path,
/// reason}]}`.
pub fn ingest(report: &IngestReport, seconds: f64) -> Value {
    json!({
        "added": report.added,
        "unchanged": report.unchanged,
        "changed": report.changed,
        "moved": report.moved,
        "removed": report.removed,
        "photos": report.photos,
        "interrupted": report.interrupted,
        "seconds": seconds,
        "skipped": skipped(&report.skipped),
    })
}

/// `[{path, reason}]`.
pub fn skipped(skipped: &[Skipped]) -> Vec<Value> {
    let one = |skipped: &Skipped| {
        json!({
            "path": shown(&skipped.path).to_string_lossy(),
            "reason": skipped.reason.to_string(),
        })
    };
    skipped.iter().map(one).collect()
}
