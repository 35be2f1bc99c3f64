//! Whether a TIFF's tags can have the values that they say they have.
//!
//! The decoder makes room for a tag's values before it reads them, 32 bytes for each, and before it
//! says how large the picture is: 200 bytes of file took 256 MiB that nobody had a share of.
//!
//! Reference: TIFF 6.0, section 2; `BigTIFF` has the same with wider numbers.

/// Widths in bytes of what a directory consists of.
struct Widths {
    /// Of the number of its entries.
    entries: usize,
    /// Of an entry, and of a count in it.
    entry: usize,
    number: usize,
}

const CLASSIC: Widths = Widths {
    entries: 2,
    entry: 12,
    number: 4,
};
const BIG: Widths = Widths {
    entries: 8,
    entry: 20,
    number: 8,
};

/// Whether no tag of the first directory has more bytes than the file. What cannot be read is left to
/// the decoder, which says what is wrong with it.
pub fn has_its_values(bytes: &[u8]) -> bool {
    let is_little = bytes.starts_with(b"II");
    let number = |at: usize, width: usize| number(bytes, at, width, is_little);
    let (widths, place) = match number(2, 2) {
        Some(43) => (BIG, 8),
        _ => (CLASSIC, 4),
    };
    let Some(start) = number(place, widths.number).and_then(|start| usize::try_from(start).ok())
    else {
        return true;
    };
    let Some(entries) = number(start, widths.entries) else {
        return true;
    };
    let first = start + widths.entries;
    let room = bytes.len().saturating_sub(first) / widths.entry;
    (0..room.min(entries as usize)).all(|index| {
        let at = first + index * widths.entry;
        let (kind, count) = (number(at + 2, 2), number(at + 4, widths.number));
        let size = kind.map_or(1, size);
        let needed = count.unwrap_or(0).checked_mul(size);
        needed.is_some_and(|needed| needed <= bytes.len() as u64)
    })
}

/// Bytes of a value of this type.
const fn size(kind: u64) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}

fn number(bytes: &[u8], at: usize, width: usize, is_little: bool) -> Option<u64> {
    let stored = bytes.get(at..at.checked_add(width)?)?;
    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    Some(if is_little {
        stored.iter().rev().fold(0, join)
    } else {
        stored.iter().fold(0, join)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF of one directory with one tag of so many values of a type.
    fn with(count: u64, kind: u16, is_big: bool) -> Vec<u8> {
        let kind = kind.to_be_bytes();
        if is_big {
            let head = b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x01\x01\x01";
            return [&head[..], &kind, &count.to_be_bytes(), &[0; 8]].concat();
        }
        let count = (count as u32).to_be_bytes();
        let head = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x01";
        [&head[..], &kind, &count, &[0; 4]].concat()
    }

    #[test]
    fn a_tag_with_more_bytes_than_the_file_is_seen_in_either_kind_and_order() {
        for is_big in [false, true] {
            assert!(has_its_values(&with(1, 3, is_big)));
            let len = with(1, 3, is_big).len() as u64;
            assert!(has_its_values(&with(len / 2, 3, is_big)));
            assert!(!has_its_values(&with(len / 2 + 1, 3, is_big)));
            assert!(!has_its_values(&with(len / 4 + 1, 4, is_big)));
            assert!(!has_its_values(&with(8 << 20, 3, is_big)));
        }
        assert!(!has_its_values(&with(u64::MAX, 5, true)));
        let little = b"II\x2a\0\x08\0\0\0\x01\0\x01\x01\x03\0\0\0\x80\0\0\0\0\0";
        assert!(!has_its_values(little));
    }

    #[test]
    fn what_is_cut_off_is_the_decoders_to_refuse() {
        let whole = with(1, 3, true);
        for end in 0..whole.len() {
            assert!(has_its_values(&whole[..end]));
        }
        assert!(has_its_values(b"II\x2a\0\xff\xff\xff\xff"));
        assert!(has_its_values(
            b"II\x2b\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"
        ));
    }
}
