//! A decoded picture, and what holds for every decoder: its largest size, and what lies behind
//! transparent parts.

use std::path::Path;

use image::{DynamicImage, RgbImage};

use crate::error::{PhotoError, Result, Source};

/// The most pixels a picture may have: 200 megapixels, 600 MB as RGB.
pub const MAX_PIXELS: u64 = 200_000_000;

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

impl Picture {
    /// A picture that is all there.
    #[must_use]
    pub fn new(image: RgbImage) -> Self {
        let (width, height) = image.dimensions();
        let covered = Covered {
            left: 0.0,
            top: 0.0,
            width: f64::from(width),
            height: f64::from(height),
            is_reduced: false,
        };
        Self {
            image,
            width,
            height,
            covered,
        }
    }

    pub(super) const fn covered(&self) -> Covered {
        self.covered
    }
}

pub(super) fn check_pixels(path: &Path, width: u32, height: u32) -> Result<(), PhotoError> {
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
    let (path, source) = (path.to_owned(), source.into());
    PhotoError::DamagedPhoto { path, source }
}

/// A transparent logo is seen on a white page, so that is what is compared.
pub(super) fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (from, to) in rgba.pixels().zip(rgb.pixels_mut()) {
        let alpha = u32::from(from[3]);
        for channel in 0..3 {
            let mixed = u32::from(from[channel]) * alpha + 255 * (255 - alpha);
            to[channel] = ((mixed + 127) / 255) as u8;
        }
    }
    rgb
}
