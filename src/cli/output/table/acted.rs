//! What was done to duplicates, a line each.

use std::io::{self, Write};

use imgsearch::duplicates::{Acted, Action};
use indicatif::DecimalBytes;

use super::super::{clean_line, photos};

/// Each photo with what became of it, and a line of all.
pub fn acted(report: &Acted, out: &mut dyn Write) -> io::Result<()> {
    let (would, done) = words(report.action);
    let word = if report.dry_run { would } else { done };
    for done in &report.done {
        write!(out, "{word}  {}", clean_line(done.place.path()))?;
        if let Some(to) = &done.to {
            write!(out, "  to  {}", clean_line(to.path()))?;
        }
        if let Some(keep) = &done.keep {
            write!(out, "  (kept: {})", clean_line(keep.path()))?;
        }
        writeln!(out)?;
    }
    let count = photos(report.done.len());
    write!(out, "{word}: {count}")?;
    if report.bytes > 0 {
        write!(out, ", {}", DecimalBytes(report.bytes))?;
    }
    match report.protected {
        0 => writeln!(out),
        protected => writeln!(out, "; {protected} protected"),
    }
}

/// Of what would be done, and of what was.
const fn words(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Move => ("would move", "moved"),
        Action::Trash => ("would trash", "trashed"),
        Action::Link => ("would link", "linked"),
        Action::Delete => ("would delete", "deleted"),
        Action::Undo => ("would take back", "taken back"),
    }
}
