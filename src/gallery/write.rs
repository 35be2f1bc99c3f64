//! Writing to a gallery, and making what was written visible.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::index::OnProgress;
use super::publish::{Outcome, Parts, Publishing, changes_since, differences};
use super::record::Stored;
use super::snapshot::Snapshot;
use super::store::{Change, Settings};
use super::table::Entry;
use super::{Gallery, Published, Record, Repair, heal};
use crate::descriptor::Descriptor;
use crate::error::{Error, GalleryError, Result};

/// Photos of segments that become one while more is to come.
const MERGED_SOON: usize = 16_384;

impl Gallery {
    /// Says that photos beneath this folder (absolute) are known by their path within it. Those beneath a
    /// folder that was added before are known by that.
    ///
    /// # Errors
    /// [`FileError::Write`](crate::error::FileError::Write).
    pub fn add_root(&mut self, folder: &Path) -> Result<()> {
        self.roots.add(folder);
        self.store.set_roots(self.roots.to_stored(&self.dir))
    }

    /// Adds or replaces photos and takes out others; durable when it returns. Of photos whose
    /// content is known no descriptor is needed. Those that are known by their path keep their tags beside
    /// those of the record, and those that come back elsewhere, with no other of their content there, do too.
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
        let generation = self.store.generation()? + 1;
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(put.len() + remove.len());
        let known = put.iter().filter(|(_, new)| new.is_none());
        let gone = self
            .store
            .gone(&known.map(|(record, _)| record.hash).collect())?;
        for (record, descriptor) in put {
            let key = self.roots.key_or_add(&record.path);
            let values = descriptor.as_ref().map(Descriptor::as_slice);
            let mut stored = Stored::new(record, generation);
            if let Some(before) = self.store.stored(&key)? {
                stored = stored.with_tags_of(&before);
            } else if let Some(before) = gone.get(&record.hash) {
                stored.add_tags(&before.tags);
            }
            changes.push((key, stored, values));
        }
        for path in remove {
            if let Some(key) = self.roots.key(path)
                && let Some(stored) = self.store.stored(&key)?
                && !stored.is_removed
            {
                changes.push((key, stored.removed(generation).at(None), None));
            }
        }
        self.write_changes(generation, changes)
    }

    /// Writes what photos are as of this state.
    pub(super) fn write_changes(
        &mut self,
        generation: u64,
        changes: Vec<Change<'_>>,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        // What the keys mean before there are any.
        self.store.set_roots(self.roots.to_stored(&self.dir))?;
        self.store.write(generation, &changes)?;
        self.changed
            .extend(changes.into_iter().map(|(key, ..)| key));
        self.store.seal_from(self.policy.sealed_from)
    }

    /// Makes what was written visible to readers. `on_progress` is told how many vectors of how
    /// many a graph has, and then the augmentation; when it breaks, the snapshot is without, and
    /// the next publishing makes it.
    ///
    /// # Errors
    /// [`GalleryError::Store`]; [`FileError::Write`](crate::error::FileError::Write), with the earlier snapshot still in place.
    pub fn publish(&mut self, on_progress: OnProgress<'_>) -> Result<Published> {
        self.publish_merging(usize::MAX, on_progress)
    }

    /// The same in little time, while more is to come: large segments are left to a later publishing.
    ///
    /// # Errors
    /// As [`Gallery::publish`].
    pub fn publish_soon(&mut self, on_progress: OnProgress<'_>) -> Result<Published> {
        self.publish_merging(MERGED_SOON, on_progress)
    }

    fn publish_merging(&mut self, most: usize, on_progress: OnProgress<'_>) -> Result<Published> {
        let current = Snapshot::open(&self.dir).ok();
        let current = current.filter(|current| *current.fingerprint() == self.fingerprint);
        let of_today = current
            .as_ref()
            .filter(|current| current.manifest().is_some());
        if let Some(current) = of_today
            && self.is_shown_by(current)?
        {
            return Ok(Published {
                photos: current.len(),
                built_graph: false,
            });
        }
        let Some(current) = of_today else {
            let changes = changes_since(&self.store, 0)?;
            return self.publish_from(None, Parts::all(most), changes, on_progress);
        };
        let shown = current.generation();
        let changes = if shown >= self.tracked_from {
            self.changed_since(shown)?
        } else {
            changes_since(&self.store, shown)?
        };
        match self.publish_from(Some(current), Parts::all(most), changes, &mut *on_progress) {
            Err(Error::Gallery(GalleryError::DamagedSnapshot { .. })) => self.mend(on_progress),
            published => published,
        }
    }

    /// Whether a snapshot of this format shows what there is.
    fn is_shown_by(&self, current: &Snapshot) -> Result<bool> {
        let roots = self.roots.to_stored(&self.dir);
        let is_alike = current.manifest().is_some_and(|it| it.roots == roots);
        Ok(is_alike
            && current.generation() == self.store.generation()?
            && current.ranking() == self.ranking
            && *current.precisions() == self.precisions
            && !self.policy.is_missed_by(current)
            && !self.policy.reduces_otherwise(current, self.axes()))
    }

    fn settings(&self) -> Settings {
        Settings {
            roots: self.roots.to_stored(&self.dir),
            ..self.store.settings()
        }
    }

    fn changed_since(&self, generation: u64) -> Result<Vec<Entry>, GalleryError> {
        let mut changes = Vec::with_capacity(self.changed.len());
        for key in &self.changed {
            let stored = self.store.stored(key)?;
            let new = stored.filter(|stored| stored.generation > generation);
            changes.extend(new.map(|stored| (key.clone(), stored)));
        }
        Ok(changes)
    }

    /// Gives up the descriptors of photos that are in the gallery no more, which would else spare the
    /// network where such a photo returns. Says how many photos those were.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::Store`]; [`FileError::Write`](crate::error::FileError::Write), with all still there.
    pub fn forget_removed(&mut self) -> Result<usize> {
        let mut removed = 0;
        for entry in self.store.entries() {
            removed += usize::from(entry?.1.is_removed);
        }
        // What the snapshot has of them goes by publishing.
        self.publish(&mut |_, _| ControlFlow::Continue(()))?;
        if removed > 0 {
            heal::forget(&self.dir, &mut self.store)?;
            self.changed.clear();
            self.tracked_from = self.store.generation()?;
        }
        Ok(removed)
    }

    /// Publishes anew what is damaged of the snapshot, from the store.
    ///
    /// # Errors
    /// As [`Gallery::publish`].
    pub fn mend(&mut self, on_progress: OnProgress<'_>) -> Result<Published> {
        let current = Snapshot::open(&self.dir).ok();
        let current = current.filter(|it| *it.fingerprint() == self.fingerprint);
        let Some(current) = current.filter(|it| it.manifest().is_some()) else {
            let changes = changes_since(&self.store, 0)?;
            return self.publish_from(None, Parts::all(usize::MAX), changes, on_progress);
        };
        let pieces = current.pieces().iter();
        let whole: Vec<bool> = pieces.map(|piece| piece.verify().is_ok()).collect();
        let whole = |piece: usize| whole[piece];
        let lists: Vec<bool> = (0..current.pieces().len())
            .map(|piece| current.has_whole_lists(piece))
            .collect();
        let lists = |piece: usize| lists[piece];
        let changes = differences(&self.store, &current, &whole)?;
        let parts = Parts {
            whole: &whole,
            whole_lists: &lists,
            most_merged: usize::MAX,
        };
        self.publish_from(Some(&current), parts, changes, on_progress)
    }

    fn publish_from(
        &mut self,
        old: Option<&Snapshot>,
        parts: Parts<'_>,
        changes: Vec<Entry>,
        on_progress: OnProgress<'_>,
    ) -> Result<Published> {
        let publishing = Publishing {
            dir: &self.dir,
            store: &self.store,
            fingerprint: &self.fingerprint,
            settings: self.settings(),
            policy: self.policy,
            old,
            parts,
        };
        let Outcome { published, lost } = publishing.run(changes, on_progress)?;
        self.changed.clear();
        self.tracked_from = self.store.generation()?;
        if !lost.is_empty() {
            self.forget(&lost)?;
            let photos = lost.len();
            self.repairs.push(Repair::DescriptorsLost { photos });
        }
        Ok(published)
    }

    /// Takes out photos without a new state: the snapshot of this one lacks them already.
    fn forget(&mut self, keys: &[Vec<u8>]) -> Result<()> {
        let generation = self.store.generation()?;
        let mut changes: Vec<Change<'_>> = Vec::new();
        for key in keys {
            if let Some(stored) = self.store.stored(key)? {
                changes.push((key.clone(), stored.removed(generation).at(None), None));
            }
        }
        self.store.write(generation, &changes)
    }
}
