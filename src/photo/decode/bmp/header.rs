//! The headers of bitmaps: 12 bytes of OS/2 1, 16 or 64 of OS/2 2, 40 to 124 of Windows.

use std::ops::Range;

use super::super::super::source::Source;
use crate::error::{PhotoError, Result};

/// How the pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Plain,
    /// Run lengths of 4 or of 8 bits.
    Runs,
}

#[derive(Clone, Debug)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub is_top_down: bool,
    /// Bits of a pixel: 1, 2, 4, 8, 16, 24 or 32.
    pub bits: usize,
    pub coding: Coding,
    /// Which bits of 16 or 32 are red, green, blue and alpha.
    pub masks: Option<[u32; 4]>,
    pub palette: Vec<[u8; 3]>,
    /// Where the pixels begin, and where the profile is.
    pub pixels: usize,
    pub profile: Option<Range<usize>>,
}

/// Bytes before the header.
const FILE: usize = 14;

/// How the pixels are written, and whether masks say which bits are which; or what it is that is not read.
fn coding(code: u32, bits: usize, is_os2: bool) -> Result<(Coding, bool), String> {
    Ok(match (code, bits) {
        (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) => (Coding::Plain, false),
        (1, 8) | (2, 4) => (Coding::Runs, false),
        (3 | 6, 16 | 32) if !is_os2 => (Coding::Plain, true),
        (3, 1) if is_os2 => return Err("BMP of OS/2 with Huffman codes".to_owned()),
        (4, 24) if is_os2 => return Err("BMP of OS/2 with runs of 24 bits".to_owned()),
        (4, _) => return Err("JPEG in a BMP".to_owned()),
        (5, _) => return Err("PNG in a BMP".to_owned()),
        (code, bits) => return Err(format!("BMP of {bits} bits, compression {code}")),
    })
}

impl Header {
    pub fn of(bytes: &[u8], source: &Source) -> Result<Self, PhotoError> {
        let pixels = number(bytes, 10, 4) as usize;
        let header = bytes.get(FILE..).filter(|header| header.len() >= 12);
        let header = header.ok_or_else(|| source.damaged("it ends before its size is said"))?;
        Self::at(header, FILE, pixels, source)
    }

    /// The header that begins `bytes`, which stand at `place` of the file; the pixels at `pixels`, or
    /// behind the palette where that is 0.
    pub fn at(
        bytes: &[u8],
        place: usize,
        pixels: usize,
        source: &Source,
    ) -> Result<Self, PhotoError> {
        let size = number(bytes, 0, 4) as usize;
        let is_short = size == 12;
        let side = |at: usize| {
            if is_short {
                i64::from(number(bytes, at, 2) as u16)
            } else {
                i64::from(number(bytes, at, 4) as i32)
            }
        };
        let (width, height) = if is_short {
            (side(4), side(6))
        } else {
            (side(4), side(8))
        };
        if width <= 0 || height == 0 {
            return Err(source.damaged(format!("it has {width}×{height} pixels")));
        }
        let after_sides = if is_short { 8 } else { 12 };
        let bits = number(bytes, after_sides + 2, 2) as usize;
        // A header of 16 bytes ends before it says how the pixels are coded.
        let field = |at: usize, len: usize| {
            if size >= at + len {
                number(bytes, at, len)
            } else {
                0
            }
        };
        let is_os2 = matches!(size, 16 | 64);
        let (coding, masked) =
            coding(field(16, 4), bits, is_os2).map_err(|what| source.not_supported(what))?;
        let masks = masks(bytes, size, bits, masked);
        let behind_masks = if masked && size == 40 {
            12 + 4 * usize::from(field(16, 4) == 6)
        } else {
            0
        };
        let first = size + behind_masks;
        let entry = if is_short { 3 } else { 4 };
        let room = pixels.saturating_sub(place + first) / entry;
        let said = field(32, 4) as usize;
        let most = if bits <= 8 { 1 << bits } else { 0 };
        // More colours than a pixel can name are passed over; fewer than there is room for are not trusted.
        let count = match said {
            0 => most,
            said => said.min(most),
        };
        let count = if pixels > 0 { count.min(room) } else { count };
        let palette = palette(bytes.get(first..).unwrap_or_default(), entry, count);
        let behind = if bits <= 8 {
            if said > 0 { said } else { most }
        } else {
            said
        };
        let usual = place
            .saturating_add(first)
            .saturating_add(behind.saturating_mul(entry));
        Ok(Self {
            width: u32::try_from(width).unwrap_or(u32::MAX),
            height: u32::try_from(height.unsigned_abs()).unwrap_or(u32::MAX),
            is_top_down: height < 0,
            bits,
            coding,
            masks,
            palette,
            pixels: if pixels == 0 { usual } else { pixels },
            profile: profile(bytes, size, place),
        })
    }

    /// The colour of a number; black where the palette has no such.
    pub fn colour(&self, number: usize) -> [u8; 3] {
        self.palette.get(number).copied().unwrap_or_default()
    }

    /// Turns a stored row into `channels` samples of each pixel.
    pub fn row(&self, stored: &[u8], to: &mut [u8], channels: usize) {
        let bits = self.bits;
        let whole = bits / 8;
        for (index, pixel) in to.chunks_exact_mut(channels).enumerate() {
            match (bits, self.masks) {
                (..=8, _) => {
                    let shift = 8 - bits - index * bits % 8;
                    let number = stored[index * bits / 8] >> shift & (((1_u16 << bits) - 1) as u8);
                    pixel[..3].copy_from_slice(&self.colour(usize::from(number)));
                }
                (_, Some(masks)) => {
                    let value = number(stored, index * whole, whole);
                    for (sample, mask) in pixel.iter_mut().zip(masks) {
                        *sample = masked(value, mask);
                    }
                }
                _ => {
                    let [blue, green, red] = [0, 1, 2].map(|at| stored[index * whole + at]);
                    pixel[..3].copy_from_slice(&[red, green, blue]);
                }
            }
        }
    }
}

/// The little-endian number of `len` bytes at this place; 0 where there is none.
fn number(bytes: &[u8], at: usize, len: usize) -> u32 {
    let stored = bytes.get(at..at + len).unwrap_or_default();
    stored
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The bits of `mask` as a sample of 8 bits.
fn masked(value: u32, mask: u32) -> u8 {
    if mask == 0 {
        return 0;
    }
    let most = u64::from(mask >> mask.trailing_zeros());
    let value = u64::from((value & mask) >> mask.trailing_zeros());
    ((value * 255 + most / 2) / most) as u8
}

/// Red, green, blue and alpha: said by the file, or 5 bits each of 16.
fn masks(bytes: &[u8], size: usize, bits: usize, masked: bool) -> Option<[u32; 4]> {
    if !masked {
        return (bits == 16).then_some([0x7C00, 0x03E0, 0x001F, 0]);
    }
    // Behind the first 40 bytes, whether they belong to the header or follow it.
    let mask = |index: usize| number(bytes, 40 + 4 * index, 4);
    let alpha = if size >= 56 || number(bytes, 16, 4) == 6 {
        mask(3)
    } else {
        0
    };
    Some([mask(0), mask(1), mask(2), alpha])
}

fn palette(bytes: &[u8], entry: usize, count: usize) -> Vec<[u8; 3]> {
    let entries = bytes.chunks_exact(entry).take(count);
    entries
        .map(|entry| [entry[2], entry[1], entry[0]])
        .collect()
}

/// The embedded profile of a header of 124 bytes.
fn profile(bytes: &[u8], size: usize, place: usize) -> Option<Range<usize>> {
    const EMBEDDED: u32 = 0x4D42_4544;
    if size < 124 || number(bytes, 56, 4) != EMBEDDED {
        return None;
    }
    let start = place.checked_add(number(bytes, 112, 4) as usize)?;
    let end = start.checked_add(number(bytes, 116, 4) as usize)?;
    (end > start).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_any_width_become_eight_bits() {
        assert_eq!(masked(0x7C00, 0x7C00), 255);
        assert_eq!(masked(0x0010 << 5, 0x03E0), 132);
        assert_eq!(masked(0xFF00_0000, 0xFF00_0000), 255);
        assert_eq!(masked(!0, !0), 255);
        assert_eq!(masked(0x1234, 0), 0);
    }

    #[test]
    fn numbers_outside_of_the_file_are_0() {
        assert_eq!(number(&[1, 2, 3], 1, 2), 0x0302);
        assert_eq!(number(&[1, 2, 3], 2, 2), 0);
    }
}
