//! What is kept so that it need not be made or fetched again, and may be deleted at any time: weights,
//! for all galleries of this user, and what evaluations pooled, in a gallery's folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::document::{Document, Place};
use crate::error::{FileError, Result};
use crate::gallery::{PooledCache, size_on_disk};
use crate::model::FetchOptions;

/// What is kept, with its sizes.
#[derive(Clone, Debug, Serialize)]
pub struct Caches {
    /// Files of weights in our own cache folder, by model.
    pub weights: Vec<CachedWeights>,
    /// What `eval` and `tune` pooled, if they did in this gallery's folder.
    pub evaluations: Option<Cached>,
    /// All of it, in bytes.
    pub bytes: u64,
}

/// A file, or a folder with all that is in it.
#[derive(Clone, Debug)]
pub struct Cached {
    /// Where it is.
    pub path: PathBuf,
    /// How large, in bytes.
    pub bytes: u64,
}

/// A model's weights.
#[derive(Clone, Debug, Serialize)]
pub struct CachedWeights {
    /// The model's name in the catalogue.
    pub model: String,
    /// The file.
    #[serde(flatten)]
    pub file: Cached,
}

impl Document for Caches {
    const KIND: &'static str = "caches";
}

impl Serialize for Cached {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            #[serde(flatten)]
            place: Place,
            bytes: u64,
        }
        let (place, bytes) = (Place::as_given(&self.path), self.bytes);
        Told { place, bytes }.serialize(serializer)
    }
}

impl Caches {
    /// What is kept in the cache folder and for the gallery in `dir`. What cannot be read is not there.
    #[must_use]
    pub fn of(options: &FetchOptions, dir: &Path) -> Self {
        let mut weights = Vec::new();
        for folder in entries(&options.cache.join("weights")) {
            for path in entries(&folder) {
                let model = folder.file_name().unwrap_or_default();
                let model = model.to_string_lossy().into_owned();
                let bytes = size_on_disk(&path);
                let file = Cached { path, bytes };
                weights.push(CachedWeights { model, file });
            }
        }
        let path = PooledCache::folder(dir);
        let evaluations = path.is_dir().then(|| {
            let bytes = size_on_disk(&path);
            Cached { path, bytes }
        });
        let of_weights = weights.iter().map(|one| one.file.bytes);
        let of_evaluations = evaluations.iter().map(|one| one.bytes);
        Self {
            bytes: of_weights.chain(of_evaluations).sum(),
            weights,
            evaluations,
        }
    }

    /// Deletes the weights; of one model, if it is named. Galleries stay as they are: the next query of
    /// a picture that they do not know fetches the weights again.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn clear_weights(&self, model: Option<&str>) -> Result<u64, FileError> {
        let mut bytes = 0;
        let is_meant = |one: &&CachedWeights| model.is_none_or(|model| one.model == model);
        for one in self.weights.iter().filter(is_meant) {
            let path = &one.file.path;
            fs::remove_file(path).map_err(FileError::write_at(path))?;
            bytes += one.file.bytes;
        }
        Ok(bytes)
    }

    /// Deletes what evaluations pooled.
    ///
    /// # Errors
    /// [`FileError::Write`]; [`GalleryError::Store`](crate::error::GalleryError) while an evaluation
    /// is at work on it.
    pub fn clear_evaluations(&self, dir: &Path) -> Result<u64> {
        let Some(evaluations) = &self.evaluations else {
            return Ok(0);
        };
        PooledCache::clear(dir)?;
        Ok(evaluations.bytes)
    }
}

/// What lies in a folder, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
