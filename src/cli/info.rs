//! `imgsearch info`: what the gallery holds.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use clap::Args;
use imgsearch::descriptor::Whitening;
use imgsearch::gallery::{open_for_search, whitening_of};
use imgsearch::ranking::Expansion;
use indicatif::HumanBytes;
use serde_json::json;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::{json as output_json, photos};

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
    let fingerprint = snapshot.fingerprint();
    let whitening = whitening_of(dir, fingerprint);
    if let Err(lost) = &whitening {
        eprintln!("note: {lost}");
    }
    let whitening = whitening.ok().flatten();
    let store = folder_size(&dir.join("store"));
    let mut out = io::stdout().lock();
    if args.json {
        let value = json!({
            "gallery": dir.to_string_lossy(), "photos": snapshot.len(), "vectors": snapshot.vector_count(),
            "graph_points": snapshot.graph_points(), "provenance": fingerprint.as_ref(),
            "whitening": whitening.as_ref().map(Whitening::origin),
            "augmentation": snapshot.ranking().augment,
            "ranking": snapshot.ranking(),
            "store_bytes": store, "snapshot_bytes": snapshot.size(), "created": snapshot.created(),
        });
        output_json::print(&value, &mut out)?;
        return Ok(Exit::Done);
    }
    let search = match snapshot.graph_points() {
        0 => "exact".to_owned(),
        points => format!("graph of {points}, the rest exact"),
    };
    writeln!(out, "gallery        {}", dir.display())?;
    writeln!(
        out,
        "photos         {} ({} different)",
        snapshot.len(),
        snapshot.vector_count()
    )?;
    writeln!(out, "spec           {}", fingerprint.spec())?;
    writeln!(out, "preprocessing  {}", fingerprint.recipe().preprocess)?;
    writeln!(out, "weights        {}", fingerprint.weights())?;
    writeln!(out, "dimension      {}", fingerprint.dimension())?;
    if let Some(whitening) = whitening {
        writeln!(
            out,
            "whitening      {} → {} values, shrinkage {}, fitted on {}",
            whitening.input_dimension(),
            whitening.dimension(),
            whitening.origin().shrinkage,
            photos(whitening.origin().photos)
        )?;
    }
    if let Some(Expansion { neighbors, alpha }) = snapshot.ranking().augment {
        writeln!(out, "augmentation   {neighbors} neighbours, alpha {alpha}")?;
    }
    writeln!(out, "search         {search}")?;
    writeln!(
        out,
        "on disk        {} store, {} snapshot",
        HumanBytes(store),
        HumanBytes(snapshot.size())
    )?;
    Ok(Exit::Done)
}

fn folder_size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
