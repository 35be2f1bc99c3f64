//! How a chunk's bytes are made smaller, and larger again.
//!
//! A chunk that breaks off gives what comes before: nothing here fails. What a decoder may read of a
//! chunk is bounded by what it is to become, so that a file whose thousand chunks are all the same
//! megabyte of nothing costs no more than its pixels.
//!
//! References: TIFF 6.0, sections 9 and 13; Adobe's Technical Notes (Deflate); libtiff's `tif_lzw.c` for
//! the older order of bits, `tif_thunder.c` for `ThunderScan`; RFC 8878 (Zstandard); the .xz format 1.1.

use std::io::Read;

use flate2::{Decompress, FlushDecompress};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use weezl::{BitOrder, LzwStatus};

use super::super::super::directory::Directory;
use super::super::super::source::Source;
use super::super::super::stop;
use super::fax::{self, Scheme};
use crate::error::{PhotoError, Result};

/// A way of making a chunk smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Fax(Scheme),
    Lzw,
    Deflate,
    PackBits,
    ThunderScan,
    Zstandard,
    Lzma,
    WebP,
    Jpeg,
    /// Of TIFF 6.0, in one stream.
    OldJpeg,
    Jpeg2000,
}

impl Compression {
    pub fn of(tags: &Directory, source: &Source) -> Result<Self, PhotoError> {
        let options = |tag| tags.number(tag).unwrap_or(0);
        let name = match tags.number(259).unwrap_or(1) {
            // 0 is of no specification, but of some programs.
            0 | 1 => return Ok(Self::None),
            2 => return Ok(Self::Fax(Scheme::Runs { of_words: false })),
            3 => {
                let is_two = options(292) & 1 == 1;
                return Ok(Self::Fax(Scheme::Group3 { is_two }));
            }
            4 => return Ok(Self::Fax(Scheme::Group4)),
            5 => return Ok(Self::Lzw),
            6 => return Ok(Self::OldJpeg),
            7 | 99 => return Ok(Self::Jpeg),
            8 | 32946 => return Ok(Self::Deflate),
            32771 => return Ok(Self::Fax(Scheme::Runs { of_words: true })),
            32773 => return Ok(Self::PackBits),
            32809 => return Ok(Self::ThunderScan),
            34925 => return Ok(Self::Lzma),
            50000 | 34926 => return Ok(Self::Zstandard),
            50001 | 34927 => return Ok(Self::WebP),
            9 | 10 | 34661 => "JBIG in a TIFF",
            32766 => "a TIFF of NeXT's compression",
            34663 => "JBIG2 in a TIFF",
            34676 | 34677 => "a TIFF of SGI's compression of logarithms",
            33003 | 33005 | 34712 => return Ok(Self::Jpeg2000),
            34892 => "lossy DNG",
            34887 => "LERC in a TIFF",
            34933 => "PNG in a TIFF",
            34934 | 22610 => "JPEG XR in a TIFF",
            50002 | 52546 => "JPEG XL in a TIFF",
            other => {
                return Err(source.not_supported(format!("TIFF with compression {other}")));
            }
        };
        Err(source.not_supported(name))
    }

    /// As libtiff has it: others do not look at the tag.
    pub const fn has_predictor(self) -> bool {
        matches!(
            self,
            Self::Lzw | Self::Deflate | Self::Zstandard | Self::Lzma
        )
    }

    pub const fn is_bilevel(self) -> bool {
        matches!(self, Self::Fax(_))
    }

    pub const fn is_jpeg(self) -> bool {
        matches!(self, Self::Jpeg | Self::OldJpeg)
    }

    pub const fn is_old_jpeg(self) -> bool {
        matches!(self, Self::OldJpeg)
    }

    /// Whether each chunk is a whole picture of another format.
    pub const fn is_picture(self) -> bool {
        matches!(
            self,
            Self::Jpeg | Self::OldJpeg | Self::WebP | Self::Jpeg2000
        )
    }
}

/// Bytes that a chunk may have more than it becomes: no decoder needs them.
const MORE: usize = 1 << 16;

/// Bytes that are read of a chunk that becomes `len`.
pub const fn most(len: usize) -> usize {
    len.saturating_mul(2).saturating_add(MORE)
}

/// Decodes a chunk into `to`, and tells how many bytes of it are there. `width` is of a row, in pixels.
pub fn decode(compression: Compression, chunk: &[u8], width: usize, to: &mut [u8]) -> usize {
    let chunk = &chunk[..chunk.len().min(most(to.len()))];
    match compression {
        Compression::None => {
            let len = chunk.len().min(to.len());
            to[..len].copy_from_slice(&chunk[..len]);
            len
        }
        Compression::Fax(scheme) => fax::decode(chunk, scheme, width, to) * width.div_ceil(8),
        Compression::Lzw => lzw(chunk, to),
        Compression::Deflate => deflate(chunk, to),
        Compression::PackBits => pack_bits(chunk, to),
        Compression::ThunderScan => thunder_scan(chunk, width, to),
        Compression::Zstandard => StreamingDecoder::new(chunk).map_or(0, |stream| read(stream, to)),
        Compression::Lzma => {
            // A dictionary larger than the chunk is of no use.
            let most = 2 * to.len() as u64 / 1024 + DICTIONARY;
            let most = u32::try_from(most).unwrap_or(u32::MAX - 1);
            read(XzReader::new_mem_limit(chunk, true, most), to)
        }
        Compression::Jpeg | Compression::OldJpeg | Compression::WebP | Compression::Jpeg2000 => 0,
    }
}

/// KiB that an LZMA decoder may take whatever it decodes: the dictionary of its highest preset.
const DICTIONARY: u64 = 72 << 10;

/// Bytes that decoding a chunk into `len` bytes takes besides them.
pub const fn needed(compression: Compression, len: u64) -> u64 {
    match compression {
        Compression::Zstandard => 2 * len + (1 << 20),
        Compression::Lzma => 2 * len + (DICTIONARY << 10),
        _ => 1 << 18,
    }
}

fn read(mut stream: impl Read, to: &mut [u8]) -> usize {
    let mut len = 0;
    while len < to.len() && !stop::is_asked() {
        let until = to.len().min(len + (1 << 20));
        match stream.read(&mut to[len..until]) {
            Ok(0) | Err(_) => break,
            Ok(more) => len += more,
        }
    }
    len
}

fn lzw(chunk: &[u8], to: &mut [u8]) -> usize {
    // Before TIFF 5.0 the lowest bit came first: the code that clears, 256, begins with eight zeros then.
    let is_old = matches!(chunk, [0, second, ..] if second & 1 == 1);
    let mut decoder = if is_old {
        weezl::decode::Decoder::new(BitOrder::Lsb, 8)
    } else {
        weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    let (mut from, mut len) = (0, 0);
    while len < to.len() && !stop::is_asked() {
        let until = to.len().min(len + (1 << 20));
        let step = decoder.decode_bytes(&chunk[from..], &mut to[len..until]);
        from += step.consumed_in;
        len += step.consumed_out;
        let stuck = step.consumed_in == 0 && step.consumed_out == 0;
        if stuck || !matches!(step.status, Ok(LzwStatus::Ok)) {
            break;
        }
    }
    len
}

fn deflate(chunk: &[u8], to: &mut [u8]) -> usize {
    let mut decoder = Decompress::new(true);
    while (decoder.total_out() as usize) < to.len() && !stop::is_asked() {
        let (from, len) = (decoder.total_in() as usize, decoder.total_out() as usize);
        let until = to.len().min(len + (1 << 20));
        let step = decoder.decompress(&chunk[from..], &mut to[len..until], FlushDecompress::None);
        let is_stuck = decoder.total_in() as usize == from && decoder.total_out() as usize == len;
        if is_stuck || !matches!(step, Ok(flate2::Status::Ok)) {
            break;
        }
    }
    decoder.total_out() as usize
}

/// Bytes, and runs of one byte; tells how many came of them.
pub fn pack_bits(chunk: &[u8], to: &mut [u8]) -> usize {
    let (mut from, mut len) = (0, 0);
    while len < to.len() {
        let Some(head) = chunk.get(from) else {
            break;
        };
        from += 1;
        let head = *head as i8;
        if head == -128 {
            continue;
        }
        let count = usize::from(head.unsigned_abs()) + 1;
        let count = count.min(to.len() - len);
        if head < 0 {
            let Some(byte) = chunk.get(from) else {
                break;
            };
            to[len..len + count].fill(*byte);
            from += 1;
            len += count;
        } else {
            let count = count.min(chunk.len() - from);
            to[len..len + count].copy_from_slice(&chunk[from..from + count]);
            from += count;
            len += count;
        }
    }
    len
}

/// Two pixels of four bits in a byte; rows begin with a byte.
fn thunder_scan(chunk: &[u8], width: usize, to: &mut [u8]) -> usize {
    let stride = width.div_ceil(2);
    let mut codes = chunk.iter();
    for (index, row) in to.chunks_exact_mut(stride).enumerate() {
        let (mut at, mut last) = (0, 0_u8);
        let mut put = |at: &mut usize, value: u8| {
            if *at < width {
                row[*at / 2] |= (value & 15) << (4 * (1 - *at % 2));
            }
            *at += 1;
        };
        while at < width {
            let Some(code) = codes.next() else {
                return index * stride;
            };
            match code >> 6 {
                0 => {
                    for _ in 0..code & 63 {
                        put(&mut at, last);
                    }
                }
                // Differences of two bits, and of three; one number of each says that there is none.
                1 => {
                    for shift in [4, 2, 0] {
                        let step = [0, 1, 0, 255][usize::from(code >> shift & 3)];
                        if code >> shift & 3 != 2 {
                            last = last.wrapping_add(step);
                            put(&mut at, last);
                        }
                    }
                }
                2 => {
                    for shift in [3, 0] {
                        let step = [0, 1, 2, 3, 0, 253, 254, 255][usize::from(code >> shift & 7)];
                        if code >> shift & 7 != 4 {
                            last = last.wrapping_add(step);
                            put(&mut at, last);
                        }
                    }
                }
                _ => {
                    last = code & 15;
                    put(&mut at, last);
                }
            }
            last &= 15;
        }
    }
    to.len() / stride.max(1) * stride
}
