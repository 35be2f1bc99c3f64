//! `imgsearch info`: what the gallery holds.

use std::io;

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::GalleryInfo;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::table::gallery;
use super::output::{clean, json};
use super::setup;
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
    let snapshot = setup::snapshot(dir)?;
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
