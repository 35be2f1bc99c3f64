//! What is gone from disk and stays in the gallery all the same, because the disk may only be away.
//!
//! Where a disk is not mounted its folder is empty, and where most of a folder is gone more likely
//! something went wrong than somebody deleted it. Describing photos takes hours; so much is taken out
//! only when it is asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::document::{place, shown};
use crate::gallery::Record;
use crate::photo::ContentHash;

/// Photos that are gone from a folder and were not taken out of the gallery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The folder, absolute: one that was walked, or an empty one within.
    #[serde(flatten, serialize_with = "place")]
    pub folder: PathBuf,
    /// Photos that are gone.
    pub photos: usize,
    /// Photos that the gallery knew beneath the folder.
    pub known: usize,
    /// Why they stay.
    pub reason: KeptBecause,
}

/// Why photos that are gone stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptBecause {
    /// The folder itself is gone.
    FolderGone,
    /// There is no photo in the folder any more.
    FolderEmpty,
    /// They are more than half of those in the folder.
    Most,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { photos, known, .. } = self;
        let folder = shown(&self.folder);
        let why = match self.reason {
            KeptBecause::FolderGone => "is gone",
            KeptBecause::FolderEmpty => "is empty",
            KeptBecause::Most => "has lost more than half of its photos",
        };
        write!(
            f,
            "{} {why}: {photos} of {known} photos are not there any more, and stay in the gallery",
            folder.display()
        )
    }
}

/// A path that was to be walked.
pub(super) struct Root {
    pub path: PathBuf,
    /// It was there, and there were photos.
    pub state: RootState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RootState {
    Gone,
    Empty,
    There,
}

/// Takes out of `gone` what shall stay, and says what that is. `new` are the contents of photos that
/// were at no place before: what is among them has only moved.
pub(super) fn keep(
    gone: &mut HashMap<PathBuf, ContentHash>,
    roots: &[Root],
    known: &HashMap<PathBuf, Record>,
    new: &HashSet<ContentHash>,
) -> Vec<Kept> {
    let mut kept = Vec::new();
    for root in roots {
        kept.extend(of_root(gone, root, known, new));
    }
    let is_root = |folder: &Path| roots.iter().any(|root| root.path == folder);
    let mut emptied: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    let mut seen = HashMap::new();
    for (path, hash) in &*gone {
        let folder = empty_folder_of(path, &is_root, &mut seen);
        if let Some(folder) = folder.filter(|_| !new.contains(hash)) {
            emptied.entry(folder).or_default().push(path.clone());
        }
    }
    for (folder, paths) in emptied {
        let beneath = known.keys().filter(|path| path.starts_with(&folder));
        kept.push(Kept {
            photos: paths.len(),
            known: beneath.count(),
            reason: KeptBecause::FolderEmpty,
            folder,
        });
        gone.retain(|path, _| !paths.contains(path));
    }
    kept
}

fn of_root(
    gone: &mut HashMap<PathBuf, ContentHash>,
    root: &Root,
    known: &HashMap<PathBuf, Record>,
    new: &HashSet<ContentHash>,
) -> Option<Kept> {
    let beneath = || {
        known
            .iter()
            .filter(|(path, _)| path.starts_with(&root.path))
    };
    let living = beneath().filter(|(path, _)| !gone.contains_key(*path));
    let living: HashSet<ContentHash> = living.map(|(_, record)| record.hash).collect();
    let is_lost = |path: &Path, hash: &ContentHash| {
        path.starts_with(&root.path) && !new.contains(hash) && !living.contains(hash)
    };
    let photos = gone
        .iter()
        .filter(|(path, hash)| is_lost(path, hash))
        .count();
    let known = beneath().count();
    let reason = match root.state {
        RootState::Gone => KeptBecause::FolderGone,
        RootState::Empty => KeptBecause::FolderEmpty,
        RootState::There if 2 * photos > known => KeptBecause::Most,
        RootState::There => return None,
    };
    gone.retain(|path, hash| !is_lost(path, hash));
    (photos > 0).then(|| Kept {
        folder: root.path.clone(),
        photos,
        known,
        reason,
    })
}

/// The folder in which the photo at `path` was, or one around it, if that is there and has nothing
/// in it: where a disk within a root was mounted, for instance. Not a root itself.
fn empty_folder_of(
    path: &Path,
    is_root: &dyn Fn(&Path) -> bool,
    seen: &mut HashMap<PathBuf, Option<PathBuf>>,
) -> Option<PathBuf> {
    let parent = path.parent()?;
    if let Some(known) = seen.get(parent) {
        return known.clone();
    }
    let mut folders = parent.ancestors().take_while(|folder| !is_root(folder));
    let there = folders.find(|folder| folder.is_dir());
    let is_empty = |folder: &&Path| fs::read_dir(folder).is_ok_and(|mut it| it.next().is_none());
    let found = there.filter(is_empty).map(Path::to_owned);
    seen.insert(parent.to_owned(), found.clone());
    found
}
