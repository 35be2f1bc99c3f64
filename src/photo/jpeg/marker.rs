//! Markers, and where to go on when the one that is there is not the one that should be.
//!
//! Reference: ITU-T T.81, annex B; what is done with wrong ones is what libjpeg-turbo's
//! `jpeg_resync_to_restart` does.

use memchr::memchr;

/// The next marker of any kind, the bytes from it on, and what follows it. `FF00` is a stuffed byte of
/// a scan, and any number of `FF` may stand before a marker.
pub fn any_marker(mut bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    loop {
        let at = memchr(0xFF, bytes)?;
        bytes = &bytes[at..];
        match *bytes.get(1)? {
            0xFF => bytes = &bytes[1..],
            0x00 => bytes = &bytes[2..],
            marker => return Some((marker, bytes, &bytes[2..])),
        }
    }
}

/// The next marker that a segment follows or that ends the picture, and what follows it. Those without
/// a segment, restarts among them, are passed, and so are those that mean nothing.
pub fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let (marker, _, after) = any_marker(bytes)?;
        if !matches!(marker, 0x01..=0xBF | 0xD0..=0xD8) {
            return Some((marker, after));
        }
        bytes = after;
    }
}

/// The segment that follows a marker, without its length, and what comes after it.
pub fn segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    // A length that does not even count itself.
    let length = length.max(2);
    Some((bytes.get(2..length)?, bytes.get(length..)?))
}

/// Where to go on behind restart marker `number` modulo 8: the bytes there, and whether the marker (or
/// one that may stand for it) was found. If not they begin with a marker that comes later, and the
/// interval is empty.
pub fn restart(bytes: &[u8], number: usize) -> (&[u8], bool) {
    let mut rest = bytes;
    loop {
        let Some((marker, from, after)) = any_marker(rest) else {
            return (&[], false);
        };
        let ahead = (usize::from(marker) + 8 - number % 8) % 8;
        match marker {
            // One that was passed, or a marker that means nothing.
            0xD0..=0xD7 if matches!(ahead, 6 | 7) => rest = after,
            0x00..=0xBF => rest = after,
            // The interval between is lost; or something else follows.
            0xD0..=0xD7 if matches!(ahead, 1 | 2) => return (from, false),
            0xD0..=0xD7 => return (after, true),
            _ => return (from, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_looked_for_as_libjpeg_turbo_does() {
        for (bytes, number, rest, found) in [
            (&b"\xff\xd3abc"[..], 3, &b"abc"[..], true),
            (b"lost\xff\x00\xff\xff\xd3abc", 11, b"abc", true),
            // One or two ahead: what is between is lost. As many behind: passed.
            (b"\xff\xd5abc", 3, b"\xff\xd5abc", false),
            (b"\xff\xd1abc\xff\xd3d", 3, b"d", true),
            // Far away: taken for the one that it should be.
            (b"\xff\xd7abc", 3, b"abc", true),
            (b"\xff\x9fabc\xff\xd0d", 0, b"d", true),
            (b"\xff\xd9abc", 0, b"\xff\xd9abc", false),
            (b"abc\xff", 0, b"", false),
        ] {
            assert_eq!(restart(bytes, number), (rest, found), "{bytes:?}");
        }
    }

    #[test]
    fn markers_without_a_segment_are_passed() {
        let bytes = b"\xff\xd8\xff\x01x\xff\x9f\xff\x00\xff\xd4\xff\xff\xdbab";
        assert_eq!(next_marker(bytes), Some((0xDB, &b"ab"[..])));
        assert_eq!(next_marker(b"ab\xff"), None);
    }

    #[test]
    fn a_segment_ends_where_it_says() {
        assert_eq!(segment(b"\0\x04abcd"), Some((&b"ab"[..], &b"cd"[..])));
        assert_eq!(segment(b"\0\0abcd"), Some((&b""[..], &b"abcd"[..])));
        assert_eq!(segment(b"\0\x09abcd"), None);
    }
}
