//! `imgsearch remove`: take photos out of the gallery.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::Gallery;
use imgsearch::photo::absolute;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::{photos, shown_clean};

/// Take photos out of the gallery (not off the disk)
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch remove ./photos/blurred.jpg\n  \
                        imgsearch remove /mnt/old-disk")]
pub struct RemoveArgs {
    /// Photos, or folders with all below them; they need not exist any more
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &RemoveArgs) -> Result<Exit> {
    let mut gallery = Gallery::open(&args.gallery.gallery)?;
    let roots: Vec<PathBuf> = args
        .paths
        .iter()
        .map(|path| absolute(path).unwrap_or_else(|_| path.clone()))
        .collect();
    let mut removed = Vec::new();
    for record in gallery.records() {
        let path = record?.path;
        if roots.iter().any(|root| path.starts_with(root)) {
            removed.push(path);
        }
    }
    let is_unknown = |root: &&PathBuf| !removed.iter().any(|path: &PathBuf| path.starts_with(root));
    let unknown: Vec<&Path> = roots
        .iter()
        .filter(is_unknown)
        .map(PathBuf::as_path)
        .collect();
    for root in &unknown {
        eprintln!("not in the gallery: {}", shown_clean(root));
    }
    if !removed.is_empty() {
        gallery.write(&[], &removed)?;
    }
    gallery.publish(&mut |_, _| ControlFlow::Continue(()))?;
    writeln!(io::stdout(), "removed {}", photos(removed.len()))?;
    Ok(if unknown.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}
