//! Paths alone, byte for byte, each ended by NUL: for `xargs -0`.

use std::io::{self, Write};

use imgsearch::gallery::Match;

use super::shown;

/// The path of each match.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    for found in matches {
        out.write_all(shown(&found.record.path).as_os_str().as_encoded_bytes())?;
        out.write_all(&[0])?;
    }
    Ok(())
}
