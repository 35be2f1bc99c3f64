//! One store put in the place of another: the new one lies complete beside it first.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::folder;
use super::store::unmark;
use crate::error::FileError;

/// Where a new store is made, and lies complete while the two are exchanged.
pub const SALVAGED: &str = "store.salvaged";
/// Where the earlier one waits to be removed.
const EARLIER: &str = "store.earlier";

pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether there is a store in `dir`, be its exchange interrupted.
pub fn is_store_there(dir: &Path) -> bool {
    dir.join("store").is_dir() || dir.join(SALVAGED).is_dir()
}

/// Ends an exchange that was interrupted. Only under the lock.
pub fn finish(dir: &Path) -> Result<(), FileError> {
    let (path, new) = (dir.join("store"), dir.join(SALVAGED));
    if !path.is_dir() && new.is_dir() {
        fs::rename(&new, &path).map_err(FileError::write_at(&path))?;
    }
    let earlier = dir.join(EARLIER);
    remove(&earlier).map_err(FileError::write_at(&earlier))
}

/// Puts the new store in the place of the one that is there, which is removed unless it was set aside.
pub fn exchange(dir: &Path) -> Result<(), FileError> {
    let (path, earlier) = (dir.join("store"), dir.join(EARLIER));
    if path.is_dir() {
        remove(&earlier).map_err(FileError::write_at(&earlier))?;
        fs::rename(&path, &earlier).map_err(FileError::write_at(&path))?;
    }
    finish(dir)?;
    let synced = File::open(dir).and_then(|folder| folder.sync_all());
    synced.map_err(FileError::write_at(dir))
}

/// Gives the store in `dir` another name, and takes away its mark.
pub fn set_aside(dir: &Path) -> Result<PathBuf, FileError> {
    let (path, mut number) = (dir.join("store"), 1);
    let mut aside = dir.join("store.damaged-1");
    while folder::is_taken(&aside) {
        number += 1;
        aside = dir.join(format!("store.damaged-{number}"));
    }
    fs::rename(&path, &aside).map_err(FileError::write_at(&path))?;
    unmark(&path).map_err(FileError::write_at(&path))?;
    Ok(aside)
}
