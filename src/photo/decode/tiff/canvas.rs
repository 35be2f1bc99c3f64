//! The picture while its chunks come in: the samples that are seen, as they are stored.

use half::f16;

use super::layout::{Layout, Numbers};
use super::predictor::bits_at;

/// Samples of the picture, `[H, W, C]`, of as few bytes as they need.
pub enum Samples {
    /// Whole numbers of up to 8 and up to 16 bits.
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
    /// What is signed, longer, or floating.
    Real(Vec<f32>),
}

pub struct Canvas {
    pub samples: Samples,
    /// Which of a pixel's samples are here: those of its colour, then its alpha.
    pub kept: Vec<usize>,
    width: usize,
    height: usize,
}

/// Bytes of a sample of the canvas.
pub fn sample_bytes(layout: &Layout) -> u64 {
    match (layout.numbers, layout.bits) {
        (Numbers::Unsigned, ..=8) => 1,
        (Numbers::Unsigned, ..=16) => 2,
        _ if layout.photometric.is_lab() => u64::from(layout.bits as u32 / 8),
        _ => 4,
    }
}

impl Canvas {
    pub fn new(layout: &Layout) -> Self {
        let colours = 0..layout.photometric.samples();
        let kept: Vec<usize> = colours
            .chain(layout.alpha.map(|alpha| alpha.sample))
            .collect();
        let (width, height) = (layout.width as usize, layout.height as usize);
        let len = width * height * kept.len();
        let samples = match sample_bytes(layout) {
            1 => Samples::Eight(vec![0; len]),
            2 => Samples::Sixteen(vec![0; len]),
            _ => Samples::Real(vec![0.0; len]),
        };
        Self {
            samples,
            kept,
            width,
            height,
        }
    }

    /// Bytes of eight bits each, where it has such.
    pub fn eight(&mut self) -> Option<&mut [u8]> {
        match &mut self.samples {
            Samples::Eight(samples) => Some(samples),
            _ => None,
        }
    }

    pub const fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Puts a row of a chunk of `plane` to the place of its first pixel.
    pub fn put(&mut self, layout: &Layout, row: &[u8], plane: usize, (x, y): (usize, usize)) {
        if y >= self.height || x >= self.width {
            return;
        }
        let columns = (self.width - x).min(layout.chunk.0 as usize);
        let (together, channels) = (layout.samples_together(), self.kept.len());
        let first = (y * self.width + x) * channels;
        let range = first..first + columns * channels;
        let is_all =
            together == channels && !layout.is_planar && self.kept.iter().copied().eq(0..channels);
        if let (Samples::Eight(to), 8, true) = (&mut self.samples, layout.bits, is_all) {
            to[range].copy_from_slice(&row[..columns * channels]);
            return;
        }
        for (channel, kept) in self.kept.iter().enumerate() {
            let sample = match layout.is_planar {
                true if *kept == plane => 0,
                true => continue,
                false => *kept,
            };
            let places = (0..columns).map(|column| column * together + sample);
            let range = range.start + channel..range.end;
            match &mut self.samples {
                Samples::Eight(to) => {
                    let to = to[range].iter_mut().step_by(channels);
                    match layout.bits {
                        8 => to.zip(places).for_each(|(to, at)| *to = row[at]),
                        bits @ (1 | 2 | 4) => to.zip(places).for_each(|(to, at)| {
                            let shift = 8 - bits - at * bits % 8;
                            *to = row[at * bits / 8] >> shift & ((1 << bits) - 1);
                        }),
                        bits => to.zip(places).for_each(|(to, at)| {
                            *to = bits_at(row, at * bits, bits) as u8;
                        }),
                    }
                }
                Samples::Sixteen(to) => {
                    let to = to[range].iter_mut().step_by(channels);
                    to.zip(places)
                        .for_each(|(to, at)| *to = unsigned(row, at, layout) as u16);
                }
                Samples::Real(to) => {
                    let to = to[range].iter_mut().step_by(channels);
                    to.zip(places)
                        .for_each(|(to, at)| *to = real(row, at, layout));
                }
            }
        }
    }
}

/// The `index`th number of a row, as whole bits.
fn unsigned(row: &[u8], index: usize, layout: &Layout) -> u64 {
    let bits = layout.bits;
    if !bits.is_multiple_of(8) || bits == 8 {
        return u64::from(bits_at(row, index * bits, bits));
    }
    let width = bits / 8;
    let stored = &row[index * width..(index + 1) * width];
    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if layout.is_little {
        stored.iter().rev().fold(0, join)
    } else {
        stored.iter().fold(0, join)
    }
}

fn real(row: &[u8], index: usize, layout: &Layout) -> f32 {
    let (bits, stored) = (layout.bits, unsigned(row, index, layout));
    match (layout.numbers, bits) {
        (Numbers::Unsigned, _) => stored as f32,
        (Numbers::Signed, _) => {
            let rest = 64 - bits;
            ((stored << rest) as i64 >> rest) as f32
        }
        (Numbers::Float, 16) => f16::from_bits(stored as u16).to_f32(),
        (Numbers::Float, 24) => of_24_bits(stored as u32),
        (Numbers::Float, 64) => f64::from_bits(stored) as f32,
        (Numbers::Float, _) => f32::from_bits(stored as u32),
    }
}

/// One bit of sign, seven of exponent, sixteen of fraction.
fn of_24_bits(stored: u32) -> f32 {
    let sign = (stored >> 23) << 31;
    let (exponent, fraction) = (stored >> 16 & 0x7F, stored & 0xFFFF);
    let magnitude = match exponent {
        0 => fraction as f32 * (2.0_f32).powi(-62 - 16),
        0x7F => f32::from_bits(0x7F80_0000 | fraction << 7),
        _ => f32::from_bits((exponent + 127 - 63) << 23 | fraction << 7),
    };
    f32::from_bits(magnitude.to_bits() | sign)
}
