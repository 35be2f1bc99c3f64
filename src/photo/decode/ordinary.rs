//! The formats that the crate `image` decodes as they are: QOI, TGA, and icons, of which the largest
//! picture is taken.

use std::io::Cursor;

use image::error::ImageError;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::super::decoded::{Decoded, Stored};
use super::super::source::{MAX_PIXELS, Source};
use super::super::stop::Bytes;
use super::small;
use crate::error::{PhotoError, Result};

/// The picture.
pub fn decode(source: &Source, format: ImageFormat) -> Result<Decoded, PhotoError> {
    let other = match format {
        ImageFormat::Ico => small::icon(source),
        ImageFormat::Tga => small::bits(source),
        _ => None,
    };
    other.unwrap_or_else(|| usual(source, format))
}

fn usual(source: &Source, format: ImageFormat) -> Result<Decoded, PhotoError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * MAX_PIXELS);
    let mut reader = ImageReader::with_format(Bytes(Cursor::new(source.bytes)), format);
    reader.limits(limits);
    let failed = |error: ImageError| match error {
        ImageError::Unsupported(error) => source.not_supported(error.to_string()),
        error => source.damaged(error),
    };
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    source.check_size(width, height)?;
    // As much again for a decoder that has the whole of it before it turns it over.
    let share = source.share(2 * decoder.total_bytes())?;
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok(Decoded::whole(Stored::Image(image), share))
}
