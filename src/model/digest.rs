//! SHA-256 of files, remembered: hashing hundreds of megabytes at every query would be felt.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bounded;
use crate::error::{FileError, Result};
use crate::replace::replace;
use crate::weights::{Part, WeightsFile};

/// A file changed more recently than this may change again within the clock's resolution.
const SETTLED: Duration = Duration::from_secs(2);

/// The largest file of remembered digests that is read.
const MAX_MEMORY: u64 = 64 << 20;

/// The SHA-256 of a file's content, 64 hexadecimal digits.
///
/// # Errors
/// [`FileError::Read`].
pub fn sha256(path: &Path) -> Result<String, FileError> {
    let failed = FileError::read_at(path);
    let mut file = File::open(path).map_err(failed)?;
    copy_hashed(&mut file, &mut io::sink()).map_err(failed)
}

/// Copies `from` to `to` and gives the SHA-256 of what was copied.
pub(super) fn copy_hashed(from: &mut impl Read, to: &mut impl io::Write) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => {
                hasher.update(&buffer[..len]);
                to.write_all(&buffer[..len])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// What several files' digests come to, or a part's that was said.
fn combined(lines: &[String]) -> String {
    let text = lines.join("\n");
    // Reading from memory does not fail.
    copy_hashed(&mut text.as_bytes(), &mut io::sink()).unwrap_or_default()
}

/// Whether `text` is 64 lower-case hexadecimal digits.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Digests of files whose size and time of change are still those they were computed at.
///
/// They lie in one small file of the cache folder. Losing it, or losing an entry to another
/// process, costs nothing but hashing again.
#[derive(Debug)]
pub struct Digests {
    path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    size: u64,
    changed_ns: u64,
    sha256: String,
}

/// Where a part of a file, or several files, with some digest were.
#[derive(Debug, Serialize, Deserialize)]
struct Whereabouts {
    path: PathBuf,
    #[serde(flatten)]
    part: Part,
}

impl Digests {
    /// Those remembered in the cache folder `cache`.
    #[must_use]
    pub fn in_folder(cache: &Path) -> Self {
        Self {
            path: cache.join("digests.json"),
        }
    }

    /// The SHA-256 of a file's content, 64 hexadecimal digits, computed only where the file
    /// changed since it was last asked for.
    ///
    /// # Errors
    /// [`FileError::Read`].
    pub fn sha256(&self, path: &Path) -> Result<String, FileError> {
        let failed = FileError::read_at(path);
        let metadata = fs::metadata(path).map_err(failed)?;
        let key = fs::canonicalize(path).map_err(failed)?;
        let (Some(key), Some(changed_ns)) = (key.to_str(), settled_since(&metadata)) else {
            return sha256(path);
        };
        let mut known = self.load();
        let held = known.get(key);
        if let Some(entry) = held
            && entry.size == metadata.len()
            && entry.changed_ns == changed_ns
        {
            return Ok(entry.sha256.clone());
        }
        let digest = sha256(path)?;
        let entry = Entry {
            size: metadata.len(),
            changed_ns,
            sha256: digest.clone(),
        };
        known.insert(key.to_owned(), entry);
        self.save(known);
        Ok(digest)
    }

    /// The digest of opened weights: of a whole file its SHA-256; of several files, or of a part, one of
    /// the files' and what the part is called.
    ///
    /// # Errors
    /// [`FileError::Read`].
    pub fn of_weights(&self, file: &WeightsFile) -> Result<String, FileError> {
        let (paths, part) = (file.paths(), file.part());
        let digests = paths.iter().map(|path| self.sha256(path));
        let mut lines: Vec<String> = digests.collect::<Result<_, _>>()?;
        if let ([digest], true) = (lines.as_slice(), part.is_whole()) {
            return Ok(digest.clone());
        }
        lines.push(part.to_string());
        let digest = combined(&lines);
        self.remember(&digest, file);
        Ok(digest)
    }

    /// Weights that had this digest when they were last asked for, and still have it.
    #[must_use]
    pub fn find_weights(&self, digest: &str) -> Option<(PathBuf, Part)> {
        if let Some(path) = self.find(digest) {
            return Some((path, Part::default()));
        }
        let place = self.whereabouts().remove(digest)?;
        let file = WeightsFile::open_part(&place.path, &place.part).ok()?;
        let is_still = self.of_weights(&file).is_ok_and(|now| now == digest);
        is_still.then_some((place.path, place.part))
    }

    fn whereabouts_path(&self) -> PathBuf {
        self.path.with_file_name("parts.json")
    }

    fn whereabouts(&self) -> BTreeMap<String, Whereabouts> {
        remembered(&self.whereabouts_path())
    }

    fn remember(&self, digest: &str, file: &WeightsFile) {
        let Ok(path) = fs::canonicalize(file.path()) else {
            return;
        };
        let part = file.part().clone();
        let place = Whereabouts { path, part };
        let mut known = self.whereabouts();
        known.retain(|_, place| place.path.exists());
        known.insert(digest.to_owned(), place);
        keep(&known, &self.whereabouts_path());
    }

    /// A file that had this SHA-256 when it was last asked for, and still has it.
    #[must_use]
    pub fn find(&self, sha256: &str) -> Option<PathBuf> {
        let known = self.load().into_iter();
        let mut paths = known
            .filter(|(_, entry)| entry.sha256 == sha256)
            .map(|(path, _)| path);
        let still = |path: &String| self.sha256(Path::new(path)).is_ok_and(|now| now == sha256);
        paths.find(still).map(PathBuf::from)
    }

    /// Files that had this SHA-256 when they were last read, have the same size and time still, and
    /// another content: all that are remembered are read anew, and `on_progress` is told how many bytes
    /// of how many. What it is told is forgotten, so that the next who asks notices too.
    pub fn changed_in_place(
        &self,
        sha256: &str,
        on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Vec<PathBuf> {
        let mut known = self.load();
        let is_it = |(_, entry): &(&String, &Entry)| entry.sha256 == sha256;
        let files: Vec<String> = known.iter().filter(is_it).map(|it| it.0.clone()).collect();
        let size = |file: &String| fs::metadata(file).map_or(0, |metadata| metadata.len());
        let total = files.iter().map(size).sum::<u64>() as usize;
        let (mut done, mut changed) = (0, Vec::new());
        for file in files.into_iter().filter(|file| Path::new(file).exists()) {
            let mut told = Told {
                done: &mut done,
                total,
                on_progress: &mut *on_progress,
            };
            let hashed = File::open(&file).and_then(|mut file| copy_hashed(&mut file, &mut told));
            match hashed {
                // Told to stop.
                Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
                Ok(now) if now == sha256 => {}
                _ => {
                    known.remove(&file);
                    changed.push(PathBuf::from(file));
                }
            }
        }
        if !changed.is_empty() {
            self.save(known);
        }
        changed
    }

    fn load(&self) -> BTreeMap<String, Entry> {
        remembered(&self.path)
    }

    fn save(&self, mut known: BTreeMap<String, Entry>) {
        known.retain(|path, _| Path::new(path).exists());
        keep(&known, &self.path);
    }
}

/// What a file of the cache folder remembers; nothing where it is damaged or not there.
fn remembered<T: DeserializeOwned>(path: &Path) -> BTreeMap<String, T> {
    let text = bounded::read(path, MAX_MEMORY).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A cache folder that cannot be written only means that nothing is remembered.
fn keep<T: Serialize>(known: &BTreeMap<String, T>, path: &Path) {
    if let Ok(text) = serde_json::to_vec_pretty(known) {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let _ = folder.and_then(|()| replace(path, &text));
    }
}

/// Counts what is written to it.
struct Told<'a> {
    done: &'a mut usize,
    total: usize,
    on_progress: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
}

impl io::Write for Told<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.done += bytes.len();
        match (self.on_progress)(*self.done, self.total) {
            ControlFlow::Continue(()) => Ok(bytes.len()),
            ControlFlow::Break(()) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// When the file last changed, in nanoseconds of Unix time, if that is long enough ago.
fn settled_since(metadata: &Metadata) -> Option<u64> {
    let changed = metadata.modified().ok()?;
    let age = SystemTime::now().duration_since(changed).ok()?;
    let since_epoch = changed.duration_since(UNIX_EPOCH).ok()?;
    (age > SETTLED).then_some(since_epoch.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn age(path: &Path, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }

    #[test]
    fn the_digest_is_the_standards() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        assert_eq!(sha256(&path).unwrap(), ABC);
        assert!(is_sha256(ABC) && !is_sha256("ABC") && !is_sha256(&ABC.to_uppercase()));
    }

    #[test]
    fn a_settled_file_is_hashed_once_and_again_when_it_changed() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("weights");
        let digests = Digests::in_folder(&folder.path().join("cache"));
        fs::write(&path, "abc").unwrap();
        age(&path, 60);
        assert_eq!(digests.sha256(&path).unwrap(), ABC);
        // What is remembered is what is given, which shows that the file was not read again.
        let mut known = digests.load();
        for entry in known.values_mut() {
            entry.sha256 = "remembered".into();
        }
        digests.save(known);
        assert_eq!(digests.sha256(&path).unwrap(), "remembered");
        age(&path, 30);
        assert_eq!(digests.sha256(&path).unwrap(), ABC);
    }

    #[test]
    fn a_file_written_just_now_is_not_remembered() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("weights");
        let digests = Digests::in_folder(folder.path());
        fs::write(&path, "abc").unwrap();
        assert_eq!(digests.sha256(&path).unwrap(), ABC);
        assert_eq!(digests.load(), BTreeMap::new());
    }

    #[test]
    fn a_damaged_memory_is_forgotten() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("weights");
        let digests = Digests::in_folder(folder.path());
        fs::write(&path, "abc").unwrap();
        age(&path, 60);
        fs::write(folder.path().join("digests.json"), "{ half a li").unwrap();
        assert_eq!(digests.sha256(&path).unwrap(), ABC);
        assert_eq!(digests.load().len(), 1);
    }
}
