//! The bits of one scan: stuffed zeros taken out a chunk at a time, then read eight bytes at once.

use memchr::memchr;

use super::marker;

/// Bytes prepared at once: they stay in the fastest cache.
const CHUNK: usize = 16 * 1024;

/// Bytes that are ready after [`Bits::ready`]: more than any block has.
const READY: usize = 512;

/// Bits that are there after [`Cursor::refill`].
pub const REFILLED: u32 = 56;

/// A place in the prepared bytes. Passed about by value, so that it can stay in registers.
#[derive(Clone, Copy, Default)]
pub struct Cursor {
    /// The next bits, from the highest on.
    pub word: u64,
    /// How many of them count. Lower ones may be set, to what the next refill sets them to.
    pub left: u32,
    /// The byte after them.
    at: usize,
}

impl Cursor {
    /// Makes at least [`REFILLED`] bits ready; none if `bytes` are at their end.
    #[inline(always)]
    pub fn refill(&mut self, bytes: &[u8]) -> Option<()> {
        let ahead = bytes.get(self.at..)?.first_chunk::<8>()?;
        self.word |= u64::from_be_bytes(*ahead) >> self.left;
        self.at += ((63 - self.left) >> 3) as usize;
        self.left |= REFILLED;
        Some(())
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

    /// Takes `count` bits, 0 to 16 of them, of those that are ready.
    #[inline(always)]
    pub const fn take(&mut self, count: u32) -> u32 {
        // In two steps, for a shift by 64 is none.
        let taken = (self.word >> 1 >> (63 - count)) as u32;
        self.pass(count);
        taken
    }
}

/// Prepares the bytes of a scan, one restart interval after the other.
///
/// Beyond the end of an interval there are zeros, so reading a block never fails;
/// [`Bits::is_overrun`] tells.
pub struct Bits<'a> {
    /// What is not yet prepared.
    source: &'a [u8],
    bytes: Vec<u8>,
    /// Zeros at the end of `bytes` that the file does not have.
    made_up: usize,
}

impl<'a> Bits<'a> {
    /// `scan` begins with the bits and may go on behind them.
    pub fn new(scan: &'a [u8]) -> Self {
        Self {
            source: scan,
            bytes: Vec::with_capacity(CHUNK + READY),
            made_up: 0,
        }
    }

    /// The prepared bytes.
    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The cursor moved so that a block can be read.
    #[inline(always)]
    pub fn ready(&mut self, cursor: Cursor) -> Cursor {
        if self.bytes.len() < cursor.at + READY {
            return self.prepare(cursor);
        }
        cursor
    }

    #[cold]
    #[inline(never)]
    fn prepare(&mut self, cursor: Cursor) -> Cursor {
        self.bytes.drain(..cursor.at);
        while self.bytes.len() < CHUNK {
            let room = self.source.len().min(CHUNK - self.bytes.len());
            let plain = memchr(0xFF, &self.source[..room]).unwrap_or(room);
            self.bytes.extend_from_slice(&self.source[..plain]);
            self.source = &self.source[plain..];
            if plain == room && room > 0 {
                continue;
            }
            // Any number of `FF` may stand before what follows them.
            let filling = self.source.iter().take_while(|byte| **byte == 0xFF).count();
            self.source = &self.source[filling.saturating_sub(1)..];
            if self.source.get(1) != Some(&0x00) {
                break;
            }
            self.bytes.push(0xFF);
            self.source = &self.source[2..];
        }
        if self.bytes.len() < READY {
            self.bytes.resize(self.bytes.len() + READY, 0);
            self.made_up += READY;
        }
        Cursor { at: 0, ..cursor }
    }

    /// Bits that the interval still has; none if more were passed than it had.
    fn unread(&self, cursor: Cursor) -> Option<usize> {
        let unread = 8 * (self.bytes.len() - cursor.at) + cursor.left as usize;
        unread.checked_sub(8 * self.made_up)
    }

    /// Whether more bits were passed than the interval has.
    #[inline(always)]
    pub fn is_overrun(&self, cursor: Cursor) -> bool {
        self.made_up > 0 && self.unread(cursor).is_none()
    }

    /// What is not yet read, which may begin with the marker at which the interval ends.
    pub const fn rest(&self) -> &'a [u8] {
        self.source
    }

    /// Goes on with the next interval, behind restart marker `number` modulo 8. False where that is
    /// missing: then the interval is empty.
    pub fn restart(&mut self, number: usize) -> bool {
        let (rest, found) = marker::restart(self.source, number);
        self.source = rest;
        self.bytes.clear();
        self.made_up = 0;
        found
    }
}
