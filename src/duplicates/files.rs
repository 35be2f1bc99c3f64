//! What only the disk knows: which names lead to one file, and what a file's end would free.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::keep::is_raw;
use crate::gallery::Record;

/// A file, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// Device and number.
    #[cfg(unix)]
    Numbered(u64, u64),
    /// Where it really is.
    #[cfg(not(unix))]
    At(PathBuf),
}

/// Files that were looked at.
#[derive(Debug, Default)]
pub struct Files {
    known: HashMap<PathBuf, Option<(File, bool)>>,
}

impl Files {
    /// The file that a name leads to, if there is one.
    pub fn of(&mut self, path: &Path) -> Option<File> {
        if let Some(known) = self.known.get(path) {
            return known.as_ref().map(|it| it.0.clone());
        }
        let found = look(path);
        let file = found.as_ref().map(|it| it.0.clone());
        self.known.insert(path.to_owned(), found);
        file
    }

    /// Bytes that are free without it: none where the file has another name, or is gone.
    pub fn freed(&self, record: &Record) -> u64 {
        match self.known.get(&record.path) {
            Some(Some((_, true))) => record.size,
            _ => 0,
        }
    }
}

/// The file at a path, and whether this is its only name.
#[cfg(unix)]
fn look(path: &Path) -> Option<(File, bool)> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok()?;
    let is_link = path.is_symlink();
    Some((
        File::Numbered(found.dev(), found.ino()),
        found.nlink() == 1 && !is_link,
    ))
}

#[cfg(not(unix))]
fn look(path: &Path) -> Option<(File, bool)> {
    Some((File::At(fs::canonicalize(path).ok()?), !path.is_symlink()))
}

/// Whether both names lead to one file now.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (look(a), look(b)) {
        (Some(a), Some(b)) => a.0 == b.0,
        _ => false,
    }
}

/// The camera's own file and the other one, where both lie beside each other under one name.
pub fn siblings<'a>(a: &'a Path, b: &'a Path) -> Option<(&'a Path, &'a Path)> {
    let is_beside = a.parent() == b.parent() && a.file_stem() == b.file_stem();
    match (is_raw(a), is_raw(b)) {
        (true, false) if is_beside => Some((a, b)),
        (false, true) if is_beside => Some((b, a)),
        _ => None,
    }
}
