//! Which part of a picture becomes the pixels, and how many: torchvision's `Resize` and `CenterCrop`.

use std::fmt;

use super::resample::{Between, Interpolation, Span, View};
use crate::error::{PhotoError, Result};

/// The longest side a picture may have after resizing without a crop.
pub(super) const MAX_SIDE: u64 = 16_384;

/// Height and width in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As it is.
    Unchanged,
    /// The short side for a resize (the long one in proportion), both sides for a crop.
    Side(u32),
    /// Both sides, whatever the proportions.
    Exact {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
}

/// What of a picture a network takes: its centre, behind a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// First the picture is resized.
    pub resize: Size,
    /// Then its centre is cut out.
    pub crop: Size,
    /// The filter of the resize.
    pub interpolation: Interpolation,
}

/// Columns and rows of a picture: from the first on, and up to the last without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub columns: (u32, u32),
    pub rows: (u32, u32),
}

impl Part {
    /// Whether they have a pixel in common.
    pub const fn meets(self, other: Self) -> bool {
        self.columns.0 < other.columns.1
            && other.columns.0 < self.columns.1
            && self.rows.0 < other.rows.1
            && other.rows.0 < self.rows.1
    }

    /// What of it lies within some columns and rows, counted from their first ones; none if nothing does.
    pub fn within(self, columns: (u32, u32), rows: (u32, u32)) -> Option<Self> {
        let along = |part: (u32, u32), (from, to): (u32, u32)| {
            let (start, end) = (part.0.max(from), part.1.min(to));
            (start < end).then(|| (start - from, end - from))
        };
        let (columns, rows) = (along(self.columns, columns)?, along(self.rows, rows)?);
        Some(Self { columns, rows })
    }
}

impl Framing {
    /// The pixels of an upright picture of this width and height that have a part in what comes out:
    /// the centre, and what the filter looks at around it. None where nothing comes out.
    pub(super) fn seen(self, width: u32, height: u32) -> Option<Part> {
        let view = self.of_whole(width, height).ok()?;
        let support = self.interpolation.support();
        Some(Part {
            columns: view.columns.reach(support, width),
            rows: view.rows.reach(support, height),
        })
    }

    /// What is looked at of a picture of this width and height of which there are all pixels.
    ///
    /// # Errors
    /// [`PhotoError::PictureTooLong`], [`PhotoError::CropTooLarge`].
    pub(super) fn of_whole(self, width: u32, height: u32) -> Result<View, PhotoError> {
        let (columns, rows) = ((0.0, f64::from(width)), (0.0, f64::from(height)));
        self.view((width, height), columns, rows, Between::Levels)
    }

    /// `columns` and `rows` are where a picture of this width and height lies in the pixels at hand:
    /// where it begins, and how long it is.
    ///
    /// # Errors
    /// [`PhotoError::PictureTooLong`], [`PhotoError::CropTooLarge`].
    pub(super) fn view(
        self,
        (width, height): (u32, u32),
        columns: (f64, f64),
        rows: (f64, f64),
        between: Between,
    ) -> Result<View, PhotoError> {
        let (resized_height, resized_width) = self.resized(height, width);
        let (crop_height, crop_width) = match self.crop {
            Size::Unchanged => (resized_height, resized_width),
            Size::Side(side) => (u64::from(side), u64::from(side)),
            Size::Exact { height, width } => (u64::from(height), u64::from(width)),
        };
        if crop_height.max(crop_width) > MAX_SIDE {
            return Err(PhotoError::PictureTooLong {
                height: crop_height,
                width: crop_width,
                limit: MAX_SIDE,
            });
        }
        if crop_height > resized_height || crop_width > resized_width {
            let size = (resized_height as u32, resized_width as u32);
            let crop = (crop_height as u32, crop_width as u32);
            return Err(PhotoError::CropTooLarge { size, crop });
        }
        // torchvision rounds half to even: int(round((height - crop) / 2)).
        let before = |size: u64, crop: u64| ((size - crop) as f64 / 2.0).round_ties_even();
        let part = |resized: u64, crop: u64, (from, covered): (f64, f64)| {
            // Multiplied before divided, so that a whole side comes out exactly.
            let on_source = |pixels: f64| pixels * covered / resized as f64;
            Span {
                start: from + on_source(before(resized, crop)),
                length: on_source(crop as f64),
                pixels: crop as u32,
            }
        };
        Ok(View {
            between,
            columns: part(resized_width, crop_width, columns),
            rows: part(resized_height, crop_height, rows),
        })
    }

    /// Height and width after the resize; torchvision cuts the long side's fraction off.
    fn resized(self, height: u32, width: u32) -> (u64, u64) {
        let (height, width) = (u64::from(height), u64::from(width));
        match self.resize {
            Size::Unchanged => (height, width),
            Size::Exact { height, width } => (u64::from(height), u64::from(width)),
            Size::Side(side) if height <= width => {
                (u64::from(side), u64::from(side) * width / height)
            }
            Size::Side(side) => (u64::from(side) * height / width, u64::from(side)),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("none"),
            Self::Side(side) => write!(f, "{side}"),
            Self::Exact { height, width } => write!(f, "{height}x{width}"),
        }
    }
}
