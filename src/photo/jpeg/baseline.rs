//! The one scan of a sequential JPEG: each block becomes pixels as soon as it is read.

use super::bits::{Bits, Cursor};
use super::canvas::Canvas;
use super::huffman::{Skips, Values};
use super::inverse::{Block, Inverse};
use super::layout::Layout;
use super::tables::{Scan, Tables};

/// What reads the blocks of one component.
struct Reader<'t> {
    dc: &'t Values,
    ac: &'t Values,
    skips: &'t Skips,
    inverse: Inverse,
    across: usize,
    down: usize,
    /// The last block's mean, from which the next one's is told.
    mean: i32,
    /// Its last coefficients.
    block: Block,
}

/// Codes of other coefficients, both ways.
struct Ac {
    number: u8,
    values: Values,
    skips: Skips,
}

/// Decodes the scan whose bits begin `data`. None if it is anything but one whole scan of all
/// components.
pub fn decode(data: &[u8], scan: &Scan, tables: &Tables, layout: &Layout) -> Option<Vec<u8>> {
    let in_order = layout.components.iter().map(|component| component.id);
    if !scan
        .components
        .iter()
        .map(|component| component.0)
        .eq(in_order)
    {
        return None;
    }
    let mut dc: Vec<(u8, Values)> = Vec::new();
    let mut ac: Vec<Ac> = Vec::new();
    for (_, dc_number, ac_number) in &scan.components {
        if !dc.iter().any(|(number, _)| number == dc_number) {
            dc.push((*dc_number, Values::dc(tables.dc(*dc_number)?)));
        }
        if !ac.iter().any(|ac| ac.number == *ac_number) {
            let values = Values::ac(tables.ac(*ac_number)?);
            ac.push(Ac {
                number: *ac_number,
                skips: Skips::new(&values),
                values,
            });
        }
    }
    let mut readers = Vec::new();
    let parts = scan.components.iter().zip(&layout.components);
    for (((_, dc_number, ac_number), component), inverse) in parts.zip(layout.inverses(tables)?) {
        let ac = ac.iter().find(|ac| ac.number == *ac_number)?;
        readers.push(Reader {
            dc: &dc.iter().find(|(number, _)| number == dc_number)?.1,
            ac: &ac.values,
            skips: &ac.skips,
            inverse,
            across: component.across,
            down: component.down,
            mean: 0,
            block: [0; 64],
        });
    }
    decode_units(
        Bits::new(data),
        &mut readers,
        tables.restart_interval,
        layout,
    )
}

fn decode_units(
    mut bits: Bits<'_>,
    readers: &mut [Reader<'_>],
    interval: usize,
    layout: &Layout,
) -> Option<Vec<u8>> {
    let mut canvas = Canvas::new(layout);
    let mut cursor = Cursor::default();
    let (mut until_restart, mut restarts) = (interval, 0);
    for _ in 0..layout.units.1 {
        for unit in 0..layout.units.0 {
            if interval > 0 && until_restart == 0 {
                cursor = bits.restart(cursor, restarts)?;
                restarts += 1;
                until_restart = interval;
                for reader in readers.iter_mut() {
                    reader.mean = 0;
                }
            }
            until_restart = until_restart.wrapping_sub(1);
            for (reader, plane) in readers.iter_mut().zip(&mut canvas.planes) {
                cursor = reader.unit(unit, &mut bits, cursor, plane, canvas.stride)?;
            }
        }
        if bits.is_overrun(cursor) {
            return None;
        }
        canvas.finish_units();
    }
    bits.end(cursor)?;
    canvas.into_rgb()
}

impl Reader<'_> {
    /// Reads the component's blocks of the unit at this place in its row, and writes their pixels.
    #[inline(always)]
    fn unit(
        &mut self,
        unit: usize,
        bits: &mut Bits<'_>,
        mut cursor: Cursor,
        plane: &mut [u8],
        stride: usize,
    ) -> Option<Cursor> {
        let (width, height) = self.inverse.size;
        for line in 0..self.down {
            for column in 0..self.across {
                cursor = bits.ready(cursor);
                let at = line * height * stride + (unit * self.across + column) * width;
                let bytes = bits.bytes();
                let end = match self.inverse.last {
                    0 => self.block::<1>(bytes, &mut cursor)?,
                    4 => self.block::<5>(bytes, &mut cursor)?,
                    _ => self.block::<64>(bytes, &mut cursor)?,
                };
                self.inverse.write(&self.block, end, plane, at, stride);
            }
        }
        Some(cursor)
    }

    /// Reads a block of whose coefficients at most the first `N` count, and tells the last one
    /// that is set.
    #[inline(never)]
    fn block<const N: usize>(&mut self, bytes: &[u8], from: &mut Cursor) -> Option<usize> {
        // Its own copy, so that it stays in registers.
        let mut own = *from;
        let cursor = &mut own;
        let last = self.inverse.last.min(N - 1);
        self.block[..N].fill(0);
        cursor.refill(bytes)?;
        self.mean = self.mean.wrapping_add(self.dc.next(cursor)?.value);
        self.block[0] = self.mean;
        let (mut place, mut end) = (0, 0);
        while place < last {
            cursor.refill(bytes)?;
            let coefficient = self.ac.next(cursor)?;
            place += coefficient.ahead;
            if place <= last {
                self.block[place & 63] = coefficient.value;
                end = place;
            }
        }
        self.skips.rest_of_block(self.ac, place, bytes, cursor)?;
        *from = *cursor;
        Some(end)
    }
}
