//! Chunks that are whole pictures of another format: WebP, and JPEG by our own decoder.
//!
//! References: TIFF 6.0, section 22, as Technical Note 2 mends it (`JPEGTables`, compression 7);
//! libtiff's `tif_webp.c` for 50001.

use image::DynamicImage;

use super::super::super::decoded::Stored;
use super::super::super::directory::Directory;
use super::super::super::jpeg;
use super::super::super::source::Source;
use super::codec::Compression;
use super::layout::{Layout, Photometric};
use super::old_jpeg;
use crate::error::{PhotoError, Result};

/// The samples of such a chunk of `size` pixels, as many rows as there are; none where it is broken.
pub fn samples(
    bytes: &[u8],
    layout: &Layout,
    size: (u32, u32),
    tags: &Directory,
    source: &Source,
) -> Result<Vec<u8>, PhotoError> {
    match layout.compression {
        Compression::WebP => Ok(webp(bytes, layout, size).unwrap_or_default()),
        Compression::Jpeg => {
            let tables = tags.bytes(347).unwrap_or_default();
            jpeg(tables, bytes, layout, size, source)
        }
        Compression::OldJpeg => {
            let stream = old_jpeg::stream(bytes, layout, size, tags);
            let stream = stream.ok_or_else(|| source.damaged("its JPEG tables are missing"))?;
            jpeg(&[], &stream, layout, size, source)
        }
        other => Err(source.not_supported(format!("{other:?} in a TIFF"))),
    }
}

/// RGB, or with a fourth sample.
fn webp(bytes: &[u8], layout: &Layout, size: (u32, u32)) -> Option<Vec<u8>> {
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).ok()?;
    let has_alpha = decoder.has_alpha();
    if decoder.dimensions().0 != size.0 || decoder.dimensions().1 > size.1 || layout.bits != 8 {
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
    let wanted = |pixel: &[u8], at: usize| pixel.get(at).copied().unwrap_or(255);
    Some(
        pixels
            .flat_map(|pixel| (0..want).map(|at| wanted(pixel, at)))
            .collect(),
    )
}

/// What the numbers mean TIFF's tags say: only YCbCr is turned into RGB.
fn jpeg(
    tables: &[u8],
    stream: &[u8],
    layout: &Layout,
    (columns, rows): (u32, u32),
    source: &Source,
) -> Result<Vec<u8>, PhotoError> {
    let is_raw = layout.photometric != Photometric::YCbCr || layout.is_planar;
    let decoded = match jpeg::decode_abbreviated(tables, stream, is_raw, source) {
        Err(PhotoError::DamagedPhoto { .. }) => return Ok(Vec::new()),
        other => other?,
    };
    let (width, height) = decoded.pixels.size();
    let there = (f64::from(height) * f64::from(decoded.present)) as u32;
    let (numbers, channels, bytes) = match decoded.pixels {
        Stored::Cmyk(image) => (image.into_raw(), 4, 1),
        Stored::Image(image) => {
            let channels = usize::from(image.color().channel_count());
            match image {
                DynamicImage::ImageLuma16(image) => (ordered(&image, layout), channels, 2),
                DynamicImage::ImageRgb16(image) => (ordered(&image, layout), channels, 2),
                image => (image.into_bytes(), channels, 1),
            }
        }
    };
    if channels != layout.samples_together() || 8 * bytes != layout.bits {
        let what = format!(
            "a JPEG of {channels} components of {} bits in a TIFF of others",
            8 * bytes
        );
        return Err(source.not_supported(what));
    }
    if width < columns {
        return Ok(Vec::new());
    }
    let of_pixel = channels * bytes;
    let rows = numbers
        .chunks_exact(width as usize * of_pixel)
        .take(rows.min(there) as usize);
    Ok(rows
        .flat_map(|row| &row[..columns as usize * of_pixel])
        .copied()
        .collect())
}

fn ordered(samples: &[u16], layout: &Layout) -> Vec<u8> {
    let bytes = |sample: &u16| {
        if layout.is_little {
            sample.to_le_bytes()
        } else {
            sample.to_be_bytes()
        }
    };
    samples.iter().flat_map(bytes).collect()
}
