//! Photo file to pixels, stage by stage, on one thread: `cargo bench --bench decode [-- FILE...]`.
//!
//! Without files it paints a scene of twelve megapixels and encodes it. Each line is the best and
//! the median of many runs in milliseconds; what is compared runs in turns, so that a busy machine
//! is equally busy for all.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

mod entropy;
#[path = "../../tests/common/paint.rs"]
#[allow(dead_code, reason = "a bench uses a part of what the tests share")]
mod paint;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use entropy::Coefficients;
use image::codecs::jpeg::JpegEncoder;
use imgsearch::photo::{Colours, Photo, Preprocess, Rendering};
use moxcms::ColorProfile;
use paint::{Scene, paint};

const RUNS: usize = 15;

/// What EfficientNet-Lite0 takes.
const PREPROCESS: &str =
    "resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5";

fn main() {
    // Cargo adds options of its own.
    let named = std::env::args_os().skip(1).map(PathBuf::from);
    let named: Vec<PathBuf> = named.filter(|path| path.is_file()).collect();
    let photos: Vec<Photo> = match named.as_slice() {
        [] => [0, 12].map(painted).into(),
        files => files
            .iter()
            .filter_map(|file| Photo::read(file).ok())
            .collect(),
    };
    for photo in &photos {
        measure(photo);
    }
}

/// A scene of twelve megapixels with so many grey levels of noise.
fn painted(noise: u32) -> Photo {
    let mut picture = paint(Scene::Beach, 1, 4000, 3000);
    let mut state = 1u32;
    for level in picture.iter_mut().filter(|_| noise > 0) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *level = level.saturating_add(((state >> 16) % noise) as u8);
    }
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
    picture
        .write_with_encoder(encoder)
        .expect("a picture in memory can be encoded");
    Photo::from_bytes(format!("painted, {noise} levels of noise"), jpeg)
}

/// The photo with a profile: Display P3, as telephones write it.
fn with_profile(photo: &Photo) -> Photo {
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let content = [&b"ICC_PROFILE\0\x01\x01"[..], &profile].concat();
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    let (start, rest) = photo.bytes().split_at(2);
    let bytes = [start, b"\xff\xe2", &length, &content, rest].concat();
    Photo::from_bytes("with a profile", bytes)
}

fn measure(photo: &Photo) {
    let preprocess: Preprocess = PREPROCESS.parse().expect("it is a preprocessing");
    let rendering = preprocess.rendering();
    let (Ok(full), Ok(reduced)) = (photo.decode(), photo.decode_for(&rendering)) else {
        println!("{}: cannot be decoded", photo.path().display());
        return;
    };
    let size = |picture: &imgsearch::photo::Picture| picture.image.dimensions();
    println!(
        "{}: {} bytes, {:?} decoded at {:?}",
        photo.path().display(),
        photo.size(),
        size(&full),
        size(&reduced)
    );
    let short = full.width.min(full.height);
    // The short side that is kept at least twice over at so many eighths.
    let side = |eighths: u32| Rendering::of_side(short * eighths / 16);
    let decode = |rendering: Rendering| drop(black_box(photo.decode_for(&rendering)));
    let read = |coefficients| _ = black_box(entropy::baseline(photo.bytes(), coefficients));
    let read_for = |eighths| _ = black_box(entropy::progressive(photo.bytes(), eighths));
    let is_baseline = entropy::baseline(photo.bytes(), Coefficients::Passed).is_some();
    let is_progressive = entropy::progressive(photo.bytes(), 1).is_some();
    let of_telephone = with_profile(photo);
    let as_is = |rendering| Rendering {
        colours: Colours::AsIs,
        ..rendering
    };
    let decode_telephone = |it: Rendering| drop(black_box(of_telephone.decode_for(&it)));
    let in_srgb = Rendering {
        wanted: rendering.wanted,
        ..Rendering::WHOLE
    };
    let stages: [(&str, bool, &dyn Fn()); 17] = [
        ("hash", true, &|| {
            drop(black_box(Photo::from_bytes("", photo.bytes().to_vec())));
        }),
        ("decode in full", true, &|| decode(Rendering::WHOLE)),
        ("decode reduced", true, &|| decode(rendering)),
        ("P3 in full, as it is", true, &|| {
            decode_telephone(as_is(Rendering::WHOLE));
        }),
        ("P3 in full, to sRGB", true, &|| {
            decode_telephone(Rendering::WHOLE);
        }),
        ("P3 reduced, as it is", true, &|| {
            decode_telephone(as_is(rendering));
        }),
        ("P3 reduced, to sRGB", true, &|| decode_telephone(in_srgb)),
        ("decode at 1/8", true, &|| decode(side(1))),
        ("decode at 1/4", true, &|| decode(side(2))),
        ("decode at 1/2", true, &|| decode(side(4))),
        ("its code alone, passed", is_baseline, &|| {
            read(Coefficients::Passed);
        }),
        ("its code alone, read", is_baseline, &|| {
            read(Coefficients::Read);
        }),
        ("its code alone for 1/8", is_progressive, &|| read_for(1)),
        ("its code alone for 1/4", is_progressive, &|| read_for(2)),
        ("its code alone for 1/2", is_progressive, &|| read_for(4)),
        ("full to pixels", true, &|| {
            drop(black_box(preprocess.apply_to(&full)));
        }),
        ("reduced to pixels", true, &|| {
            drop(black_box(preprocess.apply_to(&reduced)));
        }),
    ];
    let stages = stages.iter().filter(|(_, applies, _)| *applies);
    let mut times: Vec<Vec<f64>> = stages.clone().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        for (times, (_, _, stage)) in times.iter_mut().zip(stages.clone()) {
            let start = Instant::now();
            stage();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    for (mut times, (name, ..)) in times.into_iter().zip(stages) {
        times.sort_by(f64::total_cmp);
        println!("  {name:24} {:8.2} {:8.2} ms", times[0], times[RUNS / 2]);
    }
}
