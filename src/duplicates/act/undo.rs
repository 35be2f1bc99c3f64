//! What the last command moved or linked, taken back, however far it came.

use std::fs;
use std::path::{Path, PathBuf};

use super::carry::{move_to, unlink_from};
use super::journal::{Entry, Journal, State};
use super::report::{Acted, Action, Done, Refused};
use crate::document::Place;
use crate::duplicates::files::is_same_file;
use crate::error::Result;
use crate::gallery::Held;
use crate::photo::ContentHash;

/// Takes back what the last command that moved or linked did; called again, the one before it.
///
/// # Errors
/// [`GalleryError::GalleryLocked`](crate::error::GalleryError::GalleryLocked);
/// [`FileError`](crate::error::FileError) of the journal.
pub fn undo(dir: &Path) -> Result<Acted> {
    let _held = Held::of(dir)?;
    let mut journal = Journal::open(dir)?;
    let mut acted = Acted::new(Action::Undo, false);
    for entry in journal.last_run() {
        let from = PathBuf::from(&entry.from);
        match undone(&entry, &from) {
            Ok(was_needed) => {
                journal.end(entry.number, State::Undone)?;
                if was_needed {
                    acted.done.push(Done {
                        place: Place::of(&from),
                        to: None,
                        keep: None,
                    });
                }
            }
            Err(reason) => {
                // What is gone stays gone: the next time, what was done before is taken back.
                if !is_anywhere(&entry, &from) {
                    journal.end(entry.number, State::Failed)?;
                }
                acted.refused.push(Refused {
                    place: Place::of(&from),
                    reason,
                });
            }
        }
    }
    Ok(acted)
}

fn is_anywhere(entry: &Entry, from: &Path) -> bool {
    let to = entry.to.as_ref().map(PathBuf::from);
    let places = [Some(from.to_owned()), to];
    let has = |path: &PathBuf| hash_of(path).as_ref() == Some(&entry.hash);
    places.iter().flatten().any(has)
}

/// Whether there was anything to take back; or why it cannot be.
fn undone(entry: &Entry, from: &Path) -> Result<bool, String> {
    let has = |path: &Path| hash_of(path).as_ref() == Some(&entry.hash);
    let is_there = from.symlink_metadata().is_ok();
    let failed = |error: std::io::Error| error.to_string();
    if entry.action == Action::Link {
        if !has(from) {
            return Err("it is not what it was".to_owned());
        }
        let is_linked = is_same_file(from, &PathBuf::from(&entry.keep));
        if is_linked {
            unlink_from(from, entry.modified).map_err(failed)?;
        }
        return Ok(is_linked);
    }
    let to = entry.to.as_ref().map(PathBuf::from).unwrap_or_default();
    if !has(&to) {
        let nothing_happened = is_there && has(from);
        return if nothing_happened {
            Ok(false)
        } else {
            Err(format!("it is no more at {}", to.display()))
        };
    }
    if !is_there {
        return move_to(&to, from).map(|()| true).map_err(failed);
    }
    if is_same_file(from, &to) {
        // Stopped between its new name and the end of the old one.
        return fs::remove_file(&to).map(|()| true).map_err(failed);
    }
    if has(from) {
        // Stopped between the copy and the end of the original.
        return fs::remove_file(&to).map(|()| true).map_err(failed);
    }
    Err("something else lies there now".to_owned())
}

fn hash_of(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(ContentHash::of(&bytes).to_string())
}
