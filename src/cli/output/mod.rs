//! Results as words, JSON and pictures: a file for each format, which knows no other. All that they
//! know of a result is what the library says about it.

pub mod contact_sheet;
pub mod csv;
mod difference;
mod drawing;
pub mod error;
pub mod html;
pub mod json;
pub mod npy;
pub mod nul;
pub mod plot;
pub mod preview;
mod raster;
pub mod table;

use std::path::Path;

pub use imgsearch::document::shown;

/// File names come from anyone: what commands a terminal, turns the direction of a line or hides in
/// it must not reach who reads. Line breaks of our own messages stay.
pub fn clean(text: &str) -> String {
    let keep = |c: char| {
        if is_hidden(c) && c != '\n' {
            '\u{FFFD}'
        } else {
            c
        }
    };
    text.chars().map(keep).collect()
}

/// Whether a character is no sign to read but does something to those around it: controls of both
/// sets, breaks of lines and paragraphs, marks of direction, what has no width, and tags.
fn is_hidden(c: char) -> bool {
    let does_something = matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    );
    c.is_control() || does_something
}

/// The same for a line of text, which has no breaks.
pub fn clean_line(text: &str) -> String {
    clean(text).replace('\n', "\u{FFFD}")
}

/// A text as a shell takes it for one word: within single quotes all is as it is, but the quote.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-:+=,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The path for a line of text.
pub fn shown_clean(path: &Path) -> String {
    clean_line(&shown(path).display().to_string())
}

/// A message about a path, in which the path has no breaks either.
pub fn clean_about(message: &str, path: Option<&Path>) -> String {
    let Some(path) = path.map(|path| path.display().to_string()) else {
        return clean(message);
    };
    if path.is_empty() {
        return clean(message);
    }
    clean(&message.replace(&path, &clean_line(&path)))
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
    fn what_does_something_unseen_is_shown_as_unknown_and_all_else_stays() {
        for hidden in [
            '\u{0}',
            '\u{7}',
            '\t',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{206f}',
            '\u{180e}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
        ] {
            let text = format!("a{hidden}b");
            assert_eq!(clean(&text), "a\u{FFFD}b", "{hidden:?}");
            assert_eq!(clean_line(&text), "a\u{FFFD}b", "{hidden:?}");
        }
        for plain in [
            "ä ö ü.jpg",
            "日本語 한국어",
            "עברית العربية",
            "❤️ 🏖",
            "a\u{a0}b",
            "e\u{301}",
        ] {
            assert_eq!(clean_line(plain), plain);
        }
        assert_eq!(clean("a\nb"), "a\nb");
        assert_eq!(clean_line("a\nb"), "a\u{FFFD}b");
    }

    #[test]
    fn a_path_cannot_begin_a_line_of_a_message() {
        let path = Path::new("a\nhint: run this.jpg");
        let message = format!("cannot read {}: x\n  y", path.display());
        let cleaned = clean_about(&message, Some(path));
        assert_eq!(cleaned, "cannot read a\u{FFFD}hint: run this.jpg: x\n  y");
    }

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
