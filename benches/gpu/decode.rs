//! Photo files to pixels on all cores, without a network: no device can be fed faster.

use std::path::{Path, PathBuf};
use std::time::Instant;

use imgsearch::photo::{Photo, Preprocess};
use rayon::prelude::*;
use serde_json::json;

use super::options::Options;
use super::{Result, say};

/// What most networks want.
const PREPROCESS: &str = "resize=256,crop=224,interpolation=bilinear";

pub fn measure(options: &Options) -> Result<()> {
    let folder = options.photos.as_ref().ok_or("--photos is missing")?;
    let mut paths = Vec::new();
    collect(Path::new(folder), &mut paths)?;
    let preprocess = Preprocess::default().with(PREPROCESS)?;
    let begun = Instant::now();
    let decoded = paths.par_iter().map(|path| {
        let photo = Photo::read(path).ok()?;
        let picture = photo.decode_for(&preprocess.rendering()).ok()?;
        let pixels = preprocess.apply_to(&picture).ok()?;
        Some(std::hint::black_box(pixels).height)
    });
    let decoded = decoded.flatten().count();
    let seconds = begun.elapsed().as_secs_f64();
    say(&json!({
        "measure": "decode", "engine": "imgsearch", "folder": name(folder), "photos": decoded,
        "failed": paths.len() - decoded, "threads": rayon::current_num_threads(),
        "seconds": seconds, "photos_per_second": decoded as f64 / seconds,
    }))
}

fn name(folder: &str) -> String {
    let path = Path::new(folder);
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
