//! `imgsearch merge`: several galleries into one.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use imgsearch::Gallery;
use imgsearch::gallery::{MergeEvent, MergeReport, Merged, Unmerged};

use super::args::{GalleryArgs, WaitArgs};
use super::bar::{Bar, Unit};
use super::exit::Exit;
use super::output::{clean, clean_about, clean_line, json, photos, shown_clean};
use super::progress::{Afterwards, go_on, stop_on_ctrl_c};
use super::setup;
use super::tell::{detail, note, tell};

/// Take the photos of other galleries into one, without a look at the photos
#[derive(Args)]
#[command(
    after_help = "Examples:\n  imgsearch merge /mnt/a/.imgsearch /mnt/b/.imgsearch\n  \
                        imgsearch merge part-*/ --gallery all"
)]
pub struct MergeArgs {
    /// Galleries whose descriptors were made alike, or folders with a `.imgsearch` in them; they stay
    /// as they are. Of a photo that several know the state with the newest file counts
    #[arg(required = true, value_name = "DIR")]
    galleries: Vec<PathBuf>,
    /// Print what was taken in as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

pub fn run(args: &MergeArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::GoesOn);
    let dir = args.gallery.find_or_here(&[])?;
    let open = || Gallery::open_or_create_like(&dir, &args.galleries);
    let mut gallery = setup::waiting(&args.wait, open)?;
    let repaired = gallery.repairs().len();
    for repair in gallery.repairs() {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    let mut progress = Progress::default();
    let report = gallery.merge(&args.galleries, |event| progress.on_event(&event));
    drop(progress);
    let report = report?;
    for repair in &gallery.repairs()[repaired..] {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    for merged in report.merged.iter().filter(|merged| merged.lost > 0) {
        let (lost, from) = (photos(merged.lost), shown_clean(&merged.gallery));
        tell!("note: {lost} left out, whose descriptors {from} has lost");
    }
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&report, &mut out)?;
    } else {
        print(&report, &mut out)?;
    }
    Ok(if report.interrupted {
        Exit::Interrupted
    } else if report.failed.is_empty() {
        Exit::Done
    } else if report.merged.is_empty() {
        Exit::Failed
    } else {
        Exit::Skipped
    })
}

fn print(report: &MergeReport, out: &mut dyn Write) -> io::Result<()> {
    let sum = |count: fn(&Merged) -> usize| report.merged.iter().map(count).sum::<usize>();
    let galleries = match report.merged.len() {
        1 => "1 gallery".to_owned(),
        count => format!("{count} galleries"),
    };
    writeln!(
        out,
        "merged {galleries}: {} new, {} newer, {} known already; {} now",
        sum(|merged| merged.added),
        sum(|merged| merged.updated),
        sum(|merged| merged.unchanged),
        photos(report.photos)
    )
}

/// Shows a merge.
#[derive(Default)]
struct Progress {
    bar: Option<Bar>,
    is_publishing: bool,
}

impl Progress {
    /// Shows what happens and says whether to go on.
    fn on_event(&mut self, event: &MergeEvent<'_>) -> ControlFlow<()> {
        match event {
            MergeEvent::Begun { gallery, photos } => {
                detail!("merging: {}", shown_clean(gallery));
                self.bar = None;
                self.bar = Some(Bar::new(Unit::Things("photos"), Some(*photos as u64)));
            }
            MergeEvent::Taken { photos } => {
                if let Some(bar) = &self.bar {
                    bar.advance(*photos as u64);
                }
            }
            MergeEvent::Failed(Unmerged { gallery, reason }) => {
                self.bar = None;
                let reason = clean_about(&reason.to_string(), reason.path());
                tell!("not merged: {}: {}", shown_clean(gallery), clean(&reason));
            }
            MergeEvent::Publishing { done, total } => {
                let total = Some(*total as u64);
                if !self.is_publishing {
                    self.bar = None;
                    self.bar = Some(Bar::new(Unit::Things("in the index"), total));
                    self.is_publishing = true;
                }
                if let Some(bar) = &self.bar {
                    bar.set(*done as u64, total);
                }
            }
        }
        go_on()
    }
}
