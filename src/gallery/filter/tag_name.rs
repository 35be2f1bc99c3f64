//! What a tag may be called.

use crate::error::GalleryError;

/// The most bytes of a tag's name.
const MOST: usize = 100;

/// A tag's name without blanks around it: 1 to 100 bytes, no commas and no control characters, so that it
/// stands in a list and on a line.
///
/// # Errors
/// [`GalleryError::InvalidFilter`].
pub fn tag_name(text: &str) -> Result<String, GalleryError> {
    let name = text.trim();
    let is_odd = |c: char| c.is_control() || c == ',';
    if name.is_empty() || name.len() > MOST || name.contains(is_odd) {
        return Err(GalleryError::InvalidFilter {
            text: text.to_owned(),
            expected: "a tag: 1 to 100 bytes without commas, line breaks and other controls",
        });
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stands_on_a_line_and_in_a_list() {
        assert_eq!(tag_name(" two words ").unwrap(), "two words");
        assert_eq!(tag_name("ä/日本").unwrap(), "ä/日本");
        let long = "x".repeat(101);
        for text in ["", "  ", "a,b", "a\nb", "a\u{7f}", "\u{85}x\u{9b}y", &long] {
            assert_eq!(tag_name(text).unwrap_err().kind(), "invalid-filter");
        }
    }
}
