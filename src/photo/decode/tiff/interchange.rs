//! Where the JPEG of TIFF 6.0 stands, if it stands in one piece.
//!
//! Reference: TIFF 6.0, section 22.

use super::super::super::directory::Directory;
use super::codec::Compression;

/// Whether the picture is one stream, and not one for each strip.
pub fn is_whole(tags: &Directory, compression: Compression) -> bool {
    compression == Compression::OldJpeg && interchange(tags).is_some()
}

/// What stands at `JPEGInterchangeFormat`.
pub fn interchange<'a>(tags: &Directory<'a>) -> Option<&'a [u8]> {
    let file = tags.container().bytes();
    let rest = file.get(usize::try_from(tags.number(513)?).ok()?..)?;
    let said = tags.number(514).and_then(|len| usize::try_from(len).ok());
    let len = said.filter(|len| *len > 0).unwrap_or(rest.len());
    let stream = &rest[..len.min(rest.len())];
    stream.starts_with(&[0xFF, 0xD8]).then_some(stream)
}
