//! Files moved and linked so that at every moment one whole file is there, and nothing is written over.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::Path;

use crate::photo::ContentHash;
use crate::replace::unique_beside;

/// Moves a file to a name that nothing has. To another disk it is copied, compared, and only then
/// removed.
pub fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::hard_link(from, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // Another disk, or one without links.
        Err(_) => copy_to(from, to)?,
    }
    sync_folder(to);
    if let Err(error) = fs::remove_file(from) {
        // It stays where it was, and there alone.
        if from.symlink_metadata().is_ok() {
            fs::remove_file(to)?;
        }
        return Err(error);
    }
    sync_folder(from);
    Ok(())
}

/// A copy at a name that nothing has, durable, with the file's times and permissions.
fn copy_to(from: &Path, to: &Path) -> io::Result<()> {
    let half = Half(unique_beside(to));
    copy_whole(from, &half.0)?;
    // A name is given only to what has none; where there are no links, a moment is left in between.
    match fs::hard_link(&half.0, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(&half.0, to),
        Ok(()) => Ok(()),
    }
}

/// The same bytes, read back and compared.
fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut file = File::create_new(to)?;
    io::copy(&mut source, &mut file)?;
    like(&file, &source)?;
    file.sync_all()?;
    let hash = |path: &Path| fs::read(path).map(|bytes| ContentHash::of(&bytes));
    if hash(from)? == hash(to)? {
        Ok(())
    } else {
        Err(io::Error::other("it changed while it was copied"))
    }
}

/// Gives a file the times and permissions of another.
fn like(file: &File, other: &File) -> io::Result<()> {
    let other = other.metadata()?;
    let times = FileTimes::new().set_modified(other.modified()?);
    file.set_times(times)?;
    file.set_permissions(other.permissions())
}

/// Makes `path` share the blocks of `kept`, where the file system can, and another name of it elsewhere.
/// Both have the same content.
pub fn link_over(kept: &Path, path: &Path) -> io::Result<()> {
    let half = Half(unique_beside(path));
    if reflink_copy::reflink(kept, &half.0).is_ok() {
        let file = File::options().write(true).open(&half.0)?;
        like(&file, &File::open(path)?)?;
        file.sync_all()?;
    } else {
        // A failed attempt may have left an empty file.
        let _ = fs::remove_file(&half.0);
        fs::hard_link(kept, &half.0)?;
    }
    fs::rename(&half.0, path)?;
    sync_folder(path);
    Ok(())
}

/// Makes `path`, another name of some file, a file of its own again, changed last then (nanoseconds since
/// 1970).
pub fn unlink_from(path: &Path, modified: i64) -> io::Result<()> {
    let half = Half(unique_beside(path));
    copy_whole(path, &half.0)?;
    let file = File::options().write(true).open(&half.0)?;
    let since = std::time::Duration::from_nanos(modified.unsigned_abs());
    let time = if modified < 0 {
        std::time::UNIX_EPOCH.checked_sub(since)
    } else {
        std::time::UNIX_EPOCH.checked_add(since)
    };
    if let Some(time) = time {
        file.set_times(FileTimes::new().set_modified(time))?;
    }
    file.sync_all()?;
    fs::rename(&half.0, path)?;
    sync_folder(path);
    Ok(())
}

/// After a power cut the old name may come back otherwise, which loses nothing.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// What is not whole yet; removed when dropped, if it is still there.
struct Half(std::path::PathBuf);

impl Drop for Half {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
