//! The other views: what looks alike, and what of new photos a gallery has.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use imgsearch::Searcher;
use imgsearch::duplicates::{self, Event, Options};
use imgsearch::gallery::Snapshot;
use imgsearch::resolve::Overrides;

use super::progress::Progress;
use super::{DupsArgs, whole};
use crate::cli::exit::Exit;
use crate::cli::output::{clean_line, json, nul, shown_clean, table};
use crate::cli::progress::{FetchProgress, REBUILDING, StepProgress};
use crate::cli::setup;
use crate::cli::tell::{note, tell};

impl DupsArgs {
    pub(super) fn show_similar(&self, snapshot: &Snapshot) -> Result<Exit> {
        let mut progress = Progress::default();
        let (options, least) = (self.options(), self.min_similarity);
        let found = duplicates::similar(snapshot, &options, least, &mut |done, total| {
            progress.on_event(Event::Searching(done, total))
        });
        drop(progress);
        let Some(report) = found? else {
            return Ok(Exit::Interrupted);
        };
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            json::print(&report, &mut out)?;
        } else {
            table::duplicates::similar(&report, &mut out)?;
        }
        out.flush()?;
        Ok(if report.groups.is_empty() {
            Exit::Nothing
        } else {
            Exit::Done
        })
    }

    pub(super) fn hold_against(&self, gallery: &Path) -> Result<Exit> {
        let mut rebuilding = StepProgress::new(REBUILDING);
        let inner = gallery.join(".imgsearch");
        let dir = if inner.is_dir() { &inner } else { gallery };
        let opened = Searcher::open_telling(dir, &self.overrides(), &mut |done, total| {
            rebuilding.on_step(done, total)
        });
        rebuilding.finish();
        let mut fetching = FetchProgress::default();
        let searcher = opened?
            .tell_fetching(move |event| fetching.on_event(event))
            .tell_loaded(setup::tell_loaded);
        for repair in searcher.repairs() {
            note!("note: {}", clean_line(&repair.to_string()));
        }
        let options = Options {
            within: Vec::new(),
            ..self.options()
        };
        let mut progress = Progress::default();
        let found = duplicates::against(&searcher, &whole(&self.paths), &options, &mut |event| {
            progress.on_event(event)
        });
        drop(progress);
        let Some(report) = found? else {
            return Ok(Exit::Interrupted);
        };
        for skipped in &report.skipped {
            let (path, reason) = (shown_clean(&skipped.path), clean_line(&skipped.reason));
            tell!("skipped: {path}: {reason}");
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            json::print(&report, &mut out)?;
        } else if self.nul {
            let missing = report.photos.iter().filter(|new| new.known.is_none());
            nul::paths(missing.map(|new| &*new.path), &mut out)?;
        } else {
            table::duplicates::against(&report, self.missing, &mut out)?;
        }
        out.flush()?;
        let found = if self.missing {
            report.missing
        } else {
            report.known
        };
        Ok(if !report.skipped.is_empty() {
            Exit::Skipped
        } else if found == 0 {
            Exit::Nothing
        } else {
            Exit::Done
        })
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            weights: self.weights.clone(),
            ..Overrides::default()
        }
    }
}
