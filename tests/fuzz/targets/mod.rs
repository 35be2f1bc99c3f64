//! The readers of foreign bytes, each with samples of what it reads.

mod galleries;
mod ground_truth;
mod packed;
mod pictures;
mod texts;
mod weights;

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use tempfile::TempDir;

use crate::mutate;

/// Makes an input of samples.
type Change = fn(&mut Rng, &[Vec<u8>]) -> Vec<u8>;
/// Gives a reader an input, does what is usually done with what it holds, and says whether it took it.
type Read = dyn Fn(&[u8]) -> bool;
/// Makes a target ready.
type Make = fn() -> Target;

/// A reader.
pub struct Target {
    /// Inputs that it takes.
    pub samples: Vec<Vec<u8>>,
    /// Inputs made to harm, examined as they are.
    pub hostile: Vec<Vec<u8>>,
    pub change: Change,
    pub read: Box<Read>,
    /// Memory, in bytes, that what an input says it holds needs beside the ordinary.
    pub room: fn(&[u8]) -> u64,
}

impl Target {
    fn new(samples: Vec<Vec<u8>>, read: impl Fn(&[u8]) -> bool + 'static) -> Self {
        Self {
            samples,
            hostile: Vec::new(),
            change: mutate::any,
            read: Box::new(read),
            room: |_| 0,
        }
    }

    /// With another way of changing samples, which keeps checksums and lengths right.
    fn changed_by(self, change: Change) -> Self {
        Self { change, ..self }
    }
}

/// All targets, by name.
pub const ALL: &[(&str, Make)] = &[
    ("jpeg", pictures::jpeg),
    ("png", pictures::png),
    ("webp", pictures::webp),
    ("gif", pictures::gif),
    ("bmp", pictures::bmp),
    ("tiff", pictures::tiff),
    ("pnm", pictures::pnm),
    ("qoi", pictures::qoi),
    ("tga", pictures::tga),
    ("ico", pictures::ico),
    ("psd", pictures::psd),
    ("jp2", pictures::jp2),
    ("raw", pictures::raw),
    ("heic", pictures::heic),
    ("avif", pictures::avif),
    ("jxl", pictures::jxl),
    ("torch", weights::torch),
    ("legacy", weights::legacy),
    ("safetensors", weights::safetensors),
    ("keras", weights::keras),
    ("whitening", weights::whitening),
    ("texts", texts::texts),
    ("spec-file", texts::spec_file),
    ("snapshot", galleries::snapshot),
    ("segment", galleries::segment),
    ("axes", galleries::axes),
    ("records", galleries::records),
    ("earlier-snapshot", galleries::earlier_snapshot),
    ("earlier-base", galleries::earlier_base),
    ("current", galleries::current),
    ("table", ground_truth::table),
    ("revisited-pkl", ground_truth::revisited_pickle),
    ("revisited-json", ground_truth::revisited_json),
    ("oxford", ground_truth::oxford),
];

/// A file of data/.
fn data(name: &str) -> Vec<u8> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    fs::read(Path::new(data).join(name)).unwrap()
}

/// A file for each input in turn, in a folder that lives as long.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        Self {
            _folder: folder,
            path,
        }
    }

    fn with(&self, bytes: &[u8]) -> &Path {
        fs::write(&self.path, bytes).unwrap();
        &self.path
    }
}
