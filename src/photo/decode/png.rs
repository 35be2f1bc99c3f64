//! PNG, by the crate `png`, row by row: what is wrong behind the last row does not matter.
//!
//! As viewers do, checksums are not asked, and of a file that is cut off the rows that are there are
//! taken. Of an animation the picture that every viewer of PNG shows. What the colours mean the chunks
//! say in the order of the specification: `cICP`, `iCCP`, `sRGB`, then `gAMA` and `cHRM`.
//!
//! Reference: PNG, third edition (W3C, 2025), sections 4.3 and 11.3.

use std::io::Cursor;
use std::mem;

use png::{BitDepth, InterlaceInfo, Limits, Transformations};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::said::Said;
use super::super::source::Source;
use super::super::stop::Bytes;
use crate::error::{PhotoError, Result};

/// Bytes that a profile may become.
const PROFILE: usize = 8 << 20;
/// Bytes of the longest row: four samples of two bytes of each pixel, before and after.
const OF_PIXEL: usize = 4 * 8;

type Reader<'a> = png::Reader<Bytes<'a>>;

/// The picture, or an animation's default one.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let found = Chunks::of(source.bytes);
    if found.is_apples {
        return Err(source.not_supported("PNG as iPhones' programs have it (CgBI)"));
    }
    let width = found.width as usize;
    let limit = PROFILE.saturating_add(width.saturating_mul(OF_PIXEL));
    // The rows' buffers, and the profile where there is one.
    let of_reader = OF_PIXEL as u64 * u64::from(found.width) + (1 << 18);
    let of_profile = if found.has_profile {
        2 * PROFILE as u64
    } else {
        0
    };
    source.check_size(found.width, found.height)?;
    let reading = source.share(of_reader + of_profile)?;
    let limits = Limits { bytes: limit };
    let mut decoder = png::Decoder::new_with_limits(Bytes(Cursor::new(source.bytes)), limits);
    decoder.ignore_checksums(true);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| source.damaged(error))?;
    let (width, height) = reader.info().size();
    source.check_size(width, height)?;
    let len = reader.output_buffer_size();
    let len = len.ok_or_else(|| source.damaged("its rows are too long"))?;
    let (kind, depth) = reader.output_color_type();
    let channels = kind.samples();
    let share = source.share(len as u64)?;
    let size = (width, height);
    let (image, present) = if depth == BitDepth::Sixteen {
        let mut words = vec![0_u16; len / 2];
        let present = rows(&mut reader, bytemuck::cast_slice_mut(&mut words), source)?;
        for word in &mut words {
            *word = u16::from_be(*word);
        }
        (Stored::of_words(size, channels, words), present)
    } else {
        let mut bytes = vec![0; len];
        let present = rows(&mut reader, &mut bytes, source)?;
        (Stored::of_bytes(size, channels, bytes), present)
    };
    let image = image.ok_or_else(|| source.damaged("its rows are too short"))?;
    let colour = colour(reader.info());
    drop((reader, reading));
    Ok(Decoded {
        colour,
        said: found.said,
        present,
        ..Decoded::whole(image, share)
    })
}

/// Reads all rows that can be read, and tells which part of the pixels they are.
fn rows(reader: &mut Reader, pixels: &mut [u8], source: &Source) -> Result<f32, PhotoError> {
    let (width, height) = reader.info().size();
    let stride = pixels.len() / height as usize;
    let (colour, depth) = reader.output_color_type();
    let of_pixel = (colour.samples() * depth as usize) as u8;
    let (mut count, mut at) = (0, 0);
    loop {
        match reader.next_interlaced_row() {
            Ok(Some(row)) => {
                let data = row.data();
                count += data.len() as u64;
                match row.interlace() {
                    // Until the finer passes come, a pixel stands for those around it.
                    InterlaceInfo::Adam7(pass) => {
                        png::splat_interlaced_row(pixels, stride, data, pass, of_pixel);
                    }
                    InterlaceInfo::Null(_) => {
                        pixels[at..at + data.len()].copy_from_slice(data);
                        at += stride;
                    }
                }
            }
            Err(error) if count == 0 => return Err(source.damaged(error)),
            Ok(None) | Err(_) => break,
        }
    }
    let whole = u64::from(width) * u64::from(height) * u64::from(of_pixel) / 8;
    Ok((count as f64 / whole.max(1) as f64).min(1.0) as f32)
}

fn colour(info: &png::Info) -> Colour {
    if let Some(points) = &info.coding_independent_code_points
        && points.is_video_full_range_image
    {
        return Colour::Cicp {
            primaries: points.color_primaries,
            transfer: points.transfer_function,
        };
    }
    if let Some(profile) = &info.icc_profile {
        return Colour::Icc(profile.to_vec());
    }
    if info.srgb.is_some() || (info.gama_chunk.is_none() && info.chrm_chunk.is_none()) {
        return Colour::Unsaid;
    }
    let gamma = info.gama_chunk.map(|gamma| f64::from(gamma.into_value()));
    let chromaticities = info.chrm_chunk.map(|said| {
        let [white, red, green, blue] = [said.white, said.red, said.green, said.blue];
        let pairs = [
            white.0, white.1, red.0, red.1, green.0, green.1, blue.0, blue.1,
        ];
        pairs.map(|value| f64::from(value.into_value()))
    });
    Colour::Gamma {
        gamma,
        chromaticities,
    }
}

/// What the file's chunks say besides, those behind the picture as well.
#[derive(Default)]
struct Chunks {
    width: u32,
    height: u32,
    is_apples: bool,
    has_profile: bool,
    said: Said,
}

impl Chunks {
    fn of(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut at = 8;
        while let Some([a, b, c, d, name @ ..]) =
            bytes.get(at..).and_then(|rest| rest.first_chunk::<8>())
        {
            let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            let start = at + 8;
            let content = &bytes[start..start.saturating_add(len).min(bytes.len())];
            found.note(*name, content);
            if name == b"IEND" {
                break;
            }
            at = start.saturating_add(len).saturating_add(4);
        }
        found
    }

    fn note(&mut self, name: [u8; 4], content: &[u8]) {
        match &name {
            b"IHDR" => {
                let side = |at: usize| content.get(at..).and_then(|side| side.first_chunk::<4>());
                self.width = side(0).map_or(0, |side| u32::from_be_bytes(*side));
                self.height = side(4).map_or(0, |side| u32::from_be_bytes(*side));
            }
            b"CgBI" => self.is_apples = true,
            b"iCCP" => self.has_profile = true,
            b"eXIf" => self.said = Said::of_exif(content).or(mem::take(&mut self.said)),
            b"iTXt" if content.starts_with(b"XML:com.adobe.xmp\0\0") => {
                self.said = mem::take(&mut self.said).or(Said::of_xmp(content));
            }
            _ => {}
        }
    }
}
