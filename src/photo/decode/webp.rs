//! WebP, by the crate `image-webp`: lossy, lossless, with alpha, or an animation's first picture.
//!
//! The crate compares the size of a picture with that of the whole once it has the picture: 2.5 KB of
//! file that say 19 × 13 pixels took 75 MiB that nobody had a share of. So that is looked at before.
//!
//! Reference: RFC 9649, section 2 (chunks), and RFC 6386, section 9.1 (the beginning of a picture).

use std::io::Cursor;

use image::{DynamicImage, RgbImage, RgbaImage};
use image_webp::{DecodingError, WebPDecoder};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::said::Said;
use super::super::source::Source;
use super::super::stop::{self, Bytes};
use crate::error::{PhotoError, Result};

mod cut_off;

use cut_off::{CutOff, part_of_rows};

/// Bytes that a profile or what is said of the camera may have.
const LARGEST_CHUNK: usize = 64 << 20;

/// The picture, or the first of an animation; of one that is cut off what is there.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let Some(cut) = CutOff::of(source.bytes) else {
        return whole(source);
    };
    let _share = source.share(2 * cut.len as u64)?;
    let mut read = Err(source.damaged("it is cut off"));
    for filling in cut.fillings() {
        if stop::is_asked() {
            return Err(source.damaged("stopped"));
        }
        read = read_filled(source, &cut, *filling);
        // Another filling helps where the decoder stumbled over this one, and nowhere else.
        if !matches!(read, Err(PhotoError::DamagedPhoto { .. })) {
            break;
        }
    }
    read
}

fn read_filled(source: &Source, cut: &CutOff, filling: u8) -> Result<Decoded, PhotoError> {
    let later = whole(&source.within(&cut.filled(source.bytes, filling)))?;
    let sooner = whole(&source.within(&cut.filled_sooner(source.bytes, filling)))?;
    let present = match (&sooner.pixels, &later.pixels) {
        (Stored::Image(sooner), Stored::Image(later)) => {
            part_of_rows(sooner.as_bytes(), later.as_bytes(), later.height())
        }
        _ => 0.0,
    };
    Ok(Decoded { present, ..later })
}

fn whole(source: &Source) -> Result<Decoded, PhotoError> {
    let failed = |error: DecodingError| source.damaged(error);
    let mut decoder = WebPDecoder::new(Bytes(Cursor::new(source.bytes))).map_err(failed)?;
    decoder.set_memory_limit(LARGEST_CHUNK.min(source.bytes.len()));
    let (width, height) = decoder.dimensions();
    source.check_size(width, height)?;
    if !fits(source.bytes, width, height) {
        return Err(source.damaged("a picture in it is larger than the whole"));
    }
    let len = decoder.output_buffer_size();
    let len = len.ok_or_else(|| source.damaged("its rows are too long"))?;
    // As much again, and half of it, for what the decoder predicts from; and the file, which it reads
    // into what grows by doubling, and then copies.
    let of_file = 3 * source.bytes.len() as u64;
    let share = source.share(5 * len as u64 / 2 + of_file + (1 << 18))?;
    // What they say is a help; that one of them is broken is no reason to skip the picture.
    let profile = decoder.icc_profile().ok().flatten();
    let exif = decoder.exif_metadata().ok().flatten();
    let packet = decoder.xmp_metadata().ok().flatten();
    let of_exif = exif.map(|chunk| Said::of_exif(&chunk)).unwrap_or_default();
    let of_xmp = packet.map(|packet| Said::of_xmp(&packet));
    let said = of_exif.or(of_xmp.unwrap_or_default());
    let mut pixels = vec![0; len];
    decoder.read_image(&mut pixels).map_err(failed)?;
    let image = if decoder.has_alpha() {
        RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    let image = image.ok_or_else(|| source.damaged("its size is wrong"))?;
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, Colour::Icc),
        said,
        ..Decoded::whole(Stored::Image(image), share)
    })
}

/// What stands before a file's first chunk, before a chunk's content, and, in a chunk of an animation,
/// before those of its picture; in bytes.
const FILE: usize = 12;
const CHUNK: usize = 8;
const PART: usize = 16;

/// Whether no lossy picture in the file is larger than `width` × `height`. What cannot be read is left
/// to the decoder, which says what is wrong with it.
fn fits(bytes: &[u8], width: u32, height: u32) -> bool {
    let mut at = FILE;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<CHUNK>()) {
        let [name @ .., a, b, c, d] = chunk;
        let start = at + CHUNK;
        if name == b"ANMF" {
            at = start + PART;
            continue;
        }
        let side = |from: usize| {
            let side = bytes.get(start + from..)?.first_chunk()?;
            // The two bits above it say how to scale.
            Some(u32::from(u16::from_le_bytes(*side) & 0x3fff))
        };
        let larger = |side: Option<u32>, than: u32| side.is_some_and(|side| side > than);
        if name == b"VP8 " && (larger(side(6), width) || larger(side(8), height)) {
            return false;
        }
        let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        at = start.saturating_add(len).saturating_add(len % 2);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn lossy(end: usize) -> Result<Decoded, PhotoError> {
        let file = include_bytes!("../../../data/formats/webp/lossy.webp");
        decode(&Source {
            path: Path::new("photo.webp"),
            bytes: &file[..file.len().min(end)],
            wanted: None,
            seen: None,
        })
    }

    fn pixels(decoded: &Decoded) -> Vec<u8> {
        match &decoded.pixels {
            Stored::Image(image) => image.as_bytes().to_vec(),
            Stored::Cmyk(_) => Vec::new(),
        }
    }

    #[test]
    fn of_a_lossy_picture_that_is_cut_off_the_rows_that_are_said_to_be_there_are_those_of_the_whole()
     {
        let whole = lossy(usize::MAX).unwrap();
        let (width, height) = whole.pixels.size();
        let all = pixels(&whole);
        let mut before = 0.0;
        for end in 100..640 {
            let Ok(part) = lossy(end) else { continue };
            // Blocks are smoothed across their edges, some rows deep.
            let sure = (part.present * height as f32 - 8.0).max(0.0) as usize;
            let bytes = sure * 3 * width as usize;
            assert!(pixels(&part)[..bytes] == all[..bytes], "{end}");
            assert!(part.present >= before - 0.4 && part.present <= 1.0, "{end}");
            before = part.present;
        }
        let at = |end| lossy(end).map(|part| part.present);
        assert!(at(620).unwrap() >= 0.5 && at(450).unwrap() < 0.5);
    }

    #[test]
    fn of_a_lossless_picture_that_is_cut_off_the_rows_that_are_said_to_be_there_are_those_of_the_whole()
     {
        let (width, height) = (64u32, 48u32);
        let mut chance = fastrand::Rng::with_seed(5);
        // Smooth, with noise: no two rows are alike.
        let picture = RgbImage::from_fn(width, height, |x, y| {
            let value = (3 * x + 2 * y + chance.u32(..9)) as u8;
            image::Rgb([value, value / 2, 255 - value])
        });
        let mut file = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut file);
        let colour = image_webp::ColorType::Rgb8;
        encoder.encode(&picture, width, height, colour).unwrap();
        let of = |end: usize| {
            decode(&Source {
                path: Path::new("photo.webp"),
                bytes: &file[..end],
                wanted: None,
                seen: None,
            })
        };
        let (mut read, mut halves) = (0, 0);
        for end in (file.len() / 10..file.len()).step_by(7) {
            let Ok(part) = of(end) else { continue };
            let sure = (part.present * height as f32) as usize * 3 * width as usize;
            assert!(pixels(&part)[..sure] == picture.as_raw()[..sure], "{end}");
            let share = end as f32 / file.len() as f32;
            assert!(
                (part.present - share).abs() < 0.2,
                "{end}: {}",
                part.present
            );
            read += 1;
            halves += usize::from(part.present >= 0.5);
        }
        assert!(read > 50 && halves > 30, "{read}, {halves}");
        assert!((of(file.len()).unwrap().present - 1.0).abs() < f32::EPSILON);
    }

    /// A chunk of the beginning of a lossy picture.
    fn picture(width: u16, height: u16) -> Vec<u8> {
        let (width, height) = (width.to_le_bytes(), height.to_le_bytes());
        [&b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a"[..], &width, &height].concat()
    }

    #[test]
    fn a_picture_that_is_larger_than_the_whole_is_seen_wherever_it_stands() {
        let before = b"RIFF\0\0\0\0WEBPALPH\x03\0\0\0abc\0";
        let part = [&b"ANMF\x22\0\0\0"[..], &[0; PART]].concat();
        for before in [&before[..], &[before, &part[..]].concat()] {
            let file = |width, height| [before, &picture(width, height)].concat();
            assert!(fits(&file(19, 13), 19, 13));
            assert!(fits(&file(0x4000 + 19, 0x8000 + 13), 19, 13));
            assert!(!fits(&file(20, 13), 19, 13));
            assert!(!fits(&file(19, 14), 19, 13));
            let whole = file(20, 14);
            for end in 0..whole.len() - 4 {
                assert!(fits(&whole[..end], 19, 13));
            }
        }
        assert!(fits(b"RIFF\0\0\0\0WEBPALPH\xff\xff\xff\xff", 1, 1));
    }
}
