//! HEIC and AVIF, what phones write, through libheif.

use std::path::Path;

use image::{DynamicImage, RgbaImage};
use libheif_rs::{ColorSpace, HeifContext, HeifError, LibHeif, RgbChroma};

use super::picture::{Picture, check_pixels, damaged, over_white};
use crate::error::{PhotoError, Result};

/// The file's primary picture. libheif puts tiles together, turns the picture upright as the file
/// says (`irot`, `imir`; its EXIF orientation then counts for nothing) and makes 8-bit RGB of it.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Picture, PhotoError> {
    let failed = |error: HeifError| damaged(path, error);
    let context = HeifContext::read_from_bytes(bytes).map_err(failed)?;
    let handle = context.primary_image_handle().map_err(failed)?;
    check_pixels(path, handle.width(), handle.height())?;
    let rgba = ColorSpace::Rgb(RgbChroma::Rgba);
    let decoded = LibHeif::new().decode(&handle, rgba, None).map_err(failed)?;
    let plane = decoded.planes().interleaved;
    let plane = plane.ok_or_else(|| damaged(path, "it has no colours"))?;
    let row_bytes = 4 * plane.width as usize;
    let rows = plane.data.chunks(plane.stride).take(plane.height as usize);
    let raw = rows.flat_map(|row| row.iter().take(row_bytes).copied());
    let image = RgbaImage::from_raw(plane.width, plane.height, raw.collect());
    let image = image.ok_or_else(|| damaged(path, "it has fewer pixels than it says"))?;
    Ok(Picture::new(over_white(DynamicImage::from(image))))
}
