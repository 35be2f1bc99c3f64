//! Results for machines: documented objects and nothing else on standard output.

use std::io::{self, Write};

use imgsearch::gallery::Match;
use imgsearch::ingest::{IngestReport, Skipped};
use serde::Serialize;
use serde_json::{Value, json};

use super::shown;

/// One JSON object on a line of its own, or indented for people who look at it.
pub fn print(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// `{query: [path], matches: [{rank, similarity, path, width, height, hash}]}`; `query` adds
/// `expansion` and `augmentation`, each `{neighbors, alpha}` or null.
pub fn matches(query: &[String], matches: &[Match]) -> Value {
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
    let matches: Vec<Value> = (1..).zip(matches).map(one).collect();
    json!({ "query": query, "matches": matches })
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
