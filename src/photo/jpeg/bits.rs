//! The bits of one scan: stuffed zeros taken out a chunk at a time, then read eight bytes at once.

use memchr::memchr;

/// Bytes prepared at once: they stay in the fastest cache.
const CHUNK: usize = 16 * 1024;

/// Bits that are there after [`Bits::refill`].
pub const REFILLED: u32 = 56;

/// Reads the bits of a scan, one restart interval after the other.
///
/// Beyond the end of an interval it reads zeros, so reading never fails; [`Bits::is_overrun`] and
/// [`Bits::end`] tell.
pub struct Bits<'a> {
    /// What is not yet prepared.
    source: &'a [u8],
    /// Prepared bytes.
    chunk: Vec<u8>,
    /// The next byte of `chunk`.
    at: usize,
    /// Zeros at the end of `chunk` that the file does not have.
    made_up: usize,
    /// The next bits, from the highest on.
    pub word: u64,
    /// How many of them count. Lower ones may be set, to what the next refill sets them to.
    pub left: u32,
}

impl<'a> Bits<'a> {
    /// `scan` begins with the bits and may go on behind them.
    pub fn new(scan: &'a [u8]) -> Self {
        let mut bits = Self {
            source: scan,
            chunk: Vec::with_capacity(CHUNK + 16),
            at: 0,
            made_up: 0,
            word: 0,
            left: 0,
        };
        bits.refill();
        bits
    }

    /// Makes at least [`REFILLED`] bits ready.
    #[inline(always)]
    pub fn refill(&mut self) {
        let mut ahead = self.chunk.get(self.at..self.at + 8);
        if ahead.is_none() {
            self.prepare();
            ahead = self.chunk.get(self.at..self.at + 8);
        }
        if let Some(&[a, b, c, d, e, f, g, h]) = ahead {
            self.word |= u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> self.left;
            self.at += ((63 - self.left) >> 3) as usize;
            self.left |= REFILLED;
        }
    }

    /// The next `count` bits, 1 to 32 of them, which stay.
    #[inline(always)]
    pub const fn peek(&self, count: u32) -> u32 {
        (self.word >> (64 - count)) as u32
    }

    /// Passes `count` bits, of those that are ready.
    #[inline(always)]
    pub const fn pass(&mut self, count: u32) {
        self.word <<= count;
        self.left -= count;
    }

    /// Takes `count` bits, 0 to 16 of them.
    #[inline(always)]
    pub fn take(&mut self, count: u32) -> u32 {
        if self.left < 16 {
            self.refill();
        }
        // In two steps, for a shift by 64 is none.
        let taken = (self.word >> 1 >> (63 - count)) as u32;
        self.pass(count);
        taken
    }

    #[cold]
    #[inline(never)]
    fn prepare(&mut self) {
        self.chunk.drain(..self.at);
        self.at = 0;
        while self.chunk.len() < CHUNK {
            let room = self.source.len().min(CHUNK - self.chunk.len());
            let plain = memchr(0xFF, &self.source[..room]).unwrap_or(room);
            self.chunk.extend_from_slice(&self.source[..plain]);
            self.source = &self.source[plain..];
            if plain == room && room > 0 {
                continue;
            }
            if !self.source.starts_with(&[0xFF, 0x00]) {
                break;
            }
            self.chunk.push(0xFF);
            self.source = &self.source[2..];
        }
        if self.chunk.len() < 8 {
            self.chunk.extend_from_slice(&[0; 8]);
            self.made_up += 8;
        }
    }

    /// Whether more bits were passed than the interval has.
    pub const fn is_overrun(&self) -> bool {
        let unread = 8 * (self.chunk.len() - self.at) + self.left as usize;
        unread < 8 * self.made_up
    }

    /// What follows the interval: none if its bits do not end here, up to the filling of a byte.
    pub fn end(&mut self) -> Option<&'a [u8]> {
        if self.chunk.len() - self.at < 8 {
            self.prepare();
        }
        let unread = 8 * (self.chunk.len() - self.at) + self.left as usize;
        let real = unread.checked_sub(8 * self.made_up)?;
        let ends = real < 8 && self.source.first() == Some(&0xFF);
        ends.then_some(self.source)
    }

    /// Goes on with the next interval, behind restart marker `number` modulo 8.
    pub fn restart(&mut self, number: usize) -> Option<()> {
        let rest = self.end()?;
        let marker = 0xD0 + (number % 8) as u8;
        self.source = rest.strip_prefix(&[0xFF, marker])?;
        self.chunk.clear();
        (self.at, self.made_up, self.word, self.left) = (0, 0, 0, 0);
        self.refill();
        Some(())
    }
}
