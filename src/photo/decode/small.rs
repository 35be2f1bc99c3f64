//! What the crate `image` does not read of icons and TGA: icons whose picture is a PNG of another kind than
//! RGBA, and TGA of one bit.
//!
//! References: the directory of ICO and CUR files as Windows has it (`ICONDIR`), and Truevision TGA 2.0.

use image::{DynamicImage, GrayImage};

use super::super::decoded::{Decoded, Stored};
use super::super::source::Source;
use super::png;
use crate::error::{PhotoError, Result};

/// What stands before an icon's directory, and one of its entries; in bytes.
const HEAD: usize = 6;
const ENTRY: usize = 16;
const TGA_HEAD: usize = 18;
/// Bits of a TGA's description: from the right, and from the top.
const LEFTWARDS: u8 = 0x10;
const DOWNWARDS: u8 = 0x20;

/// An icon's largest picture, if that is a PNG.
pub fn icon(source: &Source) -> Option<Result<Decoded, PhotoError>> {
    let bytes = source.bytes;
    let count = u16::from_le_bytes([*bytes.get(4)?, *bytes.get(5)?]);
    let entries = bytes.get(HEAD..)?.chunks_exact(ENTRY).take(count.into());
    // A side of 0 is one of 256.
    let side = |side: u8| u32::from(side.wrapping_sub(1)) + 1;
    let largest = entries.max_by_key(|entry| (side(entry[0]) * side(entry[1]), entry[6]))?;
    let number = |at: usize| {
        let four = [
            largest[at],
            largest[at + 1],
            largest[at + 2],
            largest[at + 3],
        ];
        u32::from_le_bytes(four) as usize
    };
    let (length, start) = (number(8), number(12));
    let rest = bytes.get(start..)?;
    let picture = &rest[..length.min(rest.len())];
    let is_png = picture.starts_with(b"\x89PNG\r\n\x1a\n");
    is_png.then(|| png::decode(&source.within(picture)))
}

/// A TGA of one bit, in which 1 is white.
pub fn bits(source: &Source) -> Option<Result<Decoded, PhotoError>> {
    let head = source.bytes.get(..TGA_HEAD)?;
    let is_of_bits = (head[1], head[2], head[16]) == (0, 3, 1);
    is_of_bits.then(|| of_bits(source, head))
}

fn of_bits(source: &Source, head: &[u8]) -> Result<Decoded, PhotoError> {
    let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let (width, height) = (side(12), side(14));
    source.check_size(width, height)?;
    let share = source.share(u64::from(width) * u64::from(height))?;
    let of_row = (width as usize).div_ceil(8);
    let rows = source.bytes.get(TGA_HEAD + usize::from(head[0])..);
    let rows: Vec<&[u8]> = rows
        .unwrap_or_default()
        .chunks_exact(of_row)
        .take(height as usize)
        .collect();
    let (is_leftwards, is_downwards) = (head[17] & LEFTWARDS != 0, head[17] & DOWNWARDS != 0);
    let image = GrayImage::from_fn(width, height, |x, y| {
        let x = if is_leftwards { width - 1 - x } else { x } as usize;
        let y = if is_downwards { y } else { height - 1 - y } as usize;
        let bit = rows.get(y).map_or(0, |row| row[x / 8] >> (7 - x % 8) & 1);
        image::Luma([255 * bit])
    });
    Ok(Decoded {
        present: rows.len() as f32 / height as f32,
        ..Decoded::whole(Stored::Image(DynamicImage::from(image)), share)
    })
}
