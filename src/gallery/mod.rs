//! The indexed collection on disk: a store that is the truth, and snapshots to search.
//!
//! One process writes ([`Gallery`]), any number read ([`Snapshot`]) beside it. The gallery holds
//! anyone's unit vectors: it never sees a picture or a tensor. Store and snapshot heal each other:
//! each is rebuilt from the other when it is damaged, and the user is told.

mod blocks;
mod earlier;
mod encoding;
mod fields;
mod filter;
mod find;
mod folder;
mod graph;
mod heal;
mod hnsw;
pub mod index;
mod info;
mod listing;
mod matches;
mod merge;
mod moved;
mod neighbors;
mod open;
mod outline;
mod precisions;
mod publish;
mod record;
mod reduction;
mod remove;
mod repair;
mod roots;
mod salvage;
mod segment;
mod snapshot;
mod store;
mod table;
mod tag;
mod tag_table;
mod upgrade;
mod verify;
mod version;
mod whitening;
mod write;

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use self::encoding::Encoding;
pub use self::filter::{Filter, MinSize, Period, Within, tag_name};
pub use self::find::{find, find_or_here};
pub use self::hnsw::GraphBuilder;
pub use self::index::DEFAULT_EF_SEARCH;
pub use self::index::OnProgress;
pub(crate) use self::info::size_on_disk;
pub use self::info::{GalleryInfo, WhiteningInfo};
pub use self::matches::Match;
pub use self::merge::{MergeEvent, MergeReport, Merged, Unmerged};
pub use self::open::{mended, open_for_search, open_for_search_telling};
pub use self::precisions::Precisions;
pub use self::publish::{IndexPolicy, Published};
pub use self::record::Record;
use self::record::Stored;
pub use self::remove::Removal;
pub use self::repair::Repair;
use self::roots::{Roots, is_beneath};
pub use self::snapshot::{SearchOptions, Snapshot, is_newest};
pub use self::store::Contents;
use self::store::Store;
pub use self::store::pooled::{PartKey, PooledCache};
use self::table::Entry;
pub use self::tag::{TagCount, Tagged, Tagging, Tags};
pub use self::tag_table::tags_of_table;
pub use self::verify::{Problem, Verification, verify};
pub use self::version::VERSION;
pub use self::whitening::whitening_of;
use crate::backbone::Precision;
use crate::descriptor::{Difference, Fingerprint, Whitening};
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
    roots: Roots,
    /// Keys of the photos that were written since the state `tracked_from`.
    changed: BTreeSet<Vec<u8>>,
    tracked_from: u64,
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
        let opened = heal::open_store(dir, snapshot.as_ref())?;
        let (store, repair) = if let Some(opened) = opened {
            opened
        } else {
            let (fingerprint, whitening) = new.ok_or_else(|| no_gallery(dir))?;
            // First, so that no gallery is ever without.
            if let Some(whitening) = whitening {
                whitening::keep(dir, whitening)?;
            }
            (Store::create(&dir.join("store"), fingerprint)?, None)
        };
        let generation = store.generation()?;
        Ok(Self {
            changed: BTreeSet::new(),
            tracked_from: generation,
            dir: dir.to_owned(),
            ranking: *store.ranking(),
            precisions: store.precisions().clone(),
            roots: Roots::found_from(dir, store.roots()),
            fingerprint: store.fingerprint().clone().into(),
            store,
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

    /// With how many values of each descriptor it is searched, along axes of its own, once it has photos
    /// enough for axes; nothing: with all.
    #[must_use]
    pub const fn axes(&self) -> Option<usize> {
        self.store.axes()
    }

    /// Changes that, from the next publishing on, without a look at the photos.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn set_axes(&mut self, values: Option<usize>) -> Result<()> {
        if values != self.axes() {
            self.store.set_axes(values)?;
        }
        Ok(())
    }

    /// In which numbers its store keeps descriptors that are older than the newest few.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.store.encoding()
    }

    /// Changes that, from the next on that are put aside.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn set_encoding(&mut self, encoding: Encoding) -> Result<()> {
        if encoding != self.encoding() {
            self.store.set_encoding(encoding)?;
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
        let Some(key) = self.roots.key(path) else {
            return Ok(None);
        };
        let stored = self.store.stored(&key)?;
        Ok(stored.and_then(|stored| self.living(&key, &stored)))
    }

    fn living(&self, key: &[u8], stored: &Stored) -> Option<Record> {
        let path = self.roots.path_of(key).filter(|_| !stored.is_removed)?;
        Some(Record::of(path, stored))
    }

    /// All photos; those beneath one root by path.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, GalleryError>> {
        self.store.entries().filter_map(|entry| match entry {
            Ok((key, stored)) => self.living(&key, &stored).map(Ok),
            Err(error) => Some(Err(error)),
        })
    }

    /// The photos at or beneath a path (absolute), by path.
    pub fn records_beneath(
        &self,
        path: &Path,
    ) -> impl Iterator<Item = Result<Record, GalleryError>> {
        self.entries_beneath(path).filter_map(|entry| match entry {
            Ok((key, stored)) => self.living(&key, &stored).map(Ok),
            Err(error) => Some(Err(error)),
        })
    }

    /// The same without those that have no descriptor.
    pub(crate) fn described_beneath(
        &self,
        path: &Path,
    ) -> impl Iterator<Item = Result<Record, GalleryError>> {
        self.entries_beneath(path).filter_map(|entry| {
            let described = entry.and_then(|(key, stored)| {
                // An older record says where its vector lies.
                let has = stored.row.is_some() || self.store.has_descriptor(&stored.hash)?;
                Ok(self.living(&key, &stored).filter(|_| has))
            });
            described.transpose()
        })
    }

    fn entries_beneath(&self, path: &Path) -> impl Iterator<Item = Result<Entry, GalleryError>> {
        let beneath = self.roots.keys_beneath(path);
        beneath.into_iter().flat_map(move |beneath| {
            let entries = self.store.entries_from(&beneath);
            let begins = beneath.clone();
            let entries = entries.take_while(move |entry| {
                entry
                    .as_ref()
                    .map_or(true, |(key, _)| key.starts_with(&begins))
            });
            entries.filter(move |entry| {
                entry
                    .as_ref()
                    .map_or(true, |(key, _)| is_beneath(key, &beneath))
            })
        })
    }

    /// The descriptor of photos with this content.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn descriptor(&self, hash: &ContentHash) -> Result<Option<Vec<f32>>, GalleryError> {
        self.store.descriptor(hash)
    }

    /// Whether photos with this content have a descriptor, be they in the gallery no more.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn has_descriptor(&self, hash: &ContentHash) -> Result<bool, GalleryError> {
        self.store.has_descriptor(hash)
    }

    /// All contents that there are descriptors of, to be asked while the gallery is written.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`].
    pub fn contents(&self) -> Result<Contents> {
        self.store.contents()
    }

    /// The folders (absolute) that photos are known by, each by the place that it really is.
    pub fn roots(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|(_, root)| root)
    }

    /// Looks at every byte of the store.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]: then the next opening makes it anew.
    pub(crate) fn verify_store(&self) -> Result<(), GalleryError> {
        self.store.verify()
    }
}

/// A gallery's lock, held until this is dropped, by who writes beside the photos and not to them.
pub struct Held(#[expect(dead_code, reason = "it is held until this is dropped")] File);

impl Held {
    /// That of the gallery in `dir`.
    ///
    /// # Errors
    /// [`GalleryError::NoGallery`]; [`GalleryError::GalleryLocked`]; [`FileError::Write`].
    pub fn of(dir: &Path) -> Result<Self> {
        if !find::is_gallery(dir) {
            return Err(no_gallery(dir));
        }
        folder::check_to_write(dir)?;
        Ok(Self(lock(dir)?))
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
