//! JPEG files as a list of segments: is the file whole, and can it be decoded at reduced size?
//!
//! A network sees some 224 pixels of a photo of 4000. A JPEG holds 8×8 blocks of frequencies, and
//! a picture of half, a quarter or an eighth of the size takes only the lowest of them, which
//! saves most of the time (libjpeg calls this `scale_denom`).

use image::RgbImage;
use image::metadata::Orientation;
use jpeg_decoder::{Decoder, PixelFormat};

/// What the segments before the pixels say.
#[derive(Debug, Default, PartialEq)]
pub struct Outline {
    /// The file goes on until the end-of-image marker.
    pub whole: bool,
    frame: Option<Frame>,
    is_jfif: bool,
    adobe_transform: Option<u8>,
    exif: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq)]
struct Frame {
    marker: u8,
    precision: u8,
    height: u16,
    width: u16,
    components: Vec<u8>,
}

impl Outline {
    /// Reads the segments of `bytes`, to the last one that is there.
    pub fn of(bytes: &[u8]) -> Self {
        let mut outline = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let Some((marker, after)) = next_marker(rest) {
            if marker == 0xD9 {
                outline.whole = true;
                break;
            }
            let Some((segment, behind)) = segment(after) else {
                break;
            };
            outline.note(marker, segment);
            rest = behind;
        }
        outline
    }

    fn note(&mut self, marker: u8, segment: &[u8]) {
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                self.frame = self.frame.take().or_else(|| Frame::parse(marker, segment));
            }
            0xE0 => self.is_jfif |= segment.starts_with(b"JFIF\0"),
            0xE1 if self.exif.is_none() => {
                self.exif = segment.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec);
            }
            0xEE if segment.starts_with(b"Adobe") => {
                self.adobe_transform = segment.get(11).copied();
            }
            _ => {}
        }
    }

    /// How the camera was held.
    pub fn orientation(&self) -> Orientation {
        let exif = self.exif.as_deref();
        exif.and_then(Orientation::from_exif_chunk)
            .unwrap_or(Orientation::NoTransforms)
    }

    /// Width and height in pixels, as stored.
    pub fn size(&self) -> Option<(u32, u32)> {
        let frame = self.frame.as_ref()?;
        Some((u32::from(frame.width), u32::from(frame.height)))
    }

    /// The smallest number of eighths at which the short side keeps `wanted` pixels or more; none
    /// where that saves nothing, or where decoders differ about the colours: then the full
    /// decoder alone is to be trusted.
    fn eighths(&self, wanted: u32) -> Option<u32> {
        let frame = self.frame.as_ref().filter(|frame| frame.is_common())?;
        let plain_colour = match (frame.components.as_slice(), self.adobe_transform) {
            ([_], _) | ([1, 2, 3], Some(1)) => true,
            ([1, 2, 3] | [0, 1, 2], None) => self.is_jfif || frame.components[0] == 1,
            _ => false,
        };
        let short = u32::from(frame.width.min(frame.height));
        [1, 2, 4]
            .into_iter()
            .find(|eighths| plain_colour && u64::from(short * eighths) >= 8 * u64::from(wanted))
    }
}

impl Frame {
    fn parse(marker: u8, segment: &[u8]) -> Option<Self> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = segment else {
            return None;
        };
        let components = components.chunks_exact(3).map(|component| component[0]);
        Some(Self {
            marker,
            precision: *precision,
            height: u16::from_be_bytes([*h1, *h0]),
            width: u16::from_be_bytes([*w1, *w0]),
            components: components.take(usize::from(*count)).collect(),
        })
    }

    /// Baseline, extended or progressive, Huffman-coded, eight bits.
    fn is_common(&self) -> bool {
        matches!(self.marker, 0xC0..=0xC2) && self.precision == 8
    }
}

/// The next marker, which scans may have any number of bytes before, and what follows it.
/// `FF00` is a stuffed byte of a scan and `FFD0` to `FFD7` part it; both go on.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|byte| *byte == 0xFF)?;
        bytes = &bytes[at + 1..];
        match *bytes.first()? {
            0xFF => {}
            0x00 | 0x01 | 0xD0..=0xD7 => bytes = &bytes[1..],
            marker => return Some((marker, &bytes[1..])),
        }
    }
}

/// The segment that follows a marker, without its length, and what comes after it.
fn segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    Some((bytes.get(2..length)?, bytes.get(length..)?))
}

/// A picture at some eighths of its size, as stored (not yet upright).
pub struct Reduced {
    /// Its pixels: sides are rounded up, so the last column and row may be part filling.
    pub image: RgbImage,
    /// The scale, in eighths.
    pub eighths: u32,
}

/// Decodes a JPEG at the smallest size whose short side has `wanted` pixels or more. None where
/// it cannot be, or should not: the caller then decodes in full, which also tells what is wrong.
pub fn decode_reduced(bytes: &[u8], outline: &Outline, wanted: u32) -> Option<Reduced> {
    let eighths = outline.eighths(wanted)?;
    let (width, height) = outline.size()?;
    let scaled = |side: u32| (side * eighths).div_ceil(8);
    let mut decoder = Decoder::new(bytes);
    let (width, height) = (scaled(width), scaled(height));
    let got = decoder.scale(width as u16, height as u16).ok()?;
    if (u32::from(got.0), u32::from(got.1)) != (width, height) {
        return None;
    }
    let raw = decoder.decode().ok()?;
    let rgb = match decoder.info()?.pixel_format {
        PixelFormat::RGB24 => raw,
        PixelFormat::L8 => raw.into_iter().flat_map(|grey| [grey; 3]).collect(),
        PixelFormat::L16 | PixelFormat::CMYK32 => return None,
    };
    let image = RgbImage::from_raw(width, height, rgb)?;
    Some(Reduced { image, eighths })
}
