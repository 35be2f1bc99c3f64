//! GIF, by the crate `gif`: the first picture on its screen.
//!
//! Where a file leaves something open, what Pillow shows: around the first picture its transparent
//! colour, or else the palette's first one; without a palette the numbers are shades of grey; a screen
//! smaller than its picture grows. Blocks of unknown kinds are passed over.
//!
//! Reference: the specification of `GIF89a` (`CompuServe`, 1990).

use std::io::{Cursor, Read};

use gif::{ColorOutput, DecodeOptions, MemoryLimit};
use image::{DynamicImage, RgbImage, RgbaImage};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::source::Source;
use super::super::stop::Bytes;
use crate::error::{PhotoError, Result};

/// The first picture.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Unlimited);
    options.check_frame_consistency(false);
    options.check_lzw_end_code(false);
    options.allow_unknown_blocks(true);
    let failed = |error: gif::DecodingError| source.damaged(error);
    let (head, rest) = head(source.bytes);
    let file = Cursor::new(head).chain(Bytes(Cursor::new(rest)));
    let mut decoder = options.read_info(file).map_err(failed)?;
    let screen = [decoder.width(), decoder.height()].map(u32::from);
    source.check_size(screen[0], screen[1])?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.next_frame_info().map_err(failed)?;
    let frame = frame.ok_or_else(|| source.damaged("it has no picture"))?;
    let [left, top, width, height] =
        [frame.left, frame.top, frame.width, frame.height].map(u32::from);
    source.check_size(width, height)?;
    let size = [screen[0].max(left + width), screen[1].max(top + height)];
    source.check_size(size[0], size[1])?;
    let (transparent, is_interlaced) = (frame.transparent, frame.interlaced);
    let palette = frame.palette.clone().or(global).unwrap_or_default();
    let indices = u64::from(width) * u64::from(height);
    let pixels = u64::from(size[0]) * u64::from(size[1]);
    let share = source.share(indices + pixels * (3 + u64::from(transparent.is_some())))?;
    let mut numbers = vec![0; indices as usize];
    let mut there = 0;
    for row in numbers.chunks_exact_mut(width as usize) {
        match decoder.fill_buffer(row) {
            Ok(true) => there += 1,
            Err(error) if there == 0 => return Err(failed(error)),
            Ok(false) | Err(_) => break,
        }
    }
    let profile = decoder.icc_profile().map(<[u8]>::to_vec);
    let colours = Palette {
        colours: palette,
        transparent,
    };
    let place = |row: u32| {
        if is_interlaced {
            interlaced(row, height)
        } else {
            row
        }
    };
    let rows = numbers.chunks_exact(width as usize).take(there).enumerate();
    let rows = rows.map(|(row, numbers)| (top + place(row as u32), left, numbers));
    let image = colours.paint(size, rows);
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, Colour::Icc),
        present: (there as f64 / f64::from(height)) as f32,
        ..Decoded::whole(Stored::Image(image), share)
    })
}

/// A file's beginning, and the rest. Where there is no palette for all pictures there is one of grey
/// shades: the crate would refuse a picture that has none of its own.
fn head(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (head, rest) = bytes.split_at(bytes.len().min(13));
    let mut head = head.to_vec();
    if let Some(flags) = head.get_mut(10).filter(|flags| **flags & 0x80 == 0) {
        *flags |= 0x87;
        head.extend((0..=255).flat_map(|shade| [shade; 3]));
    }
    (head, rest)
}

/// Where the `index`th row of an interlaced picture stands.
fn interlaced(index: u32, height: u32) -> u32 {
    let mut rest = index;
    for (first, step) in [(0, 8), (4, 8), (2, 4), (1, 2)] {
        let rows = height.saturating_sub(first).div_ceil(step);
        if rest < rows {
            return first + rest * step;
        }
        rest -= rows;
    }
    height - 1
}

struct Palette {
    colours: Vec<u8>,
    transparent: Option<u8>,
}

impl Palette {
    fn colour(&self, number: u8) -> [u8; 3] {
        let colour = self
            .colours
            .get(3 * usize::from(number)..)
            .and_then(|rest| rest.first_chunk());
        colour.copied().unwrap_or_default()
    }

    /// A screen with such rows: where they begin, down and across, and their numbers.
    fn paint<'a>(
        &self,
        [width, height]: [u32; 2],
        rows: impl Iterator<Item = (u32, u32, &'a [u8])>,
    ) -> DynamicImage {
        let table: Vec<[u8; 3]> = (0..=255).map(|number| self.colour(number)).collect();
        let colour = |number: u8| table[usize::from(number)];
        let Some(transparent) = self.transparent else {
            let mut image = RgbImage::from_pixel(width, height, image::Rgb(colour(0)));
            for (y, x, numbers) in rows {
                for (x, number) in (x..).zip(numbers) {
                    image.put_pixel(x, y, image::Rgb(colour(*number)));
                }
            }
            return image.into();
        };
        let behind = colour(transparent);
        let clear = image::Rgba([behind[0], behind[1], behind[2], 0]);
        let mut image = RgbaImage::from_pixel(width, height, clear);
        for (y, x, numbers) in rows {
            for (x, number) in (x..).zip(numbers) {
                if *number != transparent {
                    let [r, g, b] = colour(*number);
                    image.put_pixel(x, y, image::Rgba([r, g, b, 255]));
                }
            }
        }
        image.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_are_all_rows_once_in_the_order_of_the_specification() {
        let order: Vec<u32> = (0..10).map(|row| interlaced(row, 10)).collect();
        assert_eq!(order, [0, 8, 4, 2, 6, 1, 3, 5, 7, 9]);
        for height in 1..40 {
            let mut rows: Vec<u32> = (0..height).map(|row| interlaced(row, height)).collect();
            rows.sort_unstable();
            assert!(rows.into_iter().eq(0..height), "{height} rows");
        }
    }

    #[test]
    fn only_a_file_without_a_palette_for_all_gets_one_of_grey_shades() {
        let with = b"GIF89a\x01\0\x01\0\x80\0\0abcdef,";
        let (head_of_it, rest) = head(with);
        assert_eq!((&head_of_it[..], rest), (&with[..13], &with[13..]));
        let (grey, rest) = head(b"GIF89a\x01\0\x01\0\0\0\0,");
        assert_eq!((grey.len(), grey[10], rest), (13 + 768, 0x87, &b","[..]));
        assert_eq!(grey[13 + 3 * 200..][..3], [200; 3]);
        assert_eq!(head(b"GIF").0, b"GIF");
    }
}
