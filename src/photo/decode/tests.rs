use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;
use crate::photo::Preprocess;
use crate::photo::picture::MAX_PIXELS;

/// Not square, and different in every corner, so that turned pictures show.
fn painted() -> RgbImage {
    RgbImage::from_fn(40, 24, |x, y| Rgb([(x * 6) as u8, (y * 10) as u8, 90]))
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> Result<RgbImage, PhotoError> {
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
        0xFF, 0xE1, 0, 34, b'E', b'x', b'i', b'f', 0, 0, b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12,
        0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
    ];
    let turned = [&jpeg[..2], &exif, &jpeg[2..]].concat();
    assert_eq!(decoded(&turned).unwrap().dimensions(), (24, 40));
}

#[test]
fn text_is_an_error_that_says_so() {
    assert!(matches!(
        decoded(b"just text"),
        Err(PhotoError::NotAPicture { .. })
    ));
}

#[test]
fn heic_shows_the_same_scene_and_cut_off_is_an_error() {
    phone_format_is_read("scene.heic");
}

#[test]
fn avif_shows_the_same_scene_and_cut_off_is_an_error() {
    phone_format_is_read("scene.avif");
}

fn phone_format_is_read(name: &str) {
    let file = kept(name);
    let scene = decoded(&kept("scene.png")).unwrap();
    let difference = mean_difference(&decoded(&file).unwrap(), &scene);
    assert!(difference < 3.0, "{name}: {difference}");
    for tenth in 1..10 {
        let cut = decoded(&file[..file.len() * tenth / 10]);
        assert!(cut.is_err(), "{name} at {tenth} tenths");
    }
}

/// One of the pictures that `data/make_pictures.py` made.
fn kept(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/pictures");
    std::fs::read(folder.join(name)).unwrap()
}

fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let difference = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b));
    a.iter().zip(b.iter()).map(difference).sum::<f64>() / a.len() as f64
}

#[test]
fn every_way_of_writing_a_jpeg_shows_the_same_scene() {
    let scene = decoded(&kept("scene.png")).unwrap();
    for name in [
        "baseline.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "rgb.jpg",
        "cmyk.jpg",
    ] {
        let difference = mean_difference(&decoded(&kept(name)).unwrap(), &scene);
        assert!(difference < 3.0, "{name}: {difference}");
    }
}

#[test]
fn palettes_and_grey_jpegs_are_read() {
    let scene = decoded(&kept("scene.png")).unwrap();
    let palette = mean_difference(&decoded(&kept("palette.png")).unwrap(), &scene);
    assert!(palette < 4.0, "{palette}");
    // JPEG's own grey, of BT.601; the image crate's is another.
    let luma = |p: &Rgb<u8>| {
        (299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2])) / 1000
    };
    let grey = RgbImage::from_fn(96, 64, |x, y| Rgb([luma(scene.get_pixel(x, y)) as u8; 3]));
    let difference = mean_difference(&decoded(&kept("grey.jpg")).unwrap(), &grey);
    assert!(difference < 3.0, "{difference}");
}

/// A large smooth picture, as a JPEG held as EXIF's `orientation` says.
fn large_jpeg(orientation: u8) -> Vec<u8> {
    let shade = |x: u32, y: u32| Rgb([(x / 3) as u8, (y / 2) as u8, ((x + y) / 5) as u8]);
    let picture = RgbImage::from_fn(603, 401, shade);
    turned(&encoded(&picture.into(), ImageFormat::Jpeg), orientation)
}

/// `jpeg` with an APP1 segment of one little-endian entry: the orientation.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let exif = [
        0xFF,
        0xE1,
        0,
        34,
        b'E',
        b'x',
        b'i',
        b'f',
        0,
        0,
        b'I',
        b'I',
        42,
        0,
        8,
        0,
        0,
        0,
        1,
        0,
        0x12,
        0x01,
        3,
        0,
        1,
        0,
        0,
        0,
        orientation,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

#[test]
fn all_eight_orientations_are_honoured() {
    let scene = DynamicImage::from(decoded(&kept("baseline.jpg")).unwrap());
    let turns: [fn(&DynamicImage) -> DynamicImage; 8] = [
        DynamicImage::clone,
        DynamicImage::fliph,
        DynamicImage::rotate180,
        DynamicImage::flipv,
        |image| image.rotate90().fliph(),
        DynamicImage::rotate90,
        |image| image.rotate270().fliph(),
        DynamicImage::rotate270,
    ];
    for (orientation, turn) in (1..).zip(turns) {
        let upright = decoded(&turned(&kept("baseline.jpg"), orientation)).unwrap();
        assert_eq!(upright, turn(&scene).to_rgb8(), "orientation {orientation}");
    }
}

#[test]
fn a_reduced_decode_gives_nearly_the_same_pixels_however_it_is_turned() {
    let preprocess: Preprocess = "resize=48,crop=40".parse().unwrap();
    for orientation in 1..=8 {
        let jpeg = large_jpeg(orientation);
        let full = decode(Path::new("photo"), &jpeg).unwrap();
        let reduced = decode_for(Path::new("photo"), &jpeg, &preprocess.rendering()).unwrap();
        assert_eq!((reduced.width, reduced.height), (full.width, full.height));
        let short = reduced.image.width().min(reduced.image.height());
        assert_eq!(short, 101, "a quarter of 401, rounded up");
        let pixels = [&full, &reduced]
            .map(|picture| preprocess.normalized(&preprocess.apply_to(picture).unwrap()));
        let largest = pixels[0].iter().zip(&pixels[1]).map(|(a, b)| (a - b).abs());
        let largest = largest.fold(0.0, f32::max) * 255.0;
        assert!(
            largest < 2.5,
            "orientation {orientation}: {largest} grey levels"
        );
    }
}

#[test]
fn jpegs_of_all_colours_are_decoded_at_reduced_size() {
    for name in ["rgb.jpg", "cmyk.jpg", "progressive.jpg"] {
        let picture = decode_for(Path::new("photo"), &kept(name), &Rendering::of_side(4)).unwrap();
        assert_eq!(picture.image.dimensions(), (12, 8), "{name}");
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_decoded() {
    let mut png = encoded(&DynamicImage::from(painted()), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let refused = decoded(&png);
    assert!(matches!(
        refused,
        Err(PhotoError::TooManyPixels {
            width: 65536,
            height: 65536,
            ..
        })
    ));
}

/// PNG's checksum, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Of a JPEG what is there is taken if it is half of the picture; what only refines a progressive one may
/// be missing.
#[test]
fn a_picture_cut_off_anywhere_is_an_error_that_names_it_or_is_said_to_be_cut_off() {
    let picture = DynamicImage::from(painted());
    let mut files: Vec<_> = ["progressive.jpg", "cmyk.jpg", "grey.jpg"]
        .map(|name| (name, kept(name)))
        .into();
    files.extend(
        [
            ("jpeg", ImageFormat::Jpeg),
            ("png", ImageFormat::Png),
            ("webp", ImageFormat::WebP),
            ("gif", ImageFormat::Gif),
            ("bmp", ImageFormat::Bmp),
            ("tiff", ImageFormat::Tiff),
        ]
        .map(|(name, format)| (name, encoded(&picture, format))),
    );
    for (name, whole) in files {
        for tenth in 1..10 {
            let cut = &whole[..whole.len() * tenth / 10];
            for rendering in [Rendering::WHOLE, Rendering::of_side(4)] {
                match decode_for(Path::new("cut-off"), cut, &rendering) {
                    Ok(picture) => {
                        let is_refined = name == "progressive.jpg" && tenth > 3;
                        let is_part = (0.5..1.0).contains(&picture.present);
                        assert!(is_refined || is_part, "{name} at {tenth} tenths");
                    }
                    Err(error) => {
                        let message = error.to_string();
                        assert!(message.contains("cut-off"), "{message}");
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(
        kind in 0usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let formats = [
            ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp,
            ImageFormat::Tiff,
        ];
        let mut bytes = match formats.get(kind) {
            Some(format) => encoded(&painted().into(), *format),
            None => kept(["progressive.jpg", "cmyk.jpg"][kind - formats.len()]),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for rendering in [Rendering::WHOLE, Rendering::of_side(4)] {
            if let Ok(picture) = decode_for(Path::new("photo"), &bytes, &rendering) {
                prop_assert!(u64::from(picture.width) * u64::from(picture.height) <= MAX_PIXELS);
            }
        }
    }
}
