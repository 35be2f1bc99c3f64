//! `imgsearch extract`: descriptors as numbers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use imgsearch::Descriptor;
use imgsearch::descriptor::NamedDescriptor;
use imgsearch::document::Place;
use imgsearch::error::FileError;
use imgsearch::photo::Photo;
use imgsearch::replace::replace_with;

use super::args::DescriptorArgs;
use super::exit::Exit;
use super::output::{json, npy};
use super::query::read;
use super::setup;
use super::skipped::SkippedLines;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// NumPy's format: `[n, d]`, f32
    Npy,
    /// One JSON object per picture: `{"path": …, "descriptor": […]}`
    Jsonl,
}

/// Write the descriptors of pictures as .npy or JSON lines
#[derive(Args)]
#[command(
    after_help = "Examples:\n  imgsearch extract *.jpg --out photos.npy\n  \
                        imgsearch extract a.png --preprocess none --format jsonl\n  \
                        imgsearch extract a.jpg --spec efficientnet_lite0:blocks.10/direct --out a.npy"
)]
pub struct ExtractArgs {
    /// Pictures; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// File to write, rows in the order of the pictures; standard output if left away
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value = "npy")]
    format: OutputFormat,
    #[command(flatten)]
    descriptor: DescriptorArgs,
}

pub fn run(args: &ExtractArgs) -> Result<Exit> {
    let extractor = setup::whitened(&args.descriptor)?;
    setup::tell_threads(0);
    let mut descriptors = Vec::new();
    let mut skipped = SkippedLines::default();
    let mut described = HashMap::new();
    for path in &args.images {
        let mut describe = |photo: Photo| match described.entry(photo.hash()) {
            // A copy of another of them.
            Entry::Occupied(known) => Ok(Descriptor::clone(known.get())),
            Entry::Vacant(new) => extractor.describe(&photo).map(|it| new.insert(it).clone()),
        };
        match read(path).and_then(&mut describe) {
            Ok(descriptor) => descriptors.push(NamedDescriptor {
                place: named(path),
                descriptor,
            }),
            Err(error) => skipped.note(path, &error),
        }
    }
    skipped.tell();
    if descriptors.is_empty() {
        return Ok(Exit::Failed);
    }
    let write = |out: &mut dyn Write| match args.format {
        OutputFormat::Npy => npy::write(&descriptors, out),
        OutputFormat::Jsonl => descriptors.iter().try_for_each(|it| json::line(it, out)),
    };
    if let Some(path) = &args.out {
        replace_with(path, write).map_err(FileError::write_at(path))?;
    } else {
        let mut out = BufWriter::new(io::stdout().lock());
        write(&mut out)?;
        out.flush()?;
    }
    Ok(if descriptors.len() < args.images.len() {
        Exit::Skipped
    } else {
        Exit::Done
    })
}

/// The picture as it was given.
fn named(path: &Path) -> Place {
    if path == Path::new("-") {
        Place::nowhere("-")
    } else {
        Place::as_given(path)
    }
}
