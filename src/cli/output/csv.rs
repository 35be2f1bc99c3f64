//! Comma-separated values.

use std::io::{self, Write};

use imgsearch::gallery::Match;

use super::shown;

/// A line of names, and one for each match; paths in quotes.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "rank,similarity,path")?;
    for (rank, found) in (1..).zip(matches) {
        let path = shown(&found.record.path)
            .display()
            .to_string()
            .replace('"', "\"\"");
        writeln!(out, "{rank},{:.6},\"{path}\"", found.similarity)?;
    }
    Ok(())
}
