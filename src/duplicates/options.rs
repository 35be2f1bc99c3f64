//! What is asked for.

use std::path::PathBuf;

use super::keep::Keep;

/// How to look for duplicates.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folders and photos (absolute) that are looked at; all of the gallery if there are none.
    pub within: Vec<PathBuf>,
    /// Which one of a group is kept.
    pub keep: Keep,
    /// Folders (absolute) whose photos are kept before all others.
    pub protected: Vec<PathBuf>,
    /// What only the pixels decide stays undecided: no file is read.
    pub fast: bool,
}

impl Options {
    /// Whether a path is looked at.
    pub(super) fn has(&self, path: &std::path::Path) -> bool {
        self.within.is_empty() || self.within.iter().any(|within| path.starts_with(within))
    }

    /// Whether a path is protected.
    #[must_use]
    pub fn is_protected(&self, path: &std::path::Path) -> bool {
        self.protected.iter().any(|folder| path.starts_with(folder))
    }
}
