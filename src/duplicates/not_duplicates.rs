//! What somebody said is no duplicate: kept in the gallery's folder, by content, so that it holds when
//! files are moved.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stored_path::StoredPath;
use crate::bounded;
use crate::error::{FileError, Result};
use crate::gallery::Record;
use crate::photo::ContentHash;
use crate::replace::replace;

/// Its file.
const FILE: &str = "not-duplicates.jsonl";
/// More bytes than anybody says.
const MOST_BYTES: u64 = 256 << 20;

/// All that was said.
#[derive(Clone, Debug, Default)]
pub struct NotDuplicates {
    lines: Vec<Line>,
    contents: HashMap<(String, String), HashSet<[PathBuf; 2]>>,
}

/// A pair as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    hashes: [String; 2],
    paths: [StoredPath; 2],
}

impl NotDuplicates {
    /// What was said of a gallery's photos.
    ///
    /// # Errors
    /// [`FileError::Read`] for a file that cannot be read or is none of these.
    pub fn of(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = match bounded::read_text(&path, MOST_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(FileError::read_at(&path)(error).into()),
        };
        let mut all = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let line = serde_json::from_str(line);
            let line = line.map_err(|error| FileError::read_at(&path)(error.into()))?;
            all.add(line);
        }
        Ok(all)
    }

    /// Remembers that these are none; whether that is new. Nobody else may write meanwhile: whoever
    /// calls it holds the gallery's lock.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn remember(&mut self, dir: &Path, a: &Record, b: &Record) -> Result<bool> {
        if self.has(a, b) {
            return Ok(false);
        }
        let line = Line {
            hashes: [a.hash, b.hash].map(|hash| hash.to_string()),
            paths: [a, b].map(|it| it.path.as_path().into()),
        };
        self.add(line);
        let mut text = Vec::new();
        for line in &self.lines {
            // What is text and numbers alone can always be written.
            text.extend(serde_json::to_vec(line).unwrap_or_default());
            text.push(b'\n');
        }
        let path = dir.join(FILE);
        replace(&path, &text).map_err(FileError::write_at(&path))?;
        Ok(true)
    }

    /// Whether these were said to be none. Of equal bytes it was said of the two files.
    #[must_use]
    pub fn has(&self, a: &Record, b: &Record) -> bool {
        if self.lines.is_empty() {
            return false;
        }
        let said = self.contents.get(&key(a.hash, b.hash));
        said.is_some_and(|paths| a.hash != b.hash || paths.contains(&ordered(&a.path, &b.path)))
    }

    fn add(&mut self, line: Line) {
        let [a, b] = &line.hashes;
        let key = (a.min(b).clone(), a.max(b).clone());
        let [one, other] = [0, 1].map(|at| PathBuf::from(&line.paths[at]));
        let paths = ordered(&one, &other);
        self.contents.entry(key).or_default().insert(paths);
        self.lines.push(line);
    }
}

fn key(a: ContentHash, b: ContentHash) -> (String, String) {
    (a.min(b).to_string(), a.max(b).to_string())
}

fn ordered(a: &Path, b: &Path) -> [PathBuf; 2] {
    [a.min(b).to_owned(), a.max(b).to_owned()]
}
