//! A decoded picture, and what holds for every decoder: its largest size, and what lies behind
//! transparent parts.

use std::path::Path;
use std::sync::Arc;

use image::{DynamicImage, RgbImage};

use super::memory::Share;
use crate::error::{PhotoError, Result, Source, bounded};

/// The most pixels a picture may have: 200 megapixels, 600 MB as RGB.
pub const MAX_PIXELS: u64 = 200_000_000;

/// Rows that are laid over white at once.
const ROWS_AT_ONCE: u32 = 64;

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its pixels, upright; fewer than `width` × `height` where it was decoded at reduced size.
    pub image: RgbImage,
    /// Columns of the whole picture, upright.
    pub width: u32,
    /// Rows of the whole picture, upright.
    pub height: u32,
    pub(super) covered: Covered,
    /// Its part of the memory for pictures.
    _share: Option<Arc<Share>>,
}

/// The part of a reduced picture's pixels that the picture covers, in those pixels: sides are
/// rounded up when they are divided, so there may be some filling at two edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Covered {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    /// Whether there are fewer of them than the picture has.
    pub is_reduced: bool,
}

impl Covered {
    /// All of the pixels.
    pub fn whole(image: &RgbImage) -> Self {
        Self {
            left: 0.0,
            top: 0.0,
            width: f64::from(image.width()),
            height: f64::from(image.height()),
            is_reduced: false,
        }
    }
}

impl Picture {
    /// A picture that is all there.
    #[must_use]
    pub fn new(image: RgbImage) -> Self {
        let (size, covered) = (image.dimensions(), Covered::whole(&image));
        Self::reduced(image, size, covered)
    }

    /// One decoded at reduced size, of a picture of this width and height.
    pub(super) const fn reduced(
        image: RgbImage,
        (width, height): (u32, u32),
        covered: Covered,
    ) -> Self {
        Self {
            image,
            width,
            height,
            covered,
            _share: None,
        }
    }

    /// The same, with the memory that it takes, until it is dropped.
    pub(super) fn holding(self, share: Arc<Share>) -> Self {
        Self {
            _share: Some(share),
            ..self
        }
    }

    pub(super) const fn covered(&self) -> Covered {
        self.covered
    }
}

pub(super) fn check_pixels(path: &Path, width: u32, height: u32) -> Result<(), PhotoError> {
    if width == 0 || height == 0 {
        return Err(damaged(path, format!("it has {width}×{height} pixels")));
    }
    if u64::from(width) * u64::from(height) <= MAX_PIXELS {
        return Ok(());
    }
    let (path, limit) = (path.to_owned(), MAX_PIXELS);
    Err(PhotoError::TooManyPixels {
        path,
        width,
        height,
        limit,
    })
}

pub(super) fn damaged(path: &Path, source: impl Into<Source>) -> PhotoError {
    let (path, source) = (path.to_owned(), bounded(source.into()));
    PhotoError::DamagedPhoto { path, source }
}

/// A transparent logo is seen on a white page, so that is what is compared.
pub(super) fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let (width, height) = (image.width(), image.height());
    let mut rgb = RgbImage::new(width, height);
    // Some rows at a time, since all of them in eight bits would be one more copy of the picture.
    let rows = rgb.chunks_mut((3 * width * ROWS_AT_ONCE) as usize);
    for (strip, rgb) in (0..height).step_by(ROWS_AT_ONCE as usize).zip(rows) {
        let rows = ROWS_AT_ONCE.min(height - strip);
        let rgba = image.crop_imm(0, strip, width, rows).into_rgba8();
        for (from, to) in rgba.pixels().zip(rgb.as_chunks_mut::<3>().0) {
            let alpha = u32::from(from[3]);
            for channel in 0..3 {
                let mixed = u32::from(from[channel]) * alpha + 255 * (255 - alpha);
                to[channel] = ((mixed + 127) / 255) as u8;
            }
        }
    }
    rgb
}
