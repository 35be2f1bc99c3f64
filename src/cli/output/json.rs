//! Results for machines: documented objects and nothing else on standard output.

use std::io::{self, Write};

use imgsearch::document::{Document, Versioned};

/// One JSON object, indented for people who look at it.
pub fn print(document: &impl Document, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Versioned::of(document))?;
    writeln!(out)
}

/// A list of JSON objects.
pub fn print_all(documents: &[impl Document], out: &mut dyn Write) -> io::Result<()> {
    let documents: Vec<_> = documents.iter().map(Versioned::of).collect();
    serde_json::to_writer_pretty(&mut *out, &documents)?;
    writeln!(out)
}

/// One JSON object on a line of its own.
pub fn line(document: &impl Document, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Versioned::of(document))?;
    writeln!(out)
}
