//! Files made to cost more than they are worth.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::photo::memory::Budget;

/// A picture that no format makes much smaller.
fn noise(side: u32) -> DynamicImage {
    let mut random = fastrand::Rng::with_seed(7);
    RgbImage::from_fn(side, side, |_, _| {
        Rgb([random.u8(..), random.u8(..), random.u8(..)])
    })
    .into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn error(bytes: &[u8]) -> PhotoError {
    decode(Path::new("hostile"), bytes).unwrap_err()
}

/// A frame header, and so many scans of nothing.
fn scans(marker: u8, (width, height): (u16, u16), count: usize) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, marker, 0, 11, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0]);
    for _ in 0..count {
        bytes.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 1, 0x10, 0x12]);
    }
    bytes.extend([0xFF, 0xD9]);
    bytes
}

#[test]
fn a_picture_that_is_cut_off_is_never_taken_for_a_whole_one() {
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ] {
        let whole = encoded(&noise(64), format);
        assert!(decode(Path::new("whole"), &whole).is_ok(), "{format:?}");
        for tenth in 1..10 {
            let cut = &whole[..whole.len() * tenth / 10];
            let taken = decode(Path::new("cut"), cut);
            let is_whole = taken.is_ok_and(|picture| picture.present >= 1.0);
            assert!(!is_whole, "{format:?}, {tenth} tenths");
        }
    }
}

#[test]
fn a_picture_without_pixels_is_an_error_in_every_format() {
    let gif = |width: u8, height: u8| {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend([width, 0, height, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
        bytes.extend([0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B]);
        bytes
    };
    let mut bmp = encoded(&noise(4), ImageFormat::Bmp);
    bmp[18..22].fill(0);
    let mut png = encoded(&noise(4), ImageFormat::Png);
    png[16..20].fill(0);
    let mut tiff = encoded(&noise(4), ImageFormat::Tiff);
    let width = tiff.windows(4).position(|tag| tag == [0, 1, 4, 0]);
    if let Some(at) = width {
        tiff[at + 8..at + 12].fill(0);
    }
    let files = [gif(0, 10), gif(10, 0), gif(0, 0), bmp, png, tiff];
    let jpegs = [scans(0xC0, (0, 9), 1), scans(0xC2, (9, 0), 1)];
    for (number, file) in files.iter().chain(&jpegs).enumerate() {
        let found = error(file);
        assert!(matches!(found, PhotoError::DamagedPhoto { .. }), "{number}");
    }
}

#[test]
fn scans_without_number_are_refused_before_any_is_decoded() {
    for marker in [0xC0, 0xC2] {
        let found = error(&scans(marker, (60_000, 3_000), 20_000)).to_string();
        assert!(found.contains("more scans"), "{found}");
    }
    // As many as a picture may have, however small.
    for count in [1, 10, 90] {
        let bytes = scans(0xC2, (16, 16), count);
        let found = error(&bytes).to_string();
        assert!(!found.contains("more scans"), "{found}");
    }
}

static SMALL: Budget = Budget::new(1 << 20);

#[test]
fn what_takes_more_memory_than_there_is_is_refused_by_name_before_it_is_decoded() {
    // A header alone: 14142 × 14142 pixels of four times sixteen bits.
    let mut random = RgbaImage::new(2, 2);
    random.put_pixel(0, 0, Rgba([1, 2, 3, 4]));
    let sixteen = DynamicImage::from(random).into_rgba16();
    let mut png = encoded(&sixteen.into(), ImageFormat::Png);
    png[16..20].copy_from_slice(&14_142u32.to_be_bytes());
    png[20..24].copy_from_slice(&14_142u32.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let needed = 14_142 * 14_142 * 8 + png.len() as u64;
    let total = Budget::of_machine().total();
    match error(&png) {
        PhotoError::TooMuchMemory {
            needed: told,
            budget,
            ..
        } => assert_eq!((told, budget), (needed, total)),
        other => assert!(needed <= total, "{other}"),
    }
    assert!(SMALL.take(needed).is_none());
}

/// As PNG wants it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

#[test]
fn no_decoder_says_more_than_a_line_or_two() {
    // A directory of 65,535 entries, each of a type that nobody knows.
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    for tag in [256u16, 257] {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(4u16.to_le_bytes());
        tiff.extend(20_000u32.to_le_bytes());
        tiff.extend(0u32.to_le_bytes());
    }
    tiff.resize(90_000, 1);
    let said = error(&tiff).to_string();
    assert!(said.len() < 1000, "{} bytes", said.len());
    let long = crate::error::bounded("é".repeat(5000).into()).to_string();
    assert!(long.chars().count() < 400 && long.ends_with('…'));
    assert_eq!(crate::error::bounded("short".into()).to_string(), "short");
}

#[test]
fn a_gifs_first_part_that_is_much_larger_than_the_whole_takes_no_memory() {
    let mut whole = Cursor::new(Vec::new());
    let picture = image::RgbaImage::from_pixel(23, 17, image::Rgba([90, 80, 70, 255]));
    picture.write_to(&mut whole, ImageFormat::Gif).unwrap();
    let whole = whole.into_inner();
    assert_eq!(decode(Path::new("a"), &whole).unwrap().width, 23);
    let part = [0x2c, 0, 0, 0, 0, 23, 0, 17, 0];
    let at = whole.windows(part.len()).position(|bytes| bytes == part);
    let mut large = whole;
    large[at.unwrap() + 6] = 0x40;
    large[at.unwrap() + 8] = 0x40;
    let refused = decode(Path::new("a"), &large).unwrap_err();
    assert!(
        matches!(refused, PhotoError::TooManyPixels { .. }),
        "{refused}"
    );
}

#[test]
fn a_tiffs_tag_without_its_values_takes_no_memory() {
    let tag = b"II\x2a\0\x08\0\0\0\x01\0\x01\x01\x03\0\0\0\x80\0\0\0\0\0\0\0\0\0";
    let refused = decode(Path::new("a"), tag).unwrap_err().to_string();
    assert!(refused.contains("more values than the file"), "{refused}");
}
