//! What is done to duplicates, taken back, and remembered.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use imgsearch::duplicates::{self, Acted, Acting, Action, Duplicates, Level, NotDuplicates};
use imgsearch::error::{FileError, GalleryError};
use imgsearch::gallery::{Held, Record, Snapshot};
use imgsearch::photo::absolute;

use super::DupsArgs;
use crate::cli::bar::{Bar, Unit};
use crate::cli::exit::Exit;
use crate::cli::output::{clean_line, json, shown_clean, table};
use crate::cli::progress::go_on;
use crate::cli::setup;
use crate::cli::tell::{note, tell};

impl DupsArgs {
    /// What is to be done, if anything is.
    pub(super) fn action(&self) -> Option<Action> {
        let actions = [
            (self.move_to.is_some(), Action::Move),
            (self.trash, Action::Trash),
            (self.link, Action::Link),
            (self.delete, Action::Delete),
        ];
        actions
            .into_iter()
            .find_map(|(is_wanted, action)| is_wanted.then_some(action))
    }

    pub(super) fn act(&self, dir: &Path, snapshot: &Snapshot, report: &Duplicates) -> Result<Exit> {
        let acting = Acting {
            action: self.action().unwrap_or_default(),
            target: self.move_to.clone(),
            level: self.level.unwrap_or(Level::Pixels),
            really: self.yes,
        };
        let acted = setup::waiting(&self.wait, || {
            let total = Some(report.duplicates as u64);
            let bar = self
                .yes
                .then(|| Bar::new(Unit::Things("duplicates"), total));
            duplicates::act(dir, snapshot, report, &acting, &mut || {
                if let Some(bar) = &bar {
                    bar.advance(1);
                }
                go_on()
            })
        });
        self.tell_acted(&acted?)
    }

    pub(super) fn take_back(&self, dir: &Path) -> Result<Exit> {
        let acted = setup::waiting(&self.wait, || duplicates::undo(dir))?;
        self.tell_acted(&acted)
    }

    fn tell_acted(&self, acted: &Acted) -> Result<Exit> {
        for refused in &acted.refused {
            let (path, reason) = (
                clean_line(refused.place.path()),
                clean_line(&refused.reason),
            );
            tell!("left as it is: {path}: {reason}");
        }
        if acted.left > 0 {
            note!(
                "note: {} left as they are: --level near acts on those that are not equal too",
                acted.left
            );
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            json::print(acted, &mut out)?;
        } else {
            table::acted::acted(acted, &mut out)?;
        }
        out.flush()?;
        if acted.dry_run && !acted.done.is_empty() {
            note!("nothing was done yet: --yes does it");
        } else if !acted.dry_run && !acted.done.is_empty() {
            note!("note: the gallery learns of it from the next `imgsearch index`");
        }
        Ok(if acted.interrupted {
            Exit::Interrupted
        } else if !acted.refused.is_empty() {
            Exit::Skipped
        } else if acted.done.is_empty() {
            Exit::Nothing
        } else {
            Exit::Done
        })
    }

    /// Remembers that two are no duplicates.
    pub(super) fn remember(
        &self,
        dir: &Path,
        snapshot: &Snapshot,
        (a, b): (&Path, &Path),
    ) -> Result<Exit> {
        let (a, b) = (known(snapshot, a)?, known(snapshot, b)?);
        let _held = setup::waiting(&self.wait, || Held::of(dir))?;
        let is_new = NotDuplicates::of(dir)?.remember(dir, &a, &b)?;
        let (a, b) = (shown_clean(&a.path), shown_clean(&b.path));
        let said = if is_new {
            "remembered"
        } else {
            "known already"
        };
        note!("{said}: {a} and {b} are no duplicates");
        Ok(Exit::Done)
    }
}

/// A photo of the gallery.
fn known(snapshot: &Snapshot, path: &Path) -> Result<Record> {
    let whole = absolute(path).map_err(FileError::read_at(path))?;
    let unknown = || GalleryError::InvalidFilter {
        text: path.to_string_lossy().into_owned(),
        expected: "a photo of the gallery",
    };
    let found = snapshot.find(&whole, None).map(|(record, _)| record);
    Ok(found.ok_or_else(unknown)?)
}
