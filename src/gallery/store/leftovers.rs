//! What a killed process or a power cut leaves of sled's files, put in order before sled sees it.
//!
//! sled 0.34 makes four kinds of files, and each can be left half done:
//!
//! - `conf` is written in place and never synced. Cut off, it refuses the whole database for ever. It
//!   says the same in every store of ours, so it is written here instead, durably.
//! - `snap.X` spares sled the reading of its log from the beginning. It is written as
//!   `snap.X.generating`, which sled, if that is left, takes for the newest snapshot, and refuses.
//! - `blobs/N` holds a value too large for the log, and is never synced ([`sync_blobs`]). Those that
//!   the log does not know sled removes, except where the log is empty; there they are in its way.
//! - `db` is the log. What is torn at its end sled cuts off by itself.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::bounded;
use crate::gallery::folder;

/// What sled writes with the options that all our databases have; a checksum follows.
const CONF: &[u8] = b"segment_size: 524288\nuse_compression: false\nversion: 0.34\n";

/// More bytes than sled's own has; one that is larger is damaged, and written anew.
const MOST_OF_A_CONF: u64 = 64 << 10;

/// How long is waited for another process that is about to end.
const PATIENCE: Duration = Duration::from_millis(200);

/// Puts the database in the folder `path` in order, new or not. Nobody may have it open.
pub fn tidy(path: &Path) -> io::Result<()> {
    let log = path.join("db");
    fs::create_dir_all(path.join("blobs"))?;
    let file = open_locked(&log)?;
    // sled writes to its log, its snapshots and its blobs in place.
    let taken_in = folder::take_in(path);
    let tidied = taken_in.and_then(|()| tidy_locked(path, file.metadata()?.len() == 0));
    // Closing would not do: a process that is being started has the file open for a moment too.
    let _ = file.unlock();
    tidied
}

/// The log, locked.
fn open_locked(log: &Path) -> io::Result<File> {
    loop {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(log)?;
        lock(&file)?;
        // Whoever had it locked may have put another in its place.
        if folder::is_same(&file.metadata()?, &log.metadata()?) {
            return Ok(file);
        }
    }
}

/// Takes the lock that sled takes, so that files are not moved from under another process.
fn lock(log: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match log.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                thread::sleep(PATIENCE / 10);
            }
            Err(TryLockError::WouldBlock) => {
                let reason = "another process has it open";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, reason));
            }
            // There are file systems without locks.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
}

fn tidy_locked(path: &Path, is_empty: bool) -> io::Result<()> {
    write_conf(path)?;
    let snapshots = snapshots(path)?;
    for snapshot in &snapshots {
        match snapshot.state {
            State::Whole => {}
            State::HalfDone => fs::remove_file(&snapshot.path)?,
            State::Foreign => set_aside(path, &snapshot.path)?,
        }
    }
    let is_fresh = is_empty && !snapshots.iter().any(|it| it.state == State::Whole);
    for entry in fs::read_dir(path.join("blobs"))? {
        let blob = entry?.path();
        match blob.file_name().and_then(|name| name.to_str()) {
            // sled would panic.
            None => set_aside(path, &blob)?,
            Some(name) if is_fresh && name.parse::<i64>().is_ok() => fs::remove_file(&blob)?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// Moves sled's snapshots out of its sight, so that it reads its log from the beginning. Whether
/// there were any.
pub fn set_snapshots_aside(path: &Path) -> io::Result<bool> {
    let snapshots = snapshots(path)?;
    for snapshot in &snapshots {
        set_aside(path, &snapshot.path)?;
    }
    Ok(!snapshots.is_empty())
}

/// Makes the blobs from number `from` on durable; gives the number from which on the next are new.
pub fn sync_blobs(path: &Path, from: i64) -> io::Result<i64> {
    let folder = path.join("blobs");
    let mut next = from;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.parse::<i64>().ok());
        if let Some(number) = number.filter(|number| *number >= from) {
            match File::open(entry.path()) {
                Ok(blob) => blob.sync_all()?,
                // sled removes those that it has written anew elsewhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            next = next.max(number + 1);
        }
    }
    if next > from {
        File::open(&folder)?.sync_all()?;
    }
    Ok(next)
}

/// Makes durable that the database exists: its folder, what is in that, and where it lies.
pub fn sync_folders(path: &Path) -> io::Result<()> {
    let gallery = path.parent();
    let around = gallery.and_then(Path::parent);
    let blobs = path.join("blobs");
    for folder in [Some(&*blobs), Some(path), gallery, around] {
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// One that is whole stays, and so does one of another version, which sled refuses by itself.
fn write_conf(path: &Path) -> io::Result<()> {
    let (conf, new) = (path.join("conf"), path.join("conf.new"));
    match bounded::read(&conf, MOST_OF_A_CONF) {
        Ok(found) if is_whole(&found) => return Ok(()),
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::FileTooLarge
            ) =>
        {
            return Err(error);
        }
        _ => {}
    }
    // Made anew rather than opened: it may be what a killed process left, or a link.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::create_new(&new)?;
    file.write_all(CONF)?;
    file.write_all(&crc32fast::hash(CONF).to_le_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &conf)?;
    File::open(path)?.sync_all()
}

fn is_whole(conf: &[u8]) -> bool {
    let whole = conf.split_last_chunk();
    whole.is_some_and(|(text, checksum)| {
        crc32fast::hash(text).to_le_bytes() == *checksum && text.len() > 8
    })
}

/// What sled takes for a snapshot of its state.
struct Snapshot {
    path: PathBuf,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Whole,
    HalfDone,
    /// A copy that somebody or some program made.
    Foreign,
}

fn snapshots(path: &Path) -> io::Result<Vec<Snapshot>> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(rest) = name.strip_prefix("snap.") else {
            continue;
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let state = match rest.split_once('.') {
            Some((number, "generating")) if is_number(number) => State::HalfDone,
            None if is_number(rest) && rest.len() == 16 => State::Whole,
            _ => State::Foreign,
        };
        snapshots.push(Snapshot { path, state });
    }
    Ok(snapshots)
}

/// Gives a file a name that sled does not look at, in the database's own folder.
fn set_aside(path: &Path, file: &Path) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut number = 1;
    let aside = loop {
        let aside = path.join(format!("aside-{number}-{name}"));
        if !aside.exists() {
            break aside;
        }
        number += 1;
    };
    fs::rename(file, aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conf_is_what_sled_writes() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, sleds) = (folder.path().join("a"), folder.path().join("b"));
        tidy(&ours).unwrap();
        drop(sled::open(&sleds).unwrap());
        let read = |folder: &Path| fs::read(folder.join("conf")).unwrap();
        assert_eq!(read(&ours), read(&sleds));
        assert!(is_whole(&read(&sleds)));
    }

    #[test]
    fn a_conf_that_is_cut_off_is_written_anew_and_another_versions_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let conf = folder.path().join("conf");
        tidy(folder.path()).unwrap();
        let whole = fs::read(&conf).unwrap();
        for length in 0..whole.len() {
            fs::write(&conf, &whole[..length]).unwrap();
            tidy(folder.path()).unwrap();
            assert_eq!(fs::read(&conf).unwrap(), whole, "{length}");
        }
        let text = b"segment_size: 524288\nuse_compression: false\nversion: 0.35\n";
        let other = [&text[..], &crc32fast::hash(text).to_le_bytes()].concat();
        fs::write(&conf, &other).unwrap();
        tidy(folder.path()).unwrap();
        assert_eq!(fs::read(&conf).unwrap(), other);
    }

    #[test]
    fn only_blobs_that_are_new_are_synced() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs");
        fs::create_dir(&blobs).unwrap();
        assert_eq!(sync_blobs(folder.path(), 0).unwrap(), 0);
        for name in ["7", "19", "no number"] {
            fs::write(blobs.join(name), "x").unwrap();
        }
        assert_eq!(sync_blobs(folder.path(), 0).unwrap(), 20);
        // Were it looked at again, this would fail.
        fs::remove_file(blobs.join("7")).unwrap();
        fs::create_dir(blobs.join("25")).unwrap();
        assert_eq!(sync_blobs(folder.path(), 20).unwrap(), 26);
        assert!(sync_blobs(&folder.path().join("none"), 0).is_err());
    }

    #[test]
    fn one_that_another_process_has_open_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let open = sled::open(folder.path()).unwrap();
        let left = folder.path().join("snap.0000000000000007.generating");
        fs::write(&left, "being written").unwrap();
        let refused = tidy(folder.path()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert!(left.exists());
        drop(open);
        tidy(folder.path()).unwrap();
        assert!(!left.exists());
    }
}
