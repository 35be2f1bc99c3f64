//! Netpbm's formats: PBM, PGM and PPM as text and as bytes, PAM, and PFM.
//!
//! What is cut off is taken as far as it goes. The largest value of a sample is white, whatever number it
//! is; of PFM, which names none, the rule of TIFF's floating numbers holds.
//!
//! References: the manual pages pbm(5), pgm(5), ppm(5), pam(5) and pfm(5) of Netpbm.

use super::super::decoded::{Decoded, Stored};
use super::super::source::Source;
use super::super::stop;
use super::tiff::layout::Numbers;
use super::tiff::range::Range;
use crate::error::{PhotoError, Result};

/// How the samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// Numbers in words, or single digits.
    Text {
        is_bits: bool,
    },
    /// Eight pixels in a byte; 1 is black.
    Bits,
    Bytes,
    /// Four bytes a sample, the last row first.
    Floats {
        is_little: bool,
    },
}

struct Header {
    width: u32,
    height: u32,
    channels: usize,
    /// The value of white.
    most: u32,
    coding: Coding,
}

/// The picture.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    let mut words = Words {
        bytes: source.bytes,
        at: 0,
    };
    let header = Header::read(&mut words);
    let header = header.ok_or_else(|| source.damaged("its header has no meaning"))?;
    source.check_size(header.width, header.height)?;
    if !(1..=65535).contains(&header.most) || !(1..=4).contains(&header.channels) {
        let what = format!("PNM of {} samples up to {}", header.channels, header.most);
        return Err(source.not_supported(what));
    }
    let samples = u64::from(header.width) * u64::from(header.height) * header.channels as u64;
    let of_sample = if matches!(header.coding, Coding::Floats { .. }) {
        6
    } else {
        3
    };
    let share = source.share(of_sample * samples)?;
    let (values, count) = header.values(&mut words, samples as usize);
    if stop::is_asked() || count == 0 {
        return Err(source.damaged("none of its pixels are there"));
    }
    let stored = header
        .image(values)
        .ok_or_else(|| source.damaged("its size is wrong"))?;
    Ok(Decoded {
        present: (count as f64 / samples as f64) as f32,
        ..Decoded::whole(stored, share)
    })
}

impl Header {
    fn read(words: &mut Words) -> Option<Self> {
        let kind = words.next()?;
        if kind == b"P7" {
            return Self::of_pam(words);
        }
        let (channels, coding) = match kind {
            b"P1" => (1, Coding::Text { is_bits: true }),
            b"P2" => (1, Coding::Text { is_bits: false }),
            b"P3" => (3, Coding::Text { is_bits: false }),
            b"P4" => (1, Coding::Bits),
            b"P5" => (1, Coding::Bytes),
            b"P6" => (3, Coding::Bytes),
            b"Pf" => (1, Coding::Floats { is_little: false }),
            b"PF" => (3, Coding::Floats { is_little: false }),
            _ => return None,
        };
        let (width, height) = (words.number()?, words.number()?);
        let mut header = Self {
            width,
            height,
            channels,
            most: 1,
            coding,
        };
        match coding {
            Coding::Floats { .. } => {
                let is_little = words.next()?.starts_with(b"-");
                header.coding = Coding::Floats { is_little };
            }
            Coding::Text { is_bits: false } | Coding::Bytes => header.most = words.number()?,
            _ => {}
        }
        words.at += 1;
        Some(header)
    }

    /// Lines of a name and a value, in any order.
    fn of_pam(words: &mut Words) -> Option<Self> {
        let mut header = Self {
            width: 0,
            height: 0,
            channels: 0,
            most: 0,
            coding: Coding::Bytes,
        };
        loop {
            match words.next()? {
                b"WIDTH" => header.width = words.number()?,
                b"HEIGHT" => header.height = words.number()?,
                b"DEPTH" => header.channels = words.number()? as usize,
                b"MAXVAL" => header.most = words.number()?,
                b"ENDHDR" => break,
                // Their kinds follow from the number of samples.
                _ => words.skip_line(),
            }
        }
        words.at += 1;
        Some(header)
    }

    /// The samples as numbers of 16 bits of which 65535 is white, and how many are there.
    fn values(&self, words: &mut Words, len: usize) -> (Vec<u16>, usize) {
        let most = u64::from(self.most);
        let scaled = |value: u64| ((value.min(most) * 65535 + most / 2) / most) as u16;
        let mut values = vec![0; len];
        let rest = words.bytes.get(words.at..).unwrap_or_default();
        let mut count = 0;
        match self.coding {
            Coding::Text { is_bits } => {
                for to in &mut values {
                    let value = if is_bits {
                        words.digit()
                    } else {
                        words.number()
                    };
                    let Some(value) = value.filter(|_| count % (1 << 16) != 0 || !stop::is_asked())
                    else {
                        break;
                    };
                    *to = if is_bits {
                        scaled(u64::from(1 - value.min(1)))
                    } else {
                        scaled(u64::from(value))
                    };
                    count += 1;
                }
            }
            Coding::Bits => {
                let width = self.width as usize;
                for (row, stored) in values
                    .chunks_exact_mut(width)
                    .zip(rest.chunks_exact(width.div_ceil(8)))
                {
                    for (x, to) in row.iter_mut().enumerate() {
                        *to = if stored[x / 8] >> (7 - x % 8) & 1 == 0 {
                            65535
                        } else {
                            0
                        };
                    }
                    count += width;
                }
            }
            Coding::Bytes => {
                let width = if self.most < 256 { 1 } else { 2 };
                for (to, stored) in values.iter_mut().zip(rest.chunks_exact(width)) {
                    *to = scaled(
                        stored
                            .iter()
                            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
                    );
                    count += 1;
                }
            }
            Coding::Floats { is_little } => count = self.floats(rest, is_little, &mut values),
        }
        (values, count)
    }

    fn floats(&self, rest: &[u8], is_little: bool, values: &mut [u16]) -> usize {
        let stored = rest.chunks_exact(4).take(values.len());
        let number = |four: &[u8]| {
            let bytes = [four[0], four[1], four[2], four[3]];
            if is_little {
                f32::from_le_bytes(bytes)
            } else {
                f32::from_be_bytes(bytes)
            }
        };
        let numbers: Vec<f32> = stored.map(number).collect();
        let range = Range::of(Numbers::Float, 32, numbers.iter().copied());
        let stride = self.width as usize * self.channels;
        for (row, numbers) in values
            .chunks_exact_mut(stride)
            .rev()
            .zip(numbers.chunks(stride))
        {
            for (to, value) in row.iter_mut().zip(numbers) {
                *to = range.sixteen(*value);
            }
        }
        numbers.len()
    }

    fn image(&self, values: Vec<u16>) -> Option<Stored> {
        let size = (self.width, self.height);
        if self.most > 255 || matches!(self.coding, Coding::Floats { .. }) {
            return Stored::of_words(size, self.channels, values);
        }
        let eight = |value: &u16| ((u32::from(*value) + 128) / 257) as u8;
        Stored::of_bytes(size, self.channels, values.iter().map(eight).collect())
    }
}

/// The words of a header, without what stands behind `#`.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| **byte != b'\n').count();
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => self.skip_line(),
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => break,
            }
        }
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let rest = self.bytes.get(self.at..)?;
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'#';
        let len = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at += len;
        (len > 0).then_some(&rest[..len])
    }

    fn number(&mut self) -> Option<u32> {
        std::str::from_utf8(self.next()?).ok()?.parse().ok()
    }

    /// One digit, which needs no space behind it.
    fn digit(&mut self) -> Option<u32> {
        self.skip_space();
        let digit = char::from(*self.bytes.get(self.at)?).to_digit(2)?;
        self.at += 1;
        Some(digit)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Decoded, PhotoError> {
        let path = Path::new("a.pnm");
        decode(&Source {
            path,
            bytes,
            wanted: None,
            seen: None,
        })
    }

    fn grey(bytes: &[u8]) -> Vec<u8> {
        match read(bytes).unwrap().pixels {
            Stored::Image(image) => image.into_luma8().into_raw(),
            Stored::Cmyk(_) => unreachable!("Netpbm has no inks"),
        }
    }

    #[test]
    fn comments_and_spaces_stand_anywhere_in_a_header() {
        assert_eq!(grey(b"P2#a\n# b\n 2\t1 # c\n4\n0 #d\n 4"), [0, 255]);
        assert_eq!(grey(b"P1 3 1 0 11"), [255, 0, 0]);
        assert_eq!(grey(b"P5 2 1 1\n\x01\x00"), [255, 0]);
        assert_eq!(
            grey(
                b"P7\nHEIGHT 1\n# x\nWIDTH 2\nTUPLTYPE A B\nDEPTH 1\nMAXVAL 255\nENDHDR\n\x07\x08"
            ),
            [7, 8]
        );
    }

    #[test]
    fn what_is_missing_is_counted_and_what_has_no_meaning_refused() {
        let present = read(b"P5 4 1 255\nabc").unwrap().present;
        assert!((present - 0.75).abs() < 1e-6, "{present}");
        for bytes in [
            &b"P5"[..],
            b"P5 2",
            b"P9 1 1 1\n0",
            b"P5 1 1 x\n0",
            b"P5 -1 1 1\n0",
        ] {
            assert!(matches!(read(bytes), Err(PhotoError::DamagedPhoto { .. })));
        }
        assert!(matches!(
            read(b"P5 1 1 70000\n0"),
            Err(PhotoError::NotSupported { .. })
        ));
        assert!(matches!(
            read(b"P5 99999 99999 1\n0"),
            Err(PhotoError::TooManyPixels { .. })
        ));
        assert!(matches!(
            read(b"P5 9 0 1\n0"),
            Err(PhotoError::DamagedPhoto { .. })
        ));
    }
}
