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
        let mut removed = Vec::new();
        for root in roots.iter().filter(|root| root.is_absolute()) {
            for record in self.records_beneath(root) {
                removed.push(record?.path);
            }
        }
        removed.sort();
        removed.dedup();
        if !removed.is_empty() {
            self.write(&[], &removed)?;
        }
        let published = self.publish(&mut |_, _| ControlFlow::Continue(()))?;
        let is_unknown = |root: &&PathBuf| {
            let is_beneath = |path: &PathBuf| root.is_absolute() && path.starts_with(root);
            !removed.iter().any(is_beneath)
        };
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
