//! Huffman codes as tables: which symbol, which value, or how far to skip, at one look.

use super::bits::{Cursor, REFILLED};

/// Bits that [`Huffman`] and [`Skips`] look at. Two tables of 16 KiB stay in the fastest cache.
pub const LOOK: u32 = 13;

/// Bits that [`Values`] looks at.
const VALUE_LOOK: u32 = 10;

/// The codes of one table.
pub struct Huffman {
    /// For each beginning of [`LOOK`] bits the symbol (high byte) and the length of its code (low
    /// byte); 0 where the code is longer or there is none.
    short: Box<[u16; 1 << LOOK]>,
    /// For each length the first code that is longer, as 16 bits.
    limits: [u32; 17],
    /// For each length what to add to a code to get its place in `symbols`.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// `counts` says how many codes of length 1 to 16 there are. None if they are too many.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            short: Box::new([0; 1 << LOOK]),
            limits: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16 {
            table.offsets[length] = place as i32 - code as i32;
            for _ in 0..counts[length - 1] {
                let symbol = *symbols.get(place)?;
                if code >> length != 0 {
                    return None;
                }
                table.enter(code, length as u32, symbol);
                code += 1;
                place += 1;
            }
            table.limits[length] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    fn enter(&mut self, code: u32, length: u32, symbol: u8) {
        if length > LOOK {
            return;
        }
        let (from, count) = (code << (LOOK - length), 1 << (LOOK - length));
        let entry = u16::from(symbol) << 8 | length as u16;
        self.short[from as usize..(from + count) as usize].fill(entry);
    }

    /// Takes the next symbol, of 17 bits that must be ready; none if no code begins so: then as many
    /// bits are passed as libjpeg-turbo does.
    #[inline(always)]
    pub fn symbol(&self, cursor: &mut Cursor) -> Option<u8> {
        let mut entry = self.short[cursor.peek(LOOK) as usize];
        if entry == 0 {
            let Some(long) = self.long(cursor.peek(16)) else {
                cursor.pass(17);
                return None;
            };
            entry = long;
        }
        cursor.pass(u32::from(entry & 0xFF));
        Some((entry >> 8) as u8)
    }

    /// As an entry of `short`, for any code.
    #[cold]
    #[inline(never)]
    fn long(&self, next: u32) -> Option<u16> {
        let length = (1..=16).find(|length| next < self.limits[*length])?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length];
        let symbol = self.symbols.get(usize::try_from(place).ok()?)?;
        Some(u16::from(*symbol) << 8 | length as u16)
    }
}

/// The number that `size` bits of JPEG stand for: with the highest bit unset it is negative.
#[inline(always)]
pub const fn extended(bits: u32, size: u32) -> i32 {
    let half = 1 << size >> 1;
    if (bits as i32) < half {
        bits as i32 - (1 << size) + 1
    } else {
        bits as i32
    }
}

/// A coefficient: how many places after the last one it is, and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient {
    /// 1 to 16, or [`END`].
    pub ahead: usize,
    pub value: i32,
}

/// `ahead` at the end of a block: more than any place.
pub const END: usize = 128;

/// Coefficients of a sequential scan.
pub struct Values {
    /// For each beginning of [`VALUE_LOOK`] bits value, places ahead, and bits in all: 16, 8 and 8
    /// bits; 0 where they are more.
    entries: Box<[u32; 1 << VALUE_LOOK]>,
    is_dc: bool,
    codes: Huffman,
}

impl Values {
    /// The first coefficients of blocks, as differences.
    pub fn dc(codes: Huffman) -> Self {
        Self::new(codes, true)
    }

    /// The other coefficients.
    pub fn ac(codes: Huffman) -> Self {
        Self::new(codes, false)
    }

    fn new(codes: Huffman, is_dc: bool) -> Self {
        let mut table = Self {
            entries: Box::new([0; 1 << VALUE_LOOK]),
            is_dc,
            codes,
        };
        let entry = |look: u32| {
            let code = table.codes.short[(look << (LOOK - VALUE_LOOK)) as usize];
            let (symbol, length) = ((code >> 8) as u8, u32::from(code & 0xFF));
            let (ahead, size) = table.meaning(symbol);
            if length == 0 || length + size > VALUE_LOOK {
                return 0;
            }
            let behind = VALUE_LOOK - length - size;
            let value = extended(look >> behind & ((1 << size) - 1), size);
            (value as u32) << 16 | (ahead as u32) << 8 | (length + size)
        };
        table.entries = Box::new(std::array::from_fn(|look| entry(look as u32)));
        table
    }

    /// Places ahead, and the size of the value.
    const fn meaning(&self, symbol: u8) -> (usize, u32) {
        let (run, size) = ((symbol >> 4) as usize, (symbol & 15) as u32);
        match (self.is_dc, run, size) {
            (true, ..) => (0, size),
            (false, 15, 0) => (16, 0),
            (false, _, 0) => (END, 0),
            (false, ..) => (run + 1, size),
        }
    }

    /// Takes the next coefficient, of 32 bits that must be ready; none if no code begins so.
    #[inline(always)]
    pub fn next(&self, cursor: &mut Cursor) -> Option<Coefficient> {
        let entry = self.entries[cursor.peek(VALUE_LOOK) as usize];
        if entry == 0 {
            let symbol = self.codes.symbol(cursor)?;
            let (ahead, size) = self.meaning(symbol);
            let value = extended(cursor.take(size), size);
            return Some(Coefficient { ahead, value });
        }
        cursor.pass(entry & 0xFF);
        Some(Coefficient {
            ahead: (entry >> 8 & 0xFF) as usize,
            value: entry as i32 >> 16,
        })
    }
}

/// Coefficients that nobody wants, several at one look.
///
/// Each entry has the bits of as many whole coefficients as fit into [`LOOK`] bits in its low byte,
/// and in the high one the places they go ahead: [`END`] and one more where the last of them ends
/// the block, [`UNKNOWN`] where not even one fits.
pub struct Skips(Box<[u16; 1 << LOOK]>);

/// Leads beyond the end of any block, but not as far as [`END`].
const UNKNOWN: usize = 64;

/// Looks between two refills.
const LOOKS: u32 = REFILLED / LOOK;

impl Skips {
    /// The codes of `values`, which must not be those of first coefficients.
    pub fn new(values: &Values) -> Self {
        // Entry 2^n + b is for the n bits b: what follows a coefficient are fewer bits, so their
        // entry is there already.
        let mut entries = vec![(UNKNOWN << 8) as u16; 2 << LOOK];
        for known in 1..=LOOK {
            for look in 0..1usize << known {
                let code = values.codes.short[look << (LOOK - known)];
                let (ahead, size) = values.meaning((code >> 8) as u8);
                let length = u32::from(code & 0xFF) + size;
                if code == 0 || length > known {
                    continue;
                }
                let mut entry = (ahead + ahead / END) << 8 | length as usize;
                let behind = 1 << (known - length);
                let more = usize::from(entries[behind + (look & (behind - 1))]);
                if ahead + (more >> 8) % END < 64 {
                    entry += more;
                }
                entries[(1 << known) + look] = entry as u16;
            }
        }
        let whole = entries.last_chunk().unwrap_or(&[0; 1 << LOOK]);
        Self(Box::new(*whole))
    }

    /// Passes the coefficients of a block that follow the one at `place`.
    #[inline(always)]
    pub fn rest_of_block(
        &self,
        values: &Values,
        mut place: usize,
        bytes: &[u8],
        cursor: &mut Cursor,
    ) -> Option<()> {
        while place < 63 {
            cursor.refill(bytes)?;
            let (mut entry, mut ahead) = (0, 0);
            for _ in 0..LOOKS {
                entry = u32::from(self.0[cursor.peek(LOOK) as usize]);
                ahead = place + (entry >> 8) as usize;
                if ahead >= 63 {
                    break;
                }
                place = ahead;
                cursor.pass(entry & 0xFF);
            }
            if ahead < 63 {
                continue;
            }
            if ahead == 63 || (END..END + 64).contains(&ahead) {
                cursor.pass(entry & 0xFF);
                return Some(());
            }
            // The look went beyond the block, or saw nothing whole: one coefficient, then. What was
            // passed before may have left fewer bits than the longest has.
            cursor.refill(bytes)?;
            place += values.next(cursor)?.ahead;
        }
        Some(())
    }
}
