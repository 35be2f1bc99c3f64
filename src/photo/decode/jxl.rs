//! JPEG XL, bare and in boxes, by the crate `jxl`, which browsers read it with.
//!
//! Reference: ISO/IEC 18181-1:2024 (the picture) and 18181-2 (the file). The decoder turns it upright,
//! divides colours that were multiplied with opacity, and gives the first picture of an animation.

use image::RgbaImage;
use jxl::api::{
    AlphaMode, Endianness, Event, ExtraChannel, JxlBasicInfo, JxlColorEncoding, JxlColorProfile,
    JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat,
    JxlTransferFunction, ProfileLevel,
};

use super::super::decoded::{Colour, Decoded, Stored};
use super::super::said::Said;
use super::super::source::{MAX_PIXELS, Source};
use super::super::stop;
use super::boxes::boxes;
use crate::error::{PhotoError, Result};

/// Bytes that the decoder takes of each sample, as floats and once more while it is filtered.
const OF_SAMPLE: u64 = 16;
/// Bytes that are given at once, so that it can be stopped in between.
const AT_ONCE: usize = 1 << 18;
/// Samples by which a layer may be larger than the picture.
const OF_LAYER: u64 = 1 << 20;
/// Channels of the picture: more of them are of depth, heat or spot colours.
const CHANNELS: usize = 16;

/// The picture, or the first of an animation.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    // Without its size there is no bound to give to the decoder: it is asked for the size first.
    let mut first = Reading::new(source, 5 * MAX_PIXELS);
    first.until(source, &mut [], |event| *event == Event::BasicInfo)?;
    let info = first.decoder.basic_info().cloned();
    let info = info.ok_or_else(|| source.damaged("it does not say its size"))?;
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let size = (side(info.size.0), side(info.size.1));
    source.check_size(size.0, size.1)?;
    if info.extra_channels.len() > CHANNELS {
        return Err(source.not_supported("JPEG XL of more than 16 channels"));
    }
    let pixels = u64::from(size.0) * u64::from(size.1);
    let samples = (3 + info.extra_channels.len() as u64) * pixels;
    let share = source.share(OF_SAMPLE * (2 * samples).min(samples + OF_LAYER) + 8 * pixels)?;
    drop(first);
    let mut reading = Reading::new(source, (2 * samples).min(samples + OF_LAYER));
    reading.until(source, &mut [], |event| *event == Event::BasicInfo)?;
    let layout = Layout::of(&info, reading.decoder.embedded_color_profile());
    let format = layout.format(info.extra_channels.len());
    let failed = |error: jxl::error::Error| source.damaged(error.to_string());
    reading.decoder.set_pixel_format(format).map_err(failed)?;
    let of_row = layout.bytes() * info.size.0;
    let mut bytes = vec![0; of_row * info.size.1];
    let mut buffers = [JxlOutputBuffer::new(&mut bytes, info.size.1, of_row)];
    reading.until(source, &mut buffers, |event| {
        matches!(event, Event::FrameComplete { .. } | Event::Complete)
    })?;
    let colour = colour(reading.decoder.output_color_profile());
    let stored = layout.stored(size, bytes);
    let stored = stored.ok_or_else(|| source.damaged("its size is wrong"))?;
    Ok(Decoded {
        colour,
        said: said_in(source.bytes),
        ..Decoded::whole(stored, share)
    })
}

/// What the boxes beside the picture say; which side is up the decoder knows from the picture. Those
/// that are compressed are not read.
fn said_in(bytes: &[u8]) -> Said {
    let (mut of_exif, mut of_xmp) = (Said::default(), Said::default());
    // A bare picture begins with what is no length of a box.
    for (name, content) in boxes(bytes) {
        match &name {
            b"Exif" => of_exif = of_exif.or(Said::of_exif_item(content)),
            b"xml " => of_xmp = of_xmp.or(Said::of_xmp(content)),
            _ => {}
        }
    }
    Said {
        orientation: None,
        ..of_exif.or(of_xmp)
    }
}

/// A decoder, and what it has not read yet.
struct Reading<'a> {
    decoder: JxlDecoder,
    rest: &'a [u8],
}

impl<'a> Reading<'a> {
    fn new(source: &Source<'a>, samples: u64) -> Self {
        let mut options = JxlDecoderOptions::default();
        options.sample_limit = Some(usize::try_from(samples).unwrap_or(usize::MAX));
        options.alpha_mode = AlphaMode::Unpremultiplied;
        options.max_profile_level = ProfileLevel::Main10;
        Self {
            decoder: JxlDecoder::new(options),
            rest: source.bytes,
        }
    }

    /// Reads on until it comes to what is waited for.
    fn until(
        &mut self,
        source: &Source,
        buffers: &mut [JxlOutputBuffer],
        awaited: impl Fn(&Event) -> bool,
    ) -> Result<(), PhotoError> {
        let mut given = AT_ONCE;
        loop {
            stop::go_on().map_err(|error| source.damaged(error))?;
            let given_now = given.min(self.rest.len());
            let mut view = &self.rest[..given_now];
            let into = (!buffers.is_empty()).then_some(&mut *buffers);
            let event = self.decoder.process(&mut view, into, None);
            let event = event.map_err(|error| source.damaged(error.to_string()))?;
            let read = given_now - view.len();
            self.rest = &self.rest[read..];
            if awaited(&event) {
                return Ok(());
            }
            match event {
                Event::Complete => return Err(source.damaged("it has no picture")),
                Event::NeedMoreInput { .. } if read == 0 && given_now == self.rest.len() => {
                    return Err(source.damaged("it is cut off before the end of the picture"));
                }
                Event::NeedMoreInput { .. } if read == 0 => given *= 2,
                _ => {}
            }
        }
    }
}

/// The channels and the bits of the picture that is asked for.
struct Layout {
    channels: JxlColorType,
    /// Whether 8 bits are too few: of light as HDR has it.
    deep: bool,
}

impl Layout {
    fn of(info: &JxlBasicInfo, profile: Option<&JxlColorProfile>) -> Self {
        let extra = |wanted: ExtraChannel| {
            let mut channels = info.extra_channels.iter();
            channels.any(|channel| channel.ec_type == wanted)
        };
        let is_grey = profile.is_some_and(|profile| profile.channels() == 1);
        let is_cmyk = profile.is_some_and(JxlColorProfile::is_cmyk);
        let channels = match (is_grey, extra(ExtraChannel::Alpha)) {
            _ if is_cmyk && extra(ExtraChannel::Black) => JxlColorType::Cmyk,
            (true, true) => JxlColorType::GrayscaleAlpha,
            (true, false) => JxlColorType::Grayscale,
            (false, true) => JxlColorType::Rgba,
            (false, false) => JxlColorType::Rgb,
        };
        let transfer = profile.and_then(JxlColorProfile::transfer_function);
        let is_hdr = matches!(
            transfer,
            Some(JxlTransferFunction::PQ | JxlTransferFunction::HLG)
        );
        Self {
            channels,
            deep: is_hdr && channels != JxlColorType::Cmyk,
        }
    }

    fn format(&self, extra: usize) -> JxlPixelFormat {
        let samples = if self.deep {
            JxlDataFormat::U16 {
                endianness: Endianness::native(),
                bit_depth: 16,
            }
        } else {
            JxlDataFormat::U8 { bit_depth: 8 }
        };
        JxlPixelFormat {
            color_type: self.channels,
            color_data_format: Some(samples),
            extra_channel_format: vec![None; extra],
        }
    }

    /// Of a pixel.
    fn bytes(&self) -> usize {
        self.channels.samples_per_pixel() * if self.deep { 2 } else { 1 }
    }

    fn stored(&self, size: (u32, u32), bytes: Vec<u8>) -> Option<Stored> {
        if self.channels == JxlColorType::Cmyk {
            // Here 0 is all of the ink.
            let inks = bytes.iter().map(|light| u8::MAX - light).collect();
            return RgbaImage::from_raw(size.0, size.1, inks).map(Stored::Cmyk);
        }
        let channels = self.channels.samples_per_pixel();
        if self.deep {
            let words = bytes.as_chunks::<2>().0.iter();
            let words = words.map(|word| u16::from_ne_bytes(*word)).collect();
            return Stored::of_words(size, channels, words);
        }
        Stored::of_bytes(size, channels, bytes)
    }
}

/// What the decoder's numbers mean.
fn colour(profile: Option<&JxlColorProfile>) -> Colour {
    let is_usual = |encoding: &JxlColorEncoding| {
        [true, false]
            .iter()
            .any(|grey| *encoding == JxlColorEncoding::srgb(*grey))
    };
    match profile {
        Some(JxlColorProfile::Simple(encoding)) if is_usual(encoding) => Colour::Unsaid,
        Some(profile) => match profile.try_as_icc() {
            Some(profile) => Colour::Icc(profile.into_owned()),
            None => Colour::Unsaid,
        },
        None => Colour::Unsaid,
    }
}
