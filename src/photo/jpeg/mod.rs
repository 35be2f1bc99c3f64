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
