//! SHA-256 of weights files, remembered: hashing 500 MB before every query would be too slow.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache_folder;
use crate::error::{Error, Result};

/// A file younger than this may still change within the clock's resolution.
const SETTLED: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    size: u64,
    /// Nanoseconds since 1970, as text: JSON's numbers are too short.
    modified: String,
    sha256: String,
}

type Memory = BTreeMap<PathBuf, Remembered>;

/// SHA-256 of the file, 64 hexadecimal digits; remembered as long as its size and time stay.
///
/// # Errors
/// [`Error::Read`].
pub fn sha256_of(path: &Path) -> Result<String> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let path = path.canonicalize().map_err(failed)?;
    let metadata = fs::metadata(&path).map_err(failed)?;
    let modified = metadata.modified().ok();
    let stamp = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let stamp = stamp.map_or_else(String::new, |since| since.as_nanos().to_string());
    let mut memory = load();
    let known = memory
        .get(&path)
        .filter(|known| known.size == metadata.len() && known.modified == stamp);
    if let Some(known) = known {
        return Ok(known.sha256.clone());
    }
    let sha256 = hash(&path).map_err(failed)?;
    let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    if age.is_some_and(|age| age > SETTLED) {
        let entry = Remembered {
            size: metadata.len(),
            modified: stamp,
            sha256: sha256.clone(),
        };
        memory.insert(path, entry);
        save(&memory);
    }
    Ok(sha256)
}

/// A file that had this SHA-256 when it was last used, and still has.
#[must_use]
pub fn file_with_digest(sha256: &str) -> Option<PathBuf> {
    let candidates = load()
        .into_iter()
        .filter(|(_, known)| known.sha256 == sha256);
    candidates
        .map(|(path, _)| path)
        .find(|path| sha256_of(path).is_ok_and(|found| found == sha256))
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn memory_file() -> PathBuf {
    cache_folder().join("digests.json")
}

fn load() -> Memory {
    let bytes = fs::read(memory_file()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Losing this file costs only time, so failing to write it is no error.
fn save(memory: &Memory) {
    let file = memory_file();
    let new = file.with_extension(format!("new-{}", std::process::id()));
    let Ok(json) = serde_json::to_vec_pretty(memory) else {
        return;
    };
    let _ = fs::create_dir_all(cache_folder());
    if fs::write(&new, json).is_ok() {
        let _ = fs::rename(&new, &file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("abc");
        fs::write(&file, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(&file).unwrap(), expected);
    }
}
