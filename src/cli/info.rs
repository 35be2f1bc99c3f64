//! `imgsearch info`: what the gallery holds.

use std::io;

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::{GalleryInfo, open_for_search_telling};

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::table::gallery;
use super::output::{clean, clean_line, json};
use super::progress::{REBUILDING, StepProgress};
use super::tell::note;

/// Tell what the gallery holds and what it was made with
#[derive(Args)]
#[command(after_help = "Example:\n  imgsearch info --json")]
pub struct InfoArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &InfoArgs) -> Result<Exit> {
    let dir = &args.gallery.find(&[])?;
    let mut progress = StepProgress::new(REBUILDING);
    let opened = open_for_search_telling(dir, &mut |done, total| progress.on_step(done, total));
    progress.finish();
    let (snapshot, repairs) = opened?;
    for repair in repairs {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    let info = GalleryInfo::of(dir, &snapshot);
    if let Some(lost) = &info.whitening_lost {
        note!("note: {}", clean(lost));
    }
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&info, &mut out)?;
    } else {
        gallery::text(&info, &mut out)?;
    }
    Ok(Exit::Done)
}
