//! What a picture's numbers mean becomes sRGB, so that the same photo is the same whatever it was saved
//! in: Display P3, Adobe RGB, `ProPhoto`, linear light, grey with a gamma of its own, inks.
//!
//! References: ICC.1:2022 (profiles, through the crate moxcms), ITU-T H.273 (code points), PNG third
//! edition, section 11.3.2 (`gAMA`, `cHRM`, `cICP`). A profile that cannot be read, or is of other
//! colours than the picture, counts for nothing, as in browsers.

use image::{DynamicImage, ImageBuffer, Pixel, Primitive, RgbImage, RgbaImage};
use moxcms::TransformExecutor;

use super::decoded::{Colour, Stored};

mod conversion;
mod high_range;

use conversion::{Conversion, Kind, conversion};

/// The picture in sRGB; inks without a profile are mixed as [`inks`] does.
pub fn to_srgb(pixels: Stored, colour: &Colour) -> DynamicImage {
    let image = match pixels {
        Stored::Cmyk(image) => {
            return match conversion(colour, Kind::Inks) {
                Some(Conversion::Bytes(transform)) => inks_with(&*transform, &image),
                _ => inks(&image).into(),
            };
        }
        // Floats keep no colours beyond eight bits' here.
        Stored::Image(image @ (DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_))) => {
            DynamicImage::from(image.into_rgba16())
        }
        Stored::Image(image) => image,
    };
    match high_range::Range::of(colour) {
        Some(range) => range.to_srgb(image),
        None => converted(image, colour),
    }
}

fn converted(image: DynamicImage, colour: &Colour) -> DynamicImage {
    match image {
        DynamicImage::ImageRgb8(mut image) => {
            each_row(&mut image, bytes(colour, Kind::Rgb8));
            image.into()
        }
        DynamicImage::ImageRgba8(mut image) => {
            each_row(&mut image, bytes(colour, Kind::Rgba8));
            image.into()
        }
        DynamicImage::ImageRgb16(mut image) => {
            each_row(&mut image, words(colour, Kind::Rgb16));
            image.into()
        }
        DynamicImage::ImageRgba16(mut image) => {
            each_row(&mut image, words(colour, Kind::Rgba16));
            image.into()
        }
        DynamicImage::ImageLuma8(mut image) => {
            with_levels(&mut image, colour);
            image.into()
        }
        DynamicImage::ImageLumaA8(mut image) => {
            with_levels(&mut image, colour);
            image.into()
        }
        DynamicImage::ImageLuma16(mut image) => {
            with_levels(&mut image, colour);
            image.into()
        }
        DynamicImage::ImageLumaA16(mut image) => {
            with_levels(&mut image, colour);
            image.into()
        }
        other => other,
    }
}

type Transform<T> = Option<std::sync::Arc<dyn TransformExecutor<T> + Send + Sync>>;

fn bytes(colour: &Colour, kind: Kind) -> Transform<u8> {
    match conversion(colour, kind) {
        Some(Conversion::Bytes(transform)) => Some(transform),
        _ => None,
    }
}

fn words(colour: &Colour, kind: Kind) -> Transform<u16> {
    match conversion(colour, kind) {
        Some(Conversion::Words(transform)) => Some(transform),
        _ => None,
    }
}

/// Converts row by row, since all at once would be one more copy of the picture.
fn each_row<P>(image: &mut ImageBuffer<P, Vec<P::Subpixel>>, transform: Transform<P::Subpixel>)
where
    P: Pixel,
    P::Subpixel: Default,
{
    let Some(transform) = transform else { return };
    let row = image.width() as usize * usize::from(P::CHANNEL_COUNT);
    let mut before = Vec::new();
    for row in image.chunks_exact_mut(row.max(1)) {
        before.clear();
        before.extend_from_slice(row);
        if transform.transform(&before, row).is_err() {
            return;
        }
    }
}

/// A grey picture's levels: those that the same numbers have as red, green and blue, or that a grey
/// profile gives them.
fn with_levels<P>(image: &mut ImageBuffer<P, Vec<P::Subpixel>>, colour: &Colour)
where
    P: Pixel,
    P::Subpixel: Primitive + Into<u32>,
{
    let levels = P::Subpixel::DEFAULT_MAX_VALUE.into() as usize;
    let Some(table) = grey_table(colour, levels) else {
        return;
    };
    for pixel in image.pixels_mut() {
        let level = &mut pixel.channels_mut()[0];
        let converted = table[(*level).into() as usize];
        *level = num_of(converted, levels);
    }
}

/// A level of 0 … 65535 as one of 0 … `most`.
fn num_of<T: Primitive>(level: u16, most: usize) -> T {
    let scaled = (u64::from(level) * most as u64 + 32_767) / 65_535;
    T::from(scaled).unwrap_or_else(T::max_value)
}

/// What each level of 0 … `most` becomes, 0 … 65535.
fn grey_table(colour: &Colour, most: usize) -> Option<Vec<u16>> {
    let level = |index: usize| (index * 65_535 / most) as u16;
    let green = |transform: &dyn TransformExecutor<u16>, of: Vec<u16>| {
        let mut rgb = vec![0; 3 * (most + 1)];
        transform.transform(&of, &mut rgb).ok()?;
        Some(rgb.into_iter().skip(1).step_by(3).collect())
    };
    match conversion(colour, Kind::Grey)? {
        Conversion::Words(transform) => green(&*transform, (0..=most).map(level).collect()),
        Conversion::ThreeWords(transform) => {
            let threefold = (0..=most).flat_map(|index| [level(index); 3]);
            green(&*transform, threefold.collect())
        }
        Conversion::Bytes(_) => None,
    }
}

fn inks_with(transform: &dyn TransformExecutor<u8>, image: &RgbaImage) -> DynamicImage {
    let (width, height) = image.dimensions();
    let mut rgb = RgbImage::new(width, height);
    let rows = image.chunks_exact(4 * width as usize);
    for (inks, row) in rows.zip(rgb.chunks_exact_mut(3 * width as usize)) {
        if transform.transform(inks, row).is_err() {
            return self::inks(image).into();
        }
    }
    rgb.into()
}

/// Inks of which nobody says how they look: each takes its part of the light away, as Pillow and
/// libjpeg-turbo's users have it.
pub fn inks(image: &RgbaImage) -> RgbImage {
    let mut rgb = RgbImage::new(image.width(), image.height());
    for (inks, pixel) in image.pixels().zip(rgb.pixels_mut()) {
        let [cyan, magenta, yellow, black] = inks.0.map(u32::from);
        let left = |ink: u32| (((255 - ink) * (255 - black) + 127) / 255) as u8;
        pixel.0 = [left(cyan), left(magenta), left(yellow)];
    }
    rgb
}

#[cfg(test)]
mod tests;
