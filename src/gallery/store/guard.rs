//! sled, held at arm's length: on damaged files it panics, at any read, instead of returning an
//! error. Here a panic becomes [`GalleryError::DamagedStore`], and a mark is left so that the next
//! process makes the database anew: the store from the snapshot, a cache from nothing.

use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use sled::{Db, IVec};

use super::leftovers;
use crate::error::{GalleryError, Result};
use crate::gallery::folder;

/// What sled may keep in memory, in bytes.
const CACHE: u64 = 64 << 20;

/// Threads that sled starts at its first use, and keeps.
const THREADS: usize = 7;

/// The trees of a database, asked one question at a time.
pub struct Guarded<T> {
    path: PathBuf,
    trees: Option<T>,
    is_broken: AtomicBool,
}

impl<T> Guarded<T> {
    /// Opens or creates the database in the folder `path`, and its trees.
    pub fn open(
        path: &Path,
        trees: impl FnOnce(Db) -> sled::Result<T>,
    ) -> Result<Self, GalleryError> {
        if mark(path).exists() {
            return Err(GalleryError::DamagedStore {
                path: path.to_owned(),
            });
        }
        check_threads(path)?;
        leftovers::tidy(path).map_err(|source| GalleryError::Store {
            path: path.to_owned(),
            source,
        })?;
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .flush_every_ms(None);
        let mut guarded = Self {
            path: path.to_owned(),
            trees: None,
            is_broken: AtomicBool::new(false),
        };
        let open = || config.open().and_then(trees);
        guarded.trees = Some(guarded.judge(panic::catch_unwind(AssertUnwindSafe(open)))?);
        Ok(guarded)
    }

    /// The same for one that would not open, or is marked: as it is, and then from the log alone,
    /// without the snapshots that sled reads instead of the log's beginning.
    pub fn open_again(
        path: &Path,
        trees: impl Fn(Db) -> sled::Result<T>,
    ) -> Result<Self, GalleryError> {
        let failed = |source| GalleryError::Store {
            path: path.to_owned(),
            source,
        };
        unmark(path).map_err(failed)?;
        match Self::open(path, &trees) {
            Err(GalleryError::DamagedStore { .. })
                if leftovers::set_snapshots_aside(path).map_err(failed)? =>
            {
                unmark(path).map_err(failed)?;
                Self::open(path, &trees)
            }
            opened => opened,
        }
    }

    /// The error that says so, and the mark.
    pub fn damaged(&self) -> GalleryError {
        self.is_broken.store(true, Ordering::Relaxed);
        // Without the mark the next process finds out by itself.
        let _ = folder::create(&mark(&self.path));
        GalleryError::DamagedStore {
            path: self.path.clone(),
        }
    }

    /// Never closes it, and answers nothing more.
    pub fn abandon(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    pub fn ask<A>(&self, question: impl FnOnce(&T) -> sled::Result<A>) -> Result<A, GalleryError> {
        let is_broken = self.is_broken.load(Ordering::Relaxed);
        match self.trees.as_ref().filter(|_| !is_broken) {
            Some(trees) => self.judge(panic::catch_unwind(AssertUnwindSafe(|| question(trees)))),
            None => Err(self.damaged()),
        }
    }

    /// All entries of a part of a tree, up to the first error.
    pub fn entries(
        &self,
        part: impl FnOnce(&T) -> sled::Iter,
    ) -> impl Iterator<Item = Result<(IVec, IVec), GalleryError>> {
        let mut entries = Some(self.ask(|trees| Ok(part(trees))));
        std::iter::from_fn(move || match entries.take()? {
            Err(error) => Some(Err(error)),
            Ok(mut rest) => {
                let next = self.ask(|_| rest.next().transpose()).transpose()?;
                if next.is_ok() {
                    entries = Some(Ok(rest));
                } else {
                    // Its drop may panic too.
                    mem::forget(rest);
                }
                Some(next)
            }
        })
    }

    fn judge<A>(&self, answer: std::thread::Result<sled::Result<A>>) -> Result<A, GalleryError> {
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(sled::Error::Io(source))) if !is_damage(&source) => Err(GalleryError::Store {
                path: self.path.clone(),
                source,
            }),
            Ok(Err(_)) | Err(_) => Err(self.damaged()),
        }
    }
}

/// Whether the system gives us as many threads as sled needs. Where it gets none, sled says nothing
/// and waits for ever, the lock in its hand.
fn check_threads(path: &Path) -> Result<(), GalleryError> {
    static HAS_THEM: AtomicBool = AtomicBool::new(false);
    if HAS_THEM.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut threads = Vec::new();
    let mut refused = None;
    while threads.len() < THREADS && refused.is_none() {
        let (stay, end) = mpsc::channel::<()>();
        match thread::Builder::new().spawn(move || end.recv()) {
            Ok(thread) => threads.push((stay, thread)),
            Err(source) => refused = Some(source),
        }
    }
    for (stay, thread) in threads {
        drop(stay);
        // It only waited for this.
        let _ = thread.join();
    }
    if let Some(source) = refused {
        return Err(GalleryError::NoThreads {
            path: path.to_owned(),
            needed: THREADS,
            source,
        });
    }
    HAS_THEM.store(true, Ordering::Relaxed);
    Ok(())
}

/// Beside the database: it says that the database is damaged.
pub fn mark(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-is-damaged");
    path.with_file_name(name)
}

/// Takes the mark away, if there is one.
pub fn unmark(path: &Path) -> io::Result<()> {
    folder::vacate(&mark(path))
}

/// Whether sled's files are open already.
pub fn is_locked(error: &GalleryError) -> bool {
    let is_lock = |source: &io::Error| source.kind() == io::ErrorKind::WouldBlock;
    matches!(error, GalleryError::Store { source, .. } if is_lock(source))
}

/// Whether a failure to read or write is the files' fault, not the disk's or the system's.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let is_lock = error.to_string().contains("acquire lock");
    let from_files = [
        Kind::UnexpectedEof,
        Kind::InvalidData,
        Kind::InvalidInput,
        Kind::NotFound,
        Kind::AlreadyExists,
        Kind::Other,
    ];
    !is_lock && from_files.contains(&error.kind())
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        let Some(trees) = self.trees.take() else {
            return;
        };
        if self.is_broken.load(Ordering::Relaxed) {
            // Closing a damaged store may write to it, panic or hang.
            mem::forget(trees);
        } else {
            // All that counts was made durable before.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(trees)));
        }
    }
}
