//! `current` names the newest snapshot: whoever reads it sees the old name or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{FileError, Result};

/// The file that names the newest snapshot.
pub const CURRENT: &str = "current";

/// Makes the snapshot called `name` the current one.
pub fn switch_to(dir: &Path, name: &str) -> Result<(), FileError> {
    let (new, current) = (dir.join("current.new"), dir.join(CURRENT));
    let switch = || -> io::Result<()> {
        let mut file = File::create(&new)?;
        file.write_all(name.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &current)?;
        File::open(dir)?.sync_all()
    };
    switch().map_err(FileError::write_at(&current))
}

/// Removes other snapshots and bases, and what killed processes left half written. They only cost
/// space: readers that have one open keep it, and what cannot be removed does no harm.
pub fn remove_others(dir: &Path, snapshot: &str, base: Option<&str>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_ours(&name) && name != snapshot && Some(&*name) != base {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// `snapshot-7`, `base-7`, `base-7-2`, and either half written. Nothing else: a gallery may be kept
/// in a folder with other files.
fn is_ours(name: &str) -> bool {
    let rest = name
        .strip_prefix("snapshot")
        .or_else(|| name.strip_prefix("base"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match rest {
        Some(".new") => true,
        Some(rest) => rest
            .strip_prefix('-')
            .is_some_and(|numbers| numbers.split('-').all(is_number)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_gallery_made_is_ever_removed() {
        for name in [
            "snapshot-7",
            "base-7",
            "base-70-2",
            "snapshot.new",
            "base.new",
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in [
            "snapshot",
            "snapshot-1.jpg",
            "baseball.jpg",
            "base-",
            "base-x",
            "snapshots",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
