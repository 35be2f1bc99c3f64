//! Galleries of formats 1 to 3 brought up to date: their store becomes one of this format, without a forward
//! pass. Killed in the midst, it begins again; until the end nothing of what was there is touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::earlier::EarlierStore;
use super::precisions::Precisions;
use super::record::{Stored, path_from_bytes};
use super::repair::{Repair, damaged_gallery};
use super::roots::Roots;
use super::salvage::{self, SALVAGED};
use super::snapshot::Snapshot;
use super::store::{Settings, Store, StoreBuilder};
use super::version::VERSION;
use crate::descriptor::Fingerprint;
use crate::error::{FileError, GalleryError, Result};
use crate::ranking::Ranking;

/// Folders that become roots; where there are more, the file system's own root is the only one.
const MOST_ROOTS: usize = 64;

/// Makes a store of this format of the earlier one in `dir`. A damaged one is made anew from the snapshot,
/// or, where there is none, of what can be read of it. Nothing where it never held anything.
pub fn upgrade(dir: &Path, snapshot: Option<&Snapshot>) -> Result<Option<(Store, Option<Repair>)>> {
    let path = dir.join("store");
    let whole = || snapshot.filter(|snapshot| snapshot.verify().is_ok());
    let opened = match EarlierStore::open(&path) {
        Err(GalleryError::DamagedStore { .. }) => match whole() {
            Some(snapshot) => return rebuilt(dir, snapshot).map(Some),
            None => EarlierStore::open_again(&path),
        },
        opened => opened,
    };
    let store = match opened {
        Err(GalleryError::DamagedStore { .. }) => return Err(damaged_gallery(dir)),
        opened => opened?,
    };
    match check(&store, dir, snapshot) {
        Err(crate::error::Error::Gallery(GalleryError::DamagedStore { .. })) => {
            let from_snapshot = whole();
            if let Some(snapshot) = from_snapshot {
                // Closing it could write to it.
                let _ = store.damaged();
                return rebuilt(dir, snapshot).map(Some);
            }
            return salvaged(dir, &store).map(Some);
        }
        checked => checked?,
    }
    let Some(fingerprint) = store.fingerprint()? else {
        drop(store);
        // New, or emptied by hand: the snapshot may still know everything.
        let Some(snapshot) = whole() else {
            fs::remove_dir_all(&path).map_err(FileError::write_at(&path))?;
            return Ok(None);
        };
        let (store, photos) = of_snapshot(dir, snapshot)?;
        salvage::exchange(dir)?;
        drop(store);
        let repair = Repair::StoreRebuilt {
            aside: None,
            photos,
        };
        return Ok(Some((reopened(dir)?, Some(repair))));
    };
    let mut making = Making::begin(dir, &fingerprint)?;
    let paths = store.records().map(|entry| Ok(path_from_bytes(&entry?.0)));
    making.roots(paths)?;
    for entry in store.records() {
        let (path, stored) = entry?;
        let values = store.descriptor(&stored.hash)?;
        making.put(&path, &stored, values)?;
    }
    let (ranking, precisions) = (store.ranking()?, store.precisions()?);
    making.finish(dir, (ranking, precisions), store.generation()?)?;
    drop(store);
    salvage::exchange(dir)?;
    Ok(Some((reopened(dir)?, None)))
}

fn reopened(dir: &Path) -> Result<Store> {
    Store::open(&dir.join("store"))?.ok_or_else(|| damaged_gallery(dir))
}

/// A store of this format in the making, beside the earlier one.
struct Making {
    builder: StoreBuilder,
    roots: Roots,
    photos: usize,
}

impl Making {
    fn begin(dir: &Path, fingerprint: &Fingerprint) -> Result<Self> {
        let new = dir.join(SALVAGED);
        salvage::remove(&new).map_err(FileError::write_at(&new))?;
        Ok(Self {
            builder: StoreBuilder::create(&new, fingerprint)?,
            roots: Roots::default(),
            photos: 0,
        })
    }

    /// Earlier formats do not know what was walked: the folder that all photos lie beneath, or, if that is
    /// the file system's own, those in it.
    fn roots(&mut self, paths: impl Iterator<Item = Result<PathBuf, GalleryError>>) -> Result<()> {
        let mut common: Option<PathBuf> = None;
        let mut tops: Vec<PathBuf> = Vec::new();
        for path in paths {
            let path = path?;
            let folder = path.parent().unwrap_or(&path);
            common = Some(common.map_or_else(|| folder.to_owned(), |it| in_common(&it, folder)));
            let top = top_of(folder);
            if tops.len() <= MOST_ROOTS && !tops.contains(&top) {
                tops.push(top);
            }
        }
        let is_named = |path: &Path| {
            path.components()
                .any(|it| matches!(it, Component::Normal(_)))
        };
        match common {
            Some(common) if is_named(&common) || tops.len() > MOST_ROOTS => self.roots.add(&common),
            _ => tops.iter().for_each(|top| self.roots.add(top)),
        }
        Ok(())
    }

    /// The next photo by path; one without a descriptor is left out, to be described again.
    fn put(&mut self, path: &[u8], stored: &Stored, values: Option<Vec<f32>>) -> Result<()> {
        if values.is_none() && !self.builder.has(&stored.hash) {
            return Ok(());
        }
        self.photos += 1;
        let key = self.roots.key(&path_from_bytes(path)).unwrap_or_default();
        self.builder.put(key, stored.clone(), values)
    }

    fn finish(
        mut self,
        dir: &Path,
        (ranking, precisions): (Ranking, Precisions),
        generation: u64,
    ) -> Result<(Store, usize)> {
        self.builder.about(Settings {
            ranking,
            axes: None,
            precisions,
            roots: self.roots.to_stored(dir),
        });
        Ok((self.builder.finish(generation)?, self.photos))
    }
}

fn in_common(a: &Path, b: &Path) -> PathBuf {
    let both = a.components().zip(b.components());
    both.take_while(|(a, b)| a == b)
        .map(|(part, _)| part)
        .collect()
}

/// The first named folder of a path.
fn top_of(folder: &Path) -> PathBuf {
    let named = folder
        .components()
        .position(|it| matches!(it, Component::Normal(_)));
    folder
        .components()
        .take(named.map_or(1, |named| named + 1))
        .collect()
}

/// Whether the store has all that it should have, by its own seal and by the snapshot.
fn check(store: &EarlierStore, dir: &Path, snapshot: Option<&Snapshot>) -> Result<()> {
    let lost = || {
        let path = store.path().to_owned();
        Err(GalleryError::DamagedStore { path }.into())
    };
    let found = store.version()?.unwrap_or(1);
    if found > VERSION {
        let (dir, known) = (dir.to_owned(), VERSION);
        return Err(GalleryError::GalleryTooNew { dir, found, known }.into());
    }
    if !store.is_whole()? {
        return lost();
    }
    let Some(fingerprint) = store.fingerprint()? else {
        // Without a snapshot to take it from, nobody knows what the descriptors are.
        return if store.is_new()? || snapshot.is_some() {
            Ok(())
        } else {
            lost()
        };
    };
    let Some(snapshot) = snapshot.filter(|snapshot| **snapshot.fingerprint() == fingerprint) else {
        return Ok(());
    };
    // A snapshot is never ahead of its store, nor another one of the same state.
    let generation = store.generation()?;
    let is_behind = generation < snapshot.generation();
    let differs = generation == snapshot.generation() && !holds(store, snapshot)?;
    if (is_behind || differs) && snapshot.verify().is_ok() {
        return lost();
    }
    Ok(())
}

/// Whether the store has exactly the snapshot's photos.
fn holds(store: &EarlierStore, snapshot: &Snapshot) -> Result<bool, GalleryError> {
    let shown = snapshot
        .entries()
        .map(|(_, (key, stored))| (key, stored.at(None)));
    let mut shown: BTreeMap<Vec<u8>, Stored> = shown.collect();
    for entry in store.records() {
        let (path, stored) = entry?;
        if shown.remove(&super::earlier::key(&path)) != Some(stored) {
            return Ok(false);
        }
    }
    Ok(shown.is_empty())
}

/// Sets a damaged store aside and makes one of the snapshot, which is whole.
fn rebuilt(dir: &Path, snapshot: &Snapshot) -> Result<(Store, Option<Repair>)> {
    let (store, photos) = of_snapshot(dir, snapshot)?;
    drop(store);
    let aside = salvage::set_aside(dir)?;
    salvage::exchange(dir)?;
    let repair = Repair::StoreRebuilt {
        aside: Some(aside),
        photos,
    };
    Ok((reopened(dir)?, Some(repair)))
}

/// A store of all that an earlier format's snapshot knows.
fn of_snapshot(dir: &Path, snapshot: &Snapshot) -> Result<(Store, usize)> {
    let mut making = Making::begin(dir, snapshot.fingerprint())?;
    let mut entries: Vec<(Vec<u8>, Stored)> = snapshot.entries().map(|(_, entry)| entry).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let path = |key: &[u8]| key.get(2..).unwrap_or_default().to_vec();
    let paths = entries
        .iter()
        .map(|(key, _)| Ok(path_from_bytes(&path(key))));
    making.roots(paths)?;
    for (key, stored) in entries {
        let values = stored.row.and_then(|row| snapshot.vector(row.row as usize));
        making.put(&path(&key), &stored, values)?;
    }
    let said = (snapshot.ranking(), snapshot.precisions().clone());
    making.finish(dir, said, snapshot.generation())
}

/// A store of all photos of which both record and descriptor can be read in a damaged one.
///
/// sled checks each of its messages, and a record or a descriptor that it gives is one that was written.
/// Some may be missing and some may be older ones, which the next ingestion finds out as it finds any new or
/// changed photo.
fn salvaged(dir: &Path, damaged: &EarlierStore) -> Result<(Store, Option<Repair>)> {
    let Ok(Some(fingerprint)) = damaged.fingerprint() else {
        return Err(damaged_gallery(dir));
    };
    let mut making = Making::begin(dir, &fingerprint)?;
    // Behind the first that cannot be read nothing can.
    let readable = || damaged.records().map_while(Result::ok);
    making.roots(readable().map(|(path, _)| Ok(path_from_bytes(&path))))?;
    for (path, stored) in readable() {
        let values = damaged.descriptor(&stored.hash).ok().flatten();
        let values = values.filter(|values| values.len() == fingerprint.dimension());
        making.put(&path, &stored, values)?;
    }
    let said = (
        damaged.ranking().unwrap_or_default(),
        damaged.precisions().unwrap_or_default(),
    );
    let generation = damaged.generation().unwrap_or_default() + 2;
    let (store, photos) = making.finish(dir, said, generation)?;
    drop(store);
    // Closing it could write to it.
    let _ = damaged.damaged();
    let aside = salvage::set_aside(dir)?;
    salvage::exchange(dir)?;
    Ok((
        reopened(dir)?,
        Some(Repair::StoreSalvaged { aside, photos }),
    ))
}
