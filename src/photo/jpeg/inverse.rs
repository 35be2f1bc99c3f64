//! From the frequencies of a block to its pixels, 8×8 or fewer of them.
//!
//! A block of 8×8 cosines cut down to its W×H lowest and turned back with cosines of W×H gives
//! what an ideal filter would leave of it, at W×H pixels.

use std::f32::consts::PI;

use super::whole::{self, Block};
use super::wide::Wide;

/// Row and column of each coefficient, in the order of the file.
#[rustfmt::skip]
const PLACES: [(u8, u8); 64] = [
    (0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0), (4, 0), (3, 1), (2, 2), (1, 3),
    (0, 4), (0, 5), (1, 4), (2, 3), (3, 2), (4, 1), (5, 0), (6, 0), (5, 1), (4, 2), (3, 3), (2, 4), (1, 5), (0, 6),
    (0, 7), (1, 6), (2, 5), (3, 4), (4, 3), (5, 2), (6, 1), (7, 0), (7, 1), (6, 2), (5, 3), (4, 4), (3, 5), (2, 6),
    (1, 7), (2, 7), (3, 6), (4, 5), (5, 4), (6, 3), (7, 2), (7, 3), (6, 4), (5, 5), (4, 6), (3, 7), (4, 7), (5, 6),
    (6, 5), (7, 4), (7, 5), (6, 6), (5, 7), (6, 7), (7, 6), (7, 7),
];

/// Bits of the samples that are made.
const BITS: u8 = 8;

/// Makes blocks of one size.
pub struct Inverse {
    /// Columns and rows of a block's pixels, at most 8 each.
    pub size: (usize, usize),
    /// The last coefficient that counts, in the order of the file.
    pub last: usize,
    /// For each coefficient, in the order of the file, its quantization step.
    steps: [i32; 64],
    /// For each frequency its value at each column, and at each row.
    columns: [[f32; 8]; 8],
    rows: [[f32; 8]; 8],
    /// How many lines and frequencies the coefficients up to each place have.
    reach: [(usize, usize); 64],
    /// What the coefficients are multiplied with to be those of eight bits a sample.
    scale: f32,
    wide: Wide,
}

impl Inverse {
    /// For blocks of `size` (columns and rows) whose coefficients are multiples of `steps`, and whose
    /// samples have `precision` bits.
    pub fn new(size: (usize, usize), steps: &[i32; 64], precision: u8) -> Self {
        Self {
            size,
            last: last(size),
            steps: *steps,
            columns: cosines(size.0),
            rows: cosines(size.1),
            reach: reach(),
            scale: f32::from(precision.saturating_sub(BITS)).exp2().recip(),
            wide: Wide::new(),
        }
    }

    /// Writes the block's pixels to `plane` from `at` on, in rows of `stride`. Coefficients after
    /// the one at `end` are not looked at.
    #[inline(always)]
    pub fn write(&self, block: &Block, end: usize, plane: &mut [u8], at: usize, stride: usize) {
        match self.size {
            _ if self.scale < 1.0 => self.write_any::<8>(block, end, plane, at, stride),
            (1, 1) => {
                if let Some(pixel) = plane.get_mut(at) {
                    *pixel = eighth(self.value(block, 0));
                }
            }
            (2, 2) => self.write_four(block, plane, at, stride),
            (8, 8) if end == 0 => {
                let level = [eighth(self.value(block, 0)); 8];
                for row in plane[at..].chunks_mut(stride).take(8) {
                    if let Some(row) = row.first_chunk_mut() {
                        *row = level;
                    }
                }
            }
            (8, 8) => {
                let plane = plane.get_mut(at..).unwrap_or_default();
                whole::write(self.wide, (block, end), &self.steps, plane, stride);
            }
            (width, height) if end == 0 => {
                let level = eighth(self.value(block, 0));
                for row in plane[at..].chunks_mut(stride).take(height) {
                    row[..width].fill(level);
                }
            }
            (..=4, ..=4) => self.write_any::<4>(block, end, plane, at, stride),
            _ => self.write_any::<8>(block, end, plane, at, stride),
        }
    }

    #[inline(always)]
    fn value(&self, block: &Block, place: usize) -> i32 {
        block[place].wrapping_mul(self.steps[place])
    }

    /// At two pixels a side, cosines are plus or minus one.
    #[inline(always)]
    fn write_four(&self, block: &Block, plane: &mut [u8], at: usize, stride: usize) {
        let (mean, across) = (self.value(block, 0), self.value(block, 1));
        let (down, both) = (self.value(block, 2), self.value(block, 4));
        let (left, right) = (mean.wrapping_add(across), mean.wrapping_sub(across));
        let (left_down, right_down) = (down.wrapping_add(both), down.wrapping_sub(both));
        if let Some(top) = plane.get_mut(at..at + 2) {
            top[0] = eighth(left.wrapping_add(left_down));
            top[1] = eighth(right.wrapping_add(right_down));
        }
        if let Some(bottom) = plane.get_mut(at + stride..at + stride + 2) {
            bottom[0] = eighth(left.wrapping_sub(left_down));
            bottom[1] = eighth(right.wrapping_sub(right_down));
        }
    }

    /// Of at most `N` pixels a side.
    #[inline(never)]
    fn write_any<const N: usize>(
        &self,
        block: &Block,
        end: usize,
        plane: &mut [u8],
        at: usize,
        stride: usize,
    ) {
        let (width, height) = self.size;
        let end = end.min(self.last);
        // Frequencies beyond the size count for nothing: their cosines are zero.
        let mut values = [[0f32; N]; N];
        for (place, (line, frequency)) in PLACES.iter().enumerate().take(end + 1) {
            let (line, frequency) = (usize::from(*line), usize::from(*frequency));
            if line < N && frequency < N {
                values[line][frequency] = self.value(block, place) as f32 * self.scale;
            }
        }
        // A few more sums cost less than finding out how many there are.
        let (lines, frequencies) = match N {
            ..=4 => (N, N),
            _ => self.reach[end],
        };
        for (y, row) in plane[at..].chunks_mut(stride).take(height).enumerate() {
            let mut across = [0f32; N];
            for (line, values) in values.iter().enumerate().take(lines) {
                add(&mut across, values, self.rows[line][y]);
            }
            let mut sum = [128f32; N];
            for (frequency, value) in across.iter().enumerate().take(frequencies) {
                add(&mut sum, &self.columns[frequency][..N], *value);
            }
            let mut levels = [0; N];
            for (level, value) in levels.iter_mut().zip(sum) {
                *level = rounded(value);
            }
            if width == N {
                row[..N].copy_from_slice(&levels);
            } else {
                row[..width].copy_from_slice(&levels[..width]);
            }
        }
    }
}

#[inline(always)]
fn add<const N: usize>(sum: &mut [f32; N], values: &[f32], factor: f32) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value * factor;
    }
}

/// For each place how many lines and frequencies the coefficients up to there have.
/// The last coefficient that counts for blocks of `size`, in the order of the file.
pub fn last(size: (usize, usize)) -> usize {
    let counts = |place: &(u8, u8)| usize::from(place.0) < size.1 && usize::from(place.1) < size.0;
    PLACES.iter().rposition(counts).unwrap_or(0)
}

fn reach() -> [(usize, usize); 64] {
    let mut most = (0, 0);
    PLACES.map(|(line, frequency)| {
        most = (
            most.0.max(usize::from(line) + 1),
            most.1.max(usize::from(frequency) + 1),
        );
        most
    })
}

/// For each frequency its values at `count` places.
fn cosines(count: usize) -> [[f32; 8]; 8] {
    let mut table = [[0.0; 8]; 8];
    for (frequency, values) in table.iter_mut().enumerate().take(count) {
        for (at, value) in values.iter_mut().enumerate().take(count) {
            let angle = (2 * at + 1) as f32 * frequency as f32 * PI / (2 * count) as f32;
            *value = if frequency == 0 {
                0.125f32.sqrt()
            } else {
                0.5 * angle.cos()
            };
        }
    }
    table
}

/// Rounds to a grey level. Behind 1.5·2²³ the last bits of a number are its whole part.
#[inline(always)]
fn rounded(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + 12_582_912.0).to_bits() as u8
}

/// The grey level of an eighth of `sum`, where zero is the middle grey.
#[inline(always)]
const fn eighth(mean: i32) -> u8 {
    let level = (mean.wrapping_add(4) >> 3).saturating_add(128);
    if level < 0 {
        0
    } else if level > 255 {
        255
    } else {
        level as u8
    }
}
