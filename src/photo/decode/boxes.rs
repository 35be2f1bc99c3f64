//! Boxes one after the other, as films and what is made like them have them: a length, four letters, and
//! what is in them.
//!
//! Reference: ISO/IEC 14496-12:2022, section 4.2.

/// Names and contents, as far as they are whole.
pub fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let [a, b, c, d, name @ ..] = *head;
        let (start, len) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, bytes.len()),
            1 => (
                16,
                usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?,
            ),
            len => (8, len as usize),
        };
        let content = bytes.get(start..len)?;
        bytes = &bytes[len..];
        Some((name, content))
    })
}
