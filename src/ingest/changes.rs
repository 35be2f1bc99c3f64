//! What a walk found, held against what the gallery knows.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::gallery::{Gallery, Record};
use crate::photo::{ContentHash, Found, Walk};

/// What is to be done, and what is known beforehand.
pub(super) struct Changes {
    pub(super) to_do: Vec<Found>,
    pub(super) unchanged: usize,
    pub(super) known: HashMap<PathBuf, Record>,
    pub(super) gone: HashMap<PathBuf, ContentHash>,
}

impl Changes {
    pub(super) fn make(walked: &Walk, gallery: &Gallery) -> Result<Self> {
        let mut known = HashMap::new();
        for record in gallery.records() {
            let record = record?;
            // Without its descriptor a photo is as good as new.
            if gallery.has_descriptor(&record.hash)? {
                known.insert(record.path.clone(), record);
            }
        }
        let is_unchanged = |found: &&Found| {
            let same =
                |record: &Record| (record.size, record.modified) == (found.size, found.modified);
            known.get(&found.path).is_some_and(same)
        };
        let (unchanged, to_do): (Vec<&Found>, Vec<&Found>) =
            walked.found.iter().partition(is_unchanged);
        let found: HashSet<&Path> = walked
            .found
            .iter()
            .map(|found| found.path.as_path())
            .collect();
        // A folder that could not be read, or a disk that is not there, takes nothing out.
        let unseen = |path: &Path| {
            walked
                .problems
                .iter()
                .any(|(problem, _)| path.starts_with(problem))
        };
        let walked_over = |path: &Path| walked.roots.iter().any(|root| path.starts_with(root));
        let is_gone = |path: &Path| walked_over(path) && !found.contains(path) && !unseen(path);
        let gone = known.iter().filter(|(path, _)| is_gone(path));
        let gone = gone
            .map(|(path, record)| (path.clone(), record.hash))
            .collect();
        let unchanged = unchanged.len();
        Ok(Self {
            to_do: to_do.into_iter().cloned().collect(),
            unchanged,
            gone,
            known,
        })
    }
}
