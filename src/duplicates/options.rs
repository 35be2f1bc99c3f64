//! What is asked for.

use std::path::{Path, PathBuf};

use super::keep::Keep;

/// How to look for duplicates.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folders and photos (absolute, links followed beside it) that are looked at; all of the gallery if there
    /// are none.
    pub within: Vec<PathBuf>,
    /// Which one of a group is kept.
    pub keep: Keep,
    /// Folders (absolute, links followed beside it) whose photos are kept before all others.
    pub protected: Vec<PathBuf>,
    /// What only the pixels decide stays undecided: no file is read.
    pub fast: bool,
}

impl Options {
    /// Whether a path is looked at.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.within.is_empty() || self.within.iter().any(|within| path.starts_with(within))
    }

    /// Whether a path is protected: by its name, or by where links on its way lead.
    #[must_use]
    pub fn is_protected(&self, path: &Path) -> bool {
        let is_below = |path: &Path| self.protected.iter().any(|folder| path.starts_with(folder));
        let really = || path.canonicalize().is_ok_and(|path| is_below(&path));
        !self.protected.is_empty() && (is_below(path) || really())
    }
}
