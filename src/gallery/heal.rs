//! Store and snapshot heal each other: each is rebuilt from the other when it is damaged.

use std::fs;
use std::path::Path;

use super::earlier;
use super::record::Stored;
use super::repair::{Repair, damaged_gallery};
use super::salvage::{self, SALVAGED};
use super::snapshot::Snapshot;
use super::store::{Store, StoreBuilder, salvaged};
use super::table::{Entry, merged};
use super::upgrade::upgrade;
use crate::descriptor::UnitVector;
use crate::error::{Error, FileError, GalleryError, Result};

/// Opens the store of the gallery in `dir`; nothing where there never was one. One of an earlier format is
/// brought up to date. A damaged one is made anew of all that can be read of it and of the snapshot.
pub fn open_store(
    dir: &Path,
    snapshot: Option<&Snapshot>,
) -> Result<Option<(Store, Option<Repair>)>> {
    salvage::finish(dir)?;
    let path = dir.join("store");
    let store = match Store::open(&path) {
        Err(Error::Gallery(GalleryError::DamagedStore { .. })) => {
            return rebuilt(dir, snapshot).map(Some);
        }
        Ok(Some(store)) => store,
        Ok(None) if earlier::is_store(&path) => return upgrade(dir, snapshot),
        // New, or emptied by hand: the snapshot may still know everything.
        Ok(None) if snapshot.is_some() || has_records(&path) => {
            return rebuilt(dir, snapshot).map(Some);
        }
        Ok(None) => return Ok(None),
        Err(error) => return Err(error),
    };
    // A snapshot is never ahead of its store.
    let is_behind = |snapshot: &&Snapshot| {
        **snapshot.fingerprint() == *store.fingerprint()
            && store
                .generation()
                .is_ok_and(|own| own < snapshot.generation())
    };
    if snapshot.as_ref().is_some_and(is_behind) {
        drop(store);
        return rebuilt(dir, snapshot).map(Some);
    }
    Ok(Some((store, None)))
}

/// Makes the store anew without photos that are removed and descriptors that are no photo's.
pub fn forget(dir: &Path, store: &mut Store) -> Result<()> {
    let new = dir.join(SALVAGED);
    salvage::remove(&new).map_err(FileError::write_at(&new))?;
    let mut builder = StoreBuilder::create(&new, store.fingerprint())?;
    builder.about(store.settings());
    builder.encode(store.encoding());
    for entry in store.entries() {
        let (key, stored) = entry?;
        if !stored.is_removed {
            let known = builder.has(&stored.hash);
            let values = if known {
                None
            } else {
                store.descriptor_of(&stored)?
            };
            builder.put(key, stored, values)?;
        }
    }
    drop(builder.finish(store.generation()?)?);
    // Closing it would write to where the new one lies.
    store.abandon();
    salvage::exchange(dir)?;
    *store = Store::open(&dir.join("store"))?.ok_or_else(|| damaged_gallery(dir))?;
    Ok(())
}

fn has_records(store: &Path) -> bool {
    let names = fs::read_dir(store).into_iter().flatten().flatten();
    let mut names = names.map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with("records-"))
}

/// Makes a store of all that can be read of a damaged one and of the snapshot: of each photo the newest
/// record that has a descriptor.
fn rebuilt(dir: &Path, snapshot: Option<&Snapshot>) -> Result<(Store, Option<Repair>)> {
    let path = dir.join("store");
    let mut left = salvaged(&path);
    let of_snapshot = snapshot.map(|snapshot| (**snapshot.fingerprint()).clone());
    let Some(fingerprint) = left.fingerprint().cloned().or(of_snapshot) else {
        return Err(damaged_gallery(dir));
    };
    let snapshot = snapshot.filter(|snapshot| **snapshot.fingerprint() == fingerprint);
    let snapshot =
        snapshot.filter(|snapshot| snapshot.manifest().is_some() || snapshot.verify().is_ok());
    let new = dir.join(SALVAGED);
    salvage::remove(&new).map_err(FileError::write_at(&new))?;
    let mut builder = StoreBuilder::create(&new, &fingerprint)?;
    builder.encode(left.encoding());
    let settings = left
        .settings()
        .or_else(|| snapshot.map(|it| it.settings(dir)));
    if let Some(settings) = settings {
        builder.about(settings);
    }
    let mut generation = snapshot.map_or(0, Snapshot::generation);
    let (mut photos, mut lost) = (0, 0);
    let entries: Vec<Entry> = {
        let shown = snapshot.map(|it| it.entries().map(|(_, entry)| entry).collect::<Vec<_>>());
        let mut shown = shown.unwrap_or_default();
        // Those of an earlier format lie in the order of their vectors.
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        let shown = shown
            .into_iter()
            .map(|(key, stored)| (key, stored.at(None)));
        let lists: Vec<Box<dyn Iterator<Item = Entry>>> =
            vec![Box::new(left.entries()), Box::new(shown)];
        merged(lists).map(|(_, entry)| entry).collect()
    };
    for (key, stored) in entries {
        generation = generation.max(stored.generation);
        let known = builder.has(&stored.hash);
        let values = (!known).then(|| left.descriptor(&stored)).flatten();
        let values = values.or_else(|| of_photo(snapshot?, &key, &stored));
        let values = values.filter(|values| values.len() == fingerprint.dimension());
        if stored.is_removed || known || values.is_some() {
            photos += usize::from(!stored.is_removed);
            builder.put(key, stored, values)?;
        } else {
            lost += 1;
        }
    }
    let has_snapshot = snapshot.is_some();
    if lost > 0 || !has_snapshot {
        // What was lost is not in the next snapshot.
        generation += 1;
    }
    drop(builder.finish(generation)?);
    let aside = path.is_dir().then(|| salvage::set_aside(dir)).transpose()?;
    salvage::exchange(dir)?;
    let store = Store::open(&path)?.ok_or_else(|| damaged_gallery(dir))?;
    let repair = match aside {
        Some(aside) if !has_snapshot => Repair::StoreSalvaged { aside, photos },
        aside => Repair::StoreRebuilt { aside, photos },
    };
    Ok((store, Some(repair)))
}

/// The snapshot's vector of a photo, if it has the same content.
fn of_photo(snapshot: &Snapshot, key: &[u8], stored: &Stored) -> Option<Vec<f32>> {
    let (piece, shown) = snapshot.stored(key)?;
    let row = shown.row.filter(|_| shown.hash == stored.hash)?;
    let vector = snapshot.whole(snapshot.pieces()[piece].vector(row.row)?);
    let unit = UnitVector::normalize(vector).ok()?;
    Some(unit.as_slice().to_vec())
}
