//! Pooled feature maps kept for the next evaluation: a cache, which may be deleted at any time.
//!
//! One entry per photo and part of a spec. What a part depends on (weights, preprocessing, layer,
//! pooling) is in its key, so nothing stale is ever read.

use std::fs;
use std::path::{Path, PathBuf};

use sled::{Batch, Db};

use super::guard::{Guarded, unmark};
use crate::error::{FileError, GalleryError, Result};
use crate::gallery::folder;
use crate::photo::ContentHash;

/// What tells a part's vectors from all others: a digest of all that they depend on.
pub type PartKey = [u8; 16];

/// The opened cache.
pub struct PooledCache {
    sled: Guarded<Db>,
}

/// Where a cache is emptied instead of growing further: before an evaluation begins with so many bytes
/// of earlier ones.
const MOST: u64 = 8 << 30;

impl PooledCache {
    /// Where the cache of the gallery in `dir` is.
    #[must_use]
    pub fn folder(dir: &Path) -> PathBuf {
        dir.join("pooled")
    }

    /// Opens or creates the cache in the gallery's folder `dir`; a damaged one is made anew, and so is
    /// one of more than 8 GiB.
    ///
    /// # Errors
    /// [`FileError::Write`], [`GalleryError::Store`]; also where another process has it open.
    pub fn open(dir: &Path) -> Result<Self> {
        let cache = Self::open_any(dir)?;
        if cache.sled.ask(Db::size_on_disk)? <= MOST {
            return Ok(cache);
        }
        drop(cache);
        Self::clear(dir)?;
        Self::open_any(dir)
    }

    /// Deletes the cache of the gallery in `dir`.
    ///
    /// # Errors
    /// [`FileError::Write`]; [`GalleryError::Store`] where another process has it open.
    pub fn clear(dir: &Path) -> Result<()> {
        drop(Self::open_any(dir)?);
        let path = Self::folder(dir);
        fs::remove_dir_all(&path).map_err(FileError::write_at(&path))?;
        Ok(unmark(&path).map_err(FileError::write_at(&path))?)
    }

    fn open_any(dir: &Path) -> Result<Self> {
        folder::check_to_write(dir)?;
        let path = Self::folder(dir);
        fs::create_dir_all(&path).map_err(FileError::write_at(&path))?;
        match Guarded::open(&path, Ok) {
            Err(GalleryError::DamagedStore { .. }) => {
                fs::remove_dir_all(&path).map_err(FileError::write_at(&path))?;
                unmark(&path).map_err(FileError::write_at(&path))?;
                let sled = Guarded::open(&path, Ok)?;
                Ok(Self { sled })
            }
            opened => Ok(Self { sled: opened? }),
        }
    }

    /// The vector of a photo's part, if it is known.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`], [`GalleryError::Store`].
    pub fn get(
        &self,
        part: &PartKey,
        hash: &ContentHash,
    ) -> Result<Option<Vec<f32>>, GalleryError> {
        let stored = self.sled.ask(|db| db.get(key(part, hash)))?;
        Ok(stored.map(|bytes| bytemuck::pod_collect_to_vec(&bytes)))
    }

    /// Whether all of these parts are known of a photo.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`], [`GalleryError::Store`].
    pub fn has_all(&self, parts: &[PartKey], hash: &ContentHash) -> Result<bool, GalleryError> {
        for part in parts {
            if !self.sled.ask(|db| db.contains_key(key(part, hash)))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps the vectors of a photo's parts.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`], [`GalleryError::Store`] on a full disk.
    pub fn put<'a>(
        &self,
        hash: &ContentHash,
        parts: impl Iterator<Item = (&'a PartKey, &'a [f32])>,
    ) -> Result<(), GalleryError> {
        let mut batch = Batch::default();
        for (part, values) in parts {
            batch.insert(
                &key(part, hash)[..],
                bytemuck::cast_slice::<f32, u8>(values),
            );
        }
        self.sled.ask(|db| db.apply_batch(batch))
    }

    /// Writes what was put to the disk.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`], [`GalleryError::Store`] on a full disk.
    pub fn flush(&self) -> Result<(), GalleryError> {
        self.sled.ask(|db| db.flush().map(|_| ()))
    }
}

fn key(part: &PartKey, hash: &ContentHash) -> [u8; 48] {
    let mut key = [0; 48];
    key[..16].copy_from_slice(part);
    key[16..].copy_from_slice(hash.as_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::store::guard::mark;

    #[test]
    fn what_was_put_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let (photo, other) = (ContentHash::of(b"photo"), ContentHash::of(b"other"));
        let (gap, max) = ([1; 16], [2; 16]);
        let cache = PooledCache::open(folder.path()).unwrap();
        let parts = [(&gap, &[1.0, 2.0][..]), (&max, &[3.0][..])];
        cache.put(&photo, parts.into_iter()).unwrap();
        cache.flush().unwrap();
        drop(cache);
        let cache = PooledCache::open(folder.path()).unwrap();
        assert_eq!(cache.get(&gap, &photo).unwrap(), Some(vec![1.0, 2.0]));
        assert!(cache.has_all(&[gap, max], &photo).unwrap());
        assert!(!cache.has_all(&[gap], &other).unwrap());
    }

    #[test]
    fn a_damaged_cache_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let photo = ContentHash::of(b"photo");
        let cache = PooledCache::open(folder.path()).unwrap();
        cache
            .put(&photo, [(&[1; 16], &[1.0][..])].into_iter())
            .unwrap();
        drop(cache);
        // What a process leaves that found out about the damage.
        fs::write(mark(&folder.path().join("pooled")), "").unwrap();
        let cache = PooledCache::open(folder.path()).unwrap();
        assert_eq!(cache.get(&[1; 16], &photo).unwrap(), None);
        cache
            .put(&photo, [(&[1; 16], &[1.0][..])].into_iter())
            .unwrap();
    }
}
