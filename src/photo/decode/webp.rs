//! Whether a WebP's pictures are as large as it says that it is.
//!
//! The decoder compares the two once it has the picture: 2.5 KB of file that say 19 × 13 pixels took
//! 75 MiB that nobody had a share of.
//!
//! Reference: RFC 9649, section 2 (chunks), and RFC 6386, section 9.1 (the beginning of a picture).

/// What stands before a file's first chunk, before a chunk's content, and, in a chunk of an animation,
/// before those of its picture; in bytes.
const FILE: usize = 12;
const CHUNK: usize = 8;
const PART: usize = 16;

/// Whether no lossy picture in the file is larger than `width` × `height`. What cannot be read is left
/// to the decoder, which says what is wrong with it.
pub fn fits(bytes: &[u8], width: u32, height: u32) -> bool {
    let mut at = FILE;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<CHUNK>()) {
        let [name @ .., a, b, c, d] = chunk;
        let start = at + CHUNK;
        if name == b"ANMF" {
            at = start + PART;
            continue;
        }
        let side = |from: usize| {
            let side = bytes.get(start + from..)?.first_chunk()?;
            // The two bits above it say how to scale.
            Some(u32::from(u16::from_le_bytes(*side) & 0x3fff))
        };
        let larger = |side: Option<u32>, than: u32| side.is_some_and(|side| side > than);
        if name == b"VP8 " && (larger(side(6), width) || larger(side(8), height)) {
            return false;
        }
        let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        at = start.saturating_add(len).saturating_add(len % 2);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of the beginning of a lossy picture.
    fn picture(width: u16, height: u16) -> Vec<u8> {
        let (width, height) = (width.to_le_bytes(), height.to_le_bytes());
        [&b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a"[..], &width, &height].concat()
    }

    #[test]
    fn a_picture_that_is_larger_than_the_whole_is_seen_wherever_it_stands() {
        let before = b"RIFF\0\0\0\0WEBPALPH\x03\0\0\0abc\0";
        let part = [&b"ANMF\x22\0\0\0"[..], &[0; PART]].concat();
        for before in [&before[..], &[before, &part[..]].concat()] {
            let file = |width, height| [before, &picture(width, height)].concat();
            assert!(fits(&file(19, 13), 19, 13));
            assert!(fits(&file(0x4000 + 19, 0x8000 + 13), 19, 13));
            assert!(!fits(&file(20, 13), 19, 13));
            assert!(!fits(&file(19, 14), 19, 13));
            let whole = file(20, 14);
            for end in 0..whole.len() - 4 {
                assert!(fits(&whole[..end], 19, 13));
            }
        }
        assert!(fits(b"RIFF\0\0\0\0WEBPALPH\xff\xff\xff\xff", 1, 1));
    }
}
