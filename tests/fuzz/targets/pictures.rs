//! Pictures in every format that is read.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgba};
use imgsearch::Recipe;
use imgsearch::photo::{Photo, Rendering, most_held};

use super::{Target, data, packed};

/// Of the memory that a decoder took its share of, so many per cent may be in use.
const PER_CENT: u64 = 120;

/// What has no beginning of its own is known by its ending; all others by their beginning.
const NAME: &str = "fuzz.tga";

/// A reader of pictures, with samples beside those of `data/formats/FOLDER`.
fn target(folder: &str, mut samples: Vec<Vec<u8>>) -> Target {
    samples.extend(readable(folder));
    let preprocess = "efficientnet_lite0:head"
        .parse::<Recipe>()
        .unwrap()
        .preprocess;
    let read = move |bytes: &[u8]| {
        let _ = most_held();
        let photo = Photo::from_bytes(NAME, bytes.to_vec());
        // A part of its size is another way through a decoder.
        let small = photo.decode_for(&Rendering::of_side(2));
        let whole = photo.decode();
        if let Ok(picture) = &whole {
            let _ = preprocess.apply_to(picture);
        }
        small.is_ok() || whole.is_ok()
    };
    Target {
        room: |_| most_held() * PER_CENT / 100,
        ..Target::new(samples, read)
    }
}

/// The files of a folder of `data/formats` that are read at all.
fn readable(folder: &str) -> Vec<Vec<u8>> {
    let formats = concat!(env!("CARGO_MANIFEST_DIR"), "/data/formats");
    let entries = fs::read_dir(Path::new(formats).join(folder));
    let paths = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            !name.ends_with(".ref.png") && name != "table.csv"
        })
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| fs::read(path).unwrap());
    let is_read = |bytes: &Vec<u8>| Photo::from_bytes(NAME, bytes.clone()).decode().is_ok();
    files.filter(is_read).collect()
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
    let samples = names.map(|name| data(&format!("pictures/{name}.jpg")));
    target("jpeg", samples.to_vec())
}

pub fn png() -> Target {
    let mut samples = written(ImageFormat::Png);
    samples.push(data("pictures/palette.png"));
    target("png", samples).changed_by(packed::png)
}

pub fn webp() -> Target {
    target("webp", written(ImageFormat::WebP))
}

pub fn gif() -> Target {
    target("gif", written(ImageFormat::Gif))
}

pub fn bmp() -> Target {
    target("bmp", written(ImageFormat::Bmp))
}

pub fn tiff() -> Target {
    target("tiff", written(ImageFormat::Tiff))
}

pub fn pnm() -> Target {
    target("pnm", Vec::new())
}

pub fn qoi() -> Target {
    target("qoi", written(ImageFormat::Qoi))
}

pub fn tga() -> Target {
    target("tga", Vec::new())
}

pub fn ico() -> Target {
    target("ico", Vec::new())
}

pub fn psd() -> Target {
    target("psd", Vec::new())
}

pub fn jp2() -> Target {
    target("jp2", Vec::new())
}

pub fn raw() -> Target {
    target("raw", Vec::new())
}

pub fn heic() -> Target {
    target("heic", vec![data("pictures/scene.heic")])
}

pub fn avif() -> Target {
    target("avif", vec![data("pictures/scene.avif")])
}

pub fn jxl() -> Target {
    target("jxl", Vec::new())
}
