//! A part of a picture, resized as Pillow resizes: filters that widen with the scale.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// How a resized pixel is made from those around it. All but nearest widen with the scale, as
/// Pillow's filters do, so that shrinking does not alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear.
    Bilinear,
    /// Cubic with a = −0.5, Pillow's.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

impl Interpolation {
    /// The pixels on either side of a centre that it looks at, where nothing shrinks.
    pub(super) const fn support(self) -> f64 {
        match self {
            Self::Nearest => 0.0,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }
}

/// The part of the source that is looked at, in its own pixels, and the size that it becomes.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Of each row.
    pub columns: Span,
    /// Of each column.
    pub rows: Span,
    /// How exact the first pass is for the second.
    pub between: Between,
}

/// What is kept between the two passes of a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Whole grey levels, as Pillow does.
    Levels,
    /// Fractions of them, for a picture decoded at reduced size: so few of its pixels make one that
    /// the rounding would be most of what tells it from a whole one.
    Fractions,
}

/// A stretch of one side, from `start` on, that becomes `pixels` pixels.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// In the source's pixels.
    pub start: f64,
    /// In the source's pixels.
    pub length: f64,
    /// Made of it.
    pub pixels: u32,
}

impl Span {
    /// The whole source pixels, from and to, that a filter of `support` looks at, and one more at
    /// each end.
    pub(super) fn reach(self, support: f64, side: u32) -> (u32, u32) {
        let scale = self.length / f64::from(self.pixels);
        let margin = (support * scale.max(1.0)).ceil() + 1.0;
        let from = (self.start - margin).floor().max(0.0) as u32;
        let to = (self.start + self.length + margin).ceil() as u32;
        (from, to.min(side))
    }

    /// The same stretch of a side of which the first `cut` pixels are gone, and only `side` left:
    /// rounding must not carry it over the edge.
    fn within(self, cut: u32, side: u32) -> (f64, f64) {
        let start = (self.start - f64::from(cut)).max(0.0);
        (start, self.length.min(f64::from(side) - start))
    }
}

/// The pixels of `view`, three bytes each, row after row.
pub fn resample(image: &RgbImage, view: View, interpolation: Interpolation) -> Vec<u8> {
    let filter = match interpolation {
        Interpolation::Nearest => return nearest(image, view),
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
        Interpolation::Lanczos => FilterType::Lanczos3,
    };
    let support = interpolation.support();
    let (width, height) = image.dimensions();
    let source = |bytes, kind| {
        ImageRef::new(width, height, bytes, kind).expect("it holds so many aligned pixels")
    };
    match view.between {
        Between::Levels => {
            let source = source(image.as_raw(), PixelType::U8x3);
            in_two_passes(&source, view, filter, support).into_vec()
        }
        Between::Fractions => {
            let fine: Vec<u16> = image.iter().map(|level| u16::from(*level) << 8).collect();
            let source = source(bytemuck::cast_slice(&fine), PixelType::U16x3);
            let resized = in_two_passes(&source, view, filter, support);
            let (fine, _) = resized.buffer().as_chunks();
            fine.iter()
                .map(|fine| level(u16::from_ne_bytes(*fine)))
                .collect()
        }
    }
}

/// The grey level nearest to some 256ths of one.
const fn level(fine: u16) -> u8 {
    (fine.saturating_add(128) >> 8) as u8
}

/// The order of the two passes is Pillow 13's: rows first, but columns first where a picture more
/// than twice as tall as wide shrinks. The wrong order differs by some grey levels on noise. Each
/// pass is a call of its own: in one call with a crop box, `fast_image_resize` 6.1 takes the width
/// between the passes from the last pixel's bounds, from which weights of zero are cut off, and
/// other pixels' bounds go beyond it.
fn in_two_passes(
    source: &ImageRef<'_>,
    view: View,
    filter: FilterType,
    support: f64,
) -> Image<'static> {
    let (width, height) = (source.width(), source.height());
    let last = (view.columns.pixels, view.rows.pixels);
    let shrinks = view.rows.length > f64::from(view.rows.pixels);
    if u64::from(height) > 2 * u64::from(width) && shrinks {
        let (from, to) = view.columns.reach(support, width);
        let whole = (f64::from(from), f64::from(to - from));
        let (rows, first) = (view.rows.within(0, height), (to - from, view.rows.pixels));
        let between = resize(filter, source, whole, rows, first);
        let columns = view.columns.within(from, to - from);
        let rows = (0.0, f64::from(view.rows.pixels));
        return resize(filter, &between, columns, rows, last);
    }
    let (from, to) = view.rows.reach(support, height);
    let whole = (f64::from(from), f64::from(to - from));
    let columns = view.columns.within(0, width);
    let between = resize(
        filter,
        source,
        columns,
        whole,
        (view.columns.pixels, to - from),
    );
    let rows = view.rows.within(from, to - from);
    let columns = (0.0, f64::from(view.columns.pixels));
    resize(filter, &between, columns, rows, last)
}

/// Resizes a part of `source`, `columns` and `rows` (start and length each), to `size` (width and
/// height).
fn resize(
    filter: FilterType,
    source: &impl IntoImageView,
    columns: (f64, f64),
    rows: (f64, f64),
    size: (u32, u32),
) -> Image<'static> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(columns.0, rows.0, columns.1, rows.1);
    let kind = source.pixel_type().expect("it is one of ours");
    let mut resized = Image::new(size.0, size.1, kind);
    Resizer::new()
        .resize(source, &mut resized, &options)
        .expect("both have the same pixel type, and `within` keeps the part inside the source");
    resized
}

/// The pixel at each centre, as Pillow picks it.
fn nearest(image: &RgbImage, view: View) -> Vec<u8> {
    let centre = |span: Span, at: u32, side: u32| {
        let centre = span.start + (f64::from(at) + 0.5) * span.length / f64::from(span.pixels);
        (centre as u32).min(side - 1)
    };
    let pixel = |x, y| {
        let (column, row) = (
            centre(view.columns, x, image.width()),
            centre(view.rows, y, image.height()),
        );
        *image.get_pixel(column, row)
    };
    RgbImage::from_fn(view.columns.pixels, view.rows.pixels, pixel).into_raw()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // With debug assertions, as tests have them, a read beyond a row aborts.
        #[test]
        fn any_part_of_any_picture_can_be_resized_to_any_size(
            (width, height, wide, high) in (1u32..90, 1u32..90, 1u32..90, 1u32..90),
            (left, top, right, bottom) in (0f64..1.0, 0f64..1.0, 0f64..1.0, 0f64..1.0),
            filter in prop::sample::select(vec![
                Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic, Interpolation::Lanczos,
            ]),
            fine in any::<bool>(),
        ) {
            let span = |a: f64, b: f64, side: u32, pixels| {
                let start = a.min(b) * f64::from(side);
                Span { start, length: (a.max(b) * f64::from(side) - start).max(1e-3), pixels }
            };
            let between = if fine { Between::Fractions } else { Between::Levels };
            let view = View { columns: span(left, right, width, wide), rows: span(top, bottom, height, high), between };
            let grey = RgbImage::from_pixel(width, height, image::Rgb([7, 130, 250]));
            let resized = resample(&grey, view, filter);
            prop_assert_eq!(resized.len(), (3 * wide * high) as usize);
            let differs = |pixel: &[u8; 3]| pixel.iter().zip([7, 130, 250]).any(|(a, b)| a.abs_diff(b) > 1);
            prop_assert!(!resized.as_chunks::<3>().0.iter().any(differs));
        }
    }
}
