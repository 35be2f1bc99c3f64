//! Bytes to an upright RGB picture: format by content, EXIF orientation, limits against bombs.

use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use image::error::ImageError;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};

use crate::error::{Error, Result};

/// The most pixels a picture may have: 200 megapixels, 600 MB as RGB.
pub const MAX_PIXELS: u64 = 200_000_000;

/// A decoded picture.
pub struct Picture {
    /// Its pixels, upright.
    pub image: RgbImage,
}

/// Decodes whatever `bytes` are; `path` is for messages. Transparent parts are laid over white.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Picture> {
    // A decoder that panics on a hostile file must cost that file only.
    let decoded = panic::catch_unwind(AssertUnwindSafe(|| decode_any(path, bytes)));
    decoded.unwrap_or_else(|_| {
        let source = "the decoder gave up on it".into();
        Err(Error::DamagedPhoto {
            path: path.to_owned(),
            source,
        })
    })
}

fn decode_any(path: &Path, bytes: &[u8]) -> Result<Picture> {
    if let Some((format, feature)) = phone_format(bytes) {
        return Err(Error::MissingDecoder {
            path: path.to_owned(),
            format,
            feature,
        });
    }
    let not_a_picture = || Error::NotAPicture {
        path: path.to_owned(),
    };
    let damaged = |source: ImageError| Error::DamagedPhoto {
        path: path.to_owned(),
        source: source.into(),
    };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|_| not_a_picture())?;
    if reader.format().is_none() {
        return Err(not_a_picture());
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * MAX_PIXELS);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Unsupported(_) => not_a_picture(),
        error => damaged(error),
    })?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let path = path.to_owned();
        return Err(Error::TooManyPixels {
            path,
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    image.apply_orientation(orientation);
    Ok(Picture {
        image: over_white(image),
    })
}

/// What phones write and the default build cannot read: the format and the feature that can.
fn phone_format(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.get(4..8)? != b"ftyp" {
        return None;
    }
    match bytes.get(8..12)? {
        b"avif" | b"avis" => Some(("AVIF", "avif")),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
            Some(("HEIC", "heic"))
        }
        _ => None,
    }
}

/// A transparent logo is seen on a white page, so that is what is compared.
fn over_white(image: DynamicImage) -> RgbImage {
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

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    /// Not square, and different in every corner, so that turned pictures show.
    fn painted() -> RgbImage {
        RgbImage::from_fn(40, 24, |x, y| Rgb([(x * 6) as u8, (y * 10) as u8, 90]))
    }

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn decoded(bytes: &[u8]) -> Result<RgbImage> {
        decode(Path::new("photo"), bytes).map(|picture| picture.image)
    }

    #[test]
    fn every_lossless_format_gives_the_same_pixels_whatever_its_name() {
        let picture = DynamicImage::from(painted());
        for format in [
            ImageFormat::Png,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
            ImageFormat::WebP,
        ] {
            assert_eq!(
                decoded(&encoded(&picture, format)).unwrap(),
                painted(),
                "{format:?}"
            );
        }
    }

    #[test]
    fn jpeg_and_gif_give_nearly_the_same_pixels() {
        for format in [ImageFormat::Jpeg, ImageFormat::Gif] {
            let image = decoded(&encoded(&DynamicImage::from(painted()), format)).unwrap();
            let difference = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b));
            let sum: u64 = image.iter().zip(painted().iter()).map(difference).sum();
            assert!(sum / (image.len() as u64) < 12, "{format:?}: {sum}");
        }
    }

    #[test]
    fn grey_and_sixteen_bit_pictures_become_rgb() {
        let picture = DynamicImage::from(painted());
        for picture in [
            DynamicImage::from(picture.to_luma8()),
            DynamicImage::from(picture.to_rgb16()),
        ] {
            assert_eq!(
                decoded(&encoded(&picture, ImageFormat::Png))
                    .unwrap()
                    .dimensions(),
                (40, 24)
            );
        }
    }

    #[test]
    fn transparent_parts_are_laid_over_white() {
        let clear = RgbaImage::from_pixel(2, 2, Rgba([10, 20, 30, 0]));
        let image = decoded(&encoded(&clear.into(), ImageFormat::Png)).unwrap();
        assert_eq!(image.get_pixel(1, 1), &Rgb([255, 255, 255]));
    }

    #[test]
    fn exif_orientation_turns_the_picture_upright() {
        let jpeg = encoded(&DynamicImage::from(painted()), ImageFormat::Jpeg);
        // An APP1 segment with one little-endian IFD entry: orientation 6, turn right.
        let exif = [
            0xFF, 0xE1, 0, 34, b'E', b'x', b'i', b'f', 0, 0, b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0,
            0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
        ];
        let turned = [&jpeg[..2], &exif, &jpeg[2..]].concat();
        assert_eq!(decoded(&turned).unwrap().dimensions(), (24, 40));
    }

    #[test]
    fn text_and_phone_formats_are_errors_that_say_so() {
        assert!(matches!(
            decoded(b"just text"),
            Err(Error::NotAPicture { .. })
        ));
        let heic = decoded(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
        assert!(matches!(
            heic,
            Err(Error::MissingDecoder {
                feature: "heic",
                ..
            })
        ));
    }

    #[test]
    fn a_truncated_picture_is_an_error() {
        for format in [
            ImageFormat::Jpeg,
            ImageFormat::Png,
            ImageFormat::WebP,
            ImageFormat::Gif,
        ] {
            let whole = encoded(&DynamicImage::from(painted()), format);
            let cut = decoded(&whole[..whole.len() / 2]);
            assert!(cut.is_err(), "{format:?}");
        }
    }

    proptest! {
        #[test]
        fn flipped_bytes_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = encoded(&DynamicImage::from(painted()), ImageFormat::Jpeg);
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let _ = decoded(&bytes);
        }
    }
}
