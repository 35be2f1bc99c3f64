//! Roots that lie elsewhere now: a disk mounted at another place, a folder that was renamed.

use std::path::{Path, PathBuf};

use super::Gallery;
use super::record::path_from_bytes;
use crate::error::Result;

/// Photos looked for at the new place, and names that the new place may lie above or beneath the old one's.
const LOOKED_FOR: usize = 64;
const LEVELS: usize = 4;

impl Gallery {
    /// Where the photos beneath a root that is gone lie beneath one of these folders (absolute) now, by the
    /// same names and sizes, the root is there from now on: nothing need be described again. Says how many
    /// roots have moved.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`](crate::error::GalleryError::DamagedStore);
    /// [`FileError::Write`](crate::error::FileError::Write).
    pub fn follow_moved_roots(&mut self, folders: &[PathBuf]) -> Result<usize> {
        let gone = self.roots.iter().filter(|(_, root)| !root.is_dir());
        let gone: Vec<(u16, PathBuf)> = gone.map(|(root, path)| (root, path.to_owned())).collect();
        let mut roots = self.roots.clone();
        let mut moved = 0;
        for (root, old) in gone {
            let candidates = folders.iter().flat_map(|folder| candidates(&old, folder));
            let known = |place: &Path| self.roots.iter().any(|(_, path)| path == place);
            let mut candidates = candidates.filter(|place| place.is_dir() && !known(place));
            let is_it = |place: &PathBuf| self.lies_at(root, place);
            if let Some(place) = candidates.find(is_it) {
                roots.set(root, &place);
                moved += 1;
            }
        }
        if moved > 0 {
            self.roots = roots;
            self.store.set_roots(self.roots.to_stored(&self.dir))?;
        }
        Ok(moved)
    }

    /// Whether most of some photos of a root lie at another place.
    fn lies_at(&self, root: u16, place: &Path) -> bool {
        let prefix = root.to_be_bytes();
        let entries = self
            .store
            .entries_from(&prefix)
            .map_while(std::result::Result::ok);
        let own = entries.take_while(|(key, _)| key.starts_with(&prefix));
        let living = own.filter(|(_, stored)| !stored.is_removed);
        let (mut looked, mut found) = (0, 0);
        for (key, stored) in living.take(LOOKED_FOR) {
            let rest = path_from_bytes(&key[prefix.len()..]);
            let metadata = place.join(rest).metadata();
            looked += 1;
            found += usize::from(metadata.is_ok_and(|file| file.len() == stored.size));
        }
        found > 0 && 2 * found >= looked
    }
}

/// Where the root `old` would be if `new` were it, or lay above it, or were a folder within.
fn candidates(old: &Path, new: &Path) -> Vec<PathBuf> {
    let names: Vec<_> = old.components().collect();
    let mut places = vec![new.to_owned()];
    for levels in 1..=LEVELS.min(names.len().saturating_sub(1)) {
        places.push(
            names[names.len() - levels..]
                .iter()
                .fold(new.to_owned(), |p, n| p.join(n)),
        );
    }
    places.extend(new.ancestors().skip(1).take(LEVELS).map(Path::to_owned));
    places
}
