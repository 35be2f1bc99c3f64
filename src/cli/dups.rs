//! `imgsearch dups`: photos that are there more than once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use imgsearch::duplicates::{self, Duplicates, Event, Keep, NotDuplicates, Options};
use imgsearch::error::FileError;
use imgsearch::gallery::{Snapshot, open_for_search_telling};
use imgsearch::photo::absolute;
use imgsearch::replace::replace;
use indicatif::HumanCount;

use super::args::GalleryArgs;
use super::bar::{Bar, Unit};
use super::exit::Exit;
use super::output::{clean_line, csv, html, json, photos, shown_clean, table};
use super::progress::{Afterwards, REBUILDING, StepProgress, go_on, stop_on_ctrl_c};
use super::tell::{detail, note, tell};

/// Find photos that are there more than once, show them, and act on them
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch dups\n  \
                        imgsearch dups ~/Pictures/2024 --html duplicates.html\n  \
                        imgsearch dups --keep path:originals,largest --protect originals")]
pub struct DupsArgs {
    /// Photos of the gallery, or folders with all below them; all of them if left away
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Which one of a group is kept: what fulfils the first wish, then the next: largest (pixels),
    /// heaviest (bytes), oldest, newest, path:FOLDER (or a pattern), format:raw (or an ending)
    #[arg(long, value_name = "WISHES", default_value = "largest,heaviest,oldest",
          value_parser = |text: &str| text.parse::<Keep>())]
    keep: Keep,
    /// Never touch photos in this folder (may be repeated); they are kept before all others
    #[arg(long, value_name = "DIR")]
    protect: Vec<PathBuf>,
    /// Read no photo again: what only pixels decide stays undecided, and is counted
    #[arg(long)]
    fast: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
    /// Write a page to look at: each group side by side, with what differs
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &DupsArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::BeginsAnew);
    let dir = args.gallery.find(&args.paths)?;
    let snapshot = open(&dir)?;
    let not_duplicates = NotDuplicates::of(&dir)?;
    let mut progress = Progress::default();
    let found = duplicates::find(&snapshot, &not_duplicates, &args.options(), &mut |event| {
        progress.on_event(event)
    });
    drop(progress);
    let Some(report) = found? else {
        return Ok(Exit::Interrupted);
    };
    tell_work(&report);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::print(&report, &mut out)?;
    } else if args.csv {
        csv::duplicates(&report, &mut out)?;
    } else {
        table::duplicates::duplicates(&report, &mut out)?;
    }
    out.flush()?;
    if let Some(file) = &args.html {
        let page = html::duplicates::page(&report);
        replace(file, page.as_bytes()).map_err(FileError::write_at(file))?;
    }
    Ok(if !report.skipped.is_empty() {
        Exit::Skipped
    } else if report.groups.is_empty() {
        Exit::Nothing
    } else {
        Exit::Done
    })
}

impl DupsArgs {
    fn options(&self) -> Options {
        Options {
            within: whole(&self.paths),
            keep: self.keep.clone(),
            protected: whole(&self.protect),
            fast: self.fast,
        }
    }
}

/// From the root.
fn whole(paths: &[PathBuf]) -> Vec<PathBuf> {
    let whole = |path: &PathBuf| absolute(path).unwrap_or_else(|_| path.clone());
    paths.iter().map(whole).collect()
}

fn open(dir: &Path) -> Result<Snapshot> {
    let mut progress = StepProgress::new(REBUILDING);
    let opened = open_for_search_telling(dir, &mut |done, total| progress.on_step(done, total));
    progress.finish();
    let (snapshot, repairs) = opened?;
    for repair in repairs {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    Ok(snapshot)
}

/// What it took, and what it could not do.
fn tell_work(report: &Duplicates) {
    for skipped in &report.skipped {
        tell!(
            "not compared: {}: {}",
            shown_clean(&skipped.path),
            clean_line(&skipped.reason)
        );
    }
    for pair in &report.raw {
        let (raw, beside) = (shown_clean(&pair.raw), shown_clean(&pair.beside));
        note!("note: one photograph in two files: {raw} and {beside}");
    }
    for same in &report.same_files {
        let (file, also) = (shown_clean(&same.file), shown_clean(&same.also));
        note!("note: two names of one file: {file} and {also}");
    }
    if report.unsigned > 0 {
        let unsigned = photos(report.unsigned);
        note!(
            "note: {unsigned} of an earlier version's gallery: `imgsearch index` makes this quicker"
        );
    }
    if report.undecided > 0 {
        let pairs = HumanCount(report.undecided as u64);
        note!("note: {pairs} pairs are undecided: without --fast their pixels are compared");
    }
    let work = &report.work;
    let counts = [work.candidates, work.compared, work.decoded].map(|it| HumanCount(it as u64));
    detail!(
        "pairs: {} looked at in {:.1} s, {} compared by their pixels ({} pictures) in {:.1} s",
        counts[0],
        work.seconds,
        counts[1],
        counts[2],
        work.decoding_seconds
    );
}

/// Shows how far it is.
#[derive(Default)]
struct Progress {
    bar: Option<Bar>,
    is_comparing: bool,
}

impl Progress {
    fn on_event(&mut self, event: Event) -> std::ops::ControlFlow<()> {
        let (done, total, what) = match event {
            Event::Searching(done, total) => (done, total, "photos"),
            Event::Comparing(done, total) => {
                if !self.is_comparing {
                    self.bar = None;
                    self.is_comparing = true;
                }
                (done, total, "pairs compared")
            }
        };
        let (done, total) = (done as u64, Some(total as u64));
        let new = || Bar::new(Unit::Things(what), total);
        self.bar.get_or_insert_with(new).set(done, total);
        go_on()
    }
}
