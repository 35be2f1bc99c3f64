//! A picture as everything that follows takes it: upright, RGB, nothing transparent.

use std::sync::Arc;

use image::RgbImage;

use super::memory::Share;
pub use super::source::MAX_PIXELS;

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its pixels, upright; fewer than `width` × `height` where it was decoded at reduced size.
    pub image: RgbImage,
    /// Columns of the whole picture, upright.
    pub width: u32,
    /// Rows of the whole picture, upright.
    pub height: u32,
    /// The part of its area that its file has, 0.5 … 1; the rest is filled up.
    pub present: f32,
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
            present: 1.0,
            covered,
            _share: None,
        }
    }

    /// The same, of which this part is there.
    pub(super) fn of_which(self, present: f32) -> Self {
        Self { present, ..self }
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
