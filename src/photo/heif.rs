//! HEIC and AVIF, what phones write, through libheif.

use image::{DynamicImage, RgbaImage};
use libheif_rs::{ColorSpace, HeifContext, HeifError, LibHeif, RgbChroma};

use super::decoded::{Decoded, Stored};
use super::source::Source;
use crate::error::{PhotoError, Result};

/// The file's primary picture. libheif puts tiles together, turns the picture upright as the file
/// says (`irot`, `imir`; its EXIF orientation then counts for nothing) and makes 8-bit RGB of it.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let failed = |error: HeifError| source.damaged(error);
    let context = HeifContext::read_from_bytes(source.bytes).map_err(failed)?;
    let handle = context.primary_image_handle().map_err(failed)?;
    source.check_size(handle.width(), handle.height())?;
    let pixels = u64::from(handle.width()) * u64::from(handle.height());
    let share = source.share(8 * pixels)?;
    let rgba = ColorSpace::Rgb(RgbChroma::Rgba);
    let decoded = LibHeif::new().decode(&handle, rgba, None).map_err(failed)?;
    let plane = decoded.planes().interleaved;
    let plane = plane.ok_or_else(|| source.damaged("it has no colours"))?;
    let row_bytes = 4 * plane.width as usize;
    let rows = plane.data.chunks(plane.stride).take(plane.height as usize);
    let raw = rows.flat_map(|row| row.iter().take(row_bytes).copied());
    let image = RgbaImage::from_raw(plane.width, plane.height, raw.collect());
    let image = image.ok_or_else(|| source.damaged("it has fewer pixels than it says"))?;
    Ok(Decoded::whole(
        Stored::Image(DynamicImage::from(image)),
        share,
    ))
}
