//! Which camera took a picture, as one line of text.
//!
//! References: Exif 3.0, section 4.6.5 (tags 010F and 0110), and XMP specification part 2, section 3.5.

use super::directory::Directory;
use super::xmp;

const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;

/// Bytes that it may have.
const LONGEST: usize = 128;

/// The camera that a directory names.
pub fn of_directory(tags: &Directory) -> Option<String> {
    let text = |tag| tags.bytes(tag).map(plain).unwrap_or_default();
    joined(&text(MAKE), text(MODEL))
}

/// The camera that an XMP packet names.
pub fn of_xmp(packet: &[u8]) -> Option<String> {
    let text = |name| {
        let value = xmp::values(packet, name).next();
        value.map(|value| unescaped(&plain(value)))
    };
    joined(
        &text("tiff:Make").unwrap_or_default(),
        text("tiff:Model").unwrap_or_default(),
    )
}

/// Make and model; the make only once, as `Canon` and `Canon EOS 5D`, or `NIKON CORPORATION` and
/// `NIKON D70` have it.
fn joined(make: &str, model: String) -> Option<String> {
    let is_repeated = make.split(' ').any(|word| begins_with(&model, word));
    let mut whole = match (make, &*model) {
        ("", "") => return None,
        ("", _) => model,
        (_, "") => make.to_owned(),
        _ if is_repeated => model,
        _ => format!("{make} {model}"),
    };
    while whole.len() > LONGEST || whole.ends_with(' ') {
        whole.pop();
    }
    Some(whole)
}

/// Whether a text's first word is this one, or this one and a number.
fn begins_with(text: &str, word: &str) -> bool {
    let Some((start, rest)) = text.split_at_checked(word.len()) else {
        return false;
    };
    let ends = !rest.starts_with(char::is_alphabetic);
    !word.is_empty() && start.eq_ignore_ascii_case(word) && ends
}

/// The text up to its end or first zero, in one line, without what cannot be printed.
fn plain(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(2 * LONGEST)];
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]);
    let is_shown = |letter: &char| !letter.is_control() && *letter != char::REPLACEMENT_CHARACTER;
    let words = text.split_whitespace().map(|word| {
        let word: String = word.chars().filter(is_shown).collect();
        word
    });
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The five letters that XML writes otherwise.
fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_make_is_not_repeated() {
        for (make, model, whole) in [
            ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
            ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
            ("EASTMAN KODAK COMPANY", "KODAK DX4530", "KODAK DX4530"),
            ("SONY", "DSC-W5", "SONY DSC-W5"),
            ("Apple", "iPhone 12", "Apple iPhone 12"),
            ("Can", "Canon EOS 5D", "Can Canon EOS 5D"),
            ("LG Electronics", "LG-H870", "LG-H870"),
            ("", "X100", "X100"),
            ("Ricoh", "", "Ricoh"),
        ] {
            assert_eq!(joined(make, model.to_owned()).as_deref(), Some(whole));
        }
        assert_eq!(joined("", String::new()), None);
    }

    #[test]
    fn a_name_is_one_line_of_valid_text_that_is_not_long() {
        assert_eq!(plain(b" Canon\t EOS\x07 5D \n\0rest"), "Canon EOS 5D");
        assert_eq!(plain(b"Ca\xffnon\0"), "Canon");
        assert_eq!(plain("é".as_bytes()), "é");
        let long = joined("M", "é".repeat(100)).unwrap();
        assert!(long.len() <= LONGEST && long.starts_with("M éé"));
        assert!(plain(&vec![b'a'; 1 << 20]).len() <= 2 * LONGEST);
    }

    #[test]
    fn an_xmp_packet_names_it_with_xmls_letters() {
        let packet = b"<x tiff:Make=\"B&amp;W\" ><tiff:Model>B&amp;W 1</tiff:Model>";
        assert_eq!(of_xmp(packet).as_deref(), Some("B&W 1"));
        assert_eq!(of_xmp(b"<x/>"), None);
    }
}
