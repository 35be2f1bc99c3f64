//! Results for people and for simple scripts: aligned text, CSV, NUL-separated paths.

use std::io::{self, Write};

use imgsearch::gallery::Match;

use super::{shown, shown_clean};

/// Rank, similarity, path: one line each.
pub fn table(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    for (rank, found) in (1..).zip(matches) {
        writeln!(
            out,
            "{rank:>4}  {:.4}  {}",
            found.similarity,
            shown_clean(&found.record.path)
        )?;
    }
    Ok(())
}

/// Comma-separated, with a line of names; paths in quotes.
pub fn csv(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
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

/// Paths alone, byte for byte, each ended by NUL: for `xargs -0`.
pub fn nul_separated(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    for found in matches {
        out.write_all(shown(&found.record.path).as_os_str().as_encoded_bytes())?;
        out.write_all(&[0])?;
    }
    Ok(())
}
