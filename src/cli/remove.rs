//! `imgsearch remove`: take photos out of the gallery.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::Gallery;

use super::args::{GalleryArgs, WaitArgs};
use super::exit::Exit;
use super::output::{json, photos, shown_clean};
use super::setup;
use super::tell::{note, tell};

/// Take photos out of the gallery (not off the disk)
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch remove ./photos/blurred.jpg\n  \
                        imgsearch remove /mnt/old-disk\n  \
                        imgsearch remove --forget")]
pub struct RemoveArgs {
    /// Photos, or folders with all below them; they need not exist any more
    #[arg(required_unless_present = "forget", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Give up the descriptors of all photos that were taken out so far: they are kept, so that a photo
    /// that comes back need not be described again
    #[arg(long)]
    forget: bool,
    /// Print what was taken out as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

pub fn run(args: &RemoveArgs) -> Result<Exit> {
    let dir = args.gallery.find(&args.paths)?;
    let mut gallery = setup::waiting(&args.wait, || Gallery::open(&dir))?;
    let removal = gallery.remove(&args.paths)?;
    if args.forget {
        let forgotten = gallery.forget_removed()?;
        note!("note: forgot what was known of {}", photos(forgotten));
    }
    for root in &removal.unknown {
        tell!("not in the gallery: {}", shown_clean(root));
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
