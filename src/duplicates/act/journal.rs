//! What is about to be done, written down and durable before it is: a line of JSON for each step, and one
//! when it has ended. So whoever comes after a crash knows what may have happened.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::report::Action;
use crate::bounded;
use crate::duplicates::stored_path::StoredPath;
use crate::error::{FileError, Result};

/// Its file in the gallery's folder.
const FILE: &str = "duplicates-journal.jsonl";
/// More bytes than anybody's steps take.
const MOST_BYTES: u64 = 1 << 30;

/// A step as it is written; the last line of a number counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub number: u64,
    /// The command that took it.
    pub run: u64,
    pub state: State,
    pub action: Action,
    pub from: StoredPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<StoredPath>,
    pub keep: StoredPath,
    /// Of the photo's content, 64 hexadecimal digits.
    pub hash: String,
    /// Nanoseconds since 1970.
    pub modified: i64,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Begun,
    Done,
    Failed,
    Undone,
}

/// The file, open to be written on.
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: BTreeMap<u64, Entry>,
    run: u64,
}

impl Journal {
    /// Opens that of a gallery, whose lock is held.
    ///
    /// # Errors
    /// [`FileError::Read`]; [`FileError::Write`].
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = match bounded::read_text(&path, MOST_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(FileError::read_at(&path)(error).into()),
        };
        let mut entries = BTreeMap::new();
        // A line that a crash cut off says nothing: its step was not taken.
        for entry in text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
        {
            let entry: Entry = entry;
            entries.insert(entry.number, entry);
        }
        let failed = FileError::write_at(&path);
        let opened = File::options().create(true).append(true).open(&path);
        let mut file = opened.map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(failed)?;
        }
        // The file's own name is made durable too, where folders can be.
        let _ = File::open(dir).and_then(|folder| folder.sync_all());
        let run = entries.values().map(|entry| entry.run).max().unwrap_or(0) + 1;
        Ok(Self {
            path,
            file,
            entries,
            run,
        })
    }

    /// Writes down that a step is about to be taken, and gives its number.
    pub fn begin(&mut self, entry: Entry) -> Result<u64> {
        let number = self.entries.keys().next_back().map_or(0, |last| last + 1);
        let run = self.run;
        self.write(Entry {
            number,
            run,
            ..entry
        })?;
        self.file
            .sync_data()
            .map_err(FileError::write_at(&self.path))?;
        Ok(number)
    }

    /// Writes down how it ended.
    pub fn end(&mut self, number: u64, state: State) -> Result<()> {
        match self.entries.get(&number).cloned() {
            Some(entry) => self.write(Entry { state, ..entry }),
            None => Ok(()),
        }
    }

    fn write(&mut self, entry: Entry) -> Result<()> {
        let failed = FileError::write_at(&self.path);
        let mut line = serde_json::to_vec(&entry).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)?;
        self.entries.insert(entry.number, entry);
        Ok(())
    }

    /// The steps of the last command of which something may be taken back, the last first.
    pub fn last_run(&self) -> Vec<Entry> {
        let can_be = |entry: &&Entry| {
            let was_taken = matches!(entry.state, State::Begun | State::Done);
            was_taken && matches!(entry.action, Action::Move | Action::Link)
        };
        let open: Vec<&Entry> = self.entries.values().filter(can_be).collect();
        let last = open.iter().map(|entry| entry.run).max();
        let of_last = open.into_iter().filter(|entry| Some(entry.run) == last);
        of_last.rev().cloned().collect()
    }
}
