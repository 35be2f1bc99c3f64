//! Snapshot and extractor, held together and kept up to date.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::extract::Extractor;
use crate::gallery::{OnProgress, Repair, Snapshot, is_newest, mended, open_for_search_telling};
use crate::model::FetchEvent;
use crate::resolve::{self, Overrides};

/// Answers queries about a gallery, from any number of threads. It follows the gallery: what is
/// published while it is open is found by the next query.
pub struct Searcher {
    dir: PathBuf,
    pub(super) overrides: Overrides,
    snapshot: Mutex<Arc<Snapshot>>,
    /// Loaded when something is described for the first time: a photo of the gallery needs none.
    extractor: Mutex<Option<Arc<Extractor>>>,
    on_fetch: Mutex<Box<dyn FnMut(FetchEvent) -> ControlFlow<()> + Send>>,
    on_loaded: Box<dyn Fn(&Extractor) + Send + Sync>,
    repairs: Mutex<Vec<Repair>>,
}

impl Searcher {
    /// Opens the gallery in `dir`. A damaged snapshot is made anew.
    ///
    /// # Errors
    /// As [`open_for_search_telling`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(dir, &Overrides::default())
    }

    /// The same with weights or a device of one's own. What makes other descriptors than the
    /// gallery's is an error when something is described.
    ///
    /// # Errors
    /// As [`Searcher::open`].
    pub fn open_with(dir: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        Self::open_telling(dir, overrides, &mut |_, _| ControlFlow::Continue(()))
    }

    /// The same; `on_rebuild` is told where a damaged snapshot is made anew.
    ///
    /// # Errors
    /// As [`Searcher::open`].
    pub fn open_telling(
        dir: impl AsRef<Path>,
        overrides: &Overrides,
        on_rebuild: OnProgress<'_>,
    ) -> Result<Self> {
        let (snapshot, repairs) = open_for_search_telling(dir.as_ref(), on_rebuild)?;
        Ok(Self {
            dir: dir.as_ref().to_owned(),
            overrides: overrides.clone(),
            snapshot: Mutex::new(Arc::new(snapshot)),
            extractor: Mutex::new(None),
            on_fetch: Mutex::new(Box::new(|_| ControlFlow::Continue(()))),
            on_loaded: Box::new(|_| {}),
            repairs: Mutex::new(repairs),
        })
    }

    /// What was found damaged and mended so far: when it was opened, or when a query touched it.
    #[must_use]
    pub fn repairs(&self) -> Vec<Repair> {
        lock(&self.repairs).clone()
    }

    /// The snapshot without the damage that a query met.
    pub(super) fn mended(&self, damage: &Error) -> Result<Arc<Snapshot>> {
        let mut snapshot = lock(&self.snapshot);
        let mut go_on = |_, _| ControlFlow::Continue(());
        let (new, repairs) = mended(&self.dir, damage, &mut go_on)?;
        *snapshot = Arc::new(new);
        lock(&self.repairs).extend(repairs);
        Ok(Arc::clone(&snapshot))
    }

    /// The newest snapshot of the gallery. Where the newest cannot be opened, the one before it goes
    /// on answering.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let mut snapshot = lock(&self.snapshot);
        if !is_newest(&self.dir, &snapshot)
            && let Ok(newer) = Snapshot::open(&self.dir)
        {
            *snapshot = Arc::new(newer);
        }
        Arc::clone(&snapshot)
    }

    /// The same; `on_fetch` is told where weights come from, if any have to be fetched.
    #[must_use]
    pub fn tell_fetching(
        self,
        on_fetch: impl FnMut(FetchEvent) -> ControlFlow<()> + Send + 'static,
    ) -> Self {
        Self {
            on_fetch: Mutex::new(Box::new(on_fetch)),
            ..self
        }
    }

    /// The same; `on_loaded` is told what describes, when it is loaded and before it describes anything.
    #[must_use]
    pub fn tell_loaded(self, on_loaded: impl Fn(&Extractor) + Send + Sync + 'static) -> Self {
        Self {
            on_loaded: Box::new(on_loaded),
            ..self
        }
    }

    /// What describes, if anything had to be described yet: of photos that the gallery knows it has
    /// the descriptors.
    #[must_use]
    pub fn loaded_extractor(&self) -> Option<Arc<Extractor>> {
        lock(&self.extractor).clone()
    }

    /// What describes as the gallery's photos were described, loaded if it is not yet.
    ///
    /// # Errors
    /// As [`resolve::extractor_of`].
    pub fn extractor(&self) -> Result<Arc<Extractor>> {
        self.extractor_of(&self.snapshot())
    }

    /// The same for a snapshot that may not be the newest any more.
    pub(super) fn extractor_of(&self, snapshot: &Snapshot) -> Result<Arc<Extractor>> {
        let mut loaded = lock(&self.extractor);
        let made_with = snapshot.fingerprint();
        // The gallery may have been removed and made anew meanwhile.
        let fits = |known: &&Arc<Extractor>| made_with.check(known.fingerprint()).is_ok();
        if let Some(known) = loaded.as_ref().filter(fits) {
            return Ok(Arc::clone(known));
        }
        let mut on_fetch = lock(&self.on_fetch);
        let new = resolve::extractor_of(&self.dir, made_with, &self.overrides, &mut **on_fetch)?;
        drop(on_fetch);
        (self.on_loaded)(&new);
        let new = Arc::new(new);
        *loaded = Some(Arc::clone(&new));
        drop(loaded);
        Ok(new)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
