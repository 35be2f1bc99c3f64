//! The vectors of a large gallery with their graph, shared by the snapshots made since.

use std::path::Path;

use super::container::Container;
use super::layout::{BaseHeader, BaseRef};
use crate::descriptor::Vectors;
use crate::error::{GalleryError, Result};
use crate::gallery::blocks::damaged;
use crate::gallery::folder;

/// A mapped base.
pub struct Base {
    file: Container<BaseHeader>,
}

impl Base {
    /// Opens the base that a snapshot in `dir` names.
    ///
    /// # Errors
    /// As [`Container::open`]; [`crate::error::GalleryError::DamagedSnapshot`] if it is another
    /// one.
    pub fn open(dir: &Path, wanted: &BaseRef, dimension: usize) -> Result<Self> {
        let path = dir.join(&wanted.name);
        if !wanted.name.starts_with("base-") || !folder::is_snapshot(&wanted.name) {
            return Err(damaged(&path, "it is no base's name").into());
        }
        let file: Container<BaseHeader> = Container::open(path)?;
        let header = file.header();
        let found = (file.stamp(), header.points, header.dimension);
        if found != (&*wanted.stamp, wanted.points, dimension) {
            return Err(damaged(file.path(), "it belongs to another snapshot").into());
        }
        Ok(Self { file })
    }

    /// Number of vectors.
    pub const fn points(&self) -> usize {
        self.file.header().points as usize
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// All vectors.
    pub fn vectors(&self) -> Vectors<'_> {
        let header = self.file.header();
        self.file
            .vectors(&header.sections.vectors, header.dimension)
    }

    /// Compares every section with its checksum.
    pub fn verify(&self) -> Result<(), GalleryError> {
        self.file.verify()
    }
}
