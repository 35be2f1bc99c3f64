//! Photos taken out of the gallery, not off the disk.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::Gallery;
use crate::document::{Document, Place};
use crate::error::Result;
use crate::photo::absolute;

/// What was taken out.
#[derive(Clone, Debug, Serialize)]
pub struct Removal {
    /// The photos.
    #[serde(serialize_with = "places")]
    pub removed: Vec<PathBuf>,
    /// Paths at or below which there was none.
    #[serde(serialize_with = "places")]
    pub unknown: Vec<PathBuf>,
    /// Photos that are left.
    pub photos: usize,
}

impl Document for Removal {
    const KIND: &'static str = "removal";
}

impl Gallery {
    /// Takes out the photos at these paths and all below them, and publishes. They need not exist
    /// any more.
    ///
    /// # Errors
    /// As [`Gallery::write`] and [`Gallery::publish`].
    pub fn remove(&mut self, paths: &[PathBuf]) -> Result<Removal> {
        let roots = paths.iter();
        let roots: Vec<PathBuf> = roots
            .map(|path| absolute(path).unwrap_or_else(|_| path.clone()))
            .collect();
        // Beneath the empty path lies everything; whoever gives it has left a variable empty.
        let is_beneath = |path: &Path, root: &Path| root.is_absolute() && path.starts_with(root);
        let mut removed = Vec::new();
        for record in self.records() {
            let path = record?.path;
            if roots.iter().any(|root| is_beneath(&path, root)) {
                removed.push(path);
            }
        }
        if !removed.is_empty() {
            self.write(&[], &removed)?;
        }
        let published = self.publish(&mut |_, _| ControlFlow::Continue(()))?;
        let is_unknown = |root: &&PathBuf| !removed.iter().any(|path| is_beneath(path, root));
        Ok(Removal {
            unknown: roots.iter().filter(is_unknown).cloned().collect(),
            removed,
            photos: published.photos,
        })
    }
}

fn places<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(Path::new).map(Place::of))
}
