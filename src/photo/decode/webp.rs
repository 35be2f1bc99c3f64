//! WebP, by the crate `image-webp`: lossy, lossless, with alpha, or an animation's first picture.
//!
//! The crate compares the size of a picture with that of the whole once it has the picture: 2.5 KB of
//! file that say 19 × 13 pixels took 75 MiB that nobody had a share of. So that is looked at before.
//!
//! Reference: RFC 9649, section 2 (chunks), and RFC 6386, section 9.1 (the beginning of a picture).

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage, RgbaImage};
use image_webp::{DecodingError, WebPDecoder};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::orientation;
use super::super::source::Source;
use super::super::stop::Bytes;
use crate::error::{PhotoError, Result};

/// Bytes that a profile or what is said of the camera may have.
const LARGEST_CHUNK: usize = 64 << 20;

/// The picture, or the first of an animation.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
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
    // As much again, and half of it, for what the decoder predicts from.
    let share = source.share(5 * len as u64 / 2 + (1 << 18))?;
    // What they say is a help; that one of them is broken is no reason to skip the picture.
    let profile = decoder.icc_profile().ok().flatten();
    let exif = decoder.exif_metadata().ok().flatten();
    let packet = decoder.xmp_metadata().ok().flatten();
    let said = exif.and_then(|chunk| orientation::of_exif(&chunk));
    let said = said.or_else(|| packet.and_then(|packet| orientation::of_xmp(&packet)));
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
        orientation: said.unwrap_or(Orientation::NoTransforms),
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
    use super::*;

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
