use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::*;
use crate::photo::{Photo, Preprocess, Rendering};

mod made;

use made::{Order, exif, with_exif};

fn painted() -> RgbImage {
    RgbImage::from_fn(96, 60, |x, y| {
        Rgb([(x * 2) as u8, (y * 4) as u8, (x * y / 40) as u8])
    })
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(painted())
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

fn facts(bytes: Vec<u8>) -> Facts {
    Photo::from_bytes("photo", bytes).facts().unwrap()
}

/// A file of `data/`.
fn kept(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    std::fs::read(root.join(name)).unwrap()
}

fn said(facts: &Facts) -> (Option<String>, Option<&str>) {
    let taken = facts.taken.map(|taken| taken.to_string());
    (taken, facts.camera.as_deref())
}

const TAKEN: &str = "2019-07-14T18:05:09.250+02:00";
const CAMERA: &str = "Canon EOS 5D";

/// Of each format a file with the chunk, and the orientation that counts: in some that is not Exif's.
fn files(order: Order) -> Vec<(&'static str, Vec<u8>, u8)> {
    let chunk = exif(order, 6);
    let jpeg = encoded(ImageFormat::Jpeg);
    let png = encoded(ImageFormat::Png);
    let webp = encoded(ImageFormat::WebP);
    vec![
        ("jpeg", with_exif::jpeg(&jpeg, &chunk), 6),
        ("png", with_exif::png(&png, &chunk), 6),
        (
            "webp",
            with_exif::webp(&webp, painted().dimensions(), &chunk),
            6,
        ),
        ("tiff", made::tiff(order, 6, &painted()), 6),
        ("psd", made::psd(&chunk, &painted()), 1),
        (
            "heic",
            with_exif::heif(&kept("formats/heic/irot1.heic"), &chunk),
            8,
        ),
        (
            "avif",
            with_exif::heif(&kept("formats/avif/irot1.avif"), &chunk),
            8,
        ),
        (
            "jxl",
            with_exif::jxl(&kept("formats/jxl/boxes.jxl"), &chunk),
            1,
        ),
    ]
}

#[test]
fn time_camera_and_orientation_are_read_from_every_format_in_either_order() {
    for order in [Order::Little, Order::Big] {
        for (name, file, orientation) in files(order) {
            let facts = facts(file);
            let expected = (Some(TAKEN.to_owned()), Some(CAMERA));
            assert_eq!(said(&facts), expected, "{name}");
            assert_eq!(facts.orientation, orientation, "{name}");
            if orientation == 6 {
                assert_eq!((facts.width, facts.height), (60, 96), "{name}");
            }
        }
    }
}

#[test]
fn xmp_says_what_exif_does_not() {
    let packet = b"<x tiff:Model='Pixel 3' tiff:Make='Google' tiff:Orientation='3' \
        photoshop:DateCreated='2018-01-02T03:04:05'/>";
    let said = |file: &[u8]| {
        let facts = facts(file.to_vec());
        let (taken, camera) = self::said(&facts);
        (taken, camera.map(str::to_owned), facts.orientation)
    };
    let of_xmp = (
        Some("2018-01-02T03:04:05".to_owned()),
        Some("Google Pixel 3".to_owned()),
    );
    let jpeg = encoded(ImageFormat::Jpeg);
    let namespace = b"http://ns.adobe.com/xap/1.0/\0";
    let with_xmp = made::segment(&jpeg, &[&namespace[..], packet].concat());
    assert_eq!(said(&with_xmp), (of_xmp.0.clone(), of_xmp.1.clone(), 3));
    let png = encoded(ImageFormat::Png);
    let text = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], packet].concat();
    let with_xmp = made::chunk(&png, *b"iTXt", &text);
    assert_eq!(said(&with_xmp), (of_xmp.0, of_xmp.1, 3));
    // Each for itself, and Exif first.
    let with_both = with_exif::png(&with_xmp, &exif(Order::Little, 6));
    let of_exif = (Some(TAKEN.to_owned()), Some(CAMERA.to_owned()), 6);
    assert_eq!(said(&with_both), of_exif);
    let with_both = with_exif::png(&with_xmp, &made::orientation(Order::Big, 8));
    assert_eq!(said(&with_both).2, 8);
    assert_eq!(said(&with_both).1.as_deref(), Some("Google Pixel 3"));
}

#[test]
fn a_camera_file_says_it_in_its_own_directories() {
    for order in [Order::Little, Order::Big] {
        let raw = made::camera(order, 8, &encoded(ImageFormat::Jpeg));
        let facts = facts(raw);
        assert_eq!(said(&facts), (Some(TAKEN.to_owned()), Some(CAMERA)));
        assert_eq!((facts.orientation, facts.width, facts.height), (8, 60, 96));
    }
}

#[test]
fn a_file_that_says_nothing_has_its_size_and_its_signature() {
    let facts = facts(encoded(ImageFormat::Png));
    assert_eq!((facts.width, facts.height, facts.orientation), (96, 60, 1));
    assert_eq!(said(&facts), (None, None));
    assert!(!facts.signature.is_flat());
    let shown = serde_json::to_string(&facts).unwrap();
    assert_eq!(shown, r#"{"width":96,"height":60,"orientation":1}"#);
}

#[test]
fn the_worse_dates_count_where_the_better_ones_are_nonsense() {
    let date = |original: &str, digitized: &str, changed: &str| {
        let chunk = made::dates(Order::Little, [original, digitized, changed]);
        let file = with_exif::jpeg(&encoded(ImageFormat::Jpeg), &chunk);
        facts(file).taken.map(|taken| taken.to_string())
    };
    let (nonsense, good) = ("0000:00:00 00:00:00", "2001:02:03 04:05:06");
    let read = Some("2001-02-03T04:05:06".to_owned());
    assert_eq!(date(good, "2002:01:01 00:00:00", nonsense), read);
    assert_eq!(date(nonsense, good, "2002:01:01 00:00:00"), read);
    assert_eq!(date("    :  :     :  :  ", "", good), read);
    assert_eq!(date(nonsense, nonsense, nonsense), None);
}

/// All pictures of these folders of `data/`.
fn pictures(folders: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut found = Vec::new();
    for folder in folders {
        let entries = walkdir::WalkDir::new(root.join(folder)).sort_by_file_name();
        let files = entries.into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        found.extend(files.map(walkdir::DirEntry::into_path));
    }
    found.retain(|path| !path.to_string_lossy().ends_with(".ref.png"));
    found
}

#[test]
fn of_as_few_pixels_as_a_format_gives_the_facts_are_nearly_those_of_all() {
    let mut count = 0;
    for path in pictures(&["formats", "painted"]) {
        let Ok(photo) = Photo::read(&path) else {
            continue;
        };
        let Ok((_, whole)) = photo.decode_with_facts(&Rendering::WHOLE) else {
            continue;
        };
        let (name, facts) = (path.display(), photo.facts().unwrap());
        let correlation = facts.signature.correlation(&whole.signature);
        assert!(correlation > 0.995, "{name}: {correlation}");
        let signature = whole.signature;
        assert_eq!(Facts { signature, ..facts }, whole, "{name}");
        count += 1;
    }
    assert!(count > 400, "{count}");
}

/// All painted pictures beside and above each other, as one large JPEG.
fn mosaic(columns: u32, rows: u32) -> Vec<u8> {
    let mut whole = RgbImage::new(320 * columns, 240 * rows);
    for (number, path) in (0..columns * rows).zip(pictures(&["painted"])) {
        let part = Photo::read(path).unwrap().decode().unwrap().image;
        let (x, y) = (number % columns * 320, number / columns * 240);
        image::imageops::replace(&mut whole, &part, x.into(), y.into());
    }
    let mut bytes = Cursor::new(Vec::new());
    whole.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn a_jpeg_decoded_at_an_eighth_to_half_of_its_size_has_nearly_the_signature_of_the_whole() {
    for (columns, rows) in [(8, 5), (6, 3), (5, 8), (3, 2)] {
        let photo = Photo::from_bytes("mosaic", mosaic(columns, rows));
        let (_, whole) = photo.decode_with_facts(&Rendering::WHOLE).unwrap();
        let short = (320 * columns).min(240 * rows);
        for eighths in 1..=4 {
            let rendering = Rendering::of_side(short * eighths / 16);
            let (picture, facts) = photo.decode_with_facts(&rendering).unwrap();
            let side = picture.image.width().min(picture.image.height());
            assert_eq!(side, (short * eighths).div_ceil(8));
            let correlation = facts.signature.correlation(&whole.signature);
            assert!(
                correlation > 0.995,
                "{columns}×{rows}, {eighths}: {correlation}"
            );
        }
    }
}

#[test]
fn where_a_part_of_a_picture_is_seen_its_facts_are_those_of_its_thumbnail() {
    let network: Preprocess = "resize=96,crop=90,colour=srgb,ground=visible"
        .parse()
        .unwrap();
    for name in ["formats/heic/thumbnail.heic", "formats/avif/thumbnail.avif"] {
        let photo = Photo::from_bytes(name, kept(name));
        let (_, whole) = photo.decode_with_facts(&Rendering::WHOLE).unwrap();
        let (picture, facts) = photo.decode_with_facts(&network.rendering()).unwrap();
        assert_eq!(picture.image.dimensions(), (192, 128), "{name}");
        assert_ne!(facts.signature, whole.signature, "{name}");
        let correlation = facts.signature.correlation(&whole.signature);
        assert!(correlation > 0.995, "{name}: {correlation}");
        let signature = whole.signature;
        assert_eq!(Facts { signature, ..facts }, whole, "{name}");
    }
}

#[test]
fn equal_bytes_have_equal_facts_and_the_picture_for_the_network_is_the_same() {
    let network: Preprocess = "resize=40,crop=24".parse().unwrap();
    for name in [
        "painted/beach_0.jpg",
        "formats/heic/grid_64x64.heic",
        "formats/heic/grid_turned.heic",
        "formats/avif/grid_48x32.avif",
        "formats/heic/thumbnail.heic",
        "formats/avif/thumbnail.avif",
        "formats/raw/turned_6.cr3",
    ] {
        let photo = Photo::from_bytes(name, kept(name));
        let alone = photo.decode_for(&network.rendering()).unwrap();
        let (picture, facts) = photo.decode_with_facts(&network.rendering()).unwrap();
        let again = Photo::from_bytes("other", kept(name));
        let again = again.decode_with_facts(&network.rendering()).unwrap();
        assert_eq!(facts, again.1, "{name}");
        let pixels = |picture| network.apply_to(picture).unwrap();
        assert!(pixels(&picture) == pixels(&alone), "{name}");
        let size = (facts.width, facts.height);
        assert_eq!((alone.width, alone.height), size, "{name}");
    }
}

#[test]
fn changed_bytes_of_what_is_said_never_panic_and_never_say_what_is_no_date_or_too_long() {
    let mut chance = fastrand::Rng::with_seed(17);
    let chunks = [exif(Order::Little, 6), exif(Order::Big, 6)];
    let packet = b"<x exif:DateTimeOriginal='2018-01-02T03:04:05.6-07:00' tiff:Make='A&amp;B' \
        tiff:Model='C' xmp:CreateDate='2001'/><tiff:Orientation>6</tiff:Orientation>";
    let mut told = 0;
    for round in 0..40_000 {
        let mut bytes = match round % 3 {
            2 => packet.to_vec(),
            number => chunks[number].clone(),
        };
        for _ in 0..chance.usize(1..12) {
            let at = chance.usize(..bytes.len());
            bytes[at] = match chance.u8(..4) {
                0 => 0xFF,
                1 => 0,
                2 => bytes[at] ^ (1 << chance.u8(..8)),
                _ => chance.u8(..),
            };
        }
        bytes.truncate(chance.usize(bytes.len() / 2..=bytes.len()));
        for said in [
            Said::of_exif(&bytes),
            Said::of_xmp(&bytes),
            Said::of_exif_item(&[&[0, 0, 0, chance.u8(..8)][..], &bytes].concat()),
        ] {
            told += usize::from(said.taken.is_some());
            if let Some(taken) = said.taken {
                let year: i32 = taken.to_string()[..4].parse().unwrap();
                assert!((1826..=2100).contains(&year), "{taken}");
                assert!(taken.millis < 1000 && taken.offset.unwrap_or(0).abs() < 1440);
            }
            if let Some(camera) = said.camera {
                assert!(!camera.is_empty() && camera.len() <= 128);
                assert!(!camera.contains(char::is_control), "{camera:?}");
            }
        }
    }
    assert!(told > 1000, "{told}");
}

#[test]
fn a_directory_of_all_tags_that_are_there_and_values_of_all_bytes_are_read_in_no_more_memory() {
    // Make, model and date each say the whole chunk, and the directory below is the first one again.
    let len = 1_u32 << 20;
    let tags = [0x010F, 0x0110, 0x0132, 0x9003, 0x9291, 0x9011];
    let mut chunk = made::directory(Order::Little, &tags.map(|tag| (tag, 2, len, 0)));
    made::point_below(Order::Little, &mut chunk, 8);
    chunk.resize(len as usize, b'2');
    let said = Said::of_exif(&chunk);
    assert!(said.camera.is_none_or(|camera| camera.len() <= 128));
    assert_eq!(said.taken, None);
}
