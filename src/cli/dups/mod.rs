//! `imgsearch dups`: photos that are there more than once.

mod acting;
mod progress;
mod views;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgGroup, Args};
use imgsearch::duplicates::{self, Duplicates, Keep, Level, NotDuplicates, Options};
use imgsearch::error::FileError;
use imgsearch::gallery::{Record, Snapshot};
use imgsearch::photo::absolute;
use imgsearch::replace::replace;
use indicatif::HumanCount;

use self::progress::Progress;
use super::args::{GalleryArgs, WaitArgs};
use super::exit::Exit;
use super::output::{clean_line, csv, html, json, photos, shown_clean, table};
use super::progress::{Afterwards, stop_on_ctrl_c};
use super::setup;
use super::tell::{detail, note, tell};

/// Find photos that are there more than once, show them, and act on them
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
#[derive(Args)]
#[command(group = ArgGroup::new("action").args(["move_to", "trash", "link", "delete"]))]
#[command(group = ArgGroup::new("other").args(["undo", "not", "similar", "against"]))]
#[command(after_help = "Examples:\n  imgsearch dups\n  \
                        imgsearch dups ~/Pictures/2024 --html duplicates.html\n  \
                        imgsearch dups --keep path:originals,largest --protect originals\n  \
                        imgsearch dups --move ../duplicates             (tells what it would do)\n  \
                        imgsearch dups --move ../duplicates --yes\n  \
                        imgsearch dups --undo\n  \
                        imgsearch dups --not a.jpg b.jpg\n  \
                        imgsearch dups /media/card --against ~/Pictures/.imgsearch --missing -0\n  \
                        imgsearch dups --similar")]
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
    /// The loosest that counts: bytes (equal files), pixels (equal but for what else is in the file) or
    /// near (saved again, resized, cropped, framed, recoloured, turned, mirrored). If left away, near
    /// ones are shown and nothing is done to them
    #[arg(long, value_name = "LEVEL", value_parser = |text: &str| text.parse::<Level>())]
    level: Option<Level>,
    /// Read no photo again: what only pixels decide stays undecided, and is counted
    #[arg(long)]
    fast: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values
    #[arg(long, conflicts_with_all = ["action", "other"])]
    csv: bool,
    /// Write a page to look at: each group side by side, with what differs
    #[arg(long, value_name = "FILE", conflicts_with = "other")]
    html: Option<PathBuf>,
    /// Move duplicates into a folder outside of the collection
    #[arg(long = "move", id = "move_to", value_name = "DIR")]
    move_to: Option<PathBuf>,
    /// Put duplicates into the trash
    #[arg(long)]
    trash: bool,
    /// Make duplicates with equal bytes share the kept one's blocks, or else another name of it
    #[arg(long)]
    link: bool,
    /// Delete duplicates
    #[arg(long)]
    delete: bool,
    /// Do it; without this it is only told
    #[arg(long, requires = "action")]
    yes: bool,
    /// Take back what the last command moved or linked; again, what the one before did
    #[arg(long, conflicts_with_all = ["paths", "action"])]
    undo: bool,
    /// Remember that two photos are no duplicates of each other
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["paths", "action"])]
    not: Vec<PathBuf>,
    /// Show what looks alike instead, as bursts and scenes do; nothing can be done to those
    #[arg(long, conflicts_with = "action")]
    similar: bool,
    /// The least cosine of those (−1 … 1)
    #[arg(
        long,
        value_name = "COSINE",
        default_value_t = 0.9,
        requires = "similar"
    )]
    min_similarity: f32,
    /// Hold the photos at PATH against this gallery instead, without adding them
    #[arg(
        long,
        value_name = "GALLERY",
        requires = "paths",
        conflicts_with = "action"
    )]
    against: Option<PathBuf>,
    /// Of those, tell the ones alone that the gallery has not
    #[arg(long, requires = "against")]
    missing: bool,
    /// Print their paths alone, each ended by NUL, for `xargs -0`
    #[arg(short = '0', id = "nul", requires = "missing", conflicts_with = "json")]
    nul: bool,
    /// The weights that the gallery was made with, where they are a file of your own
    #[arg(long, value_name = "FILE", requires = "against")]
    weights: Option<PathBuf>,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

pub fn run(args: &DupsArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::BeginsAnew);
    if let Some(gallery) = &args.against {
        return args.hold_against(gallery);
    }
    let dir = args.gallery.find(&args.paths)?;
    if args.undo {
        return args.take_back(&dir);
    }
    let snapshot = setup::snapshot(&dir)?;
    if let [a, b] = &args.not[..] {
        return args.remember(&dir, &snapshot, (a, b));
    }
    args.tell_empty(&snapshot);
    if args.similar {
        return args.show_similar(&snapshot);
    }
    let not_duplicates = NotDuplicates::of(&dir)?;
    let mut progress = Progress::default();
    let found = duplicates::find(&snapshot, &not_duplicates, &args.options(), &mut |event| {
        progress.on_event(event)
    });
    drop(progress);
    let Some(mut report) = found? else {
        return Ok(Exit::Interrupted);
    };
    tell_work(&report);
    report.retain(args.level.unwrap_or(Level::Near));
    if let Some(file) = &args.html {
        let page = html::duplicates::page(&report);
        replace(file, page.as_bytes()).map_err(FileError::write_at(file))?;
    }
    if args.action().is_some() {
        return args.act(&dir, &snapshot, &report);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::print(&report, &mut out)?;
    } else if args.csv {
        csv::duplicates(&report, &mut out)?;
    } else {
        table::duplicates::duplicates(&report, &mut out)?;
    }
    out.flush()?;
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
            within: with_links(&self.paths),
            keep: self.keep.clone(),
            protected: with_links(&self.protect),
            fast: self.fast,
        }
    }

    /// Which of the folders given have no photo of the gallery: one that was mistyped protects nothing.
    fn tell_empty(&self, snapshot: &Snapshot) {
        for folder in self.paths.iter().chain(&self.protect) {
            let folders = with_links(std::slice::from_ref(folder));
            let is_below = |(record, _): (Record, _)| {
                let mut folders = folders.iter();
                folders.any(|folder| record.path.starts_with(folder))
            };
            let lying_there = Options {
                protected: folders.clone(),
                ..Options::default()
            };
            let is_really = |(record, _): (Record, _)| lying_there.is_protected(&record.path);
            // Where links lead is asked of each photo, so only where no name tells.
            if !snapshot.photos().any(is_below) && !snapshot.photos().any(is_really) {
                note!(
                    "note: no photo of the gallery lies in {}",
                    shown_clean(folder)
                );
            }
        }
    }
}

/// From the root, and where links lead beside it.
fn with_links(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut all = whole(paths);
    let real: Vec<PathBuf> = all.iter().filter_map(|it| it.canonicalize().ok()).collect();
    all.extend(real);
    all
}

/// From the root.
fn whole(paths: &[PathBuf]) -> Vec<PathBuf> {
    let whole = |path: &PathBuf| absolute(path).unwrap_or_else(|_| path.clone());
    paths.iter().map(whole).collect()
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
