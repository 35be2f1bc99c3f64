//! Progressive JPEGs: many scans, each with some coefficients or some bits of them.
//!
//! Scans of nothing but unwanted coefficients are skipped. Of other unwanted coefficients only one
//! bit is kept, whether they are set, for scans that refine the wanted ones are read by it.

use super::super::stop;
use super::bits::{Bits, Cursor};
use super::canvas::Canvas;
use super::huffman::{Huffman, extended};
use super::inverse::Block;
use super::layout::{Component, Layout};
use super::outline::{next_marker, segment};
use super::tables::{Scan, Tables};

/// The coefficients of one component.
pub struct Plane {
    /// Coefficients of each block that are kept, the first ones.
    kept: usize,
    /// Blocks in a row.
    width: usize,
    values: Vec<i16>,
    /// For each block the coefficients that are not zero.
    set: Vec<u64>,
}

/// Where a scan is read, and what it remembers from block to block.
struct Pass<'a> {
    bits: Bits<'a>,
    cursor: Cursor,
    interval: usize,
    units: usize,
    means: [i32; 4],
    /// Blocks without further coefficients.
    empty: u32,
}

/// The places that a scan is about, and the lowest bit that it tells.
#[derive(Clone, Copy)]
struct Band {
    first: usize,
    last: usize,
    bit: u8,
}

/// Decodes the scans that follow in `rest`. None if there is anything unusual about them.
pub fn decode(rest: &[u8], layout: &Layout) -> Option<Vec<u8>> {
    let (planes, tables) = read(rest, layout)?;
    finish(&planes, &tables, layout)
}

/// Reads the scans, of which there may be none.
pub fn read(mut rest: &[u8], layout: &Layout) -> Option<(Vec<Plane>, Tables)> {
    let mut tables = Tables::default();
    let mut planes: Vec<Plane> = Vec::new();
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == 0xD9 {
            return Some((planes, tables));
        }
        let (segment, behind) = segment(after)?;
        if marker == 0xDA {
            if stop::is_asked() {
                return None;
            }
            if planes.is_empty() {
                planes = empty_planes(&tables, layout)?;
            }
            read_scan(behind, &Scan::parse(segment)?, &tables, layout, &mut planes)?;
        } else {
            tables.note(marker, segment)?;
        }
        rest = behind;
    }
}

fn empty_planes(tables: &Tables, layout: &Layout) -> Option<Vec<Plane>> {
    let parts = layout.components.iter().zip(layout.inverses(tables)?);
    let plane = |(component, inverse): (&Component, super::inverse::Inverse)| {
        let width = layout.units.0 * component.across;
        let blocks = width * layout.units.1 * component.down;
        let kept = inverse.last + 1;
        Plane {
            kept,
            width,
            values: vec![0; blocks * kept],
            set: vec![0; blocks],
        }
    };
    Some(parts.map(plane).collect())
}

fn read_scan(
    data: &[u8],
    scan: &Scan,
    tables: &Tables,
    layout: &Layout,
    planes: &mut [Plane],
) -> Option<()> {
    let place = |id: u8| {
        layout
            .components
            .iter()
            .position(|component| component.id == id)
    };
    let of = scan.components.iter().map(|component| place(component.0));
    let of = of.collect::<Option<Vec<usize>>>()?;
    let mut pass = Pass {
        bits: Bits::new(data),
        cursor: Cursor::default(),
        interval: tables.restart_interval,
        units: 0,
        means: [0; 4],
        empty: 0,
    };
    let band = Band {
        first: scan.band.0,
        last: scan.band.1,
        bit: scan.bits.1,
    };
    let refines = scan.bits.0 > 0;
    if band.first == 0 {
        let codes = scan
            .components
            .iter()
            .map(|component| tables.dc(component.1));
        let codes = if refines {
            Vec::new()
        } else {
            codes.collect::<Option<Vec<_>>>()?
        };
        return (band.last == 0).then(|| pass.means(&of, &codes, band, layout, planes))?;
    }
    let [component] = of[..] else {
        return None;
    };
    let plane = planes.get_mut(component)?;
    if plane.kept == 1 {
        return Some(());
    }
    let codes = tables.ac(scan.components[0].2)?;
    pass.others(&layout.components[component], &codes, band, refines, plane)
}

impl Pass<'_> {
    /// Called before each unit: restarts where the interval is over.
    #[inline(always)]
    fn unit(&mut self) -> Option<()> {
        if self.interval > 0 && self.units > 0 && self.units.is_multiple_of(self.interval) {
            let number = self.units / self.interval - 1;
            self.cursor = self.bits.restart(self.cursor, number)?;
            (self.means, self.empty) = ([0; 4], 0);
        }
        self.units += 1;
        Some(())
    }

    /// Reads first coefficients, or (without `codes`) one more bit of each.
    fn means(
        &mut self,
        of: &[usize],
        codes: &[Huffman],
        band: Band,
        layout: &Layout,
        planes: &mut [Plane],
    ) -> Option<()> {
        let single = of.len() == 1;
        let (columns, rows) = match of {
            [one] => layout.components[*one].covered,
            _ => layout.units,
        };
        for row in 0..rows {
            for column in 0..columns {
                self.unit()?;
                for (at, component) in of.iter().enumerate() {
                    let Component { across, down, .. } = layout.components[*component];
                    let (across, down) = if single { (1, 1) } else { (across, down) };
                    let plane = &mut planes[*component];
                    for block in 0..across * down {
                        let (y, x) = (
                            row * down + block / across,
                            column * across + block % across,
                        );
                        let block = (y * plane.width + x) * plane.kept;
                        let value = plane.values.get_mut(block)?;
                        *value = self.mean(at, codes.get(at), band, *value)?;
                    }
                }
            }
            if self.bits.is_overrun(self.cursor) {
                return None;
            }
        }
        self.bits.end(self.cursor).map(|_| ())
    }

    #[inline(always)]
    fn mean(&mut self, at: usize, codes: Option<&Huffman>, band: Band, known: i16) -> Option<i16> {
        self.cursor = self.bits.ready(self.cursor);
        self.cursor.refill(self.bits.bytes())?;
        let Some(codes) = codes else {
            return Some(known | (self.cursor.take(1) as i16) << band.bit);
        };
        let size = u32::from(codes.symbol(&mut self.cursor)? & 15);
        let difference = extended(self.cursor.take(size), size);
        let mean = self.means.get_mut(at)?;
        *mean = mean.wrapping_add(difference);
        Some((*mean << band.bit) as i16)
    }

    /// Reads other coefficients, or one more bit of them.
    fn others(
        &mut self,
        component: &Component,
        codes: &Huffman,
        band: Band,
        refines: bool,
        plane: &mut Plane,
    ) -> Option<()> {
        for row in 0..component.covered.1 {
            for column in 0..component.covered.0 {
                self.unit()?;
                let block = row * plane.width + column;
                let values = plane
                    .values
                    .get_mut(block * plane.kept..(block + 1) * plane.kept)?;
                let set = plane.set.get_mut(block)?;
                self.cursor = self.bits.ready(self.cursor);
                if refines {
                    self.refine(codes, band, values, set)?;
                } else if self.empty > 0 {
                    self.empty -= 1;
                } else {
                    self.first(codes, band, values, set)?;
                }
            }
            if self.bits.is_overrun(self.cursor) {
                return None;
            }
        }
        self.bits.end(self.cursor).map(|_| ())
    }

    /// Reads the upper bits of a block's coefficients.
    #[inline(always)]
    fn first(
        &mut self,
        codes: &Huffman,
        band: Band,
        values: &mut [i16],
        set: &mut u64,
    ) -> Option<()> {
        let bytes = self.bits.bytes();
        let mut cursor = self.cursor;
        let mut place = band.first;
        while place <= band.last {
            cursor.refill(bytes)?;
            let symbol = codes.symbol(&mut cursor)?;
            let (run, size) = (symbol >> 4, u32::from(symbol & 15));
            if size == 0 && run < 15 {
                self.empty = (1 << run) - 1 + cursor.take(u32::from(run));
                break;
            }
            place += usize::from(run);
            if size > 0 {
                let value = extended(cursor.take(size), size);
                *set |= 1u64.checked_shl(place as u32)?;
                if let Some(kept) = values.get_mut(place) {
                    *kept = (value << band.bit) as i16;
                }
            }
            place += 1;
        }
        self.cursor = cursor;
        (place <= band.last + 1).then_some(())
    }

    /// Reads one more bit of a block's coefficients, and those that are only now set.
    #[inline(always)]
    fn refine(
        &mut self,
        codes: &Huffman,
        band: Band,
        values: &mut [i16],
        set: &mut u64,
    ) -> Option<()> {
        let bytes = self.bits.bytes();
        let mut cursor = self.cursor;
        let mut place = band.first;
        while self.empty == 0 && place <= band.last {
            cursor.refill(bytes)?;
            let symbol = codes.symbol(&mut cursor)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 && run < 15 {
                self.empty = (1 << run) + cursor.take(u32::from(run));
                break;
            }
            let is_positive = match size {
                0 => None,
                1 => Some(cursor.take(1) == 1),
                _ => return None,
            };
            // So many coefficients that stay zero are passed, and all that are set.
            let mut zeros = !*set & places(place, band.last);
            for _ in 0..run {
                zeros &= zeros.wrapping_sub(1);
            }
            let next = if zeros == 0 {
                band.last + 1
            } else {
                zeros.trailing_zeros() as usize
            };
            correct(
                &mut cursor,
                bytes,
                band.bit,
                *set & places(place, next - 1),
                values,
            )?;
            if let Some(is_positive) = is_positive {
                *set |= zeros & zeros.wrapping_neg();
                let value = 1i16 << band.bit;
                if let Some(kept) = values.get_mut(next) {
                    *kept = if is_positive { value } else { -value };
                }
            }
            place = next + 1;
        }
        if self.empty > 0 {
            correct(
                &mut cursor,
                bytes,
                band.bit,
                *set & places(place, band.last),
                values,
            )?;
            self.empty -= 1;
        }
        self.cursor = cursor;
        Some(())
    }
}

/// One bit for each place from `first` to `last`.
#[inline(always)]
const fn places(first: usize, last: usize) -> u64 {
    if first > last || first > 63 {
        return 0;
    }
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

/// Takes a bit for each of the coefficients in `set`, which makes it larger by one `bit` or not.
#[inline(always)]
fn correct(
    cursor: &mut Cursor,
    bytes: &[u8],
    bit: u8,
    mut set: u64,
    values: &mut [i16],
) -> Option<()> {
    while set != 0 && (set.trailing_zeros() as usize) < values.len() {
        cursor.refill(bytes)?;
        let value = &mut values[set.trailing_zeros() as usize];
        if cursor.take(1) == 1 && *value & (1 << bit) == 0 {
            *value = value.wrapping_add(value.signum() << bit);
        }
        set &= set - 1;
    }
    let mut unwanted = set.count_ones();
    while unwanted > 0 {
        cursor.refill(bytes)?;
        let passed = unwanted.min(32);
        cursor.pass(passed);
        unwanted -= passed;
    }
    Some(())
}

/// Turns the coefficients into pixels.
fn finish(planes: &[Plane], tables: &Tables, layout: &Layout) -> Option<Vec<u8>> {
    let inverses = layout.inverses(tables)?;
    let mut canvas = Canvas::new(layout);
    let mut block: Block = [0; 64];
    for unit_row in 0..layout.units.1 {
        let parts = planes.iter().zip(&layout.components).zip(&inverses);
        for (((plane, component), inverse), pixels) in parts.zip(&mut canvas.planes) {
            for line in 0..component.down {
                let first = (unit_row * component.down + line) * plane.width;
                let top = line * inverse.size.1 * canvas.stride;
                for column in 0..plane.width {
                    let from = (first + column) * plane.kept;
                    let values = plane.values.get(from..from + plane.kept)?;
                    for (value, kept) in block.iter_mut().zip(values) {
                        *value = i32::from(*kept);
                    }
                    let set = plane.set[first + column] & places(1, plane.kept - 1);
                    let end = 63 - (set | 1).leading_zeros() as usize;
                    let at = top + column * inverse.size.0;
                    inverse.write(&block, end, pixels, at, canvas.stride);
                }
            }
        }
        canvas.finish_units();
    }
    canvas.into_rgb()
}
