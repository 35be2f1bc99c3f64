//! Programs of others, started so that the folder one stands in has no say.
//!
//! Photos, galleries and the folders around them come from anywhere. A program that is looked up
//! or configured through the current folder would run what lies in them: a `PATH` with `.` or an
//! empty entry finds it there, Python imports from there, and version managers read their files
//! there and in every folder above. So a program is found by an absolute path, and stands in a
//! folder that only the system's owner writes. This is the only place that starts one.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program called `name`, not started yet. Paths among its arguments have to be absolute.
///
/// # Errors
/// `NotFound` where no absolute folder of `PATH` has it.
pub fn command(name: &OsStr) -> io::Result<Command> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let folders = absolute_folders(&folders);
    let program = find(name, &folders)?;
    let mut command = Command::new(program);
    // A script that it may be looks up others in its turn.
    if let Ok(path) = env::join_paths(&folders) {
        command.env("PATH", path);
    }
    let place = neutral_folder();
    command.env("PWD", &place).env_remove("OLDPWD");
    command.current_dir(place);
    Ok(command)
}

/// The folders of a `PATH` that mean the same from everywhere.
fn absolute_folders(path: &OsStr) -> Vec<PathBuf> {
    let folders = env::split_paths(path);
    folders.filter(|folder| folder.is_absolute()).collect()
}

/// What has folders in its name was named by whoever calls, and is not looked up.
fn find(name: &OsStr, folders: &[PathBuf]) -> io::Result<PathBuf> {
    if Path::new(name).components().count() > 1 {
        return std::path::absolute(name);
    }
    let mut file = OsString::from(name);
    file.push(env::consts::EXE_SUFFIX);
    let paths = folders.iter().map(|folder| folder.join(&file));
    let found = paths.into_iter().find(|path| is_executable(path));
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = path.metadata();
    metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// A folder with nothing above it, in which no photos lie.
fn neutral_folder() -> PathBuf {
    if cfg!(windows) {
        env::var_os("SystemRoot").map_or_else(|| r"C:\".into(), PathBuf::from)
    } else {
        "/".into()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_that_depend_on_where_one_stands_are_not_looked_into() {
        let path = ":.:./bin::bin:../bin:/usr/bin:/bin:";
        let folders = absolute_folders(OsStr::new(path));
        assert_eq!(folders, [Path::new("/usr/bin"), Path::new("/bin")]);
        assert!(absolute_folders(OsStr::new("")).is_empty());
    }

    #[test]
    fn the_first_file_that_can_be_run_is_taken() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [folder.path().to_owned(), other.path().to_owned()];
        for (place, mode) in folders.iter().zip([0o644, 0o755]) {
            fs::write(place.join("tool"), "").unwrap();
            fs::set_permissions(place.join("tool"), Permissions::from_mode(mode)).unwrap();
            fs::create_dir(place.join("folder")).unwrap();
        }
        let find = |name: &str| find(OsStr::new(name), &folders).ok();
        assert_eq!(find("tool"), Some(other.path().join("tool")));
        assert_eq!((find("folder"), find("nothing")), (None, None));
        assert!(find("./tool").unwrap().is_absolute());
    }

    #[test]
    fn a_program_stands_where_no_photos_lie() {
        let output = command(OsStr::new("sh")).unwrap();
        let mut output = output;
        let output = output.args(["-c", "pwd -P; echo $PWD"]).output().unwrap();
        assert_eq!(output.stdout, b"/\n/\n");
    }
}
