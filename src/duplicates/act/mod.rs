//! What is done to duplicates, each step written down before it is taken: moved, put into the trash, made
//! one file with the kept one, deleted; and what was moved or linked is taken back.
//!
//! Before each step both files are read again. Whatever happens, the kept one stays: nothing is done to
//! a photo whose keeper is not there with just the content that it had.

mod carry;
mod journal;
mod report;
mod step;
mod undo;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use self::journal::Journal;
pub use self::report::{Acted, Action, Done, Refused};
use self::step::Step;
pub use self::undo::undo;
use super::report::{Duplicate, Duplicates, Group, Level};
use crate::document::Place;
use crate::error::{GalleryError, Result};
use crate::gallery::{Held, Snapshot};
use crate::photo::absolute;

/// What to do.
#[derive(Clone, Debug)]
pub struct Acting {
    /// With each duplicate.
    pub action: Action,
    /// Where they are moved to, outside of the collection.
    pub target: Option<PathBuf>,
    /// The loosest level of which anything is done.
    pub level: Level,
    /// Whether it is done; else it is only told.
    pub really: bool,
}

/// Does it, group by group, telling each; `on_done` says whether to go on.
///
/// # Errors
/// [`GalleryError::TargetInside`]; [`GalleryError::GalleryLocked`];
/// [`FileError::Write`](crate::error::FileError::Write) if it cannot be written down what is done: then
/// nothing more is done. What fails with a single file is in the report.
pub fn act(
    dir: &Path,
    snapshot: &Snapshot,
    report: &Duplicates,
    acting: &Acting,
    on_done: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Acted> {
    let target = match &acting.target {
        Some(target) => Some(checked_target(target, snapshot)?),
        None => None,
    };
    let mut acted = Acted::new(acting.action, !acting.really);
    let steps = steps(report, acting, &mut acted);
    let common = common_folder(steps.iter().map(|(_, duplicate)| &*duplicate.record.path));
    let held = acting.really.then(|| Held::of(dir)).transpose()?;
    let mut journal = held.as_ref().map(|_| Journal::open(dir)).transpose()?;
    let mut taken = HashSet::new();
    for (group, duplicate) in steps {
        if on_done().is_break() {
            acted.interrupted = true;
            break;
        }
        let record = &duplicate.record;
        let to = target.as_ref().map(|target| {
            let below = record.path.strip_prefix(&common).unwrap_or(&record.path);
            free_name(&target.join(below), &mut taken)
        });
        let step = Step {
            action: acting.action,
            kept: &group.keep.record,
            record,
            to: to.as_deref(),
        };
        let done = match &mut journal {
            Some(journal) => step.take(journal)?,
            None => Ok(()),
        };
        match done {
            Ok(()) => acted.done(&step),
            Err(reason) => acted.refuse(&record.path, reason),
        }
    }
    Ok(acted)
}

/// What there is to do, group by group.
fn steps<'a>(
    report: &'a Duplicates,
    acting: &Acting,
    acted: &mut Acted,
) -> Vec<(&'a Group, &'a Duplicate)> {
    let mut steps = Vec::new();
    for group in &report.groups {
        for duplicate in &group.duplicates {
            let is_wanted = duplicate.level <= acting.level;
            let is_linked = acting.action == Action::Link && duplicate.level != Level::Bytes;
            if !is_wanted || is_linked {
                acted.left += 1;
            } else if duplicate.protected {
                acted.protected += 1;
            } else {
                steps.push((group, duplicate));
            }
        }
    }
    steps
}

/// From the root, and not where photos of the gallery are looked for: there they would be found again.
fn checked_target(target: &Path, snapshot: &Snapshot) -> Result<PathBuf> {
    let whole = absolute(target).or_else(|_| std::path::absolute(target));
    let whole = whole.unwrap_or_else(|_| target.to_owned());
    if snapshot.folders().any(|folder| whole.starts_with(folder)) {
        return Err(GalleryError::TargetInside { path: whole }.into());
    }
    Ok(whole)
}

/// The deepest folder that all lie beneath.
fn common_folder<'a>(mut paths: impl Iterator<Item = &'a Path>) -> PathBuf {
    let first = paths.next().and_then(Path::parent).unwrap_or(Path::new(""));
    let shared = |common: &'a Path, path: &Path| {
        let mut above = common.ancestors();
        above
            .find(|folder| path.starts_with(folder))
            .unwrap_or(Path::new(""))
    };
    paths.fold(first, shared).to_owned()
}

/// This name, or the next that nothing has: ` (2)` before its ending.
fn free_name(path: &Path, taken: &mut HashSet<PathBuf>) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let numbered = |number: u32| {
        let mut name = stem.to_owned();
        name.push(format!(" ({number})"));
        if let Some(ending) = path.extension() {
            name.push(".");
            name.push(ending);
        }
        path.with_file_name(name)
    };
    let names = std::iter::once(path.to_owned()).chain((2..).map(numbered));
    let is_free = |name: &PathBuf| !taken.contains(name) && name.symlink_metadata().is_err();
    let mut free = names.filter(is_free);
    let name = free.next().unwrap_or_else(|| path.to_owned());
    taken.insert(name.clone());
    name
}

impl Acted {
    fn new(action: Action, dry_run: bool) -> Self {
        Self {
            action,
            dry_run,
            ..Self::default()
        }
    }

    fn done(&mut self, step: &Step<'_>) {
        self.bytes += step.record.size;
        self.done.push(Done {
            place: Place::of(&step.record.path),
            to: step.to.map(Place::of),
            keep: Some(Place::of(&step.kept.path)),
        });
    }

    fn refuse(&mut self, path: &Path, reason: String) {
        self.refused.push(Refused {
            place: Place::of(path),
            reason,
        });
    }
}
