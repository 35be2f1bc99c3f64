//! Paths alone, byte for byte, each ended by NUL: for `xargs -0`.

use std::io::{self, Write};
use std::path::Path;

use imgsearch::gallery::Match;

use super::shown;

/// The path of each match.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    paths(matches.iter().map(|found| &*found.record.path), out)
}

/// Each of these.
pub fn paths<'a>(paths: impl Iterator<Item = &'a Path>, out: &mut dyn Write) -> io::Result<()> {
    for path in paths {
        out.write_all(shown(path).as_os_str().as_encoded_bytes())?;
        out.write_all(&[0])?;
    }
    Ok(())
}
