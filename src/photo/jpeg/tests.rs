use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{GrayImage, ImageFormat, Rgb};
use proptest::prelude::*;

use super::*;

/// One of the pictures that `data/make_pictures.py` made.
fn kept(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/pictures");
    std::fs::read(folder.join(name)).unwrap()
}

/// What becomes of `jpeg` where so many pixels of its short side are wanted.
fn read(jpeg: &[u8], wanted: Option<u32>) -> Result<Decoded, PhotoError> {
    let path = Path::new("photo.jpg");
    decode(&Source {
        path,
        bytes: jpeg,
        wanted,
    })
}

fn rgb(decoded: Decoded) -> RgbImage {
    match decoded.pixels {
        Stored::Image(image) => image.to_rgb8(),
        Stored::Cmyk(inks) => panic!("{:?} inks", inks.dimensions()),
    }
}

/// `jpeg` at some eighths of its size.
fn reduced(jpeg: &[u8], eighths: u32) -> Option<RgbImage> {
    let (width, height) = Outline::of(jpeg).size()?;
    let reduced = read(jpeg, Some(width.min(height) * eighths / 8)).unwrap();
    let side = |side: u32| (side * eighths).div_ceil(8);
    assert_eq!(reduced.pixels.size(), (side(width), side(height)));
    Some(rgb(reduced))
}

/// Mean and largest difference in grey levels.
fn differences(a: &RgbImage, b: &RgbImage) -> (f64, u8) {
    assert_eq!(a.dimensions(), b.dimensions());
    let each = || a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b));
    let sum: f64 = each().map(f64::from).sum();
    (sum / a.len() as f64, each().max().unwrap_or(0))
}

/// As the library that decodes the other formats sees it.
fn decoded(bytes: &[u8], format: ImageFormat) -> RgbImage {
    image::load_from_memory_with_format(bytes, format)
        .unwrap()
        .to_rgb8()
}

#[test]
fn reduced_pictures_are_those_of_libjpeg_to_a_few_grey_levels() {
    for name in ["baseline", "grey", "odd", "yuv444"] {
        for eighths in [1, 2, 4] {
            let ours = reduced(&kept(&format!("{name}.jpg")), eighths).unwrap();
            let theirs = decoded(
                &kept(&format!("reduced/{name}_{eighths}.png")),
                ImageFormat::Png,
            );
            let (mean, largest) = differences(&ours, &theirs);
            let allowed = if eighths == 1 { 1 } else { 3 };
            assert!(
                mean < 0.7 && largest <= allowed,
                "{name} at {eighths}/8: {mean}, {largest}"
            );
        }
    }
}

/// libjpeg smears the colours of these when it reduces them; their edges lie where none is lost.
#[test]
fn colours_of_half_as_many_columns_are_as_sharp_as_all() {
    for eighths in 1..=4 {
        let [half, all] =
            ["yuv422.jpg", "yuv444.jpg"].map(|name| reduced(&kept(name), eighths).unwrap());
        let (mean, largest) = differences(&half, &all);
        assert!(mean < 0.7 && largest <= 4, "{eighths}/8: {mean}, {largest}");
    }
}

#[test]
fn equal_coefficients_give_equal_pixels_however_they_are_written() {
    for eighths in 1..=4 {
        let baseline = reduced(&kept("baseline.jpg"), eighths).unwrap();
        for name in ["progressive.jpg", "restarts.jpg", "optimized.jpg"] {
            let other = reduced(&kept(name), eighths).unwrap();
            assert_eq!(baseline, other, "{name} at {eighths}/8");
        }
        let odd = reduced(&kept("odd.jpg"), eighths).unwrap();
        assert_eq!(odd, reduced(&kept("odd_progressive.jpg"), eighths).unwrap());
    }
}

/// Soft waves and a little noise.
fn waves(width: u32, height: u32, noise: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let grain = (x * 7919 + y * 104_729 + x * y * 31) % (noise + 1);
        let wave = |a: u32, b: u32| ((x / a + y / b) as f32 * 0.05).sin() * 90.0 + 110.0;
        Rgb([(2, 3), (3, 1), (1, 2)].map(|(a, b)| wave(a, b) as u8 + grain as u8))
    })
}

fn encoded(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
    picture.write_with_encoder(encoder).unwrap();
    jpeg
}

/// Many short coefficients and then one of more bits than are left: a look ahead once took it all the
/// same.
#[test]
fn the_longest_codes_behind_many_short_ones_are_read_whole() {
    for (width, height) in [(91, 32), (120, 64), (200, 150)] {
        for noise in 0..24 {
            let jpeg = encoded(&waves(width, height, noise), 100);
            let (whole, eighth) = (reduced(&jpeg, 4).unwrap(), reduced(&jpeg, 1).unwrap());
            let smaller = resize(
                &whole,
                eighth.width(),
                eighth.height(),
                FilterType::Triangle,
            );
            let (mean, _) = differences(&eighth, &smaller);
            assert!(mean < 6.0, "{width}×{height}, noise {noise}: {mean}");
        }
    }
}

proptest! {
    #[test]
    fn any_picture_reduced_looks_like_the_full_one_made_smaller(
        (width, height) in (16u32..200, 16u32..200), quality in 60u8..=100, noise in 0u32..24, eighths in 1u32..=4,
    ) {
        let jpeg = encoded(&waves(width, height, noise), quality);
        // At few pixels two sizes may be the same number of them.
        prop_assume!(width.min(height) * eighths / 8 > width.min(height) * (eighths - 1) / 8);
        let reduced = reduced(&jpeg, eighths).unwrap();
        let full = decoded(&jpeg, ImageFormat::Jpeg);
        // Filled up to whole pixels, as the reduced picture is.
        let (columns, rows) = (reduced.width() * 8 / eighths, reduced.height() * 8 / eighths);
        let filled = RgbImage::from_fn(columns, rows, |x, y| *full.get_pixel(x.min(width - 1), y.min(height - 1)));
        let smaller = resize(&filled, reduced.width(), reduced.height(), FilterType::Triangle);
        let (mean, _) = differences(&reduced, &smaller);
        prop_assert!(mean < 4.0, "{}", mean);
    }

    #[test]
    fn a_grey_block_of_one_level_is_that_level(level in 0u8.., eighths in 1u32..=4) {
        let grey = GrayImage::from_pixel(40, 24, image::Luma([level]));
        let mut jpeg = Vec::new();
        grey.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 100)).unwrap();
        let reduced = reduced(&jpeg, eighths).unwrap();
        prop_assert!(reduced.iter().all(|found| found.abs_diff(level) <= 1));
    }

    #[test]
    fn no_damage_makes_it_panic(
        name in prop::sample::select(vec![
            "baseline.jpg", "progressive.jpg", "restarts.jpg", "optimized.jpg", "yuv422.jpg", "yuv444.jpg", "odd.jpg",
            "odd_progressive.jpg", "grey.jpg", "rgb.jpg", "cmyk.jpg",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
        wanted in 1u32..33,
    ) {
        let mut jpeg = kept(name);
        for (at, value) in changes {
            let at = at.index(jpeg.len());
            jpeg[at] = value;
        }
        if is_cut {
            jpeg.truncate(end.index(jpeg.len()));
        }
        let (width, height) = Outline::of(&jpeg).size().unwrap_or_default();
        prop_assume!(u64::from(width) * u64::from(height) < 4_000_000);
        if let Ok(decoded) = read(&jpeg, Some(wanted)) {
            let (columns, rows) = decoded.pixels.size();
            prop_assert!(columns.min(rows) >= wanted.min(width.min(height)));
            prop_assert!((0.0..=1.0).contains(&decoded.present));
        }
    }
}
