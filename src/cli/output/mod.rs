//! Results as words, JSON and pictures.

pub mod html;
pub mod json;
pub mod text;

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
