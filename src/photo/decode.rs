//! Bytes to an upright RGB picture: format by content, EXIF orientation, limits against bombs.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::format::Format;
use super::jpeg::{self, Outline};
use super::memory::{Budget, Share};
use super::picture::{Covered, MAX_PIXELS, Picture, check_pixels, damaged, over_white};
use super::stop::{self, Bytes};
use crate::caught::caught;
use crate::error::{PhotoError, Result};

mod tiff;
mod webp;

/// Bytes that a part of an animation may take however small the picture is.
const OF_ANY_PART: u64 = 1 << 20;

/// Decodes whatever `bytes` are; `path` is for messages. Transparent parts are laid over white.
///
/// # Errors
/// [`PhotoError::EmptyFile`], [`PhotoError::NotAPicture`], [`PhotoError::MissingDecoder`],
/// [`PhotoError::TooManyPixels`] above [`MAX_PIXELS`], [`PhotoError::DamagedPhoto`].
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Picture, PhotoError> {
    decode_for(path, bytes, None)
}

/// Decodes `bytes` for a preprocessing that makes `wanted` pixels of the short side (see
/// [`Preprocess::wanted_side`](super::Preprocess::wanted_side)): a JPEG much larger than that is
/// decoded at 1/8, 1/4 or 1/2 of its size, but never below twice the wanted one.
///
/// # Errors
/// As [`decode`].
pub fn decode_for(path: &Path, bytes: &[u8], wanted: Option<u32>) -> Result<Picture, PhotoError> {
    // A decoder that panics on a hostile file must cost that file only.
    let decoded = caught(|| decode_any(path, bytes, wanted));
    let gave_up = |said: String| Err(damaged(path, format!("the decoder gave up on it: {said}")));
    let decoded = decoded.unwrap_or_else(gave_up);
    if decoded.is_err() && stop::is_asked() {
        let path = path.to_owned();
        return Err(PhotoError::Stopped { path });
    }
    decoded
}

fn decode_any(path: &Path, bytes: &[u8], wanted: Option<u32>) -> Result<Picture, PhotoError> {
    if bytes.is_empty() {
        let path = path.to_owned();
        return Err(PhotoError::EmptyFile { path });
    }
    let format = Format::of(bytes).ok_or_else(|| PhotoError::NotAPicture {
        path: path.to_owned(),
    })?;
    if let Some(feature) = format.missing_feature() {
        let (path, format) = (path.to_owned(), format.name());
        return Err(PhotoError::MissingDecoder {
            path,
            format,
            feature,
        });
    }
    match format {
        Format::Jpeg => decode_jpeg(path, bytes, wanted),
        Format::Png => decode_with(path, bytes, ImageFormat::Png),
        Format::WebP => decode_with(path, bytes, ImageFormat::WebP),
        Format::Gif => decode_with(path, bytes, ImageFormat::Gif),
        Format::Bmp => decode_with(path, bytes, ImageFormat::Bmp),
        Format::Tiff => decode_with(path, bytes, ImageFormat::Tiff),
        #[cfg(any(feature = "avif", feature = "heic"))]
        Format::Avif | Format::Heic => super::heif::decode(path, bytes),
        #[cfg(not(any(feature = "avif", feature = "heic")))]
        Format::Avif | Format::Heic => Err(damaged(path, "its decoder is not built in")),
    }
}

/// The decoder fills what is missing with grey, which would be indexed as if it were the photo.
fn decode_jpeg(path: &Path, bytes: &[u8], wanted: Option<u32>) -> Result<Picture, PhotoError> {
    let outline = Outline::of(bytes);
    if !outline.whole {
        return Err(damaged(path, "it is cut off before the end of the picture"));
    }
    let (width, height) = outline.size().unwrap_or((0, 0));
    check_pixels(path, width, height)?;
    if !outline.is_worth_its_scans(bytes.len()) {
        return Err(damaged(path, "it has more scans than any picture needs"));
    }
    let twice = wanted.map(|side| side.saturating_mul(2));
    let reduced = twice.and_then(|side| Some((outline.eighths(side)?, side)));
    if let Some((eighths, side)) = reduced {
        let pixels = u64::from(width) * u64::from(height);
        // Of each block at most as many coefficients as the reduced one has pixels, and which of all
        // are set; then pixels, turned once.
        let of_block = 3 * (2 * u64::from(eighths * eighths) + 8);
        let of_pixels = 2 * 3 * u64::from(eighths * eighths);
        let share = share(path, bytes, pixels.div_ceil(64) * (of_block + of_pixels))?;
        if let Some(reduced) = jpeg::decode_reduced(bytes, &outline, side) {
            let picture = upright(reduced, width, height, outline.orientation());
            return Ok(picture.holding(share));
        }
    }
    decode_with(path, bytes, ImageFormat::Jpeg)
}

fn decode_with(path: &Path, bytes: &[u8], format: ImageFormat) -> Result<Picture, PhotoError> {
    if format == ImageFormat::Tiff && !tiff::has_its_values(bytes) {
        return Err(damaged(
            path,
            "a tag of it has more values than the file has bytes",
        ));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(Budget::of_machine().total().min(8 * MAX_PIXELS));
    let mut reader = ImageReader::with_format(Bytes(Cursor::new(bytes)), format);
    reader.limits(limits);
    let failed = |error: ImageError| damaged(path, error);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_pixels(path, width, height)?;
    if format == ImageFormat::WebP && !webp::fits(bytes, width, height) {
        return Err(damaged(path, "a picture in it is larger than the whole"));
    }
    let orientation = decoder.orientation().map_err(failed)?;
    let pixels = u64::from(width) * u64::from(height);
    let turned = if orientation == Orientation::NoTransforms {
        0
    } else {
        3 * pixels
    };
    let of_decoder = match format {
        ImageFormat::Png | ImageFormat::Bmp => 0,
        // The coefficients of a progressive one.
        ImageFormat::Jpeg => 6 * pixels,
        _ => decoder.total_bytes(),
    };
    let needed = decoder.total_bytes() + of_decoder + 3 * pixels + turned;
    let share = share(path, bytes, needed)?;
    if format == ImageFormat::Gif {
        // Of its first part, which may be larger than the whole and has no share: seldom, and by little.
        let mut limits = Limits::default();
        limits.max_alloc = Some(4 * decoder.total_bytes() + OF_ANY_PART);
        decoder.set_limits(limits).map_err(failed)?;
    }
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let mut image = DynamicImage::from(over_white(image));
    image.apply_orientation(orientation);
    Ok(Picture::new(image.into_rgb8()).holding(share))
}

/// Waits until there is memory for the file and for so many bytes that it becomes.
fn share(path: &Path, bytes: &[u8], needed: u64) -> Result<Arc<Share>, PhotoError> {
    let budget = Budget::of_machine();
    let needed = needed + bytes.len() as u64;
    budget
        .take(needed)
        .ok_or_else(|| PhotoError::TooMuchMemory {
            path: path.to_owned(),
            needed,
            budget: budget.total(),
        })
}

/// Turns a reduced picture upright, with the edges at which it is filled up.
fn upright(reduced: jpeg::Reduced, width: u32, height: u32, orientation: Orientation) -> Picture {
    let scale = f64::from(reduced.eighths) / 8.0;
    let (mut width, mut height) = (width, height);
    let mut image = DynamicImage::from(reduced.image);
    image.apply_orientation(orientation);
    if matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    ) {
        (width, height) = (height, width);
    }
    let image = image.into_rgb8();
    let (filled_left, filled_top) = filled_edges(orientation);
    let (columns, rows) = (f64::from(width) * scale, f64::from(height) * scale);
    let covered = Covered {
        left: f64::from(u8::from(filled_left)) * (f64::from(image.width()) - columns),
        top: f64::from(u8::from(filled_top)) * (f64::from(image.height()) - rows),
        width: columns,
        height: rows,
        is_reduced: true,
    };
    Picture::reduced(image, (width, height), covered)
}

/// Whether the filling, which is stored at the right and at the bottom, ends up at the left and at
/// the top.
const fn filled_edges(orientation: Orientation) -> (bool, bool) {
    match orientation {
        Orientation::NoTransforms | Orientation::Rotate90FlipH => (false, false),
        Orientation::FlipHorizontal | Orientation::Rotate90 => (true, false),
        Orientation::FlipVertical | Orientation::Rotate270 => (false, true),
        Orientation::Rotate180 | Orientation::Rotate270FlipH => (true, true),
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
