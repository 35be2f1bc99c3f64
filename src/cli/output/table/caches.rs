//! What is kept, as text.

use std::io::{self, Write};

use imgsearch::caches::Caches;
use indicatif::DecimalBytes;

use crate::cli::output::shown_clean;

/// A line for each thing that is kept, and one for all.
pub fn list(caches: &Caches, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |what: &str, bytes: u64, path: &str| {
        writeln!(
            out,
            "{what:<28} {:>10}  {path}",
            DecimalBytes(bytes).to_string()
        )
    };
    for one in &caches.weights {
        let path = shown_clean(&one.file.path);
        line(&format!("weights of {}", one.model), one.file.bytes, &path)?;
    }
    if let Some(evaluations) = &caches.evaluations {
        line(
            "evaluations",
            evaluations.bytes,
            &shown_clean(&evaluations.path),
        )?;
    }
    line("all", caches.bytes, "")
}
