//! A repository in the hub's own cache, laid out as all its programs do: in `models--OWNER--NAME`
//! the contents of files by their hash in `blobs`, links to them under `snapshots/COMMIT`, and in
//! `refs/main` the newest commit. So Python and we share one copy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::request::Announced;
use crate::bounded;
use crate::model::own_file::own_file;
use crate::replace::replace;

/// How often and how far apart a file that another program downloads is asked for.
const LOCK_ATTEMPTS: usize = 6;
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// More bytes than a commit's name has.
const MOST_OF_A_NAME: u64 = 4096;

/// A repository's folder.
pub struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The one called `name`, e.g. `timm/resnet50`, in the cache.
    pub fn new(cache: &Path, name: &str) -> Self {
        let folder = format!("models--{}", name.replace('/', "--"));
        Self {
            folder: cache.join(folder),
        }
    }

    /// A file of the newest commit, if it is there.
    pub fn held(&self, file: &str) -> Option<PathBuf> {
        let commit = bounded::read_text(&self.folder.join("refs/main"), MOST_OF_A_NAME).ok()?;
        let commit = Some(commit.trim()).filter(|commit| is_name(commit))?;
        let path = self.snapshot(commit).join(file);
        path.is_file().then_some(path)
    }

    /// Where the content called so grows until it is complete.
    pub fn part(&self, etag: &str) -> PathBuf {
        self.blobs().join(format!("{etag}.part"))
    }

    /// Opens it for more.
    pub fn open_part(&self, etag: &str) -> io::Result<File> {
        own_file(&self.part(etag))
    }

    /// Waits until no other program downloads that content; the lock lasts as long as the file.
    pub fn lock(&self, etag: &str) -> io::Result<File> {
        fs::create_dir_all(self.blobs())?;
        let file = own_file(&self.blobs().join(format!("{etag}.lock")))?;
        for _ in 1..LOCK_ATTEMPTS {
            if file.try_lock().is_ok() {
                return Ok(file);
            }
            thread::sleep(LOCK_PAUSE);
        }
        file.try_lock()?;
        Ok(file)
    }

    /// Gives a complete part its name and makes it the newest commit's `file`.
    pub fn keep(&self, announced: &Announced, file: &str) -> io::Result<PathBuf> {
        let Announced { commit, etag } = announced;
        let blob = self.blobs().join(etag);
        fs::rename(self.part(etag), &blob)?;
        let path = self.snapshot(commit).join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if !path.exists() {
            // A link may be left whose content is gone.
            let _ = fs::remove_file(&path);
            link(&blob, etag, &path, file)?;
        }
        let refs = self.folder.join("refs");
        fs::create_dir_all(&refs)?;
        replace(&refs.join("main"), commit.as_bytes())?;
        Ok(path)
    }

    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }
}

/// Whether a hash or commit that somebody says can be a file's name.
pub fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() < 200 && !text.starts_with('.') && text.bytes().all(is_plain)
}

/// Links the content under the file's name, relative, so that the cache can be moved.
#[cfg(unix)]
fn link(_: &Path, etag: &str, path: &Path, file: &str) -> io::Result<()> {
    let up = "../".repeat(2 + file.matches('/').count());
    std::os::unix::fs::symlink(format!("{up}blobs/{etag}"), path)
}

/// Where links need a permission that few have, the content itself gets the name.
#[cfg(not(unix))]
fn link(blob: &Path, _: &str, path: &Path, _: &str) -> io::Result<()> {
    fs::rename(blob, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_files() {
        for name in ["0123abcd", "a-b_c.d", &"a".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "..", ".a", "a/b", "../a", "a\\b", "a b", "ä", "a:b", "a\0",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_kept_file_is_found_again_also_in_a_folder_and_after_a_move() {
        let cache = tempfile::tempdir().unwrap();
        let announced = Announced {
            commit: "c1".into(),
            etag: "e1".into(),
        };
        for file in ["a.bin", "folder/a.bin"] {
            let repository = Repository::new(cache.path(), "owner/net");
            assert!(repository.held(file).is_none());
            let _lock = repository.lock("e1").unwrap();
            fs::write(repository.part("e1"), file).unwrap();
            repository.keep(&announced, file).unwrap();
            let held = repository.held(file).unwrap();
            assert_eq!(fs::read_to_string(held).unwrap(), file);
        }
        let moved = tempfile::tempdir().unwrap();
        fs::rename(
            cache.path().join("models--owner--net"),
            moved.path().join("models--owner--net"),
        )
        .unwrap();
        let moved = Repository::new(moved.path(), "owner/net");
        assert!(moved.held("folder/a.bin").is_some());
    }
}
