//! `imgsearch query`: the photos most like one or several pictures.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use imgsearch::descriptor::{Descriptor, Expansion};
use imgsearch::document::Place;
use imgsearch::error::FileError;
use imgsearch::gallery::{Matches, SearchOptions, open_for_search};
use imgsearch::photo::Photo;
use imgsearch::{Error, Extractor};

use super::args::{DescriptorArgs, GalleryArgs};
use super::exit::Exit;
use super::output::{contact_sheet, csv, html, json, nul, table};
use super::setup;

/// Find the photos most like one or several pictures
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch query cat.jpg -k 10\n  \
                        imgsearch query a.jpg b.jpg --html matches.html\n  \
                        imgsearch query cat.jpg --expand 5\n  \
                        curl … | imgsearch query - --json")]
pub struct QueryArgs {
    /// Pictures, in the gallery or not; several are averaged into one query; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// The most matches wanted
    #[arg(short, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    /// Leave out matches below this cosine (−1 … 1)
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true)]
    min_similarity: Option<f32>,
    /// Compare with every photo, however many there are
    #[arg(long)]
    exact: bool,
    /// Candidates of the approximate search: more find more and take longer
    #[arg(long, value_name = "N")]
    ef_search: Option<usize>,
    /// Search again with the query moved towards its N nearest: finds more of what is alike
    #[arg(long, value_name = "N", default_value_t = 0)]
    expand: usize,
    /// How much more the nearer of them count; 0: all the same
    #[arg(long, value_name = "A", default_value_t = Expansion::ALPHA, value_parser = alpha)]
    alpha: f32,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["csv", "nul"])]
    json: bool,
    /// Print comma-separated values
    #[arg(long, conflicts_with = "nul")]
    csv: bool,
    /// Print the paths alone, each ended by NUL, for `xargs -0`
    #[arg(short = '0', id = "nul")]
    nul: bool,
    /// Write a page of thumbnails to look at
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the query (framed) and its matches as one picture
    #[arg(long, value_name = "FILE")]
    contact_sheet: Option<PathBuf>,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    descriptor: DescriptorArgs,
}

pub fn run(args: &QueryArgs) -> Result<Exit> {
    let (snapshot, repairs) = open_for_search(&args.gallery.gallery)?;
    for repair in repairs {
        eprintln!("note: {repair}");
    }
    let photos = args
        .images
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let extractor = setup::extractor_of(
        &args.gallery.gallery,
        snapshot.provenance(),
        &args.descriptor,
    )?;
    let query = mean_descriptor(&extractor, &photos)?;
    let options = SearchOptions {
        k: args.k as usize,
        exact: args.exact,
        ef_search: args.ef_search,
        min_similarity: args.min_similarity,
    };
    let expansion = args.expansion();
    let query = match &expansion {
        Some(expansion) => snapshot.expand(&query, expansion, &options)?,
        None => query,
    };
    let found = Matches {
        queries: args.images.iter().map(|path| named(path)).collect(),
        matches: snapshot.search(&query, &options)?,
        expansion,
        augmentation: snapshot.augmentation(),
    };
    let matches = &found.matches;
    if matches.is_empty() {
        eprintln!("note: no photo in the gallery matches");
    }
    if let Some(file) = &args.html {
        let page = html::page(&photos, matches);
        fs::write(file, page).map_err(FileError::write_at(file))?;
    }
    if let Some(file) = &args.contact_sheet {
        contact_sheet::write(file, &photos, matches)?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::print(&found, &mut out)?;
    } else if args.csv {
        csv::matches(matches, &mut out)?;
    } else if args.nul {
        nul::matches(matches, &mut out)?;
    } else {
        table::matches(matches, &mut out)?;
    }
    io::Write::flush(&mut out)?;
    Ok(Exit::Done)
}

impl QueryArgs {
    fn expansion(&self) -> Option<Expansion> {
        (self.expand > 0).then_some(Expansion {
            neighbors: self.expand,
            alpha: self.alpha,
        })
    }
}

/// What a picture is called in the answer.
fn named(path: &Path) -> Place {
    if path == Path::new("-") {
        Place::nowhere("-")
    } else {
        Place::of(path)
    }
}

fn alpha(text: &str) -> Result<f32, &'static str> {
    let usable = |alpha: &f32| (0.0..=100.0).contains(alpha);
    let alpha = text.parse().ok().filter(usable);
    alpha.ok_or("alpha is a number in 0 … 100")
}

/// The photo at `path`; `-` is standard input.
pub fn read(path: &Path) -> Result<Photo, Error> {
    if path != Path::new("-") {
        return Photo::read(path);
    }
    let mut bytes = Vec::new();
    let read = io::stdin()
        .lock()
        .take(imgsearch::photo::MAX_FILE_BYTES)
        .read_to_end(&mut bytes);
    read.map_err(FileError::read_at(path))?;
    Ok(Photo::from_bytes(path, bytes))
}

fn mean_descriptor(extractor: &Extractor, photos: &[Photo]) -> Result<Descriptor, Error> {
    let descriptors = photos.iter().map(|photo| extractor.describe(photo));
    Ok(Descriptor::mean(
        &descriptors.collect::<Result<Vec<_>, _>>()?,
    )?)
}
