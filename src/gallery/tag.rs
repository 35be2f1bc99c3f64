//! What people call photos: tags are kept with the photos' records.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::filter::tag_name;
use super::record::Stored;
use super::{Gallery, Snapshot};
use crate::document::{Document, Place};
use crate::error::{GalleryError, Result};
use crate::photo::absolute;

/// Records written to the store at once.
const AT_ONCE: usize = 1024;

/// A tag to be given to photos, or taken from them: those at or beneath a path, which need not exist any
/// more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// A photo, or a folder with all beneath it.
    pub path: PathBuf,
    /// The tag's name.
    pub tag: String,
}

/// What became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Tagging {
    /// Photos whose tags have changed.
    #[serde(serialize_with = "places")]
    pub changed: Vec<PathBuf>,
    /// How many photos were as they were to be.
    pub unchanged: usize,
    /// Paths at or below which there was no photo.
    #[serde(serialize_with = "places")]
    pub unknown: Vec<PathBuf>,
}

impl Document for Tagging {
    const KIND: &'static str = "tagging";
}

/// All tags of a gallery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tags {
    /// By name.
    pub tags: Vec<TagCount>,
}

impl Document for Tags {
    const KIND: &'static str = "tags";
}

/// A tag, and how many photos have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagCount {
    /// Its name.
    pub tag: String,
    /// Photos that have it.
    pub photos: usize,
}

impl Tags {
    /// Those of a snapshot's photos.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for tag in snapshot.records().flat_map(|record| record.tags) {
            *counts.entry(tag).or_default() += 1;
        }
        let tags = counts.into_iter();
        let tags = tags.map(|(tag, photos)| TagCount { tag, photos });
        Self {
            tags: tags.collect(),
        }
    }
}

impl Gallery {
    /// Gives tags to photos, and publishes.
    ///
    /// # Errors
    /// [`GalleryError::InvalidFilter`] for what no tag is called, before anything is changed; as
    /// [`Gallery::write`] and [`Gallery::publish`].
    pub fn add_tags(&mut self, tagged: &[Tagged]) -> Result<Tagging> {
        self.change_tags(tagged, Stored::add_tags)
    }

    /// Takes tags from photos, and publishes.
    ///
    /// # Errors
    /// As [`Gallery::add_tags`].
    pub fn remove_tags(&mut self, tagged: &[Tagged]) -> Result<Tagging> {
        self.change_tags(tagged, |stored, tags| {
            let had = stored.tags.len();
            stored.tags.retain(|tag| !tags.contains(tag));
            stored.tags.len() < had
        })
    }

    /// `change` says whether it has changed anything.
    fn change_tags(
        &mut self,
        tagged: &[Tagged],
        change: impl Fn(&mut Stored, &[String]) -> bool,
    ) -> Result<Tagging> {
        let mut of_paths: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        for Tagged { path, tag } in tagged {
            let path = absolute(path).unwrap_or_else(|_| path.clone());
            of_paths.entry(path).or_default().push(tag_name(tag)?);
        }
        let (mut photos, mut changed) = (BTreeMap::new(), BTreeSet::new());
        let mut unknown = Vec::new();
        for (path, tags) in of_paths {
            let keys = self.keys_at_or_beneath(&path)?;
            for (key, photo) in &keys {
                if let Some(mut stored) = self.store.stored(key)? {
                    // Folder and photo may both be named.
                    if let Some((_, known)) = photos.remove(key) {
                        stored = known;
                    }
                    if change(&mut stored, &tags) {
                        changed.insert(key.clone());
                    }
                    photos.insert(key.clone(), (photo.clone(), stored));
                }
            }
            if keys.is_empty() {
                unknown.push(path);
            }
        }
        let unchanged = photos.len() - changed.len();
        photos.retain(|key, _| changed.contains(key));
        let mut paths: Vec<PathBuf> = photos.values().map(|(path, _)| path.clone()).collect();
        paths.sort();
        self.write_tags(photos.into_iter().map(|(key, (_, stored))| (key, stored)))?;
        self.publish(&mut |_, _| ControlFlow::Continue(()))?;
        Ok(Tagging {
            changed: paths,
            unchanged,
            unknown,
        })
    }

    /// Photos with their keys. Beneath the empty path lies everything; whoever gives it has left a variable
    /// empty.
    fn keys_at_or_beneath(&self, path: &Path) -> Result<Vec<(Vec<u8>, PathBuf)>, GalleryError> {
        if !path.is_absolute() {
            return Ok(Vec::new());
        }
        // A photo has none beneath it, and is found at once.
        let mut photos = Vec::new();
        if let Some(record) = self.record(path)? {
            photos.push(record.path);
        } else {
            for record in self.records_beneath(path) {
                photos.push(record?.path);
            }
        }
        let keys = photos
            .into_iter()
            .filter_map(|path| Some((self.roots.key(&path)?, path)));
        Ok(keys.collect())
    }

    fn write_tags(&mut self, mut photos: impl Iterator<Item = (Vec<u8>, Stored)>) -> Result<()> {
        loop {
            let generation = self.store.generation()? + 1;
            let changes = photos.by_ref().take(AT_ONCE).map(|(key, stored)| {
                let mut stored = stored.at(None);
                stored.generation = generation;
                (key, stored, None)
            });
            let changes: Vec<_> = changes.collect();
            if changes.is_empty() {
                return Ok(());
            }
            self.write_changes(generation, changes)?;
        }
    }
}

fn places<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(Path::new).map(Place::of))
}
