//! The indexed collection on disk: a store that is the truth, and snapshots to search.
//!
//! One process writes ([`Gallery`]), any number read ([`Snapshot`]) beside it. The gallery holds
//! anyone's unit vectors: it never sees a picture or a tensor. Store and snapshot heal each other:
//! each is rebuilt from the other when it is damaged, and the user is told.

pub(crate) mod augment;
mod find;
mod folder;
mod heal;
mod hnsw;
pub mod index;
mod info;
mod matches;
mod open;
mod precisions;
mod publish;
mod record;
mod remove;
mod salvage;
mod snapshot;
mod store;
mod verify;
mod version;
mod whitening;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use self::find::{find, find_or_here};
pub use self::heal::Repair;
pub use self::index::DEFAULT_EF_SEARCH;
pub use self::index::OnProgress;
pub(crate) use self::info::size_on_disk;
pub use self::info::{GalleryInfo, WhiteningInfo};
pub use self::matches::Match;
pub use self::open::{open_for_search, open_for_search_telling};
pub use self::precisions::Precisions;
use self::publish::Publishing;
pub use self::publish::{IndexPolicy, Published};
pub use self::record::Record;
pub use self::remove::Removal;
pub use self::snapshot::{SearchOptions, Snapshot, is_newest};
use self::store::Store;
pub use self::store::pooled::{PartKey, PooledCache};
pub use self::verify::{Problem, Verification, verify};
pub use self::version::VERSION;
pub use self::whitening::whitening_of;
use crate::backbone::Precision;
use crate::descriptor::{Descriptor, Difference, Fingerprint, Whitening};
use crate::error::{Error, FileError, GalleryError, Result};
use crate::photo::ContentHash;
use crate::ranking::Ranking;

/// How long a writer waits for another that is about to end.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// A gallery opened for writing. There is one at a time, and dropping it lets go of the lock.
pub struct Gallery {
    dir: PathBuf,
    store: Store,
    fingerprint: Arc<Fingerprint>,
    policy: IndexPolicy,
    ranking: Ranking,
    precisions: Precisions,
    repairs: Vec<Repair>,
    /// Contents whose descriptors the snapshot has.
    in_snapshot: HashSet<ContentHash>,
    /// Contents that some photo had and may have no more.
    stale: HashSet<ContentHash>,
    _lock: File,
}

impl Gallery {
    /// Opens the gallery in `dir`, or makes one for descriptors of this fingerprint.
    ///
    /// # Errors
    /// [`GalleryError::GalleryLocked`]; [`GalleryError::SpecMismatch`] if it holds descriptors of
    /// another fingerprint; [`GalleryError::GalleryTooNew`]; [`GalleryError::DamagedGallery`];
    /// [`GalleryError::Store`]; [`FileError::Write`].
    pub fn open_or_create(dir: &Path, fingerprint: &Fingerprint) -> Result<Self> {
        Self::open_or_create_whitened(dir, fingerprint, None)
    }

    /// The same for descriptors that were whitened: a copy of the whitening is kept in `dir`, so
    /// that queries need no other file. A lost copy is put back.
    ///
    /// # Errors
    /// As [`Gallery::open_or_create`].
    pub fn open_or_create_whitened(
        dir: &Path,
        fingerprint: &Fingerprint,
        whitening: Option<&Whitening>,
    ) -> Result<Self> {
        fs::create_dir_all(dir).map_err(FileError::write_at(dir))?;
        let gallery = Self::open_any(dir, Some((fingerprint, whitening)))?;
        check_same(&gallery.fingerprint, fingerprint)?;
        if let Some(whitening) = whitening {
            whitening::keep(dir, whitening)?;
        }
        Ok(gallery)
    }

    /// Opens the gallery in `dir`.
    ///
    /// # Errors
    /// [`GalleryError::NoGallery`]; otherwise as [`Gallery::open_or_create`].
    pub fn open(dir: &Path) -> Result<Self> {
        if !find::is_gallery(dir) {
            return Err(no_gallery(dir));
        }
        Self::open_any(dir, None)
    }

    fn open_any(dir: &Path, new: Option<(&Fingerprint, Option<&Whitening>)>) -> Result<Self> {
        folder::check_to_write(dir)?;
        let lock = lock(dir)?;
        let snapshot = match Snapshot::open(dir) {
            Err(error @ Error::Gallery(GalleryError::GalleryTooNew { .. })) => return Err(error),
            opened => opened.ok(),
        };
        let (store, repair) = heal::open_store(dir, snapshot.as_ref())?;
        let fingerprint = match (store.fingerprint()?, new) {
            (Some(fingerprint), _) => fingerprint,
            (None, Some((fingerprint, whitening))) => {
                // First, so that no gallery is ever without.
                if let Some(whitening) = whitening {
                    whitening::keep(dir, whitening)?;
                }
                store.set_precisions(&Precisions::NONE)?;
                store.initialize(VERSION, fingerprint)?;
                fingerprint.clone()
            }
            (None, None) => return Err(no_gallery(dir)),
        };
        let snapshot = snapshot.filter(|snapshot| **snapshot.fingerprint() == fingerprint);
        let records = snapshot.iter().flat_map(Snapshot::records);
        Ok(Self {
            in_snapshot: records.map(|record| record.hash).collect(),
            stale: HashSet::new(),
            dir: dir.to_owned(),
            ranking: store.ranking()?,
            precisions: store.precisions()?,
            store,
            fingerprint: fingerprint.into(),
            policy: IndexPolicy::default(),
            repairs: repair.into_iter().collect(),
            _lock: lock,
        })
    }

    /// The same gallery with another policy for its graph.
    #[must_use]
    pub fn with_policy(self, policy: IndexPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What its descriptors were made with.
    #[must_use]
    pub const fn fingerprint(&self) -> &Arc<Fingerprint> {
        &self.fingerprint
    }

    /// Puts back the gallery's copy of its whitening if it is lost; another one is not taken.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn restore_whitening(&self, whitening: &Whitening) -> Result<(), FileError> {
        if self.fingerprint.projection() == Some(&whitening.digest()) {
            whitening::keep(&self.dir, whitening)?;
        }
        Ok(())
    }

    /// How its photos are ranked, from the next publishing on, unless a query says otherwise.
    #[must_use]
    pub const fn ranking(&self) -> &Ranking {
        &self.ranking
    }

    /// Changes that. The descriptors stay as they are, so it can be changed back at any time.
    ///
    /// # Errors
    /// [`GalleryError::Store`]; [`GalleryError::DamagedStore`].
    pub fn set_ranking(&mut self, ranking: Ranking) -> Result<()> {
        if ranking != self.ranking {
            self.store.set_ranking(&ranking)?;
            self.ranking = ranking;
        }
        Ok(())
    }

    /// In which numbers its descriptors were made.
    #[must_use]
    pub const fn precisions(&self) -> &Precisions {
        &self.precisions
    }

    /// Says that some of them are made in these, if none were before.
    ///
    /// # Errors
    /// [`GalleryError::Store`]; [`GalleryError::DamagedStore`].
    pub fn add_precision(&mut self, precision: Precision) -> Result<()> {
        if self.precisions.insert(precision) {
            self.store.set_precisions(&self.precisions)?;
        }
        Ok(())
    }

    /// What was damaged when it was opened.
    #[must_use]
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// The state of the store: every change makes a greater one. Equal to the snapshot's where
    /// that shows the same.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn generation(&self) -> Result<u64, GalleryError> {
        self.store.generation()
    }

    /// The photo at `path` (absolute), if it is in the gallery.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn record(&self, path: &Path) -> Result<Option<Record>, GalleryError> {
        self.store.record(path)
    }

    /// All photos, by path.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, GalleryError>> {
        self.store.records()
    }

    /// The descriptor of photos with this content.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        self.store.descriptor(hash)
    }

    /// Whether photos with this content have a descriptor.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn has_descriptor(&self, hash: &ContentHash) -> Result<bool, GalleryError> {
        // Asking sled would read every descriptor of a large gallery from the disk.
        Ok(self.in_snapshot.contains(hash) || self.store.has_descriptor(hash)?)
    }

    /// Adds or replaces photos and takes out others; durable when it returns. Of photos whose
    /// content is known no descriptor is needed.
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`](crate::error::DescriptorError) for what was not made as the gallery's descriptors are;
    /// [`GalleryError::Store`], on a full disk for instance: then nothing of what was there before is lost.
    pub fn write(
        &mut self,
        put: &[(Record, Option<Descriptor>)],
        remove: &[PathBuf],
    ) -> Result<()> {
        for descriptor in put.iter().filter_map(|(_, new)| new.as_ref()) {
            descriptor.check(&self.fingerprint)?;
        }
        let paths = put.iter().map(|(record, _)| &record.path).chain(remove);
        for path in paths {
            self.stale
                .extend(self.record(path)?.map(|record| record.hash));
        }
        self.store.write(put, remove)
    }

    /// Makes what was written visible to readers. `on_progress` is told how many vectors of how
    /// many the graph has, and then the augmentation; when it breaks, the snapshot is without, and
    /// the next publishing makes it.
    ///
    /// # Errors
    /// [`GalleryError::Store`]; [`FileError::Write`], with the earlier snapshot still in place.
    pub fn publish(&mut self, on_progress: OnProgress<'_>) -> Result<Published> {
        let current = Snapshot::open(&self.dir).ok();
        let current = current.filter(|current| current.verify().is_ok());
        if let Some(current) = &current
            && *current.fingerprint() == self.fingerprint
            && current.generation() == self.store.generation()?
            && current.ranking() == self.ranking
            && *current.precisions() == self.precisions
            && !self.policy.is_missed_by(current)
        {
            return Ok(Published {
                photos: current.len(),
                built_graph: false,
            });
        }
        let publishing = Publishing {
            dir: &self.dir,
            store: &self.store,
            fingerprint: &self.fingerprint,
            generation: self.store.generation()?,
            ranking: self.ranking,
            precisions: &self.precisions,
            old: current.filter(|old| *old.fingerprint() == self.fingerprint),
        };
        let (published, lost) = publishing.run(self.policy, &self.stale, on_progress)?;
        self.stale.clear();
        if !lost.is_empty() {
            self.store.forget(&lost)?;
            let photos = lost.len();
            self.repairs.push(Repair::DescriptorsLost { photos });
        }
        Ok(published)
    }
}

fn no_gallery(dir: &Path) -> Error {
    let (dir, looked) = (dir.to_owned(), Vec::new());
    GalleryError::NoGallery { dir, looked }.into()
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(FileError::write_at(&path))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A process that was started meanwhile, by whoever had the lock, holds it for a moment.
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                thread::sleep(LOCK_PATIENCE / 10);
            }
            Err(TryLockError::WouldBlock) => {
                let dir = dir.to_owned();
                return Err(GalleryError::GalleryLocked { dir }.into());
            }
            Err(TryLockError::Error(source)) => {
                return Err(FileError::Write { path, source }.into());
            }
        }
    }
}

/// Whether descriptors of what was asked for may be put into the gallery or compared with its own.
///
/// # Errors
/// [`GalleryError::SpecMismatch`], which names what differs.
pub fn check_same(gallery: &Fingerprint, requested: &Fingerprint) -> Result<(), GalleryError> {
    Ok(gallery.check(requested)?)
}

/// The same before a projection.
///
/// # Errors
/// As [`check_same`].
pub fn check_unprojected(
    gallery: &Fingerprint,
    requested: &Fingerprint,
) -> Result<(), GalleryError> {
    Ok(gallery.check_unprojected(requested)?)
}

impl From<Difference> for GalleryError {
    fn from(difference: Difference) -> Self {
        Self::SpecMismatch {
            what: difference.what,
            gallery: difference.expected,
            requested: difference.found,
        }
    }
}
