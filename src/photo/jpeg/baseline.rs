//! Sequential JPEGs in Huffman's codes. In the one scan that nearly all have, each block becomes pixels
//! as soon as it is read; where components come one after the other, blocks are kept.

use super::super::stop;
use super::bits::{Bits, Cursor};
use super::canvas::{Canvas, Plane};
use super::colours::Colours;
use super::huffman::{Skips, Values};
use super::inverse::Inverse;
use super::layout::Layout;
use super::planes::Coder;
use super::tables::{Scan, Tables};
use super::whole::Block;

/// What reads the blocks of one component.
struct Reader<'t> {
    dc: &'t Values,
    ac: &'t Ac,
    /// The last coefficient that counts.
    last: usize,
    /// The last block's mean, from which the next one's is told.
    mean: i32,
    /// Its last coefficients.
    block: Block,
    /// A code that there is none of, or a coefficient beyond the block, was met.
    is_broken: bool,
}

/// Codes of other coefficients, both ways.
struct Ac {
    number: u8,
    values: Values,
    /// Where not all of them are wanted.
    skips: Option<Skips>,
}

/// The codes of a scan.
pub struct Codes {
    dc: Vec<(u8, Values)>,
    ac: Vec<Ac>,
}

impl Codes {
    /// None if one is missing, or none.
    pub fn of(scan: &Scan, tables: &Tables, is_whole: bool) -> Option<Self> {
        let mut codes = Self {
            dc: Vec::new(),
            ac: Vec::new(),
        };
        for (_, dc_number, ac_number) in &scan.components {
            if !codes.dc.iter().any(|(number, _)| number == dc_number) {
                let dc = tables.dc(*dc_number)?;
                codes.dc.push((*dc_number, Values::dc(dc)));
            }
            if !codes.ac.iter().any(|ac| ac.number == *ac_number) {
                let values = Values::ac(tables.ac(*ac_number)?);
                codes.ac.push(Ac {
                    number: *ac_number,
                    skips: (!is_whole).then(|| Skips::new(&values)),
                    values,
                });
            }
        }
        Some(codes)
    }

    fn readers(&self, scan: &Scan, last: impl Fn(usize) -> usize) -> Option<Vec<Reader<'_>>> {
        let parts = scan.components.iter().enumerate();
        let reader = |(at, (_, dc_number, ac_number)): (usize, &(u8, u8, u8))| {
            Some(Reader {
                dc: &self.dc.iter().find(|(number, _)| number == dc_number)?.1,
                ac: self.ac.iter().find(|ac| ac.number == *ac_number)?,
                last: last(at),
                mean: 0,
                block: [0; 64],
                is_broken: false,
            })
        };
        parts.map(reader).collect()
    }
}

/// The picture whose only scan begins `data`; `of` are its components in the scan's order. Its pixels,
/// and the part of them that came, 0 … 1.
pub fn decode(
    data: &[u8],
    (scan, of): (&Scan, &[usize]),
    tables: &Tables,
    (layout, inverses, colours): (&Layout, &[Inverse], Colours),
) -> Option<(Vec<u8>, f64)> {
    let is_whole = inverses.iter().all(|inverse| inverse.last == 63);
    let codes = Codes::of(scan, tables, is_whole)?;
    let mut readers = codes.readers(scan, |at| inverses[of[at]].last)?;
    let mut picture = Picture {
        bits: Bits::new(data),
        cursor: Cursor::default(),
        is_over: false,
        canvas: Canvas::new(layout, colours),
    };
    let interval = tables.restart_interval;
    let (mut until_restart, mut restarts, mut came) = (interval, 0, 0usize);
    for _ in 0..layout.units.1 {
        if stop::is_asked() {
            break;
        }
        for unit in 0..layout.units.0 {
            if interval > 0 && until_restart == 0 {
                picture.restart(restarts, &mut readers);
                restarts += 1;
                until_restart = interval;
            }
            until_restart = until_restart.wrapping_sub(1);
            if picture.is_over {
                picture.fill(unit, layout, inverses);
                continue;
            }
            let mut is_sound = true;
            for (reader, component) in readers.iter_mut().zip(of) {
                let part = &layout.components[*component];
                let blocks = (part.across, part.down);
                picture.unit(unit, blocks, reader, &inverses[*component], *component);
                is_sound &= !reader.is_broken;
            }
            picture.is_over = picture.bits.is_overrun(picture.cursor);
            came += usize::from(is_sound && !picture.is_over);
        }
        picture.canvas.finish_units();
    }
    let all = layout.units.0 * layout.units.1;
    Some((
        picture.canvas.into_pixels(),
        came as f64 / all.max(1) as f64,
    ))
}

/// What is read, and what becomes of it.
struct Picture<'a> {
    bits: Bits<'a>,
    cursor: Cursor,
    is_over: bool,
    canvas: Canvas,
}

impl Picture<'_> {
    fn restart(&mut self, number: usize, readers: &mut [Reader<'_>]) {
        self.cursor = Cursor::default();
        if self.bits.restart(number) {
            self.is_over = false;
        }
        for reader in readers {
            (reader.mean, reader.is_broken) = (0, false);
        }
    }

    /// Reads a component's blocks of the unit at this place in its row, and writes their pixels.
    #[inline(always)]
    fn unit(
        &mut self,
        unit: usize,
        (across, down): (usize, usize),
        reader: &mut Reader<'_>,
        inverse: &Inverse,
        component: usize,
    ) {
        let (width, height) = inverse.size;
        let Plane {
            pixels,
            stride,
            from,
            ..
        } = &mut self.canvas.planes[component];
        for line in 0..down {
            for column in 0..across {
                self.cursor = self.bits.ready(self.cursor);
                let at = *from + line * height * *stride + (unit * across + column) * width;
                let bytes = self.bits.bytes();
                let end = match inverse.last {
                    0 => reader.block::<1>(bytes, &mut self.cursor),
                    4 => reader.block::<5>(bytes, &mut self.cursor),
                    _ => reader.block::<64>(bytes, &mut self.cursor),
                };
                inverse.write(&reader.block, end, pixels, at, *stride);
            }
        }
    }

    /// Writes a unit that is not there: the middle grey.
    fn fill(&mut self, unit: usize, layout: &Layout, inverses: &[Inverse]) {
        let parts = layout.components.iter().zip(inverses);
        for ((component, inverse), plane) in parts.zip(&mut self.canvas.planes) {
            let (width, height) = inverse.size;
            for line in 0..component.down {
                for column in 0..component.across {
                    let at = plane.from
                        + line * height * plane.stride
                        + (unit * component.across + column) * width;
                    inverse.write(&[0; 64], 0, &mut plane.pixels, at, plane.stride);
                }
            }
        }
    }
}

impl Reader<'_> {
    /// Reads a block of whose coefficients at most the first `N` count, and tells the last one
    /// that is set.
    #[inline(never)]
    fn block<const N: usize>(&mut self, bytes: &[u8], from: &mut Cursor) -> usize {
        // Its own copy, so that it stays in registers.
        let mut own = *from;
        self.block[..N].fill(0);
        let mut end = 0;
        if self.coefficients::<N>(bytes, &mut own, &mut end).is_none() {
            self.is_broken = true;
        }
        *from = own;
        end
    }

    #[inline(always)]
    fn coefficients<const N: usize>(
        &mut self,
        bytes: &[u8],
        cursor: &mut Cursor,
        end: &mut usize,
    ) -> Option<()> {
        let last = self.last.min(N - 1);
        cursor.refill(bytes)?;
        // No code of a difference stands for none, and what follows is read all the same.
        match self.dc.next(cursor) {
            Some(difference) => self.mean = self.mean.wrapping_add(difference.value),
            None => self.is_broken = true,
        }
        self.block[0] = self.mean;
        let mut place = 0;
        while place < last {
            cursor.refill(bytes)?;
            let coefficient = self.ac.values.next(cursor)?;
            place += coefficient.ahead;
            if place <= last {
                self.block[place & 63] = coefficient.value;
                *end = place;
            } else if place > 63 && coefficient.value != 0 {
                // As libjpeg-turbo has it.
                self.block[N - 1] = coefficient.value;
                *end = N - 1;
                return None;
            }
        }
        match &self.ac.skips {
            Some(skips) => skips.rest_of_block(&self.ac.values, place, bytes, cursor),
            None => Some(()),
        }
    }
}

/// A sequential scan whose blocks are kept.
pub struct Sequential<'a, 't> {
    bits: Bits<'a>,
    cursor: Cursor,
    is_over: bool,
    readers: Vec<Reader<'t>>,
}

impl<'a, 't> Sequential<'a, 't> {
    /// The scan that begins `data`. `kept` tells how many coefficients of a component are wanted.
    pub fn new(
        data: &'a [u8],
        scan: &Scan,
        codes: &'t Codes,
        kept: impl Fn(usize) -> usize,
    ) -> Option<Self> {
        Some(Self {
            bits: Bits::new(data),
            cursor: Cursor::default(),
            is_over: false,
            readers: codes.readers(scan, |at| kept(at) - 1)?,
        })
    }

    /// What follows it.
    pub fn rest(&self) -> &'a [u8] {
        self.bits.rest()
    }
}

impl Coder for Sequential<'_, '_> {
    fn restart(&mut self, number: usize) {
        self.cursor = Cursor::default();
        if self.bits.restart(number) {
            self.is_over = false;
        }
        for reader in &mut self.readers {
            (reader.mean, reader.is_broken) = (0, false);
        }
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn block(&mut self, at: usize, values: &mut [i16], set: &mut u64) {
        let reader = &mut self.readers[at];
        self.cursor = self.bits.ready(self.cursor);
        let end = reader.block::<64>(self.bits.bytes(), &mut self.cursor);
        *set = 0;
        for (place, (value, kept)) in reader.block[..=end].iter().zip(values).enumerate() {
            *kept = *value as i16;
            *set |= u64::from(*value != 0) << place;
        }
    }

    fn is_sound(&mut self) -> bool {
        self.is_over = self.bits.is_overrun(self.cursor);
        !self.is_over && !self.readers.iter().any(|reader| reader.is_broken)
    }
}
