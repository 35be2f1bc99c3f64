use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{GrayImage, ImageFormat, Rgb, RgbImage};
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
        seen: None,
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

/// One of the files that `data/formats/make_jpeg.py` made.
fn made(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/formats/jpeg");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn the_part_of_a_picture_that_is_there_is_measured() {
    // Not all units have as many bytes.
    for (name, from, to) in [
        ("no_end.jpg", 1.0, 1.0),
        ("trailer.jpg", 1.0, 1.0),
        ("cut_tenth.jpg", 0.6, 0.95),
        ("cut_two_thirds.jpg", 0.2, 0.45),
        ("lost.jpg", 0.6, 1.0),
        ("stray_9f.jpg", 0.96, 0.98),
        ("no_restart.jpg", 0.94, 0.99),
        ("intervals_1.jpg", 0.96, 0.98),
        ("intervals_2.jpg", 0.92, 0.95),
        // The blocks of one of the two colours are a sixth of all.
        ("apart_cut.jpg", 0.81, 0.86),
        ("progressive_no_end.jpg", 1.0, 1.0),
        ("progressive_cut_late.jpg", 1.0, 1.0),
        ("progressive_cut_early.jpg", 0.0, 0.1),
        ("sampling_2x2.jpg", 1.0, 1.0),
        ("arithmetic_restart.jpg", 1.0, 1.0),
        ("lossless_4.jpg", 1.0, 1.0),
    ] {
        let present = read(&made(name), None).unwrap().present;
        assert!((from..=to).contains(&present), "{name}: {present}");
    }
}

#[test]
fn of_a_progressive_picture_the_means_alone_are_nearly_all_that_an_eighth_takes() {
    let whole = kept("progressive.jpg");
    let scans: Vec<usize> = memchr::memmem::find_iter(&whole, b"\xff\xda").collect();
    let means = &whole[..scans[1]];
    let present = |bytes: &[u8], wanted| read(bytes, wanted).unwrap().present;
    assert!(
        (present(means, None) - 0.125).abs() < 1e-3,
        "1 of 8×8 pixels"
    );
    // Of colours of half as many pixels it takes 2×2 from a block.
    assert!((present(means, Some(8)) - 5.0 / 6.0).abs() < 1e-3);
    // What follows the first of other coefficients only refines them.
    let first = &whole[..*scans.last().unwrap()];
    assert!((present(first, None) - 1.0).abs() < 1e-3);
    let eighth = rgb(read(&whole, Some(8)).unwrap());
    let (mean, _) = differences(&rgb(read(means, Some(8)).unwrap()), &eighth);
    assert!(mean < 3.0, "{mean}");
}

#[test]
fn a_picture_that_is_read_at_one_size_is_read_at_all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/formats/jpeg");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let sizes = [None, Some(8), Some(16), Some(24), Some(32)];
        let read = sizes.map(|wanted| read(&bytes, wanted).is_ok());
        assert!(
            read == [true; 5] || read == [false; 5],
            "{}",
            path.display()
        );
    }
}

#[test]
fn colours_that_are_as_fine_as_others_have_the_same_pixels_in_every_coding() {
    for others in [
        ["scans_apart_2x2.jpg", "scans_partly_2x2.jpg"],
        ["scans_backwards_2x2.jpg", "progressive_2x2.jpg"],
        ["arithmetic.jpg", "arithmetic_progressive.jpg"],
    ] {
        for name in others {
            for wanted in [None, Some(8), Some(24), Some(32)] {
                let expected = rgb(read(&made("sampling_2x2.jpg"), wanted).unwrap());
                let found = rgb(read(&made(name), wanted).unwrap());
                assert_eq!(found, expected, "{name}, {wanted:?}");
            }
        }
    }
}

/// A segment.
fn part(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], &length[..], content].concat()
}

#[test]
fn a_profile_is_put_together_from_its_chunks_and_dropped_where_one_is_missing() {
    let chunk = |number: u8, count: u8, bytes: &[u8]| {
        part(
            0xE2,
            &[b"ICC_PROFILE\0", &[number, count][..], bytes].concat(),
        )
    };
    let (jpeg, [one, two, other]) = (
        kept("baseline.jpg"),
        [
            chunk(1, 2, b"first "),
            chunk(2, 2, b"second"),
            chunk(2, 3, b"x"),
        ],
    );
    let colour = |chunks: &[&Vec<u8>]| {
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend(chunks.iter().flat_map(|chunk| chunk.iter()));
        bytes.extend(&jpeg[2..]);
        read(&bytes, None).unwrap().colour
    };
    let whole = Colour::Icc(b"first second".to_vec());
    assert_eq!(colour(&[&one, &two]), whole);
    assert_eq!(colour(&[&two, &one]), whole);
    for chunks in [&[&one][..], &[&one, &one], &[&one, &other], &[&two], &[]] {
        assert_eq!(colour(chunks), Colour::Unsaid);
    }
}

#[test]
fn an_abbreviated_stream_is_read_with_the_tables_beside_it() {
    let whole = kept("yuv444.jpg");
    // Its tables alone, and all but them.
    let (mut tables, mut stream) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8]);
    let mut rest = &whole[2..];
    while let Some((marker, after)) = next_marker(rest) {
        let Some((content, behind)) = segment(after).filter(|_| marker != 0xD9) else {
            break;
        };
        let to = if matches!(marker, 0xC4 | 0xDB) {
            &mut tables
        } else {
            &mut stream
        };
        to.extend(part(marker, content));
        if marker == 0xDA {
            stream.extend(behind);
            break;
        }
        rest = behind;
    }
    tables.extend([0xFF, 0xD9]);
    let source = Source {
        path: Path::new("photo.tif"),
        bytes: b"the file around it",
        wanted: Some(1),
        seen: None,
    };
    let inner = decode_abbreviated(&tables, &stream, false, &source).unwrap();
    assert_eq!(rgb(inner), rgb(read(&whole, None).unwrap()));
    let raw = rgb(decode_abbreviated(&tables, &stream, true, &source).unwrap());
    let expected = rgb(read(&whole, None).unwrap());
    for (raw, expected) in raw.pixels().zip(expected.pixels()) {
        let [luma, blue, red] = raw.0;
        assert_eq!(convert::rgb_of(luma, blue, red), expected.0);
    }
    let missing = decode_abbreviated(&[], &stream, false, &source).unwrap_err();
    assert!(missing.to_string().contains("quantization"), "{missing}");
}

#[test]
fn what_is_sound_but_not_read_is_not_called_damaged() {
    for name in ["frame_c5.jpg", "frame_cb.jpg", "two_components.jpg"] {
        let refused = read(&made(name), None).unwrap_err();
        assert!(
            matches!(refused, PhotoError::NotSupported { .. }),
            "{refused}"
        );
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
