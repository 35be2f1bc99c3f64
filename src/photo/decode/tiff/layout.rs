//! What a directory's tags say of its picture: how large it is, what its samples are and how they lie.
//!
//! Where a tag is missing or means nothing, what libtiff and Pillow take instead; what would have to be
//! guessed is refused by name.
//!
//! References: TIFF 6.0; Adobe Photoshop TIFF Technical Notes (2002); libtiff's `tiff.h` for the
//! numbers that others have added.

use super::super::super::directory::Directory;
use super::super::super::source::Source;
use super::codec::Compression;
use super::interchange;
use crate::error::{PhotoError, Result};

/// What the numbers of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    Unsigned,
    Signed,
    Float,
}

/// What the samples of a pixel mean together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
    /// L* of 0 … 255, a* and b* signed.
    CieLab,
    /// The same with a* and b* shifted up, as in ICC profiles.
    IccLab,
}

/// How a pixel's samples are told from their neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    None,
    Differences,
    FloatDifferences,
}

/// A sample that says how much of the pixel covers what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alpha {
    /// Which of the pixel's samples it is.
    pub sample: usize,
    /// Whether the colours are multiplied by it.
    pub is_associated: bool,
    /// Whether the file says that it is one.
    pub is_said: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "tags of two values each")]
#[derive(Clone, Debug)]
pub struct Layout {
    pub width: u32,
    pub height: u32,
    /// Columns and rows of a tile or of a strip.
    pub chunk: (u32, u32),
    pub is_tiled: bool,
    /// Whether each sample has its own chunks.
    pub is_planar: bool,
    /// Samples of a pixel, bits of each, and what they are.
    pub samples: usize,
    pub bits: usize,
    pub numbers: Numbers,
    pub is_little: bool,
    pub photometric: Photometric,
    pub alpha: Option<Alpha>,
    pub compression: Compression,
    pub predictor: Predictor,
    /// Whether the lowest bit of a byte is the first.
    pub is_reversed: bool,
    /// Pixels across and down that share one colour difference, where there are such.
    pub subsampling: (u32, u32),
}

/// More samples than that have only pictures of measuring instruments.
const MOST_SAMPLES: u64 = 1024;

impl Layout {
    pub fn new(tags: &Directory, source: &Source) -> Result<Self, PhotoError> {
        let side = |tag| match tags.values(tag) {
            Some(values) if values.is_cut() => {
                Err(source.damaged("a tag of it has more values than the file has bytes"))
            }
            values => Ok(whole(values.and_then(|values| values.number(0)))),
        };
        let (width, height) = (side(256)?, side(257)?);
        source.check_size(width, height)?;
        let compression = Compression::of(tags, source)?;
        let samples = tags.number(277).unwrap_or_else(|| {
            let said = tags.values(258).map_or(1, |bits| bits.len() as u64);
            if compression.is_old_jpeg() { 3 } else { said }
        });
        if !(1..=MOST_SAMPLES).contains(&samples) {
            return Err(source.not_supported(format!("TIFF with {samples} samples of a pixel")));
        }
        let samples = samples as usize;
        let bits = one_of_all(tags, 258, samples, 1, "bits", source)? as usize;
        let numbers = match one_of_all(tags, 339, samples, 1, "sample formats", source)? {
            1 | 4 => Numbers::Unsigned,
            2 => Numbers::Signed,
            3 => Numbers::Float,
            5 | 6 => return Err(source.not_supported("TIFF of complex numbers")),
            other => {
                return Err(source.not_supported(format!("TIFF with sample format {other}")));
            }
        };
        let known = match numbers {
            Numbers::Float => matches!(bits, 16 | 24 | 32 | 64),
            _ => matches!(bits, 1..=32 | 64),
        };
        if !known {
            return Err(source.not_supported(format!("TIFF of {bits} bits, {numbers:?}")));
        }
        let photometric = photometric(tags, samples, bits, compression, source)?;
        let is_tiled = tags.values(322).is_some() && tags.values(323).is_some();
        let predictor = match tags.number(317) {
            _ if !compression.has_predictor() => Predictor::None,
            None | Some(0 | 1) => Predictor::None,
            Some(2) => Predictor::Differences,
            Some(3) if numbers == Numbers::Float => Predictor::FloatDifferences,
            Some(other) => {
                return Err(source.not_supported(format!("TIFF with predictor {other}")));
            }
        };
        // As one stream has no strips.
        let chunk = if interchange::is_whole(tags, compression) {
            (width, height)
        } else {
            chunk(tags, is_tiled, width, height)
        };
        let layout = Self {
            width,
            height,
            chunk,
            is_tiled,
            is_planar: tags.number(284) == Some(2) && samples > 1,
            samples,
            bits,
            numbers,
            is_little: tags.container().is_little(),
            photometric,
            alpha: alpha(tags, photometric, samples),
            compression,
            predictor,
            is_reversed: tags.number(266) == Some(2),
            subsampling: subsampling(tags, photometric, samples),
        };
        layout.check(source)?;
        Ok(layout)
    }

    /// Refuses what is not read right.
    fn check(&self, source: &Source) -> Result<(), PhotoError> {
        if self.chunk.0 == 0 || self.chunk.1 == 0 {
            return Err(source.damaged("its tiles have no pixels"));
        }
        let refuse = |what: &str| Err(source.not_supported(format!("TIFF, {what}")));
        let (colours, bits) = (self.photometric.samples(), self.bits);
        let is_plain = self.numbers != Numbers::Float;
        if self.samples < colours {
            return refuse(&format!(
                "{:?} of {} samples a pixel",
                self.photometric, self.samples
            ));
        }
        match self.photometric {
            Photometric::Palette if bits > 16 || !is_plain => {
                refuse(&format!("a palette of {bits} bits"))
            }
            Photometric::YCbCr if !self.compression.is_jpeg() && (bits != 8 || !is_plain) => {
                refuse(&format!("YCbCr of {bits} bits"))
            }
            Photometric::YCbCr if !matches!(self.subsampling, (1 | 2 | 4, 1 | 2 | 4)) => {
                refuse("YCbCr of another sampling")
            }
            Photometric::YCbCr
                if self.subsampling != (1, 1) && self.predictor != Predictor::None =>
            {
                refuse("YCbCr at reduced size with a predictor")
            }
            Photometric::YCbCr
                if self.subsampling != (1, 1)
                    && !self.compression.is_jpeg()
                    && self.samples > 3 =>
            {
                refuse("YCbCr at reduced size with extra samples")
            }
            Photometric::CieLab | Photometric::IccLab if !matches!(bits, 8 | 16) || !is_plain => {
                refuse(&format!("CIELab of {bits} bits"))
            }
            _ if self.compression.is_bilevel() && (bits != 1 || self.samples != 1) => {
                refuse("fax compression of more than one bit")
            }
            _ => Ok(()),
        }
    }

    /// Chunks across and down.
    pub const fn grid(&self) -> (u32, u32) {
        let (columns, rows) = self.chunk;
        (self.width.div_ceil(columns), self.height.div_ceil(rows))
    }

    /// Rows that a chunk of this row of chunks has: all of a tile's, and of a strip's no more than the
    /// picture has.
    pub const fn rows(&self, down: u32) -> u32 {
        let left = self.height - down * self.chunk.1;
        if self.is_tiled || left > self.chunk.1 {
            self.chunk.1
        } else {
            left
        }
    }

    /// Samples of a pixel that lie together.
    pub const fn samples_together(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }

    /// Whether the colour differences have fewer pixels than the brightness, in the file's own bytes.
    pub fn is_subsampled(&self) -> bool {
        self.photometric == Photometric::YCbCr
            && self.subsampling != (1, 1)
            && !self.compression.is_jpeg()
    }

    /// Bytes of a row of a chunk; of one with subsampled colours, of a row of its units.
    pub fn row_bytes(&self, plane: usize) -> u64 {
        let columns = u64::from(self.chunk.0);
        if self.is_subsampled() {
            let (across, down) = (u64::from(self.subsampling.0), u64::from(self.subsampling.1));
            return match (self.is_planar, plane) {
                (false, _) => columns.div_ceil(across) * (across * down + 2),
                (true, 0) => columns,
                (true, _) => columns.div_ceil(across),
            };
        }
        (columns * self.samples_together() as u64 * self.bits as u64).div_ceil(8)
    }

    /// Such rows of a chunk.
    pub fn byte_rows(&self, plane: usize, down: u32) -> u64 {
        let rows = self.rows(down);
        let shared = self.is_subsampled() && !(self.is_planar && plane == 0);
        u64::from(if shared {
            rows.div_ceil(self.subsampling.1)
        } else {
            rows
        })
    }
}

impl Photometric {
    /// Samples that make up the colour.
    pub const fn samples(self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette => 1,
            Self::Rgb | Self::YCbCr | Self::CieLab | Self::IccLab => 3,
            Self::Cmyk => 4,
        }
    }

    pub const fn is_lab(self) -> bool {
        matches!(self, Self::CieLab | Self::IccLab)
    }
}

/// The value of a tag that has one for each sample: the same for all, or it is not read.
fn one_of_all(
    tags: &Directory,
    tag: u16,
    samples: usize,
    missing: u64,
    what: &str,
    source: &Source,
) -> Result<u64, PhotoError> {
    let Some(values) = tags.values(tag) else {
        return Ok(missing);
    };
    let Some(first) = values.number(0) else {
        return Ok(missing);
    };
    let all = 0..samples.min(values.len());
    if all
        .filter_map(|index| values.number(index))
        .any(|value| value != first)
    {
        return Err(source.not_supported(format!("TIFF whose samples have different {what}")));
    }
    Ok(first)
}

fn photometric(
    tags: &Directory,
    samples: usize,
    bits: usize,
    compression: Compression,
    source: &Source,
) -> Result<Photometric, PhotoError> {
    let refuse = |what: &str| Err(source.not_supported(format!("TIFF, {what}")));
    if compression.is_old_jpeg() && samples == 3 {
        return Ok(Photometric::YCbCr);
    }
    Ok(match tags.number(262) {
        Some(0) => Photometric::WhiteIsZero,
        // 4 is a mask; of 6 and 8 with one sample it is the brightness alone, as Pillow has it.
        Some(1 | 4) => Photometric::BlackIsZero,
        Some(6 | 8) if samples < 3 => Photometric::BlackIsZero,
        Some(2) => Photometric::Rgb,
        Some(3) => Photometric::Palette,
        Some(5) if matches!(tags.number(332), None | Some(0 | 1)) => Photometric::Cmyk,
        Some(5) => return refuse("inks other than cyan, magenta, yellow and black"),
        Some(6) => Photometric::YCbCr,
        Some(8) => Photometric::CieLab,
        Some(9) => Photometric::IccLab,
        Some(10) => return refuse("ITULab"),
        Some(32803 | 34892 | 52527) => return refuse("what a camera's sensor saw"),
        Some(32844) => return refuse("LogL"),
        Some(32845) => return refuse("LogLuv"),
        Some(51177) => return refuse("a depth map"),
        Some(other) => return refuse(&format!("colours of kind {other}")),
        None if compression.is_bilevel() && bits == 1 => Photometric::WhiteIsZero,
        None if samples >= 3 => Photometric::Rgb,
        None => Photometric::BlackIsZero,
    })
}

fn whole(said: Option<u64>) -> u32 {
    said.unwrap_or(0).min(u64::from(u32::MAX)) as u32
}

/// Columns and rows of a tile or strip. A strip may be said to be higher than the picture, or to have
/// no rows at all.
fn chunk(tags: &Directory, is_tiled: bool, width: u32, height: u32) -> (u32, u32) {
    let side = |tag| whole(tags.number(tag));
    if is_tiled {
        return (side(322), side(323));
    }
    let rows = side(278);
    (width, if rows == 0 { height } else { rows.min(height) })
}

/// The first extra sample that is said to be one. 999 is of Corel Draw 10; four samples of RGB without
/// a word have one as well, as Pillow and libtiff take it.
fn alpha(tags: &Directory, photometric: Photometric, samples: usize) -> Option<Alpha> {
    let colours = photometric.samples();
    if samples <= colours || photometric == Photometric::Cmyk {
        return None;
    }
    let Some(extra) = tags.values(338) else {
        return (photometric == Photometric::Rgb && samples == 4).then_some(Alpha {
            sample: 3,
            is_associated: false,
            is_said: false,
        });
    };
    let said = (0..extra.len().min(samples)).find_map(|index| match extra.number(index)? {
        kind @ (1 | 2 | 999) => Some((index, kind == 1)),
        _ => None,
    });
    let (index, is_associated) = said?;
    // Where fewer are said to be extra than there are, the last ones are.
    let sample = (samples - extra.len().min(samples - colours)) + index;
    (sample < samples).then_some(Alpha {
        sample,
        is_associated,
        is_said: true,
    })
}

fn subsampling(tags: &Directory, photometric: Photometric, samples: usize) -> (u32, u32) {
    if photometric != Photometric::YCbCr || samples < 3 {
        return (1, 1);
    }
    let said = tags.values(530);
    let side = |index| said.and_then(|said| said.number(index)).unwrap_or(2) as u32;
    (side(0), side(1))
}
