//! A gallery opened to be read, whatever state its snapshot is in and whether or not it may be written.

use std::env;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Gallery, OnProgress, Repair, Snapshot, folder};
use crate::error::{Error, FileError, GalleryError, Result};

/// Opens the newest snapshot for searching, made anew from the store if it is missing or damaged.
///
/// # Errors
/// As [`Snapshot::open`] where nothing can be rebuilt; [`GalleryError::GalleryLocked`] where
/// another process is writing and there is no snapshot yet.
pub fn open_for_search(dir: &Path) -> Result<(Snapshot, Vec<Repair>)> {
    open_for_search_telling(dir, &mut |_, _| ControlFlow::Continue(()))
}

/// The same; `on_progress` is told when a snapshot has to be made anew, first of 0 vectors of 0, and
/// then as [`Gallery::publish`] tells it. Where the gallery may not be written, it is made of a copy of
/// the store (which sled opens in no other way) in memory, or, where the system has no folder of such or
/// no room in it, in its folder for what is of the moment; and is gone with the process.
///
/// # Errors
/// As [`open_for_search`].
pub fn open_for_search_telling(
    dir: &Path,
    on_progress: OnProgress<'_>,
) -> Result<(Snapshot, Vec<Repair>)> {
    let damage = match Snapshot::open(dir) {
        Ok(snapshot) => return Ok((snapshot, Vec::new())),
        Err(error @ Error::Gallery(GalleryError::DamagedSnapshot { .. })) => error,
        Err(error) => return Err(error),
    };
    let _ = on_progress(0, 0);
    mended(dir, &damage, on_progress)
}

/// A snapshot without the damage that was found, made of the store; as [`open_for_search_telling`] where
/// the gallery may not be written.
///
/// # Errors
/// As [`open_for_search`].
pub fn mended(
    dir: &Path,
    damage: &Error,
    on_progress: OnProgress<'_>,
) -> Result<(Snapshot, Vec<Repair>)> {
    match rebuilt(dir, &damage.to_string(), on_progress) {
        Err(error) if may_not_write(&error) || is_locked(&error) => {
            let why = if is_locked(&error) {
                "another imgsearch is writing to it"
            } else {
                "it may not be written"
            };
            let reason = format!("{damage} (for this run alone: {why})");
            let mut in_folder = |folder: &Path| {
                let elsewhere = Copied::of(dir, folder)?;
                // On unix what is mapped stays when its file goes.
                rebuilt(&elsewhere.0, &reason, on_progress)
            };
            let in_memory = in_folder(Path::new(IN_MEMORY));
            in_memory.or_else(|_| in_folder(&env::temp_dir()))
        }
        rebuilt => rebuilt,
    }
}

/// Whether somebody is writing, who will not mend what he does not read.
const fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Gallery(GalleryError::GalleryLocked { .. }))
}

/// A folder whose files lie in memory, on Linux.
const IN_MEMORY: &str = "/dev/shm";

/// Whether the gallery may be read and not be written.
pub fn may_not_write(error: &Error) -> bool {
    use io::ErrorKind as Kind;
    match error {
        Error::File(FileError::Write { source, .. })
        | Error::Gallery(GalleryError::Store { source, .. }) => {
            matches!(
                source.kind(),
                Kind::PermissionDenied | Kind::ReadOnlyFilesystem
            )
        }
        _ => false,
    }
}

fn rebuilt(
    dir: &Path,
    reason: &str,
    on_progress: OnProgress<'_>,
) -> Result<(Snapshot, Vec<Repair>)> {
    let mut gallery = Gallery::open(dir)?;
    gallery.mend(on_progress)?;
    let mut repairs = gallery.repairs().to_vec();
    let reason = reason.to_owned();
    repairs.push(Repair::SnapshotRebuilt { reason });
    Ok((Snapshot::open(dir)?, repairs))
}

/// A copy of a gallery's store in a folder of its own within another, removed when dropped.
struct Copied(PathBuf);

impl Copied {
    fn of(dir: &Path, within: &Path) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("imgsearch-{}-{count}", process::id());
        let copied = within.join(name);
        // Before it is there nothing is to be removed: it may be somebody else's.
        make_private(&copied).map_err(FileError::write_at(&copied))?;
        let copied = Self(copied);
        let (store, to) = (dir.join("store"), copied.0.join("store"));
        folder::copy(&store, &to).map_err(FileError::write_at(&to))?;
        Ok(copied)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // What cannot be removed the system clears away.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A new folder that nobody else may look into: anybody may make folders beside it.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}
