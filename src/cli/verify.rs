//! `imgsearch verify`: is the gallery whole, and does it still say what is on disk?

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::verify;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::{self, clean_line, json};
use super::progress::StepProgress;
use super::tell::note;

/// Check the gallery against its checksums and the photos on disk
#[derive(Args)]
#[command(after_help = "Example:\n  imgsearch verify --photos")]
pub struct VerifyArgs {
    /// Read every photo again and compare its content too
    #[arg(long)]
    photos: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &VerifyArgs) -> Result<Exit> {
    let mut progress = StepProgress::new("reading the weights");
    let dir = args.gallery.find(&[])?;
    let verified = verify(&dir, args.photos, &mut |done, total| {
        progress.on_step(done, total)
    });
    progress.finish();
    let verified = verified?;
    if verified.read_only {
        note!("note: the gallery may not be written: its snapshot was checked, its store was not");
    }
    let problems = &verified.problems;
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&verified, &mut out)?;
    } else {
        for problem in problems {
            writeln!(out, "{}", clean_line(&problem.to_string()))?;
        }
        let photos = output::photos(verified.photos);
        writeln!(out, "{photos}, {} problems", problems.len())?;
    }
    Ok(if problems.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}
