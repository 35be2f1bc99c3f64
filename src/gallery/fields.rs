//! Fields by number: a record that can grow. What is unknown is kept as it is.
//!
//! Each field is its number u8, the length of its content as a LEB128 varint, and the content. So a version
//! that knows fewer fields reads those that it knows and writes the others back.

/// Writes fields one after the other.
#[derive(Debug, Default)]
pub struct FieldWriter(Vec<u8>);

impl FieldWriter {
    pub fn put(&mut self, number: u8, content: &[u8]) {
        self.0.push(number);
        put_varint(&mut self.0, content.len() as u64);
        self.0.extend(content);
    }

    /// A whole number, without its leading zeros.
    pub fn put_number(&mut self, number: u8, value: u64) {
        let bytes = value.to_le_bytes();
        let len = 8 - value.leading_zeros() as usize / 8;
        self.put(number, &bytes[..len]);
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// The fields of `bytes` in their order; nothing behind what is damaged.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all of it was read.
    pub const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, rest) = self.0.split_first()?;
        let (len, rest) = varint(rest)?;
        let len = usize::try_from(len).ok()?;
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((*number, content))
    }
}

/// A number that [`FieldWriter::put_number`] wrote.
pub fn number(content: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..content.len())?.copy_from_slice(content);
    Some(u64::from_le_bytes(bytes))
}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number at the beginning of `bytes`, and what follows it.
pub fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place).min(63);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fields_are_read_as_they_were_written(
            fields in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..9),
            value: u64,
        ) {
            let mut writer = FieldWriter::default();
            for (number, content) in &fields {
                writer.put(*number, content);
            }
            writer.put_number(7, value);
            let stored = writer.finish();
            let mut read = Fields::of(&stored);
            for (number, content) in &fields {
                prop_assert_eq!(read.next(), Some((*number, &content[..])));
            }
            let last = read.next().unwrap();
            prop_assert_eq!((last.0, number(last.1)), (7, Some(value)));
            prop_assert!(read.is_at_end());
        }

        #[test]
        fn nonsense_is_read_to_its_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            prop_assert!(Fields::of(&bytes).count() <= bytes.len());
        }
    }
}
