//! `imgsearch info`: what the gallery holds.

use std::io;

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::{GalleryInfo, open_for_search};

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::json;
use super::output::table::gallery;

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
    let dir = &args.gallery.gallery;
    let (snapshot, repairs) = open_for_search(dir)?;
    for repair in repairs {
        eprintln!("note: {repair}");
    }
    let info = GalleryInfo::of(dir, &snapshot);
    if let Some(lost) = &info.whitening_lost {
        eprintln!("note: {lost}");
    }
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&info, &mut out)?;
    } else {
        gallery::text(&info, &mut out)?;
    }
    Ok(Exit::Done)
}
