//! Chunks that are whole pictures of another format.

use super::super::super::directory::Directory;
use super::super::super::source::Source;
use super::codec::Compression;
use super::layout::Layout;
use crate::error::{PhotoError, Result};

/// The samples of such a chunk, as many rows as there are; none where it is broken.
pub fn samples(
    bytes: &[u8],
    layout: &Layout,
    size: (u32, u32),
    _tags: &Directory,
    source: &Source,
) -> Result<Vec<u8>, PhotoError> {
    match layout.compression {
        Compression::WebP => Ok(webp(bytes, layout, size).unwrap_or_default()),
        _ => Err(source.not_supported(format!("{:?} in a TIFF", layout.compression))),
    }
}

/// RGB, or with a fourth sample.
fn webp(bytes: &[u8], layout: &Layout, size: (u32, u32)) -> Option<Vec<u8>> {
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).ok()?;
    let has_alpha = decoder.has_alpha();
    let (width, height) = decoder.dimensions();
    if width != size.0 || height > size.1 || layout.bits != 8 {
        return None;
    }
    let mut samples = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut samples).ok()?;
    let (have, want) = (if has_alpha { 4 } else { 3 }, layout.samples_together());
    if have == want {
        return Some(samples);
    }
    // An alpha that is 255 everywhere is not written.
    let pixels = samples.chunks_exact(have);
    Some(
        pixels
            .flat_map(|pixel| (0..want).map(|at| pixel.get(at).copied().unwrap_or(255)))
            .collect(),
    )
}
