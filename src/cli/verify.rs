//! `imgsearch verify`: is the gallery whole, and does it still say what is on disk?

use std::collections::HashMap;
use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use imgsearch::gallery::{Gallery, Record, Snapshot};
use imgsearch::photo::{ContentHash, Photo};
use serde_json::json;

use super::args::GalleryArgs;
use super::exit::Exit;
use super::output::{self, json as output_json, shown_clean};

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
    let dir = &args.gallery.gallery;
    let mut problems = Vec::new();
    let gallery = Gallery::open(dir)?;
    problems.extend(gallery.repairs().iter().map(ToString::to_string));
    let snapshot = Snapshot::open(dir).and_then(|snapshot| {
        snapshot.verify()?;
        Ok(snapshot)
    });
    match &snapshot {
        Ok(snapshot) if snapshot.generation() != gallery.generation()? => {
            problems.push(
                "the snapshot is older than the store: run `imgsearch index` again".to_owned(),
            );
        }
        Ok(_) => {}
        Err(error) => problems.push(error.to_string()),
    }
    let published = snapshot.ok();
    let published = published.as_ref().map(PublishedVectors::of);
    let mut photos = 0;
    for record in gallery.records() {
        let record = record?;
        photos += 1;
        problems.extend(descriptor_problem(&gallery, published.as_ref(), &record)?);
        problems.extend(photo_problem(&record, args.photos));
    }
    let mut out = io::stdout().lock();
    if args.json {
        output_json::print(&json!({ "photos": photos, "problems": problems }), &mut out)?;
    } else {
        for problem in &problems {
            writeln!(out, "{problem}")?;
        }
        let photos = output::photos(photos);
        writeln!(out, "{photos}, {} problems", problems.len())?;
    }
    Ok(if problems.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

/// The snapshot's vectors by content.
struct PublishedVectors<'a> {
    snapshot: &'a Snapshot,
    places: HashMap<ContentHash, usize>,
}

impl<'a> PublishedVectors<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let vectors = 0..snapshot.vector_count();
        let places = vectors.flat_map(|index| {
            let owners = snapshot.owners(index);
            owners.map(move |record| (record.hash, index))
        });
        Self {
            snapshot,
            places: places.collect(),
        }
    }

    fn vector(&self, hash: &ContentHash) -> Option<&[f32]> {
        self.snapshot.vector(*self.places.get(hash)?)
    }
}

/// Store and snapshot must have the same descriptor, bit for bit.
fn descriptor_problem(
    gallery: &Gallery,
    published: Option<&PublishedVectors<'_>>,
    record: &Record,
) -> Result<Option<String>> {
    let path = shown_clean(&record.path);
    let Some(values) = gallery.descriptor(&record.hash)? else {
        return Ok(Some(format!("no descriptor: {path}")));
    };
    let norm: f32 = values.iter().map(|value| value * value).sum();
    let is_unit = values.len() == gallery.fingerprint().dimension() && (norm - 1.0).abs() < 1e-3;
    let published = published.and_then(|published| published.vector(&record.hash));
    let is_same = published.is_none_or(|vector| vector == values);
    Ok((!is_unit || !is_same).then(|| format!("damaged descriptor: {path}")))
}

fn photo_problem(record: &Record, read: bool) -> Option<String> {
    let path = shown_clean(&record.path);
    let Ok(metadata) = record.path.metadata() else {
        return Some(format!("gone: {path}"));
    };
    let is_same = if read {
        Photo::read(&record.path).is_ok_and(|photo| photo.hash() == record.hash)
    } else {
        metadata.len() == record.size
    };
    (!is_same).then(|| format!("changed since it was indexed: {path}"))
}
