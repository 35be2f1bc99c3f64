//! Windows and OS/2 bitmaps.
//!
//! The crate `image` knows neither OS/2's second header nor files that are cut off, and refuses a palette
//! of more colours than its pixels can name; so they are read here. Where a file leaves something open,
//! what Pillow shows. Pixels that a coded picture passes over have the palette's first colour.
//!
//! References: Microsoft, Bitmap Storage; OS/2 2.x Bitmap File Format.

use image::{DynamicImage, RgbImage, RgbaImage};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::source::Source;
use super::super::stop;
use crate::error::{PhotoError, Result};
use header::{Coding, Header};

mod header;
mod runs;

/// The picture.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let header = Header::of(source.bytes, source)?;
    read(&header, source.bytes, source)
}

/// The picture that a header describes, in `bytes`.
fn read(header: &Header, bytes: &[u8], source: &Source) -> Result<Decoded, PhotoError> {
    let (width, height) = (header.width as usize, header.height as usize);
    source.check_size(header.width, header.height)?;
    let pixels = width as u64 * height as u64;
    let has_alpha = header.masks.is_some_and(|masks| masks[3] != 0);
    let indices = if header.coding == Coding::Runs {
        pixels
    } else {
        0
    };
    let share = source.share(indices + pixels * if has_alpha { 4 + 3 } else { 3 })?;
    let data = bytes.get(header.pixels..).unwrap_or_default();
    let channels = if has_alpha { 4 } else { 3 };
    let mut image = vec![0; width * height * channels];
    let there = match header.coding {
        Coding::Runs => {
            let mut numbers = vec![0; width * height];
            let there = runs::decode(data, header.bits, width, &mut numbers);
            for (pixel, number) in image.chunks_exact_mut(3).zip(&numbers) {
                pixel.copy_from_slice(&header.colour(usize::from(*number)));
            }
            there
        }
        Coding::Plain => {
            let stride = (width * header.bits).div_ceil(32) * 4;
            // The filling of the last row may be missing.
            let needed = (width * header.bits).div_ceil(8);
            let rows = image.chunks_exact_mut(width * channels).enumerate();
            let mut there = 0;
            for (index, row) in rows {
                let Some(stored) = data.get(index * stride..index * stride + needed) else {
                    break;
                };
                if index % 256 == 0 && stop::is_asked() {
                    return Err(source.damaged("stopped"));
                }
                header.row(stored, row, channels);
                there += 1;
            }
            there
        }
    };
    if there == 0 {
        return Err(source.damaged("none of its pixels are there"));
    }
    if !header.is_top_down {
        turn_over(&mut image, width * channels);
    }
    let size = (header.width, header.height);
    let image =
        finished(image, channels, size).ok_or_else(|| source.damaged("its size is wrong"))?;
    let profile = header.profile.clone().and_then(|place| bytes.get(place));
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, |profile| Colour::Icc(profile.to_vec())),
        present: (there as f64 / height as f64) as f32,
        ..Decoded::whole(Stored::Image(image), share)
    })
}

/// Puts the last row first.
fn turn_over(image: &mut [u8], stride: usize) {
    let rows = image.len() / stride;
    for row in 0..rows / 2 {
        let (before, behind) = image.split_at_mut((rows - 1 - row) * stride);
        before[row * stride..][..stride].swap_with_slice(&mut behind[..stride]);
    }
}

/// An alpha that is 0 everywhere hides the whole picture: nobody meant it.
fn finished(image: Vec<u8>, channels: usize, (width, height): (u32, u32)) -> Option<DynamicImage> {
    if channels == 3 {
        return RgbImage::from_raw(width, height, image).map(DynamicImage::ImageRgb8);
    }
    let is_empty = image.iter().skip(3).step_by(4).all(|alpha| *alpha == 0);
    let image = RgbaImage::from_raw(width, height, image).map(DynamicImage::ImageRgba8)?;
    Some(if is_empty {
        image.into_rgb8().into()
    } else {
        image
    })
}
