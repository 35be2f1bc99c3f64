//! `imgsearch outliers`: photos that may lie in the wrong folder, and photos that are like no other.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use imgsearch::error::FileError;
use imgsearch::eval::outliers;
use imgsearch::replace::replace;

use super::args::GalleryArgs;
use super::bar::{Bar, Unit};
use super::exit::Exit;
use super::output::{html, json, table};
use super::progress::{Afterwards, go_on, stop_on_ctrl_c};
use super::setup;

/// Find photos whose neighbours lie in another folder, and photos that are like no other, worst first
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch outliers\n  \
                        imgsearch outliers -n 200 --html outliers.html\n  \
                        imgsearch outliers --json | jq -r '.misplaced[].absolute'")]
pub struct OutliersArgs {
    /// Photos of either kind that are shown at most
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    count: usize,
    /// Write a page to look at
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
}

pub fn run(args: &OutliersArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::BeginsAnew);
    let dir = args.gallery.find(&[])?;
    let snapshot = setup::snapshot(&dir)?;
    let mut bar: Option<Bar> = None;
    let found = outliers(&snapshot, args.count, &mut |done, total| {
        let (done, total) = (done as u64, Some(total as u64));
        let new = || Bar::new(Unit::Things("photos"), total);
        bar.get_or_insert_with(new).set(done, total);
        go_on()
    });
    drop(bar);
    let Some(report) = found? else {
        return Ok(Exit::Interrupted);
    };
    if let Some(file) = &args.html {
        let page = html::outliers::page(&report);
        replace(file, page.as_bytes()).map_err(FileError::write_at(file))?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::print(&report, &mut out)?;
    } else {
        table::outliers::text(&report, &mut out)?;
    }
    out.flush()?;
    Ok(if report.misplaced.is_empty() && report.alone.is_empty() {
        Exit::Nothing
    } else {
        Exit::Done
    })
}
