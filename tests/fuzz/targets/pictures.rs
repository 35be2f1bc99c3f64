//! Pictures in every format that is read.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageFormat, ImageReader, Rgba};
use imgsearch::Recipe;
use imgsearch::photo::{Photo, Rendering};

use super::{Target, data, packed};

/// Bytes that a pixel takes at the most, in the form that a decoder makes it in, and times that they
/// may be there: as read, as turned upright, and as laid over white.
const BYTES_PER_PIXEL: u64 = 8;
const TIMES: u64 = 4;

fn target(samples: Vec<Vec<u8>>) -> Target {
    let preprocess = "efficientnet_lite0:head"
        .parse::<Recipe>()
        .unwrap()
        .preprocess;
    let read = move |bytes: &[u8]| {
        let photo = Photo::from_bytes("fuzz", bytes.to_vec());
        // A part of its size is another way through a decoder.
        let small = photo.decode_for(&Rendering::of_side(2));
        let whole = photo.decode();
        if let Ok(picture) = &whole {
            let _ = preprocess.apply_to(picture);
        }
        small.is_ok() || whole.is_ok()
    };
    Target {
        room: |bytes| pixels(bytes) * BYTES_PER_PIXEL * TIMES,
        ..Target::new(samples, read)
    }
}

/// How many pixels a file says that it has.
fn pixels(bytes: &[u8]) -> u64 {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    size.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}

/// A small picture with transparent parts.
fn painted() -> DynamicImage {
    let colour =
        |x: u32, y: u32| Rgba([(x * 9) as u8, (y * 13) as u8, (x * y) as u8, 90 + x as u8]);
    ImageBuffer::from_fn(23, 17, colour).into()
}

/// It in one format, in all depths that the format has of those that we can write.
fn written(format: ImageFormat) -> Vec<Vec<u8>> {
    let painted = painted();
    let depths = [
        painted.to_rgb8().into(),
        painted.to_luma8().into(),
        painted.to_rgb16().into(),
        painted.to_rgba16().into(),
        painted.to_luma_alpha8().into(),
        DynamicImage::from(painted.to_rgb32f()),
        painted,
    ];
    let write = |picture: &DynamicImage| {
        let mut file = Cursor::new(Vec::new());
        let written = picture.write_to(&mut file, format);
        written.is_ok().then(|| file.into_inner())
    };
    let files: Vec<_> = depths.iter().filter_map(write).collect();
    assert!(!files.is_empty());
    files
}

pub fn jpeg() -> Target {
    let names = [
        "baseline",
        "cmyk",
        "grey",
        "odd",
        "odd_progressive",
        "optimized",
        "progressive",
        "restarts",
        "rgb",
        "yuv422",
        "yuv444",
    ];
    target(
        names
            .map(|name| data(&format!("pictures/{name}.jpg")))
            .to_vec(),
    )
}

pub fn png() -> Target {
    let mut samples = written(ImageFormat::Png);
    samples.push(data("pictures/palette.png"));
    target(samples).changed_by(packed::png)
}

pub fn webp() -> Target {
    target(written(ImageFormat::WebP))
}

pub fn gif() -> Target {
    target(written(ImageFormat::Gif))
}

pub fn bmp() -> Target {
    target(written(ImageFormat::Bmp))
}

pub fn tiff() -> Target {
    target(written(ImageFormat::Tiff))
}

#[cfg(any(feature = "avif", feature = "heic"))]
pub fn heif() -> Target {
    let mut samples = Vec::new();
    #[cfg(feature = "avif")]
    samples.push(data("pictures/scene.avif"));
    #[cfg(feature = "heic")]
    samples.push(data("pictures/scene.heic"));
    target(samples)
}
