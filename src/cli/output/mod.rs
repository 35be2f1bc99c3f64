//! Results as words, JSON and pictures: a file for each format, which knows no other. All that they
//! know of a result is what the library says about it.

pub mod contact_sheet;
pub mod csv;
mod drawing;
pub mod error;
pub mod html;
pub mod json;
pub mod npy;
pub mod nul;
pub mod plot;
mod raster;
pub mod table;

use std::path::Path;

pub use imgsearch::document::shown;

/// File names come from anyone: control characters must not reach a terminal. Line breaks of our
/// own messages stay.
pub fn clean(text: &str) -> String {
    let keep = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{FFFD}'
        } else {
            c
        }
    };
    text.chars().map(keep).collect()
}

/// The same for a line of text, which has no breaks.
pub fn clean_line(text: &str) -> String {
    clean(text).replace('\n', "\u{FFFD}")
}

/// The path for a line of text.
pub fn shown_clean(path: &Path) -> String {
    clean_line(&shown(path).display().to_string())
}

/// The line about a photo that was skipped, with its path once and as the user would write it.
pub fn skipped_line(path: &Path, reason: &imgsearch::Error) -> String {
    let (reason, name) = (clean(&reason.to_string()), shown_clean(path));
    let full = clean(&path.display().to_string());
    if reason.contains(&full) {
        format!("skipped: {}", reason.replacen(&full, &name, 1))
    } else {
        format!("skipped: {name}: {reason}")
    }
}

/// `1 photo`, `2 photos`.
pub fn photos(count: usize) -> String {
    match count {
        1 => "1 photo".to_owned(),
        count => format!("{count} photos"),
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use imgsearch::error::{DescriptorError, PhotoError};

    use super::*;

    #[test]
    fn a_skipped_photo_is_named_once_and_as_it_is_called_here() {
        let path = env::current_dir().unwrap().join("a\x1b.jpg");
        let named = PhotoError::NotAPicture { path: path.clone() };
        assert_eq!(
            skipped_line(&path, &named.into()),
            "skipped: not a picture: a\u{FFFD}.jpg"
        );
        let line = skipped_line(&path, &DescriptorError::ZeroDescriptor.into());
        assert!(line.starts_with("skipped: a\u{FFFD}.jpg: the descriptor is zero"));
    }
}
