//! What lies in a gallery's folder is the gallery's own: nothing in it leads out.
//!
//! A gallery may come from anywhere: out of an archive, from a stick, from somebody's share. Were a
//! link in it followed, whoever made it would choose what is overwritten, or a pipe would be waited
//! for without end. So all of a gallery's names are looked at before it is opened, and files that
//! are written are made anew. The folder itself may be a link: that is its owner's choice. Other
//! files in the folder are nobody's business: a gallery may be kept among them.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use crate::error::{FileError, GalleryError, Result};

/// Folders in folders that are looked into: more than sled makes.
const MAX_DEPTH: usize = 4;

/// Looks at the files that a reader opens.
///
/// # Errors
/// [`GalleryError::ForeignFile`] for what is no plain file.
pub fn check_to_read(dir: &Path) -> Result<(), GalleryError> {
    // Of a folder that cannot be listed, whoever opens something in it has more to say.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if is_file(&name.to_string_lossy()) {
            plain_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Looks at all that is opened in place by who writes.
///
/// # Errors
/// [`GalleryError::ForeignFile`] for what is no plain file or folder; [`FileError::Read`]. A file that
/// has a name elsewhere too is none of them: [`take_in`] gives the gallery one of its own.
pub fn check_to_write(dir: &Path) -> Result<()> {
    check_to_read(dir)?;
    for name in ["lock", "store", "store.salvaged", "store.earlier", "pooled"] {
        own_tree(&dir.join(name), name != "lock", MAX_DEPTH)?;
    }
    Ok(())
}

/// A new file at `path`, to be written and read. What lies there goes first: of a link the link
/// itself, not what it names.
pub fn create(path: &Path) -> io::Result<File> {
    vacate(path)?;
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
}

/// Takes away what lies at `path`, if something does; not a folder.
pub fn vacate(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether something lies at `path`, be it a link that leads nowhere.
pub fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The names of files that are read, or whose being there means something. Those that are half
/// written (`.new`) are not among them: they are always made anew.
fn is_file(name: &str) -> bool {
    const FILES: [&str; 6] = [
        "current",
        "whitening.safetensors",
        "store-is-damaged",
        "pooled-is-damaged",
        "duplicates-journal.jsonl",
        "not-duplicates.jsonl",
    ];
    FILES.contains(&name) || is_snapshot(name) && !name.contains(".new")
}

/// `snapshot-7`, `segment-7`, `neighbours-7`, `axes-7`, earlier formats' `base-7` and `base-7-2`, and each
/// half written. Nothing else: a gallery may be kept in a folder with other files.
pub fn is_snapshot(name: &str) -> bool {
    let kinds = ["snapshot", "segment", "neighbours", "axes", "base"];
    let Some(rest) = kinds.iter().find_map(|kind| name.strip_prefix(kind)) else {
        return false;
    };
    let rest = rest.strip_suffix(".new").unwrap_or(rest);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match rest.strip_prefix('-') {
        Some(numbers) => numbers.split('-').all(is_number),
        // As earlier formats left them.
        None => rest.is_empty() && name.strip_suffix(".new").is_some(),
    }
}

/// Not following links.
fn look_at(path: &Path) -> Option<Metadata> {
    path.symlink_metadata().ok()
}

fn plain_file(path: &Path) -> Result<(), GalleryError> {
    match look_at(path) {
        Some(found) if !found.is_file() => Err(foreign(path, &found)),
        _ => Ok(()),
    }
}

/// A file, or a folder of such, that is written in place.
fn own_tree(path: &Path, is_folder: bool, depth: usize) -> Result<()> {
    let Some(found) = look_at(path) else {
        return Ok(());
    };
    let fits = if is_folder {
        found.is_dir()
    } else {
        found.is_file()
    };
    if !fits {
        return Err(foreign(path, &found).into());
    }
    if !is_folder {
        return Ok(());
    }
    let deeper = depth.checked_sub(1).ok_or_else(|| foreign(path, &found))?;
    for entry in fs::read_dir(path).map_err(FileError::read_at(path))? {
        let path = entry.map_err(FileError::read_at(path))?.path();
        let is_folder = look_at(&path).is_some_and(|found| found.is_dir());
        own_tree(&path, is_folder, deeper)?;
    }
    Ok(())
}

/// Makes files that have a name elsewhere too, under which they would change, the gallery's own: those
/// in this folder and in those beneath it. So a gallery copied by `cp -al` can be written, and the one
/// that it was copied from stays as it is. Nobody may write to them meanwhile.
pub fn take_in(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = path.symlink_metadata()?;
        if found.is_dir() {
            take_in(&path)?;
        } else if found.is_file() && is_shared(&found) {
            let new = folder.join("taken-in.new");
            let mut file = create(&new)?;
            io::copy(&mut File::open(&path)?, &mut file)?;
            file.set_permissions(found.permissions())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(folder)?.sync_all()?;
        }
    }
    Ok(())
}

/// Copies a folder of plain files and folders: a store has no others.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            io::copy(&mut File::open(entry.path())?, &mut File::create_new(to)?)?;
        }
    }
    Ok(())
}

/// Whether the file has a name elsewhere too, under which it would change.
#[cfg(unix)]
fn is_shared(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.nlink() > 1
}

#[cfg(not(unix))]
fn is_shared(_: &Metadata) -> bool {
    false
}

/// Whether two looks were at one file.
#[cfg(unix)]
pub fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
pub fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn foreign(path: &Path, found: &Metadata) -> GalleryError {
    let what = if found.is_symlink() {
        "a link"
    } else if found.is_dir() {
        "a folder"
    } else if found.is_file() {
        "a file"
    } else {
        "no file"
    };
    GalleryError::ForeignFile {
        path: path.to_owned(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_gallery_made_is_ever_removed() {
        for name in [
            "snapshot-7",
            "snapshot-7.new",
            "segment-12",
            "neighbours-12",
            "axes-12",
            "segment-12.new",
            "base-7",
            "base-70-2",
            "snapshot.new",
            "base.new",
        ] {
            assert!(is_snapshot(name), "{name}");
        }
        for name in [
            "snapshot",
            "snapshot-1.jpg",
            "baseball.jpg",
            "base-",
            "base-x",
            "snapshots",
            "segment",
            "segment-x",
            "segment-1.new.jpg",
        ] {
            assert!(!is_snapshot(name), "{name}");
        }
    }

    #[test]
    fn a_new_file_takes_the_place_of_another_and_not_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, path) = (dir.path().join("kept"), dir.path().join("path"));
        fs::write(&kept, "kept").unwrap();
        fs::hard_link(&kept, &path).unwrap();
        create(&path).unwrap();
        assert_eq!(fs::read(&kept).unwrap(), b"kept");
        assert_eq!(fs::read(&path).unwrap(), b"");
        fs::create_dir(dir.path().join("folder")).unwrap();
        assert!(create(&dir.path().join("folder")).is_err());
    }
}
