//! Scans of progressive JPEGs in Huffman's codes: each has some coefficients or some bits of them.
//!
//! Scans of nothing but unwanted coefficients are skipped. Of other unwanted coefficients only one
//! bit is kept, whether they are set, for scans that refine the wanted ones are read by it.
//!
//! Reference: ITU-T T.81, annex G.

use super::bits::{Bits, Cursor};
use super::huffman::{Huffman, extended};
use super::planes::Coder;
use super::tables::{Scan, Tables};

/// Where a scan is read, and what it remembers from block to block.
pub struct Progressive<'a> {
    codes: Vec<Huffman>,
    pass: Pass<'a>,
}

/// All of it but the codes.
struct Pass<'a> {
    bits: Bits<'a>,
    cursor: Cursor,
    band: Band,
    refines: bool,
    means: [i32; 4],
    /// Blocks without further coefficients.
    empty: u32,
    is_over: bool,
    is_broken: bool,
}

/// The places that a scan is about, and the lowest bit that it tells.
#[derive(Clone, Copy)]
struct Band {
    first: usize,
    last: usize,
    bit: u8,
}

impl<'a> Progressive<'a> {
    /// The scan that begins `data`; none if its codes are missing, or none.
    pub fn new(data: &'a [u8], scan: &Scan, tables: &Tables) -> Option<Self> {
        let band = Band {
            first: scan.band.0,
            last: scan.band.1,
            bit: scan.bits.1,
        };
        let refines = scan.bits.0 > 0;
        let codes = scan.components.iter().map(|(_, dc, ac)| match band.first {
            0 if refines => None,
            0 => Some(tables.dc(*dc)),
            _ => Some(tables.ac(*ac)),
        });
        Some(Self {
            codes: codes.flatten().collect::<Option<Vec<_>>>()?,
            pass: Pass {
                bits: Bits::new(data),
                cursor: Cursor::default(),
                band,
                refines,
                means: [0; 4],
                empty: 0,
                is_over: false,
                is_broken: false,
            },
        })
    }

    /// What follows it.
    pub const fn rest(&self) -> &'a [u8] {
        self.pass.bits.rest()
    }
}

impl Pass<'_> {
    /// Reads a first coefficient, or (without `codes`) one more bit of it.
    #[inline(always)]
    fn mean(&mut self, at: usize, codes: Option<&Huffman>, value: &mut i16) -> Option<()> {
        self.cursor.refill(self.bits.bytes())?;
        let bit = self.band.bit;
        let Some(codes) = codes else {
            *value |= (self.cursor.take(1) as i16) << bit;
            return Some(());
        };
        let size = u32::from(codes.symbol(&mut self.cursor)? & 15);
        let difference = extended(self.cursor.take(size), size);
        let mean = self.means.get_mut(at)?;
        *mean = mean.wrapping_add(difference);
        *value = (*mean << bit) as i16;
        Some(())
    }

    /// Reads the upper bits of a block's coefficients.
    #[inline(always)]
    fn first(&mut self, codes: &Huffman, values: &mut [i16], set: &mut u64) -> Option<()> {
        let band = self.band;
        let bytes = self.bits.bytes();
        let cursor = &mut self.cursor;
        let mut place = band.first;
        while place <= band.last {
            cursor.refill(bytes)?;
            let symbol = codes.symbol(cursor)?;
            let (run, size) = (symbol >> 4, u32::from(symbol & 15));
            if size == 0 && run < 15 {
                self.empty = (1 << run) - 1 + cursor.take(u32::from(run));
                break;
            }
            place += usize::from(run);
            if size > 0 {
                let value = extended(cursor.take(size), size);
                // Beyond the block there is none; as libjpeg-turbo has it.
                let at = place.min(63);
                *set |= 1 << at;
                if let Some(kept) = values.get_mut(at) {
                    *kept = (value << band.bit) as i16;
                }
                if place > band.last {
                    return None;
                }
            }
            place += 1;
        }
        Some(())
    }

    /// Reads one more bit of a block's coefficients, and those that are only now set.
    #[inline(always)]
    fn refine(&mut self, codes: &Huffman, values: &mut [i16], set: &mut u64) -> Option<()> {
        let band = self.band;
        let bytes = self.bits.bytes();
        let cursor = &mut self.cursor;
        let mut place = band.first;
        while self.empty == 0 && place <= band.last {
            cursor.refill(bytes)?;
            let symbol = codes.symbol(cursor)?;
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
                cursor,
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
                cursor,
                bytes,
                band.bit,
                *set & places(place, band.last),
                values,
            )?;
            self.empty -= 1;
        }
        Some(())
    }
}

impl Coder for Progressive<'_> {
    fn restart(&mut self, number: usize) {
        let pass = &mut self.pass;
        pass.cursor = Cursor::default();
        if pass.bits.restart(number) {
            pass.is_over = false;
        }
        (pass.means, pass.empty, pass.is_broken) = ([0; 4], 0, false);
    }

    #[inline(always)]
    fn is_over(&self) -> bool {
        self.pass.is_over
    }

    #[inline(always)]
    fn block(&mut self, at: usize, values: &mut [i16], set: &mut u64) {
        let Self { codes, pass } = self;
        if pass.band.first > 0 && !pass.refines && pass.empty > 0 {
            pass.empty -= 1;
            return;
        }
        pass.cursor = pass.bits.ready(pass.cursor);
        let read = match (pass.band.first, pass.refines, codes.get(at)) {
            (0, _, codes) => match values {
                [value, ..] => pass.mean(at, codes, value),
                [] => None,
            },
            (_, true, Some(codes)) => pass.refine(codes, values, set),
            (_, false, Some(codes)) => pass.first(codes, values, set),
            (.., None) => None,
        };
        if read.is_none() {
            pass.is_broken = true;
        }
    }

    #[inline(always)]
    fn is_sound(&mut self) -> bool {
        let pass = &mut self.pass;
        pass.is_over = pass.bits.is_overrun(pass.cursor);
        !pass.is_over && !pass.is_broken
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
