//! How the camera was held, wherever a file says it.
//!
//! References: Exif 3.0, section 4.6.5 (tag 0112), TIFF 6.0, section 2 (directories), and XMP
//! specification part 2, section 3.5 (`tiff:Orientation`). As libexif's readers do, the number is taken
//! as SHORT or LONG (or any other whole number), in either byte order, and the chunk with or without the
//! six bytes that JPEG puts before it.

use image::metadata::Orientation;

use super::directory::Directory;
use super::xmp;

const TAG: u16 = 0x0112;

/// The orientation that a directory says.
pub fn of_directory(tags: &Directory) -> Option<Orientation> {
    of_number(u32::try_from(tags.values(TAG)?.whole(0)?).ok()?)
}

/// The orientation that an XMP packet says, as an attribute or as an element.
pub fn of_xmp(packet: &[u8]) -> Option<Orientation> {
    let value = xmp::values(packet, "tiff:Orientation").next()?;
    of_number(u32::from(value.first()?.checked_sub(b'0')?))
}

/// The orientation of a number, 1 to 8.
fn of_number(number: u32) -> Option<Orientation> {
    Orientation::from_exif(u8::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::directory::Container;
    use super::*;

    fn of_exif(chunk: &[u8]) -> Option<Orientation> {
        of_directory(&Container::of_exif(chunk)?.first()?)
    }

    /// An Exif chunk of two entries, the second of which says the orientation.
    fn exif(value: u32, kind: u16, is_little: bool) -> Vec<u8> {
        let two = |number: u16| {
            if is_little {
                number.to_le_bytes()
            } else {
                number.to_be_bytes()
            }
        };
        let four = |number: u32| {
            if is_little {
                number.to_le_bytes()
            } else {
                number.to_be_bytes()
            }
        };
        let stored = match kind {
            1 => [value as u8, 0, 0, 0],
            3 => [two(value as u16), [0; 2]].concat().try_into().unwrap(),
            _ => four(value),
        };
        let head: &[u8] = if is_little { b"II" } else { b"MM" };
        let mut bytes = [head, &two(42), &four(8), &two(2)].concat();
        bytes.extend([&two(0x0100)[..], &two(4), &four(1), &four(4000)].concat());
        bytes.extend([&two(TAG)[..], &two(kind), &four(1), &stored].concat());
        [&bytes[..], &[0; 4]].concat()
    }

    #[test]
    fn a_short_a_long_and_a_byte_are_read_in_either_order_with_and_without_jpegs_prefix() {
        for number in 1..=8 {
            let expected = Orientation::from_exif(number);
            for is_little in [true, false] {
                for kind in [1, 3, 4, 9] {
                    let chunk = exif(u32::from(number), kind, is_little);
                    assert_eq!(of_exif(&chunk), expected, "{number} {kind} {is_little}");
                    assert_eq!(of_exif(&[&b"Exif\0\0"[..], &chunk].concat()), expected);
                }
            }
        }
    }

    #[test]
    fn an_xmp_packet_says_it_as_attribute_and_as_element() {
        for packet in [
            &b"<rdf:Description tiff:Orientation=\"6\"/>"[..],
            b"<rdf:Description tiff:Orientation = '6' />",
            b"<tiff:Orientation>6</tiff:Orientation>",
            b"<tiff:Orientation> 6 </tiff:Orientation>",
        ] {
            assert_eq!(of_xmp(packet), Some(Orientation::Rotate90));
        }
        assert_eq!(of_xmp(b"<tiff:Orientation>"), None);
        assert_eq!(of_xmp(b"<tiff:Orientation>9<"), None);
    }

    #[test]
    fn what_is_cut_off_or_out_of_range_says_nothing() {
        let chunk = exif(6, 3, true);
        for end in 0..chunk.len() - 6 {
            assert_eq!(of_exif(&chunk[..end]), None);
        }
        for number in [0, 9, 262] {
            assert_eq!(of_exif(&exif(number, 4, false)), None);
        }
    }
}
