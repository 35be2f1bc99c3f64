//! JPEG files as a list of segments: what the picture is, and what is said about it.
//!
//! References: ITU-T T.81, annex B; ITU-T T.871 (JFIF); ICC.1:2022, annex B.4 (profiles in chunks).

use super::super::said::Said;
use super::marker::{next_marker, segment};

/// What an XMP packet begins with.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// What the segments say.
#[derive(Debug, Default, PartialEq)]
pub struct Outline {
    /// What tells of colours.
    pub marks: Marks,
    /// The components of the first scan.
    pub first_scan: usize,
    frame: Option<Frame>,
    scans: u64,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    /// Number, count and bytes of each chunk of a profile.
    profile: Vec<(u8, u8, Vec<u8>)>,
}

/// What tells of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Marks {
    /// Whether there is a JFIF segment.
    pub is_jfif: bool,
    /// The transform of colours that Adobe's segment tells.
    pub adobe: Option<u8>,
}

/// What a frame header says.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// How the pixels are coded.
    pub marker: u8,
    /// Bits of a sample.
    pub precision: u8,
    /// Rows of pixels; 0 where they are told behind the first scan.
    pub height: u16,
    /// Columns of pixels.
    pub width: u16,
    /// Its components.
    pub components: Vec<Part>,
}

/// What a frame header says about a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// What scans call it.
    pub id: u8,
    /// Its samples beside and above each other in a unit, 1 to 4 each.
    pub sampling: (u8, u8),
    /// The number of its quantization steps.
    pub steps: u8,
}

impl Outline {
    /// Reads the segments of `bytes`, to the last one that is there.
    pub fn of(bytes: &[u8]) -> Self {
        let mut outline = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let Some((marker, after)) = next_marker(rest) {
            if marker == 0xD9 {
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
            0xDA => {
                if self.scans == 0 {
                    self.first_scan = segment.first().copied().map_or(0, usize::from);
                }
                self.scans += 1;
            }
            0xDC => self.note_height(segment),
            // What stands behind the first scan comes too late.
            _ if self.scans > 0 => {}
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                self.frame = self.frame.take().or_else(|| Frame::parse(marker, segment));
            }
            0xE0 => self.marks.is_jfif |= segment.starts_with(b"JFIF\0") && segment.len() >= 14,
            0xE1 => {
                let said = |prefix: &[u8]| segment.strip_prefix(prefix).map(<[u8]>::to_vec);
                self.exif = self.exif.take().or_else(|| said(b"Exif\0"));
                self.xmp = self.xmp.take().or_else(|| said(XMP));
            }
            0xE2 => {
                if let Some([number, count, chunk @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0") {
                    self.profile.push((*number, *count, chunk.to_vec()));
                }
            }
            0xEE if segment.starts_with(b"Adobe") && segment.len() >= 12 => {
                self.marks.adobe = segment.get(11).copied();
            }
            _ => {}
        }
    }

    /// DNL, where the frame header left the height open.
    fn note_height(&mut self, segment: &[u8]) {
        let frame = self.frame.as_mut().filter(|frame| frame.height == 0);
        if let (Some(frame), Some(height)) = (frame, segment.first_chunk::<2>()) {
            frame.height = u16::from_be_bytes(*height);
        }
    }

    /// How the camera was held, and what else it says.
    pub fn said(&self) -> Said {
        // Its prefix ends with one more zero, or (seldom) with another filling.
        let exif = self.exif.as_deref().and_then(|chunk| chunk.get(1..));
        let of_exif = exif.map(Said::of_exif).unwrap_or_default();
        let of_xmp = self.xmp.as_deref().map(Said::of_xmp);
        of_exif.or(of_xmp.unwrap_or_default())
    }

    /// The profile; none if a chunk of it is missing or there twice.
    pub fn profile(&self) -> Option<Vec<u8>> {
        let count = self.profile.first()?.1;
        let is_count = self.profile.len() == usize::from(count);
        let chunk = |number: u8| {
            let mut chunks = self.profile.iter();
            let chunk = chunks.find(|chunk| (chunk.0, chunk.1) == (number, count))?;
            Some(chunk.2.as_slice())
        };
        let chunks: Option<Vec<&[u8]>> = (1..=count).map(chunk).collect();
        let whole = chunks.filter(|_| is_count)?.concat();
        (!whole.is_empty()).then_some(whole)
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
}

impl Frame {
    fn parse(marker: u8, segment: &[u8]) -> Option<Self> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = segment else {
            return None;
        };
        let component = |bytes: &[u8; 3]| Part {
            id: bytes[0],
            sampling: (bytes[1] >> 4, bytes[1] & 15),
            steps: bytes[2],
        };
        let components = components.as_chunks::<3>().0.iter().map(component);
        let frame = Self {
            marker,
            precision: *precision,
            height: u16::from_be_bytes([*h1, *h0]),
            width: u16::from_be_bytes([*w1, *w0]),
            components: components.take(usize::from(*count)).collect(),
        };
        let is_sampling =
            |part: &Part| (1..=4).contains(&part.sampling.0) && (1..=4).contains(&part.sampling.1);
        let is_whole = frame.components.len() == usize::from(*count) && *count > 0;
        (is_whole && frame.components.iter().all(is_sampling)).then_some(frame)
    }

    /// Samples as they are, not as frequencies.
    pub const fn is_lossless(&self) -> bool {
        self.marker == 0xC3
    }

    /// In many scans, each with some coefficients or some bits of them.
    pub const fn is_progressive(&self) -> bool {
        matches!(self.marker, 0xC2 | 0xCA)
    }

    /// By the QM coder rather than Huffman's codes.
    pub const fn is_arithmetic(&self) -> bool {
        matches!(self.marker, 0xC9 | 0xCA)
    }

    /// What of it is not read here; none if all is.
    pub fn unread(&self) -> Option<String> {
        match (self.marker, self.precision, self.components.len()) {
            (0xC5..=0xC7 | 0xCD..=0xCF, ..) => Some("a hierarchical JPEG".to_owned()),
            (0xCB, ..) => Some("a lossless JPEG with arithmetic coding".to_owned()),
            (0xC3, 2..=16, 1 | 3 | 4) | (_, 8 | 12, 1 | 3 | 4) => None,
            (_, bits, 1 | 3 | 4) => Some(format!("a JPEG of {bits} bits a sample")),
            (.., count) => Some(format!("a JPEG of {count} components")),
        }
    }
}
