//! JPEG 2000, as a file and as a bare stream, by the crate `hayro-jpeg2000`.
//!
//! Reference: ITU-T T.800 (ISO/IEC 15444-1), annex I for the file.

use hayro_jpeg2000::{ColorSpace, DecodeError, DecodeSettings, DecoderContext, Image};
use image::RgbaImage;

use super::super::apart::apart;
use super::super::decoded::{Colour, Decoded, Stored};
use super::super::source::Source;
use crate::error::{PhotoError, Result};

/// Bytes that the decoder takes of each sample: coefficients, and what they become, as 32 bits.
const OF_SAMPLE: u64 = 24;

/// All samples, interleaved. It asks nobody whether to stop, and takes some seconds for a dozen of
/// megapixels.
fn samples_of(bytes: &[u8], count: usize) -> Result<Vec<u8>, DecodeError> {
    let mut samples = vec![0; count];
    let image = Image::new(bytes, &DecodeSettings::default())?;
    image.decode_into(&mut samples, &mut DecoderContext::default())?;
    Ok(samples)
}

/// The picture, of 8 bits whatever it was coded with.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let failed = |error: DecodeError| source.damaged(error.to_string());
    let image = Image::new(source.bytes, &DecodeSettings::default()).map_err(failed)?;
    let (width, height) = (image.width(), image.height());
    source.check_size(width, height)?;
    let colours = image.color_space().num_channels();
    let channels = usize::from(colours) + usize::from(image.has_alpha());
    let samples = u64::from(width) * u64::from(height) * channels as u64;
    let share = source.share((1 + OF_SAMPLE) * samples + source.bytes.len() as u64)?;
    let profile = match image.color_space() {
        ColorSpace::Icc { profile, .. } => Some(profile.clone()),
        _ => None,
    };
    let (bytes, held) = (source.bytes.to_vec(), share.clone());
    let done = apart(move || {
        let pixels = samples_of(&bytes, samples as usize);
        drop(held);
        pixels
    });
    let done = done.ok_or_else(|| source.damaged("stopped"))?;
    let pixels =
        done.map_err(|said| source.damaged(format!("the decoder gave up on it: {said}")))?;
    let pixels = pixels.map_err(failed)?;
    let stored = match (colours, channels) {
        (4, 4) => RgbaImage::from_raw(width, height, pixels).map(Stored::Cmyk),
        (4, 5) => {
            let inks = pixels
                .chunks_exact(5)
                .flat_map(|pixel| &pixel[..4])
                .copied();
            RgbaImage::from_raw(width, height, inks.collect()).map(Stored::Cmyk)
        }
        (1, 1 | 2) | (3, 3 | 4) => Stored::of_bytes((width, height), channels, pixels),
        _ => {
            return Err(source.not_supported(format!("JPEG 2000 of {channels} components")));
        }
    };
    let stored = stored.ok_or_else(|| source.damaged("its size is wrong"))?;
    Ok(Decoded {
        colour: profile.map_or(Colour::Unsaid, Colour::Icc),
        ..Decoded::whole(stored, share)
    })
}
