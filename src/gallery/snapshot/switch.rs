//! `current` names the newest snapshot: whoever reads it sees the old name or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{FileError, Result};
use crate::gallery::folder;

/// The file that names the newest snapshot.
pub const CURRENT: &str = "current";

/// Makes the snapshot called `name` the current one.
pub fn switch_to(dir: &Path, name: &str) -> Result<(), FileError> {
    let (new, current) = (dir.join("current.new"), dir.join(CURRENT));
    let switch = || -> io::Result<()> {
        // What it names must be there before it is.
        File::open(dir)?.sync_all()?;
        let mut file = folder::create(&new)?;
        file.write_all(name.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &current)?;
        File::open(dir)?.sync_all()
    };
    switch().map_err(FileError::write_at(&current))
}

/// Removes other snapshots and segments, and what killed processes left half written. They only cost
/// space: readers that have one open keep it, and what cannot be removed does no harm.
pub fn remove_others(dir: &Path, is_kept: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if folder::is_snapshot(&name) && !is_kept(&name) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
