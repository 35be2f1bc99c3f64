//! Results for people: aligned text.

pub mod acted;
pub mod caches;
pub mod duplicates;
pub mod evaluation;
pub mod gallery;
pub mod models;
pub mod outliers;
pub mod tuning;
pub mod weights;

use std::io::{self, Write};

use imgsearch::gallery::Match;
use imgsearch::ingest::IngestReport;

use super::{photos, shown_clean};

/// Rank, similarity, how many unrelated ones would be expected if that was asked, path: one line each.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    let mut ranked = (1..).zip(matches);
    ranked.try_for_each(|(rank, found)| one_match(rank, found, out))
}

/// The line about one of them.
pub fn one_match(rank: usize, found: &Match, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{rank:>4}  {:.4}  {}{}{}",
        found.similarity,
        found.expected.map_or_else(String::new, expected),
        shown_clean(&found.record.path),
        if found.exists() { "" } else { "  (gone)" }
    )
}

/// A number of photos, as wide whatever it is.
fn expected(expected: f64) -> String {
    let text = match expected {
        ..0.0001 => "<0.0001".to_owned(),
        ..10.0 => format!("{expected:.4}"),
        _ => format!("{expected:.1}"),
    };
    format!("{text:>7}  ")
}

/// What an ingestion did, in two lines, or three.
pub fn ingestion(report: &IngestReport, out: &mut dyn Write) -> io::Result<()> {
    let IngestReport {
        added,
        unchanged,
        changed,
        moved,
        removed,
        seconds,
        ..
    } = report;
    let skipped = report.skipped.len();
    write!(
        out,
        "added {added}, unchanged {unchanged}, changed {changed}, moved {moved}, removed {removed}, \
         skipped {skipped}"
    )?;
    match report.kept.iter().map(|kept| kept.photos).sum::<usize>() {
        0 => writeln!(out)?,
        kept => writeln!(out, ", gone but kept {kept}")?,
    }
    let photos = photos(report.photos);
    write!(out, "{photos} in the gallery; {seconds:.1} s")?;
    let done = added + changed;
    if done > 0 {
        let rate = done as f64 / seconds;
        write!(out, ", {rate:.1} photos/s")?;
    }
    writeln!(out)?;
    match report.copies {
        0 => Ok(()),
        1 => writeln!(out, "1 copy of a photo described already"),
        copies => writeln!(out, "{copies} copies of photos described already"),
    }
}
