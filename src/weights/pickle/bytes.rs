//! A pickle's bytes, read one operand at a time.

use std::io::{self, Read};

use super::{MAX_BYTES, PickleError, Result};

/// Longest name of a module, a class or a function, in bytes.
const MAX_LINE: usize = 1000;

/// The bytes of pickles, counted: the old torch format has its numbers right behind them.
pub struct Bytes<R> {
    inner: R,
    /// How many were read so far.
    pub consumed: u64,
}

impl<R: Read> Bytes<R> {
    pub const fn new(inner: R) -> Self {
        Self { inner, consumed: 0 }
    }

    pub fn byte(&mut self) -> Result<u8> {
        self.exact().map(|[byte]| byte)
    }

    pub fn exact<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.count(N as u64)?;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Allocates as the bytes come, not as `len` claims.
    pub fn many(&mut self, len: u64) -> Result<Vec<u8>> {
        self.count(len)?;
        let mut bytes = Vec::new();
        self.inner.by_ref().take(len).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < len {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(bytes)
    }

    pub fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                byte if line.len() < MAX_LINE => line.push(byte),
                _ => return Err(PickleError::Operand),
            }
        }
    }

    fn count(&mut self, len: u64) -> Result<()> {
        self.consumed = self.consumed.saturating_add(len);
        if self.consumed > MAX_BYTES {
            return Err(PickleError::TooLarge);
        }
        Ok(())
    }
}
