//! What an XMP packet says under a name: no parser of RDF, since what is looked for here is plain text.
//!
//! Reference: XMP specification part 1, section 7: a simple property is an attribute or an element.

use memchr::memmem::find_iter;

/// So often a name is looked at; a hostile packet has nothing but names.
const MOST: usize = 16;

/// Bytes of a value that are looked at.
const LONGEST: usize = 256;

/// The values of a property, as attributes and as elements, without what stands around them.
pub fn values<'a>(packet: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let places = find_iter(packet, name.as_bytes()).take(MOST);
    places.filter_map(move |at| value(&packet[at + name.len()..]))
}

/// The value behind a name; none where the name goes on or nothing follows.
fn value(behind: &[u8]) -> Option<&[u8]> {
    let is_between = |byte: &u8| b"=>\"' \t\r\n".contains(byte);
    let behind = &behind[..behind.len().min(2 * LONGEST)];
    let start = behind.iter().position(|byte| !is_between(byte))?;
    let rest = &behind[start..];
    let end = rest.iter().position(|byte| b"\"'<>".contains(byte))?;
    let value = rest[..end.min(LONGEST)].trim_ascii();
    (start > 0 && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_elements_are_found_and_longer_names_are_not() {
        let packet = b"<a tiff:MakeUp=\"x\" tiff:Make = 'Canon' ><tiff:Make> Nikon </tiff:Make>";
        let found: Vec<_> = values(packet, "tiff:Make").collect();
        assert_eq!(found, [&b"Canon"[..], b"Nikon"]);
    }

    #[test]
    fn what_is_empty_or_cut_off_says_nothing() {
        for packet in [
            &b"<tiff:Make>"[..],
            b"<tiff:Make></tiff:Make>",
            b"tiff:Make=\"Can",
        ] {
            assert_eq!(values(packet, "tiff:Make").next(), None);
        }
        let names = b"tiff:Make=\"x\" ".repeat(1000);
        assert_eq!(values(&names, "tiff:Make").count(), MOST);
    }
}
