//! The container of TIFF, of EXIF and of most camera files: directories of tags whose values may stand
//! anywhere in the file.
//!
//! Nothing is copied and nothing is allocated: a directory and its values are views of the file, and
//! what would stand outside of it is not there. So a directory of 65,535 tags, each with four thousand
//! million values, costs nothing.
//!
//! Reference: TIFF 6.0, section 2; `BigTIFF` has the same with wider numbers.

/// A file of directories, or a part of a file, in which places are counted from its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    bytes: &'a [u8],
    is_little: bool,
    is_big: bool,
}

/// One directory: a picture's tags.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    container: Container<'a>,
    /// Where its first entry stands, and how many there are.
    first: usize,
    len: usize,
}

/// The values of one tag, as far as the file has them.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    container: Container<'a>,
    kind: u16,
    bytes: &'a [u8],
    /// Whether the file ends before the last of them.
    is_cut: bool,
}

impl<'a> Container<'a> {
    /// The directories of `bytes`, which begin with the byte order; none if they do not. The number
    /// behind it is 43 for `BigTIFF` and may be any other (camera makers have their own).
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let is_little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let classic = Self {
            bytes,
            is_little,
            is_big: false,
        };
        let is_big = classic.number(2, 2)? == 43;
        Some(Self { is_big, ..classic })
    }

    /// The directories of an Exif chunk, with or without the six bytes that JPEG puts before it: those of
    /// a TIFF.
    pub fn of_exif(chunk: &'a [u8]) -> Option<Self> {
        let tiff = chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk);
        let is_classic = matches!(tiff.get(..4)?, b"II*\0" | b"MM\0*");
        Self::new(tiff).filter(|_| is_classic)
    }

    /// Directories inside a maker's own block, which names no order of its own.
    pub const fn part(bytes: &'a [u8], is_little: bool) -> Self {
        Self {
            bytes,
            is_little,
            is_big: false,
        }
    }

    pub const fn is_little(&self) -> bool {
        self.is_little
    }

    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first directory.
    pub fn first(&self) -> Option<Directory<'a>> {
        let at = if self.is_big {
            self.number(8, 8)?
        } else {
            self.number(4, 4)?
        };
        self.at(at)
    }

    /// The directory at this place of the container; at most as many entries as the file has room for.
    pub fn at(&self, place: u64) -> Option<Directory<'a>> {
        let place = usize::try_from(place).ok()?;
        let width = if self.is_big { 8 } else { 2 };
        let len = self.number(place, width)?;
        let first = place + width;
        let room = (self.bytes.len() - first) / self.entry();
        // A directory of more tags than 16 bits can name is none.
        let len = usize::try_from(len).ok().filter(|len| *len <= 0xFFFF)?;
        Some(Directory {
            container: *self,
            first,
            len: len.min(room),
        })
    }

    const fn entry(&self) -> usize {
        if self.is_big { 20 } else { 12 }
    }

    /// The whole number of `width` bytes (at most 8) at this place.
    pub fn number(&self, at: usize, width: usize) -> Option<u64> {
        let stored = self.bytes.get(at..at.checked_add(width)?)?;
        Some(joined(stored, self.is_little))
    }
}

impl<'a> Directory<'a> {
    /// The values of a tag; of one that is there twice the first ones.
    pub fn values(&self, tag: u16) -> Option<Values<'a>> {
        let container = self.container;
        let entry = |index: usize| self.first + index * container.entry();
        let is_it = |index: &usize| container.number(entry(*index), 2) == Some(u64::from(tag));
        let at = entry((0..self.len).find(is_it)?);
        let kind = container.number(at + 2, 2)? as u16;
        let width = if container.is_big { 8 } else { 4 };
        let count = container.number(at + 4, width)?;
        let needed = count.checked_mul(size(kind) as u64)?;
        let field = at + 4 + width;
        let start = if needed <= width as u64 {
            field as u64
        } else {
            container.number(field, width)?
        };
        let len = container.bytes.len() as u64;
        let end = start.saturating_add(needed);
        Some(Values {
            container,
            kind,
            bytes: &container.bytes[start.min(len) as usize..end.min(len) as usize],
            is_cut: end > len,
        })
    }

    /// The first value of a tag as a whole number.
    pub fn number(&self, tag: u16) -> Option<u64> {
        self.values(tag)?.number(0)
    }

    /// What a tag's bytes are, whatever type they are said to be of.
    pub fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        Some(self.values(tag)?.bytes)
    }

    /// The directory to which the `index`th value of a tag points.
    pub fn pointed(&self, tag: u16, index: usize) -> Option<Directory<'a>> {
        self.container.at(self.values(tag)?.number(index)?)
    }

    /// The directory behind this one in the file's chain. Who follows it counts: it may be a ring.
    pub fn next(&self) -> Option<Directory<'a>> {
        let container = self.container;
        let at = self.first + self.len * container.entry();
        let place = container.number(at, if container.is_big { 8 } else { 4 })?;
        if place == 0 {
            return None;
        }
        container.at(place)
    }

    pub const fn container(&self) -> Container<'a> {
        self.container
    }
}

impl<'a> Values<'a> {
    pub const fn len(&self) -> usize {
        self.bytes.len() / size(self.kind)
    }

    /// Whether the file ends before the last of them.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn stored(&self, index: usize) -> Option<u64> {
        let size = size(self.kind);
        let at = index.checked_mul(size)?;
        let stored = self.bytes.get(at..at.checked_add(size)?)?;
        Some(joined(stored, self.container.is_little))
    }

    /// The value as a whole number that is not negative; a floating or rational one is cut off.
    pub fn number(&self, index: usize) -> Option<u64> {
        match self.kind {
            1 | 2 | 3 | 4 | 7 | 13 | 16 | 18 => self.stored(index),
            _ => {
                let real = self.real(index)?;
                (real >= 0.0).then_some(real as u64)
            }
        }
    }

    /// The value as a whole number, if it is of a type of whole numbers.
    pub fn whole(&self, index: usize) -> Option<u64> {
        let is_whole = matches!(self.kind, 1 | 3 | 4 | 6..=9 | 13 | 16..=18);
        self.number(index).filter(|_| is_whole)
    }

    /// The value as a real number.
    pub fn real(&self, index: usize) -> Option<f64> {
        let stored = self.stored(index)?;
        Some(match self.kind {
            6 => f64::from(stored as u8 as i8),
            8 => f64::from(stored as u16 as i16),
            9 => f64::from(stored as u32 as i32),
            17 => stored as i64 as f64,
            11 => f64::from(f32::from_bits(stored as u32)),
            12 => f64::from_bits(stored),
            5 | 10 => {
                // Two numbers, of which the first in the file is the upper one.
                let halves = [(stored >> 32) as u32, stored as u32];
                let [above, below] = if self.container.is_little {
                    [halves[1], halves[0]]
                } else {
                    halves
                };
                if self.kind == 5 {
                    f64::from(above) / f64::from(below)
                } else {
                    f64::from(above as i32) / f64::from(below as i32)
                }
            }
            _ => stored as f64,
        })
    }
}

/// Bytes of a value of this type.
const fn size(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}

fn joined(stored: &[u8], is_little: bool) -> u64 {
    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if is_little {
        stored.iter().rev().fold(0, join)
    } else {
        stored.iter().fold(0, join)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one directory with one tag, 257, of so many values of a type, and its place or value.
    fn with(count: u64, kind: u16, field: u32, is_big: bool) -> Vec<u8> {
        let kind = kind.to_be_bytes();
        if is_big {
            let head = b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x01\x01\x01";
            let field = u64::from(field).to_be_bytes();
            return [&head[..], &kind, &count.to_be_bytes(), &field].concat();
        }
        let count = (count as u32).to_be_bytes();
        let head = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x01";
        [&head[..], &kind, &count, &field.to_be_bytes()].concat()
    }

    fn values(file: &[u8]) -> Values<'_> {
        let directory = Container::new(file).unwrap().first().unwrap();
        directory.values(257).unwrap()
    }

    #[test]
    fn values_of_every_type_are_read_in_either_order() {
        assert_eq!(values(&with(1, 3, 7 << 16, false)).number(0), Some(7));
        assert_eq!(values(&with(1, 4, 7, false)).number(0), Some(7));
        assert_eq!(values(&with(1, 9, !0, false)).real(0), Some(-1.0));
        assert_eq!(values(&with(1, 9, !0, false)).number(0), None);
        assert_eq!(values(&with(1, 8, 0xFFFE << 16, false)).real(0), Some(-2.0));
        assert_eq!(values(&with(1, 11, 0x3FC0_0000, false)).real(0), Some(1.5));
        let little =
            b"II\x2a\0\x08\0\0\0\x01\0\x01\x01\x05\0\x01\0\0\0\x16\0\0\0\x03\0\0\0\x02\0\0\0";
        assert_eq!(values(little).real(0), Some(1.5));
        let big = [&with(1, 5, 22, false)[..], &[0, 0, 0, 3, 0, 0, 0, 2]].concat();
        assert_eq!(values(&big).real(0), Some(1.5));
    }

    #[test]
    fn what_stands_outside_of_the_file_is_not_there() {
        for is_big in [false, true] {
            for (count, place) in [(u64::from(u32::MAX), 0), (9, u32::MAX), (9, 20)] {
                let file = with(count, 4, place, is_big);
                let values = values(&file);
                assert!(values.is_cut() && values.len() <= file.len() / 4);
                assert_eq!(values.number(values.len()), None);
            }
        }
        let file = with(u64::MAX, 5, 0, true);
        let directory = Container::new(&file).unwrap().first().unwrap();
        assert!(directory.values(257).is_none());
    }

    #[test]
    fn a_file_that_ends_early_has_no_directory_or_fewer_tags() {
        let whole = with(1, 3, 0, true);
        for end in 0..whole.len() {
            let first = Container::new(&whole[..end]).and_then(|file| file.first());
            assert!(first.is_none_or(|first| first.values(257).is_none()));
        }
        let far = Container::new(b"II\x2a\0\xff\xff\xff\xff").unwrap();
        assert!(far.first().is_none());
        let many = b"II\x2b\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
        assert!(Container::new(many).unwrap().first().is_none());
        assert!(Container::new(b"PK\x03\x04").is_none());
    }
}
