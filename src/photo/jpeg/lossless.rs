//! Lossless JPEGs in Huffman's codes: each sample as its difference from what its neighbours predict.
//!
//! Reference: ITU-T T.81, annex H. They are always decoded whole, as there are no frequencies.

use super::super::stop;
use super::bits::{Bits, Cursor};
use super::huffman::{Huffman, extended};
use super::layout::Layout;
use super::tables::{Scan, Tables};

/// The samples of one component.
#[derive(Debug)]
pub struct Samples {
    /// Samples in a row, with those beyond the picture.
    pub stride: usize,
    pub values: Vec<u16>,
    /// Beside and above each other in a unit.
    sampling: (usize, usize),
}

/// How samples are predicted and told.
struct Prediction {
    predictor: usize,
    /// What stands before the first sample.
    first: i32,
}

/// Bytes that [`empty`] takes.
pub fn bytes(layout: &Layout) -> u64 {
    let units = (layout.units.0 * layout.units.1) as u64;
    let of_unit = layout
        .components
        .iter()
        .map(|part| (part.across * part.down) as u64);
    2 * units * of_unit.sum::<u64>()
}

/// No samples yet. `layout` is that of units of single samples.
pub fn empty(layout: &Layout) -> Vec<Samples> {
    let parts = layout.components.iter();
    let samples = parts.map(|part| {
        let stride = layout.units.0 * part.across;
        Samples {
            stride,
            values: vec![0; stride * layout.units.1 * part.down],
            sampling: (part.across, part.down),
        }
    });
    samples.collect()
}

/// Reads the scan that begins `data`, of the components `of` in their order. What follows it, and the
/// part of its samples that came, 0 … 1. None if its codes or its predictor are none.
pub fn read<'a>(
    data: &'a [u8],
    (scan, of): (&Scan, &[usize]),
    tables: &Tables,
    (layout, precision): (&Layout, u8),
    samples: &mut [Samples],
) -> Option<(&'a [u8], f64)> {
    let codes = scan.components.iter().map(|(_, dc, _)| tables.dc(*dc));
    let codes = codes.collect::<Option<Vec<Huffman>>>()?;
    let shift = scan.bits.1;
    let prediction = Prediction {
        predictor: scan.band.0,
        first: 1 << precision.checked_sub(shift + 1)?,
    };
    if !(1..=7).contains(&prediction.predictor) {
        return None;
    }
    let is_single = of.len() == 1;
    let (columns, rows) = match of {
        [one] => layout.components[*one].covered,
        _ => layout.units,
    };
    let mut interval = Interval {
        bits: Bits::new(data),
        cursor: Cursor::default(),
        is_over: false,
        is_broken: false,
    };
    let (mut until_restart, mut restarts, mut came) = (tables.restart_interval, 0, 0usize);
    // Where the interval begins: its first row has nothing above it.
    let mut start = 0;
    for row in 0..rows {
        if stop::is_asked() {
            break;
        }
        for column in 0..columns {
            if tables.restart_interval > 0 && until_restart == 0 {
                interval.restart(restarts);
                restarts += 1;
                until_restart = tables.restart_interval;
                start = row;
            }
            until_restart = until_restart.wrapping_sub(1);
            if interval.is_over {
                continue;
            }
            for (codes, component) in codes.iter().zip(of) {
                let samples = &mut samples[*component];
                let (across, down) = if is_single { (1, 1) } else { samples.sampling };
                for at in 0..across * down {
                    let (y, x) = (row * down + at / across, column * across + at % across);
                    let Some(difference) = interval.difference(codes) else {
                        interval.is_broken = true;
                        continue;
                    };
                    let predicted = prediction.of(samples, (x, y), y == start * down);
                    let value = predicted.wrapping_add(difference) as u16;
                    samples.values[y * samples.stride + x] = value;
                }
            }
            interval.is_over = interval.bits.is_overrun(interval.cursor);
            came += usize::from(!interval.is_over && !interval.is_broken);
        }
    }
    for component in of {
        for value in &mut samples[*component].values {
            *value <<= shift;
        }
    }
    let part = came as f64 / (rows * columns).max(1) as f64;
    Some((interval.bits.rest(), part))
}

struct Interval<'a> {
    bits: Bits<'a>,
    cursor: Cursor,
    is_over: bool,
    is_broken: bool,
}

impl Interval<'_> {
    fn restart(&mut self, number: usize) {
        self.cursor = Cursor::default();
        if self.bits.restart(number) {
            (self.is_over, self.is_broken) = (false, false);
        }
    }

    /// None where no code begins so.
    fn difference(&mut self, codes: &Huffman) -> Option<i32> {
        self.cursor = self.bits.ready(self.cursor);
        self.cursor.refill(self.bits.bytes())?;
        match u32::from(codes.symbol(&mut self.cursor)?) {
            size @ 0..16 => Some(extended(self.cursor.take(size), size)),
            16 => Some(1 << 15),
            _ => None,
        }
    }
}

impl Prediction {
    fn of(&self, samples: &Samples, (x, y): (usize, usize), is_first_row: bool) -> i32 {
        let at = |x: usize, y: usize| i32::from(samples.values[y * samples.stride + x]);
        if is_first_row {
            return match x {
                0 => self.first,
                _ => at(x - 1, y),
            };
        }
        if x == 0 {
            return at(0, y - 1);
        }
        let (left, above, before) = (at(x - 1, y), at(x, y - 1), at(x - 1, y - 1));
        match self.predictor {
            1 => left,
            2 => above,
            3 => before,
            4 => left + above - before,
            5 => left + ((above - before) >> 1),
            6 => above + ((left - before) >> 1),
            _ => (left + above) >> 1,
        }
    }
}
