//! Results as words, JSON and pictures.

mod drawing;
pub mod evaluation;
pub mod failures;
pub mod html;
pub mod json;
pub mod plot;
mod raster;
pub mod text;
pub mod tuning;

use std::env;
use std::path::{Path, PathBuf};

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

/// The path as the user would write it here: relative if it lies below the current folder.
pub fn shown(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path.to_owned(),
    }
}

/// The path for a line of text.
pub fn shown_clean(path: &Path) -> String {
    clean(&shown(path).display().to_string()).replace('\n', "\u{FFFD}")
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
