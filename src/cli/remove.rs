//! `imgsearch remove`: take photos out of the gallery.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::Gallery;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::{json, photos, shown_clean};

/// Take photos out of the gallery (not off the disk)
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch remove ./photos/blurred.jpg\n  \
                        imgsearch remove /mnt/old-disk")]
pub struct RemoveArgs {
    /// Photos, or folders with all below them; they need not exist any more
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print what was taken out as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &RemoveArgs) -> Result<Exit> {
    let mut gallery = Gallery::open(&args.gallery.find(&args.paths)?)?;
    let removal = gallery.remove(&args.paths)?;
    for root in &removal.unknown {
        eprintln!("not in the gallery: {}", shown_clean(root));
    }
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&removal, &mut out)?;
    } else {
        writeln!(out, "removed {}", photos(removal.removed.len()))?;
    }
    Ok(if removal.unknown.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}
