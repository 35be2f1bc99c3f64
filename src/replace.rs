//! Files written so that whoever had one keeps it until the new one is whole: made beside their place,
//! made durable, and renamed into it.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Links that are followed before they are taken for a circle, as Linux does.
const MAX_LINKS: usize = 40;

/// Writes `content` to the file at `path`, as [`replace_with`] does.
///
/// # Errors
/// Those of the file system; the file is then what it was.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, |out| out.write_all(content))
}

/// Writes the file at `path`: others see the old or the new content, never half of one, and where it
/// cannot be written (a full disk) the old one stays.
///
/// A link's target is written, and a file that is there keeps its permissions and, where that is
/// allowed, its owner; it must be writable. Pipes, devices and what `/dev/stdout` stands for cannot be
/// replaced: they are written to. So is a file that cannot be renamed over, because its folder may not
/// be written or it is a mount of its own; that one may be left cut off.
///
/// # Errors
/// Those of the file system and of `write`.
pub fn replace_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let Some(target) = replaceable(path)? else {
        // Behind what is there already: the shell's `>>` is behind `/dev/stdout` too.
        return buffered(&File::options().append(true).open(path)?, write);
    };
    let old = match File::options().write(true).open(&target) {
        Ok(file) => Some(file.metadata()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let temporary = Temporary(unique_beside(&target));
    let file = match File::create_new(&temporary.0) {
        Ok(file) => file,
        Err(error) if old.is_some() && is_forbidden(&error) => {
            let mut content = Vec::new();
            write(&mut content)?;
            return overwrite(&target, &content);
        }
        Err(error) => return Err(error),
    };
    buffered(&file, write)?;
    if let Some(old) = &old {
        keep_permissions(&file, old)?;
    }
    file.sync_all()?;
    drop(file);
    match fs::rename(&temporary.0, &target) {
        Err(error) if old.is_some() && is_mount(&error) => {
            overwrite(&target, &fs::read(&temporary.0)?)
        }
        renamed => {
            renamed?;
            sync_folder_of(&target);
            Ok(())
        }
    }
}

fn buffered(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()
}

/// A name in the folder of `path` that no other thread or process uses, nor one of an earlier run
/// with the same process id, which is the rule in a container.
pub(crate) fn unique_beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // File systems allow 255 bytes; the name is for whoever finds the file.
    let name: String = name.chars().take(40).collect();
    path.with_file_name(format!(".{name}.{}-{now}-{count}.part", process::id()))
}

/// The file to replace, behind all links; nothing if what is there is no plain file, or belongs to
/// the system.
fn replaceable(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        if is_systems(&target) {
            return Ok(None);
        }
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let next = fs::read_link(&target)?;
                // Joining leaves an absolute path as it is.
                target = folder_of(&target).join(next);
            }
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) => return Ok(metadata.is_file().then_some(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(target)),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Whether a path leads to open files by their numbers, or to devices.
fn is_systems(path: &Path) -> bool {
    let folder = fs::canonicalize(folder_of(path)).unwrap_or_default();
    folder.starts_with("/proc") || folder == Path::new("/dev")
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether nothing may be made in a folder.
fn is_forbidden(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem
    )
}

/// Whether a file cannot be renamed over because it is a mount, as containers have single files.
fn is_mount(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ResourceBusy | Kind::CrossesDevices) || is_forbidden(error)
}

fn overwrite(target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).truncate(true).open(target)?;
    file.write_all(content)?;
    file.sync_all()
}

fn keep_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            // Only the system's owner may give files away.
            let _ = fchown(file, Some(old.uid()), Some(old.gid()));
        }
    }
    file.set_permissions(old.permissions())
}

/// A power cut may otherwise bring the old one back, which does no harm where it cannot be done.
fn sync_folder_of(path: &Path) {
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
}

/// Removed when dropped, if it is still there.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The only file in a folder, and its content.
    fn only(folder: &Path) -> (PathBuf, Vec<u8>) {
        let entries: Vec<_> = fs::read_dir(folder).unwrap().collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        let path = entries[0].as_ref().unwrap().path();
        let content = fs::read(&path).unwrap();
        (path, content)
    }

    #[test]
    fn what_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let fail = |out: &mut dyn Write| {
            out.write_all(&vec![b'x'; 1 << 20])?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let failed = replace_with(&path, fail).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        replace(&path, b"old").unwrap();
        replace_with(&path, fail).unwrap_err();
        assert_eq!(only(folder.path()), (path.clone(), b"old".to_vec()));
        replace(&path, b"new").unwrap();
        assert_eq!(only(folder.path()), (path, b"new".to_vec()));
    }

    #[test]
    fn the_longest_name_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n".repeat(255));
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(only(folder.path()), (path, b"new".to_vec()));
    }

    #[test]
    fn a_folder_and_a_missing_folder_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(replace(folder.path(), b"x").is_err());
        assert!(replace(&folder.path().join("none/a"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("there")).unwrap();
        fs::write(at("there/file"), "old").unwrap();
        fs::set_permissions(at("there/file"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("there/file", at("link")).unwrap();
        symlink("link", at("again")).unwrap();
        symlink("there/new", at("dangling")).unwrap();
        symlink("circle", at("circle")).unwrap();
        replace(&at("again"), b"new").unwrap();
        assert_eq!(fs::read(at("there/file")).unwrap(), b"new");
        let mode = fs::metadata(at("there/file")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
        assert!(at("link").is_symlink() && at("again").is_symlink());
        replace(&at("dangling"), b"made").unwrap();
        assert_eq!(fs::read(at("there/new")).unwrap(), b"made");
        assert!(replace(&at("circle"), b"x").is_err());
        assert!(at("circle").is_symlink());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_open_files_are_written_to() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        replace(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = replace(Path::new("/dev/full"), b"x").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let path = folder.path().join("a");
        let file = File::create(&path).unwrap();
        for word in ["one ", "two"] {
            let open = format!("/dev/fd/{}", file.as_raw_fd());
            replace(Path::new(&open), word.as_bytes()).unwrap();
        }
        assert_eq!(only(folder.path()), (path, b"one two".to_vec()));
    }
}
