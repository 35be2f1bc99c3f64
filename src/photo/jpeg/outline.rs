//! JPEG files as a list of segments: is the file whole, and can it be decoded at reduced size?

use image::metadata::Orientation;
use memchr::memchr;

use super::super::orientation;

/// What the segments before the pixels say.
#[derive(Debug, Default, PartialEq)]
pub struct Outline {
    /// The file goes on until the end-of-image marker.
    pub whole: bool,
    frame: Option<Frame>,
    scans: u64,
    is_jfif: bool,
    adobe_transform: Option<u8>,
    exif: Option<Vec<u8>>,
}

/// What a frame header says.
#[derive(Debug, PartialEq)]
pub struct Frame {
    /// How the pixels are coded.
    pub marker: u8,
    precision: u8,
    /// Rows of pixels.
    pub height: u16,
    /// Columns of pixels.
    pub width: u16,
    /// For each component its identifier, its sampling (across and down, four bits each), and the
    /// number of its quantization steps.
    pub components: Vec<(u8, u8, u8)>,
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
            0xDA => self.scans += 1,
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
        exif.and_then(orientation::of_exif)
            .unwrap_or(Orientation::NoTransforms)
    }

    /// Width and height in pixels, as stored.
    pub fn size(&self) -> Option<(u32, u32)> {
        let frame = self.frame.as_ref()?;
        Some((u32::from(frame.width), u32::from(frame.height)))
    }

    /// The frame header.
    pub const fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    /// Whether its scans are as many as some picture may need. A scan of a few bytes can go over
    /// every block, and a hostile file has thousands: a hundred for each block are plenty, and more
    /// where there are bytes for them.
    pub fn is_worth_its_scans(&self, bytes: usize) -> bool {
        const PLENTY: u64 = 100;
        const BLOCKS_OF_A_BYTE: u64 = 64;
        let (width, height) = self.size().unwrap_or((0, 0));
        let blocks = u64::from(width).div_ceil(8) * u64::from(height).div_ceil(8);
        let most = blocks * PLENTY + bytes as u64 * BLOCKS_OF_A_BYTE;
        self.scans.saturating_mul(blocks) <= most
    }

    /// The smallest number of eighths at which the short side keeps `wanted` pixels or more; none
    /// where that saves nothing, or where decoders differ about the colours: then the full
    /// decoder alone is to be trusted.
    pub fn eighths(&self, wanted: u32) -> Option<u32> {
        let frame = self.frame.as_ref().filter(|frame| frame.is_common())?;
        let ids: Vec<u8> = frame
            .components
            .iter()
            .map(|component| component.0)
            .collect();
        let plain_colour = match (ids.as_slice(), self.adobe_transform) {
            ([_], _) | ([1, 2, 3], Some(1) | None) => true,
            ([0, 1, 2], None) => self.is_jfif,
            _ => false,
        };
        let short = u32::from(frame.width.min(frame.height));
        (1..=4).find(|eighths| plain_colour && u64::from(short * eighths) >= 8 * u64::from(wanted))
    }
}

impl Frame {
    fn parse(marker: u8, segment: &[u8]) -> Option<Self> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = segment else {
            return None;
        };
        let component = |bytes: &[u8]| (bytes[0], bytes[1], bytes[2]);
        let components = components.chunks_exact(3).map(component);
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
pub fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = memchr(0xFF, bytes)?;
        bytes = &bytes[at + 1..];
        match *bytes.first()? {
            0xFF => {}
            0x00 | 0x01 | 0xD0..=0xD7 => bytes = &bytes[1..],
            marker => return Some((marker, &bytes[1..])),
        }
    }
}

/// The segment that follows a marker, without its length, and what comes after it.
pub fn segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    Some((bytes.get(2..length)?, bytes.get(length..)?))
}
