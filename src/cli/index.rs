//! `imgsearch index`: build or update the gallery.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use globset::{Glob, GlobSet, GlobSetBuilder};
use imgsearch::descriptor::Expansion;
use imgsearch::error::GalleryError;
use imgsearch::gallery::Gallery;
use imgsearch::ingest::{IngestOptions, IngestReport, ingest};
use imgsearch::{Error, Extractor};

use super::args::{DescriptorArgs, GalleryArgs};
use super::exit::Exit;
use super::output::{json, table};
use super::progress::{IngestProgress, stop_on_ctrl_c};
use super::setup;

/// Build or update the gallery: new, changed, moved and removed photos
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch index ./photos\n  \
                        imgsearch index ~/Pictures --exclude 'thumbs' --exclude '*.png'\n  \
                        imgsearch index ./photos --spec efficientnet_lite0:blocks.10/gem*0.5+head\n  \
                        imgsearch index ./photos --whitening photos.safetensors")]
pub struct IndexArgs {
    /// Photos and folders of photos
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Pass over what matches, a name or a path within the folder (may be repeated)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,
    /// Photos worked on at once; 0: one per core
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Move each photo's descriptor towards its N nearest when searching; 0: not at all. Kept until
    /// it is changed, and changed without a look at the photos
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1000))]
    augment: Option<u32>,
    /// Print the summary, with every skipped photo, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    descriptor: DescriptorArgs,
}

pub fn run(args: &IndexArgs) -> Result<Exit> {
    stop_on_ctrl_c();
    let begun = Instant::now();
    let dir = &args.gallery.gallery;
    let (mut gallery, extractor) = open(dir, &args.descriptor)?;
    if let Some(neighbors) = args.augment {
        gallery.set_augmentation(Some(Expansion {
            neighbors: neighbors as usize,
            alpha: Expansion::ALPHA,
        }))?;
    }
    for repair in gallery.repairs() {
        eprintln!("note: {repair}");
    }
    let repaired = gallery.repairs().len();
    let options = IngestOptions {
        jobs: args.jobs,
        exclude: excluded(&args.exclude)?,
    };
    let mut progress = IngestProgress::new();
    let mut on_event = |event: imgsearch::ingest::IngestEvent<'_>| progress.on_event(&event);
    let report = ingest(
        &args.paths,
        &extractor,
        &mut gallery,
        &options,
        &mut on_event,
    );
    progress.finish();
    let mut report = report?;
    report.seconds = begun.elapsed().as_secs_f64();
    for repair in &gallery.repairs()[repaired..] {
        eprintln!("note: {repair}");
    }
    if report.photos == 0 && report.skipped.is_empty() && !report.interrupted {
        eprintln!("note: there are no photos in what was given");
    }
    print(&report, args.json)?;
    Ok(if report.interrupted {
        Exit::Interrupted
    } else if report.skipped.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

/// A gallery that exists says itself what it is made with; what is asked for must agree.
fn open(dir: &Path, args: &DescriptorArgs) -> Result<(Gallery, Extractor)> {
    match Gallery::open(dir) {
        Ok(gallery) => {
            let extractor = setup::extractor_of(dir, gallery.provenance(), args)?;
            if let Some(whitening) = extractor.whitening() {
                gallery.restore_whitening(whitening)?;
            }
            Ok((gallery, extractor))
        }
        Err(Error::Gallery(GalleryError::NoGallery { .. })) => {
            let extractor = setup::whitened(args)?;
            let provenance = extractor.provenance();
            let gallery = Gallery::open_or_create_whitened(dir, provenance, extractor.whitening())?;
            Ok((gallery, extractor))
        }
        Err(error) => Err(error.into()),
    }
}

pub fn excluded(globs: &[Glob]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob.clone());
    }
    set.build()
        .context("the patterns of --exclude are too complex")
}

fn print(report: &IngestReport, as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        json::print(report, &mut out)
    } else {
        table::ingestion(report, &mut out)
    }
}
