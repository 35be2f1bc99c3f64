//! A file written once, checked block by block where it is first touched.
//!
//! ```text
//! 0      magic, 8 bytes; format u32; length of the JSON u32; where the data end u64; where the JSON is
//!        u64; CRC-32 of the tops and the JSON u32; CRC-32 of these 36 bytes u32
//! 4096   the data: sections, each at a multiple of 64 bytes, padded to whole blocks
//!        a CRC-32 for each block of the data, padded to whole blocks
//!        the tops: a CRC-32 for each block of those
//!        the JSON: what the file is, and where each section lies
//! ```
//!
//! Opening reads the first block, the tops (one millionth of the file) and the JSON, and so costs nothing
//! that grows with it. All numbers are little-endian.

mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::reader::{Blocks, damaged};
pub use self::writer::BlockWriter;

/// Bytes that are checked together.
pub const BLOCK: usize = 4096;
/// Sections begin at multiples of this: a line of the cache, and aligned for any instruction.
const ALIGNMENT: u64 = 64;
/// Bytes of the header.
const HEADER: usize = 40;
/// The largest JSON that is believed.
const MOST_OF_JSON: usize = 4 << 20;

/// Where a section lies, in bytes from the file's beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its first byte.
    pub at: u64,
    /// Its bytes.
    pub len: u64,
}

impl Section {
    /// Where in the file `len` of its bytes from its byte `from` on lie; nothing where they are not all
    /// its own. Both may be anything: what a file says is not to be trusted.
    #[inline]
    fn place(&self, from: usize, len: usize) -> Option<Range<usize>> {
        let end = from.checked_add(len)?;
        if end as u64 > self.len {
            return None;
        }
        let at = self.at as usize;
        Some(at + from..at + end)
    }

    /// Whether it is as long as so many rows of so many values of so many bytes.
    pub fn holds(&self, rows: u64, values: u64, bytes: u64) -> bool {
        let row = values.checked_mul(bytes);
        row.and_then(|row| row.checked_mul(rows)) == Some(self.len)
    }
}

/// What every file says of itself; `about` is its kind's own.
#[derive(Debug, Serialize, Deserialize)]
struct Description<A> {
    sections: BTreeMap<String, Section>,
    about: A,
}

/// A file's first bytes: what its name begins with, so that none is taken for another kind.
fn kind_of(path: &Path) -> [u8; 8] {
    let mut kind = *b"IMGS    ";
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    for (to, from) in kind[4..].iter_mut().zip(name) {
        *to = *from;
    }
    kind
}
