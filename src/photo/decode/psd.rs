//! Photoshop's files: the picture of all layers together that stands at their end.
//!
//! Bitmaps, grey, palettes, RGB, CMYK and Lab, of 1, 8 and 16 bits, as they are or in run lengths, and
//! large documents as well. A fourth channel is the picture's alpha where the file says so; others are
//! selections that somebody kept.
//!
//! Reference: Adobe Photoshop File Formats Specification (2019).

use image::RgbaImage;

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::said::Said;
use super::super::source::Source;
use super::super::stop;
use super::tiff::codec::pack_bits;
use super::tiff::lab::Coding;
use crate::error::{PhotoError, Result};

/// Numbers of resources.
const PROFILE: u64 = 1039;
const EXIF: u64 = 1058;
const XMP: u64 = 1060;

/// A file's parts.
struct Document<'a> {
    width: u32,
    height: u32,
    channels: usize,
    bits: usize,
    mode: Mode,
    /// Reds, greens and blues.
    palette: &'a [u8],
    /// Profile, Exif and XMP are among these.
    resources: &'a [u8],
    has_alpha: bool,
    is_large: bool,
    /// The picture: how it is written, and what follows.
    compression: u64,
    data: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Bitmap,
    Grey,
    Palette,
    Rgb,
    Cmyk,
    Lab,
}

/// The picture.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let document = Document::read(source)?;
    let (width, height) = (document.width, document.height);
    let channels = document.shown();
    let of_sample = (document.bits / 8).max(1) as u64;
    let samples = u64::from(width) * u64::from(height) * channels as u64;
    let is_turned = matches!(document.mode, Mode::Palette | Mode::Lab);
    let share = source.share(samples * of_sample * 2 + if is_turned { 4 * samples } else { 0 })?;
    let (bytes, present) = document.samples(source)?;
    let stored = document.image(bytes);
    let stored = stored.ok_or_else(|| source.damaged("its size is wrong"))?;
    let profile = resource(document.resources, PROFILE).filter(|_| document.mode != Mode::Lab);
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, |profile| Colour::Icc(profile.to_vec())),
        said: said(document.resources),
        present,
        ..Decoded::whole(stored, share)
    })
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self, len: usize) -> Option<u64> {
        let bytes = self.take(len)?;
        Some(
            bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(part)
    }

    /// A part behind its length of `width` bytes.
    fn part(&mut self, width: usize) -> Option<&'a [u8]> {
        let len = self.number(width)?;
        self.take(usize::try_from(len).ok()?)
    }
}

impl<'a> Document<'a> {
    fn read(source: &Source<'a>) -> Result<Self, PhotoError> {
        let cut = || source.damaged("it ends before its picture");
        let mut rest = Rest(source.bytes.get(4..).unwrap_or_default());
        let head = rest.take(22).ok_or_else(cut)?;
        let number = |at: usize, len: usize| {
            let bytes = head[at..at + len].iter();
            bytes.fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
        };
        let is_large = number(0, 2) == 2;
        let [channels, bits, mode] = [8, 18, 20].map(|at| number(at, 2));
        let (width, height) = (number(14, 4), number(10, 4));
        source.check_size(width, height)?;
        let mode = match (mode, bits) {
            (0, 1) => Mode::Bitmap,
            // Of inks of their own (7) the first is looked at, as Pillow does.
            (0, 8) | (1 | 7 | 8, 8 | 16) => Mode::Grey,
            (2, 8) => Mode::Palette,
            (3, 8 | 16) => Mode::Rgb,
            (4, 8 | 16) => Mode::Cmyk,
            (9, 8 | 16) => Mode::Lab,
            (mode, bits) => {
                return Err(source.not_supported(format!("PSD of mode {mode} and {bits} bits")));
            }
        };
        let palette = rest.part(4).ok_or_else(cut)?;
        let resources = rest.part(4).ok_or_else(cut)?;
        let layers = rest.part(if is_large { 8 } else { 4 }).ok_or_else(cut)?;
        let compression = rest.number(2).ok_or_else(cut)?;
        let document = Self {
            width,
            height,
            channels: channels as usize,
            bits: bits as usize,
            mode,
            palette,
            resources,
            has_alpha: has_alpha(layers, is_large),
            is_large,
            compression,
            data: rest.0,
        };
        if document.channels < document.colours() {
            return Err(source.damaged(format!("it has {channels} channels")));
        }
        if compression > 1 {
            return Err(source.not_supported("PSD whose picture is compressed by ZIP"));
        }
        Ok(document)
    }

    const fn colours(&self) -> usize {
        match self.mode {
            Mode::Bitmap | Mode::Grey | Mode::Palette => 1,
            Mode::Rgb | Mode::Lab => 3,
            Mode::Cmyk => 4,
        }
    }

    /// Channels that are seen.
    fn shown(&self) -> usize {
        let takes_alpha = matches!(self.mode, Mode::Grey | Mode::Rgb);
        let alpha = takes_alpha && self.has_alpha && self.channels > self.colours();
        self.colours() + usize::from(alpha)
    }

    /// The samples of the channels that are seen, interleaved, as bytes; and which part of them is there.
    fn samples(&self, source: &Source) -> Result<(Vec<u8>, f32), PhotoError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let (shown, of_sample) = (self.shown(), (self.bits / 8).max(1));
        let stride = (width * self.bits).div_ceil(8);
        let mut samples = vec![0; width * height * shown * of_sample];
        let mut rows = Rows::new(self);
        let mut row = vec![0; stride];
        let mut count = 0;
        for index in 0..shown * height {
            if index % 256 == 0 && stop::is_asked() {
                return Err(source.damaged("stopped"));
            }
            if rows.next(&mut row).is_none() {
                break;
            }
            count += 1;
            let (channel, y) = (index / height, index % height);
            let to = &mut samples[y * width * shown * of_sample..][..width * shown * of_sample];
            for (x, to) in to.chunks_exact_mut(shown * of_sample).enumerate() {
                let to = &mut to[channel * of_sample..][..of_sample];
                if self.bits == 1 {
                    // 1 is black.
                    to[0] = if row[x / 8] >> (7 - x % 8) & 1 == 0 {
                        255
                    } else {
                        0
                    };
                } else {
                    to.copy_from_slice(&row[x * of_sample..][..of_sample]);
                }
            }
        }
        if count == 0 {
            return Err(source.damaged("none of its pixels are there"));
        }
        Ok((samples, (f64::from(count) / (shown * height) as f64) as f32))
    }

    fn image(&self, bytes: Vec<u8>) -> Option<Stored> {
        let size = (self.width, self.height);
        if self.mode == Mode::Palette {
            let colour = |number: u8| {
                [0, 1, 2].map(|part| {
                    self.palette
                        .get(part * 256 + usize::from(number))
                        .copied()
                        .unwrap_or(0)
                })
            };
            let pixels = bytes.iter().flat_map(|number| colour(*number)).collect();
            return Stored::of_bytes(size, 3, pixels);
        }
        if self.mode == Mode::Cmyk {
            // 0 is all of the ink; of 16 bits the upper byte comes first.
            let inks = bytes
                .iter()
                .step_by(self.bits / 8)
                .map(|ink| 255 - ink)
                .collect();
            return RgbaImage::from_raw(size.0, size.1, inks).map(Stored::Cmyk);
        }
        if self.bits == 16 || self.mode == Mode::Lab {
            let mut words: Vec<u16> = match self.bits {
                16 => bytes
                    .chunks_exact(2)
                    .map(|two| u16::from_be_bytes([two[0], two[1]]))
                    .collect(),
                _ => bytes.iter().map(|byte| u16::from(*byte)).collect(),
            };
            if self.mode == Mode::Lab {
                let coding = Coding {
                    is_icc: true,
                    is_wide: self.bits == 16,
                };
                for pixel in words.chunks_exact_mut(3) {
                    pixel.copy_from_slice(&coding.rgb([pixel[0], pixel[1], pixel[2]]));
                }
            }
            return Stored::of_words(size, self.shown(), words);
        }
        Stored::of_bytes(size, self.shown(), bytes)
    }
}

/// What Exif and XMP say; the picture stands upright whatever they say.
fn said(resources: &[u8]) -> Said {
    let of_exif = resource(resources, EXIF).map(Said::of_exif);
    let of_xmp = resource(resources, XMP).map(Said::of_xmp);
    Said {
        orientation: None,
        ..of_exif.unwrap_or_default().or(of_xmp.unwrap_or_default())
    }
}

/// The first of this number among a file's resources.
fn resource(resources: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut rest = Rest(resources);
    while rest.take(4)? == b"8BIM" {
        let number = rest.number(2)?;
        let name = rest.number(1)? as usize;
        // The name with its length, and the content, each fill an even number of bytes.
        rest.take(name + (name + 1) % 2)?;
        let content = rest.part(4)?;
        if number == wanted {
            return Some(content);
        }
        rest.take(content.len() % 2)?;
    }
    None
}

/// Whether the first channel behind the colours is the whole picture's alpha: the number of layers is
/// negative then.
fn has_alpha(layers: &[u8], is_large: bool) -> bool {
    let count = layers
        .get(if is_large { 8 } else { 4 }..)
        .and_then(|rest| rest.first_chunk());
    count.is_some_and(|count| i16::from_be_bytes(*count) < 0)
}

/// The rows of all channels, one channel after the other.
struct Rows<'a> {
    /// Bytes of each row in run lengths; none where there are no such.
    lens: Option<Rest<'a>>,
    of_len: usize,
    data: Rest<'a>,
}

impl<'a> Rows<'a> {
    fn new(document: &Document<'a>) -> Self {
        let mut data = Rest(document.data);
        let of_len = if document.is_large { 4 } else { 2 };
        let count = document.channels.saturating_mul(document.height as usize);
        let lens = (document.compression == 1).then(|| {
            let lens = data.take(count.saturating_mul(of_len));
            Rest(lens.unwrap_or_default())
        });
        Self { lens, of_len, data }
    }

    /// Reads the next row, if it is there.
    fn next(&mut self, row: &mut [u8]) -> Option<()> {
        let Some(lens) = &mut self.lens else {
            row.copy_from_slice(self.data.take(row.len())?);
            return Some(());
        };
        let len = lens.number(self.of_len)?;
        let coded = self.data.take(usize::try_from(len).ok()?)?;
        (pack_bits(coded, row) == row.len()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_behind_other_resources_of_odd_lengths() {
        let mut resources = b"8BIM\x03\xe8\0\0\0\0\0\x03abc\0".to_vec();
        resources.extend(b"8BIM\x03\xe9\x02ab\0\0\0\0\x02cd");
        resources.extend(b"8BIM\x04\x0f\0\0\0\0\0\x04icc!");
        assert_eq!(resource(&resources, PROFILE), Some(&b"icc!"[..]));
        for end in 0..resources.len() {
            assert_eq!(resource(&resources[..end], PROFILE), None);
        }
    }

    #[test]
    fn a_negative_number_of_layers_says_that_there_is_alpha() {
        assert!(has_alpha(b"\0\0\0\x08\xff\xff", false));
        assert!(!has_alpha(b"\0\0\0\x08\0\x01", false));
        assert!(has_alpha(b"\0\0\0\0\0\0\0\x08\xff\xfe", true));
        assert!(!has_alpha(b"", false));
    }
}
