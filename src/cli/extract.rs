//! `imgsearch extract`: descriptors as numbers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use imgsearch::descriptor::Descriptor;
use imgsearch::error::FileError;
use serde_json::json;

use super::args::DescriptorArgs;
use super::exit::Exit;
use super::output::skipped_line;
use super::query::read;
use super::setup;

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
    let mut descriptors: Vec<(&Path, Descriptor)> = Vec::new();
    for path in &args.images {
        match read(path).and_then(|photo| extractor.describe(&photo)) {
            Ok(descriptor) => descriptors.push((path, descriptor)),
            Err(error) => eprintln!("{}", skipped_line(path, &error)),
        }
    }
    if descriptors.is_empty() {
        return Ok(Exit::Failed);
    }
    let out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let file = File::create(path);
            Box::new(file.map_err(FileError::write_at(path))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    let mut out = BufWriter::new(out);
    match args.format {
        OutputFormat::Npy => npy(&descriptors, &mut out)?,
        OutputFormat::Jsonl => jsonl(&descriptors, &mut out)?,
    }
    out.flush()?;
    Ok(if descriptors.len() < args.images.len() {
        Exit::Skipped
    } else {
        Exit::Done
    })
}

/// NumPy's format 1.0: a magic, the length of the header, the header padded to 64 bytes, the rows.
fn npy(descriptors: &[(&Path, Descriptor)], out: &mut dyn Write) -> io::Result<()> {
    let dimension = descriptors
        .first()
        .map_or(0, |(_, descriptor)| descriptor.dimension());
    let rows = descriptors.len();
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimension}), }}");
    let length = (header.len() + 1 + 10).next_multiple_of(64) - 10;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(length as u16).to_le_bytes())?;
    writeln!(out, "{header:<width$}", width = length - 1)?;
    for (_, descriptor) in descriptors {
        for value in descriptor.as_slice() {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}

fn jsonl(descriptors: &[(&Path, Descriptor)], out: &mut dyn Write) -> io::Result<()> {
    for (path, descriptor) in descriptors {
        let line = json!({ "path": path.to_string_lossy(), "descriptor": descriptor.as_slice() });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
