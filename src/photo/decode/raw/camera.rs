//! What is looked for in a camera file, whatever its container.

use super::super::super::said::Said;

/// What a camera file has beside the numbers of its sensor.
pub struct Camera<'a> {
    /// What may be a JPEG of the photo.
    pub previews: Vec<&'a [u8]>,
    /// How it was held, and what else it says.
    pub said: Said,
}

/// So many bytes from a place on, as far as the file has them.
pub fn part(bytes: &[u8], start: usize, len: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    &rest[..len.min(rest.len())]
}
