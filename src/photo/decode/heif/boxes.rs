//! The boxes of the ISO base media file format: a length, four letters, and what is in them.
//!
//! Reference: ISO/IEC 14496-12:2022, sections 4.2 (boxes) and 4.2.2 (version and flags).

use super::fault::{Fault, damaged};

/// One box after the other; the last may be cut off, or reach to the end of what holds it.
#[derive(Clone, Debug)]
pub struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = Fields(self.0);
        let length = fields.number(4).ok()?;
        let name = *fields.take(4).ok()?.first_chunk()?;
        let (length, header) = match length {
            0 => (self.0.len(), 8),
            1 => (usize::try_from(fields.number(8).ok()?).ok()?, 16),
            _ => (usize::try_from(length).ok()?, 8),
        };
        // One that is shorter than its own header ends them: what follows cannot be found.
        let end = length.min(self.0.len());
        let content = self.0.get(header..end)?;
        self.0 = &self.0[end..];
        Some((name, content))
    }
}

impl<'a> Boxes<'a> {
    /// The content of the first box of that name.
    pub fn find_named(&self, wanted: [u8; 4]) -> Option<&'a [u8]> {
        self.clone()
            .find_map(|(name, content)| (name == wanted).then_some(content))
    }
}

/// Numbers and bytes, from the front; big-endian.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// So many bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let cut = self.0.split_at_checked(count);
        let (taken, rest) = cut.ok_or_else(|| damaged("a box ends too soon"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of 0 to 8 bytes.
    pub fn number(&mut self, bytes: usize) -> Result<u64, Fault> {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(self.take(bytes)?.iter().fold(0, join))
    }

    /// A number of at most 4 bytes.
    pub fn short(&mut self, bytes: usize) -> Result<u32, Fault> {
        Ok(self.number(bytes)? as u32)
    }

    /// A signed number of 4 bytes.
    pub fn signed(&mut self) -> Result<i64, Fault> {
        Ok(i64::from(self.short(4)? as i32))
    }

    /// Version and flags of a full box.
    pub fn version(&mut self) -> Result<(u8, u32), Fault> {
        let both = self.short(4)?;
        Ok(((both >> 24) as u8, both & 0x00ff_ffff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_found_with_short_long_and_open_lengths() {
        let bytes = [
            &b"\0\0\0\x0aabcd\x01\x02"[..],
            b"\0\0\0\x01wide\0\0\0\0\0\0\0\x11\x03",
            b"\0\0\0\0last\x04\x05",
        ]
        .concat();
        let found: Vec<_> = Boxes(&bytes).collect();
        assert_eq!(
            found,
            [
                (*b"abcd", &[1, 2][..]),
                (*b"wide", &[3][..]),
                (*b"last", &[4, 5][..])
            ]
        );
        assert_eq!(Boxes(&bytes).find_named(*b"wide"), Some(&[3][..]));
    }

    #[test]
    fn a_box_that_is_cut_off_has_what_is_there_and_one_without_room_for_its_name_ends_them() {
        let cut = b"\0\0\0\xffabcd\x01";
        assert_eq!(Boxes(cut).collect::<Vec<_>>(), [(*b"abcd", &[1][..])]);
        for bytes in [
            &b"\0\0\0\x07abcd"[..],
            b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0f",
            b"\0\0\0",
        ] {
            assert_eq!(Boxes(bytes).count(), 0);
        }
    }

    #[test]
    fn numbers_of_no_bytes_are_nothing_and_missing_bytes_are_damage() {
        let mut fields = Fields(b"\xff\xff\xff\xfe\x01");
        assert_eq!(fields.number(0).unwrap(), 0);
        assert_eq!(fields.signed().unwrap(), -2);
        assert!(fields.version().is_err());
        assert_eq!(fields.short(1).unwrap(), 1);
    }
}
