//! Bytes to an upright RGB picture. The format is told by content; each has a decoder, which gives the
//! picture as stored; what follows is done here for all of them: colours, ground, orientation.

use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage};

use super::decoded::{Decoded, Stored};
use super::facts::Facts;
use super::format::Format;
use super::picture::{Covered, Picture};
use super::rendering::{Colours, Rendering};
use super::source::Source;
use super::{colour, ground, jpeg, stop};
use crate::caught::caught;
use crate::error::{PhotoError, Result};

mod bmp;
mod boxes;
mod gif;
mod heif;
mod jpeg2000;
mod jxl;
mod ordinary;
mod png;
mod pnm;
mod psd;
mod raw;
mod small;
mod tiff;
mod webp;

/// A picture of which less is there is no picture.
const LEAST_PRESENT: f32 = 0.5;

/// Pixels of the short side of which a signature is made that is as good as that of all of them.
const ENOUGH: u32 = 88;

/// The same of a thumbnail, in which each pixel stands for all below it.
const OF_THUMBNAIL: u32 = 60;

/// Decodes whatever `bytes` are, as one looks at them; `path` is for messages.
///
/// # Errors
/// [`PhotoError::EmptyFile`], [`PhotoError::NotAPicture`],
/// [`PhotoError::NotSupported`], [`PhotoError::TooManyPixels`] above
/// [`MAX_PIXELS`](super::picture::MAX_PIXELS), [`PhotoError::TooMuchMemory`],
/// [`PhotoError::Incomplete`] where less than half of the picture is there,
/// [`PhotoError::DamagedPhoto`].
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Picture, PhotoError> {
    decode_for(path, bytes, &Rendering::WHOLE)
}

/// Decodes `bytes` as a preprocessing wants them, see
/// [`Preprocess::rendering`](super::Preprocess::rendering).
///
/// # Errors
/// As [`decode`].
pub fn decode_for(path: &Path, bytes: &[u8], rendering: &Rendering) -> Result<Picture, PhotoError> {
    let source = source(path, bytes, rendering);
    attempted(&source, || rendered(stored(&source)?, &source, rendering))
}

/// As [`decode_for`], and what is known of the photo, from the same decoding. Its colours are the
/// rendering's; which part of the picture is seen makes no difference to them.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_facts(
    path: &Path,
    bytes: &[u8],
    rendering: &Rendering,
) -> Result<(Picture, Facts), PhotoError> {
    let source = source(path, bytes, rendering);
    attempted(&source, || with_facts(&source, rendering))
}

/// What is known of a photo, from as few pixels as tell it.
///
/// # Errors
/// As [`decode`].
pub fn facts(path: &Path, bytes: &[u8]) -> Result<Facts, PhotoError> {
    let (_, facts) = decode_with_facts(path, bytes, &Rendering::of_side(ENOUGH))?;
    Ok(facts)
}

fn source<'a>(path: &'a Path, bytes: &'a [u8], rendering: &Rendering) -> Source<'a> {
    Source {
        path,
        bytes,
        wanted: rendering.wanted.map(|side| side.saturating_mul(2)),
        seen: rendering.seen,
    }
}

/// A decoder that panics on a hostile file must cost that file only.
fn attempted<T>(
    source: &Source,
    decode: impl FnOnce() -> Result<T, PhotoError>,
) -> Result<T, PhotoError> {
    let gave_up = |said: String| Err(source.damaged(format!("the decoder gave up on it: {said}")));
    let decoded = caught(decode).unwrap_or_else(gave_up);
    if decoded.is_err() && stop::is_asked() {
        let path = source.path.to_owned();
        return Err(PhotoError::Stopped { path });
    }
    decoded
}

/// The facts are of all of a picture. Where only a part of it is to be decoded, they come from its
/// thumbnail; without one, all of it is decoded, but once.
fn with_facts(source: &Source, rendering: &Rendering) -> Result<(Picture, Facts), PhotoError> {
    let whole = Source {
        seen: None,
        ..*source
    };
    let is_in_tiles = matches!(
        Format::of_named(source.path, source.bytes),
        Some(Format::Avif | Format::Heic)
    );
    if source.seen.is_none() || !is_in_tiles {
        return both(stored(&whole)?, &whole, rendering);
    }
    let small = Source {
        wanted: Some(OF_THUMBNAIL),
        ..whole
    };
    match stored(&small) {
        Ok(thumbnail) if thumbnail.is_reduced() && thumbnail.present >= 1.0 => {
            let (_, facts) = both(thumbnail, &small, rendering)?;
            let picture = rendered(stored(source)?, source, rendering)?;
            Ok((picture, facts))
        }
        Ok(decoded) if !decoded.is_reduced() => both(decoded, &whole, rendering),
        // What is wrong with it may be its thumbnail.
        _ => both(stored(&whole)?, &whole, rendering),
    }
}

fn both(
    decoded: Decoded,
    source: &Source,
    rendering: &Rendering,
) -> Result<(Picture, Facts), PhotoError> {
    let said = decoded.said.clone();
    let picture = rendered(decoded, source, rendering)?;
    let facts = Facts::of(&picture, said);
    Ok((picture, facts))
}

/// The picture as its file has it.
fn stored(source: &Source) -> Result<Decoded, PhotoError> {
    let path = || source.path.to_owned();
    if source.bytes.is_empty() {
        return Err(PhotoError::EmptyFile { path: path() });
    }
    let format = Format::of_named(source.path, source.bytes);
    let format = format.ok_or_else(|| PhotoError::NotAPicture { path: path() })?;
    match format {
        Format::Jpeg => jpeg::decode(source),
        Format::Png => png::decode(source),
        Format::WebP => webp::decode(source),
        Format::Gif => gif::decode(source),
        Format::Bmp => bmp::decode(source),
        Format::Tiff if raw::is_camera(source.bytes) => raw::decode(source),
        Format::Tiff => tiff::decode(source),
        Format::Raw => raw::decode(source),
        Format::Avif | Format::Heic => heif::decode(source),
        Format::Pnm => pnm::decode(source),
        Format::Qoi => ordinary::decode(source, ImageFormat::Qoi),
        Format::Tga => ordinary::decode(source, ImageFormat::Tga),
        Format::Ico => ordinary::decode(source, ImageFormat::Ico),
        Format::Psd => psd::decode(source),
        Format::Jpeg2000 => jpeg2000::decode(source),
        Format::JpegXl => jxl::decode(source),
    }
}

/// The picture as it is looked at.
fn rendered(
    decoded: Decoded,
    source: &Source,
    rendering: &Rendering,
) -> Result<Picture, PhotoError> {
    let present = decoded.present;
    if present < LEAST_PRESENT {
        let path = source.path.to_owned();
        return Err(PhotoError::Incomplete { path, present });
    }
    let (width, height) = decoded.pixels.size();
    let (size, covered, orientation) = (decoded.size, decoded.covered, decoded.said.turn());
    let is_reduced = decoded.is_reduced();
    // RGB, and once more to turn it; the decoder's own share is still held.
    let share = source.share(6 * u64::from(width) * u64::from(height))?;
    let image = match (rendering.colours, decoded.pixels) {
        (Colours::Srgb, pixels) => colour::to_srgb(pixels, &decoded.colour),
        (Colours::AsIs, Stored::Cmyk(image)) => colour::inks(&image).into(),
        (Colours::AsIs, Stored::Image(image)) => image,
    };
    let image = ground::lay(image, rendering.ground);
    drop(decoded.share);
    let picture = upright(image, size, covered, is_reduced, orientation);
    Ok(picture.of_which(present).holding(share))
}

/// Turns a picture upright, with the edges at which a reduced one is filled up.
fn upright(
    image: RgbImage,
    (mut width, mut height): (u32, u32),
    (mut columns, mut rows): (f64, f64),
    is_reduced: bool,
    orientation: Orientation,
) -> Picture {
    let mut image = DynamicImage::from(image);
    image.apply_orientation(orientation);
    if matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    ) {
        (width, height) = (height, width);
        (columns, rows) = (rows, columns);
    }
    let image = image.into_rgb8();
    let (filled_left, filled_top) = filled_edges(orientation);
    let covered = Covered {
        left: f64::from(u8::from(filled_left)) * (f64::from(image.width()) - columns),
        top: f64::from(u8::from(filled_top)) * (f64::from(image.height()) - rows),
        width: columns,
        height: rows,
        is_reduced,
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
