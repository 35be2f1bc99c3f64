//! One step: looked at once more, written down, taken.

use std::fs;
use std::io;
use std::path::Path;

use super::carry::{link_over, move_to};
use super::journal::{Entry, Journal, State};
use super::report::Action;
use crate::duplicates::files::is_same_file;
use crate::duplicates::looks::read;
use crate::error::Result;
use crate::gallery::Record;

/// One photo and what becomes of it.
pub struct Step<'a> {
    pub action: Action,
    pub kept: &'a Record,
    pub record: &'a Record,
    pub to: Option<&'a Path>,
}

impl Step<'_> {
    /// Takes the step, if both files are what they were; or why not.
    pub fn take(&self, journal: &mut Journal) -> Result<Result<(), String>> {
        if let Err(reason) = self.check() {
            return Ok(Err(reason));
        }
        let number = journal.begin(self.entry())?;
        let path = &self.record.path;
        let taken = match (self.action, self.to) {
            (Action::Move, Some(to)) => move_to(path, to),
            (Action::Move, None) | (Action::Undo, _) => Err(io::ErrorKind::InvalidInput.into()),
            (Action::Link, _) => link_over(&self.kept.path, path),
            (Action::Delete, _) => fs::remove_file(path),
            (Action::Trash, _) => trash::delete(path).map_err(io::Error::other),
        };
        let state = if taken.is_ok() {
            State::Done
        } else {
            State::Failed
        };
        journal.end(number, state)?;
        Ok(taken.map_err(|error| error.to_string()))
    }

    fn check(&self) -> Result<(), String> {
        let (path, kept) = (&self.record.path, &self.kept.path);
        if path.is_symlink() {
            return Err("it is a link".to_owned());
        }
        let of_kept = |error| format!("the kept one cannot be relied on: {error}");
        read(kept, self.kept.hash).map_err(of_kept)?;
        read(path, self.record.hash).map_err(|error| error.to_string())?;
        if is_same_file(path, kept) {
            return Err("it is the kept file itself, under another name".to_owned());
        }
        Ok(())
    }

    /// As it is written down; number and run are the journal's.
    fn entry(&self) -> Entry {
        Entry {
            number: 0,
            run: 0,
            state: State::Begun,
            action: self.action,
            from: self.record.path.as_path().into(),
            to: self.to.map(Into::into),
            keep: self.kept.path.as_path().into(),
            hash: self.record.hash.to_string(),
            modified: self.record.modified,
        }
    }
}
