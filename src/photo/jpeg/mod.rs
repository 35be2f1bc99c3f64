//! JPEGs decoded at reduced size, straight from their frequencies.
//!
//! A network sees some 224 pixels of a photo of 4000. A JPEG holds 8×8 blocks of frequencies, and
//! a picture of an eighth to half of the size takes only the lowest of them: the others need not
//! even be read one by one, only passed. What is common is decoded here (eight bits, Huffman-coded,
//! grey or YCbCr); everything else is left to a full decoder, and so is every file that is not
//! quite right, for that one also tells what is wrong.

mod baseline;
mod bits;
mod canvas;
mod huffman;
mod inverse;
mod layout;
mod outline;
mod progressive;
mod tables;

use image::RgbImage;

use super::decoded::{Decoded, Stored};
use super::source::Source;
use crate::error::{PhotoError, Result};
use layout::Layout;
pub use outline::Outline;
use outline::{next_marker, segment};
use tables::{Scan, Tables};

/// A picture at some eighths of its size, as stored (not yet upright).
pub struct Reduced {
    /// Its pixels: sides are rounded up, so the last column and row may be part filling.
    pub image: RgbImage,
    /// The scale, in eighths.
    pub eighths: u32,
}

/// The picture at the smallest size whose short side has the wanted pixels or more; none where it is to
/// be decoded in full.
///
/// # Errors
/// It is cut off, has no pixels or too many, or more scans than any picture needs.
pub fn decode(source: &Source) -> Result<Option<Decoded>, PhotoError> {
    let outline = Outline::of(source.bytes);
    if !outline.whole {
        return Err(source.damaged("it is cut off before the end of the picture"));
    }
    let (width, height) = outline.size().unwrap_or((0, 0));
    source.check_size(width, height)?;
    if !outline.is_worth_its_scans(source.bytes.len()) {
        return Err(source.damaged("it has more scans than any picture needs"));
    }
    let reduced = source.wanted;
    let Some((eighths, side)) = reduced.and_then(|side| Some((outline.eighths(side)?, side)))
    else {
        return Ok(None);
    };
    let pixels = u64::from(width) * u64::from(height);
    // Of each block at most as many coefficients as the reduced one has pixels, and which of all are
    // set; then pixels.
    let of_block = 3 * (2 * u64::from(eighths * eighths) + 8);
    let of_pixels = 3 * u64::from(eighths * eighths);
    let share = source.share(pixels.div_ceil(64) * (of_block + of_pixels))?;
    let Some(reduced) = decode_reduced(source.bytes, &outline, side) else {
        return Ok(None);
    };
    let scale = f64::from(reduced.eighths) / 8.0;
    Ok(Some(Decoded {
        size: (width, height),
        covered: (f64::from(width) * scale, f64::from(height) * scale),
        orientation: outline.orientation(),
        ..Decoded::whole(Stored::Image(reduced.image.into()), share)
    }))
}

/// Decodes a JPEG at the smallest size whose short side has `wanted` pixels or more. None where
/// it cannot be, or should not: the caller then decodes in full, which also tells what is wrong.
pub fn decode_reduced(bytes: &[u8], outline: &Outline, wanted: u32) -> Option<Reduced> {
    let eighths = outline.eighths(wanted)?;
    let layout = Layout::new(outline.frame()?, eighths)?;
    let rgb = match outline.frame()?.marker {
        0xC0 | 0xC1 => decode_sequential(bytes, &layout)?,
        0xC2 => progressive::decode(bytes.get(2..)?, &layout)?,
        _ => return None,
    };
    let (width, height) = (layout.picture.0 as u32, layout.picture.1 as u32);
    let image = RgbImage::from_raw(width, height, rgb)?;
    Some(Reduced { image, eighths })
}

fn decode_sequential(bytes: &[u8], layout: &Layout) -> Option<Vec<u8>> {
    let mut tables = Tables::default();
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        let (segment, behind) = segment(after)?;
        if marker == 0xDA {
            return baseline::decode(behind, &Scan::parse(segment)?, &tables, layout);
        }
        tables.note(marker, segment)?;
        rest = behind;
    }
}

#[cfg(test)]
mod tests;
