//! JPEG, at its own size or straight from its frequencies at a smaller one.
//!
//! A network sees some 224 pixels of a photo of 4000. A JPEG holds 8×8 blocks of frequencies, and
//! a picture of an eighth to half of the size takes only the lowest of them: the others need not
//! even be read one by one, only passed. The rules are libjpeg-turbo's, as are the pixels at whole size:
//! what the components are, how colours are stretched, where to go on when a marker is wrong. All
//! codings are read but the hierarchical ones and lossless ones in arithmetic code.

mod arithmetic;
mod baseline;
mod bits;
mod canvas;
mod colours;
mod convert;
mod decisions;
mod huffman;
mod inverse;
mod layout;
mod lossless;
mod marker;
mod outline;
mod planes;
mod progressive;
mod samples;
mod scans;
mod standard;
mod stretch;
mod tables;
mod whole;
mod wide;

use std::sync::Arc;

use image::RgbaImage;

use super::decoded::{Colour, Decoded, Stored};
use super::memory::Share;
use super::source::Source;
use super::stop;
use crate::error::{PhotoError, Result};
use colours::Colours;
use layout::{BLOCK, Layout};
use marker::{next_marker, segment};
use outline::{Frame, Outline};
use samples::Pixels;
use scans::Picture;
use tables::Tables;

/// Bytes that codes and what is prepared of a scan take, however small the picture is.
const OF_TABLES: u64 = 256 << 10;

/// The picture at the smallest size whose short side has the wanted pixels or more: 1/8, 1/4, 3/8, 1/2
/// or all of its own.
///
/// # Errors
/// It is of a coding that is not read, has no pixels or too many, or more scans than any picture needs,
/// takes more memory than there is, or nothing of its picture can be read.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let outline = Outline::of(source.bytes);
    let frame = frame(source, &outline)?;
    let colours = Colours::of(outline.marks, frame);
    let decoded = picture(source, (&outline, frame), colours, Tables::default())?;
    let profile = outline.profile();
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, Colour::Icc),
        said: outline.said(),
        ..decoded
    })
}

/// Columns and rows of what looks like a photo: what a camera file has of its sensor is coded without
/// loss.
pub fn photo(bytes: &[u8]) -> Option<(u32, u32)> {
    let outline = Outline::of(bytes.strip_prefix(b"\xff\xd8\xff").map(|_| bytes)?);
    let frame = outline.frame()?;
    let is_photo = !frame.is_lossless() && frame.precision == 8 && frame.unread().is_none();
    outline.size().filter(|_| is_photo)
}

/// The picture of an abbreviated `stream`, as TIFF has them: the tables that it needs may stand in
/// `tables`, another stream without a picture (or empty). At its own size. With `raw_components` the
/// numbers are what is coded, interleaved and not converted: grey for one component, grey and alpha for
/// two, RGB for three, [`Stored::Cmyk`] for four; otherwise as [`decode`] has them. `source` is for
/// messages and memory; its bytes are not looked at.
///
/// # Errors
/// As [`decode`].
pub fn decode_abbreviated(
    tables: &[u8],
    stream: &[u8],
    raw_components: bool,
    source: &Source,
) -> Result<Decoded, PhotoError> {
    let source = Source {
        wanted: None,
        ..source.within(stream)
    };
    let mut known = Tables::default();
    let mut rest = tables.get(2..).unwrap_or_default();
    while let Some((marker, after)) = next_marker(rest) {
        let Some((segment, behind)) = segment(after).filter(|_| marker != 0xD9) else {
            break;
        };
        let noted = known.note(marker, segment);
        noted.ok_or_else(|| source.damaged("its tables are malformed"))?;
        rest = behind;
    }
    let outline = Outline::of(stream);
    let frame = frame(&source, &outline)?;
    let colours = if raw_components {
        Colours::Raw(frame.components.len())
    } else {
        Colours::of(outline.marks, frame)
    };
    picture(&source, (&outline, frame), colours, known)
}

/// The frame, if it is one that is read.
fn frame<'o>(source: &Source, outline: &'o Outline) -> Result<&'o Frame, PhotoError> {
    let frame = outline.frame();
    let frame = frame.ok_or_else(|| source.damaged("it has no frame header"))?;
    if let Some(what) = frame.unread() {
        return Err(source.not_supported(what));
    }
    let (width, height) = outline.size().unwrap_or((0, 0));
    source.check_size(width, height)?;
    if !outline.is_worth_its_scans(source.bytes.len()) {
        return Err(source.damaged("it has more scans than any picture needs"));
    }
    Ok(frame)
}

/// The smallest number of eighths at which the short side keeps `wanted` pixels or more.
fn eighths(frame: &Frame, wanted: Option<u32>) -> u32 {
    let short = u64::from(frame.width.min(frame.height));
    let is_enough = |eighths: &u32| {
        wanted.is_some_and(|wanted| short * u64::from(*eighths) >= 8 * u64::from(wanted))
    };
    (1..=4).find(is_enough).unwrap_or(BLOCK as u32)
}

fn picture(
    source: &Source,
    (outline, frame): (&Outline, &Frame),
    colours: Colours,
    tables: Tables,
) -> Result<Decoded, PhotoError> {
    let layout = if frame.is_lossless() {
        Layout::of_samples(frame)
    } else {
        Layout::new(frame, eighths(frame, source.wanted))
    };
    let picture = Picture {
        frame,
        layout: &layout,
        colours,
        first_scan: outline.first_scan,
    };
    let of_samples = if frame.is_lossless() {
        samples::bytes(&layout, colours)
    } else {
        0
    };
    let share = source.share(picture.bytes() + of_samples + OF_TABLES)?;
    let brought = picture.read(source.bytes, tables);
    let brought = brought.map_err(|reason| source.damaged(reason))?;
    if stop::is_asked() {
        return Err(source.damaged("stopped"));
    }
    let present = brought.present as f32;
    let pixels = if frame.is_lossless() {
        samples::pixels(&brought.samples, frame.precision, &layout, colours)
    } else {
        Some(Pixels::Eight(brought.pixels))
    };
    let pixels = pixels.and_then(|pixels| match pixels {
        Pixels::Eight(pixels) => stored(pixels, layout.picture, colours),
        Pixels::Sixteen(stored) => Some(stored),
    });
    let pixels = pixels.ok_or_else(|| source.damaged("its pixels are not as many as it says"))?;
    Ok(Decoded {
        present,
        ..sized(pixels, frame, &layout, share)
    })
}

fn sized(pixels: Stored, frame: &Frame, layout: &Layout, share: Arc<Share>) -> Decoded {
    let (width, height) = (frame.width, frame.height);
    let size = (u32::from(width), u32::from(height));
    let decoded = Decoded::whole(pixels, share);
    if size == decoded.size {
        return decoded;
    }
    let scale = layout.eighths as f64 / BLOCK as f64;
    Decoded {
        size,
        covered: (f64::from(width) * scale, f64::from(height) * scale),
        ..decoded
    }
}

/// Pixels of eight bits as what they are.
fn stored(pixels: Vec<u8>, (width, height): (usize, usize), colours: Colours) -> Option<Stored> {
    let size = (width as u32, height as u32);
    match colours.channels() {
        channels @ 1..=3 => Stored::of_bytes(size, channels, pixels),
        _ => RgbaImage::from_raw(size.0, size.1, pixels).map(Stored::Cmyk),
    }
}

#[cfg(test)]
mod tests;
