//! The formats that the crate `image` decodes as they are.

use std::io::Cursor;

use image::error::ImageError;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::memory::Budget;
use super::super::orientation;
use super::super::source::{MAX_PIXELS, Source};
use super::super::stop::Bytes;
use super::webp;
use crate::error::{PhotoError, Result};

/// Bytes that a part of an animation may take however small the picture is.
const OF_ANY_PART: u64 = 1 << 20;

/// The picture, or the first of an animation.
pub fn decode(source: &Source, format: ImageFormat) -> Result<Decoded, PhotoError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(Budget::of_machine().total().min(8 * MAX_PIXELS));
    let mut reader = ImageReader::with_format(Bytes(Cursor::new(source.bytes)), format);
    reader.limits(limits);
    let failed = |error: ImageError| source.damaged(error);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    source.check_size(width, height)?;
    if format == ImageFormat::WebP && !webp::fits(source.bytes, width, height) {
        return Err(source.damaged("a picture in it is larger than the whole"));
    }
    let exif = decoder.exif_metadata().map_err(failed)?;
    let xmp = decoder.xmp_metadata().map_err(failed)?;
    let of_exif = exif.and_then(|chunk| orientation::of_exif(&chunk));
    let said = of_exif.or_else(|| xmp.and_then(|packet| orientation::of_xmp(&packet)));
    let orientation = match said {
        Some(orientation) => orientation,
        None => decoder.orientation().map_err(failed)?,
    };
    let profile = decoder.icc_profile().map_err(failed)?;
    let of_decoder = match format {
        ImageFormat::Png | ImageFormat::Bmp => 0,
        _ => decoder.total_bytes(),
    };
    let share = source.share(decoder.total_bytes() + of_decoder)?;
    if format == ImageFormat::Gif {
        // Of its first part, which may be larger than the whole and has no share: seldom, and by little.
        let mut limits = Limits::default();
        limits.max_alloc = Some(4 * decoder.total_bytes() + OF_ANY_PART);
        decoder.set_limits(limits).map_err(failed)?;
    }
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, Colour::Icc),
        orientation,
        ..Decoded::whole(Stored::Image(image), share)
    })
}
