//! One file under two names: its own, and one that leads there through a link.
//!
//! A walk takes what is reached twice once, by its own name where it sees that. This does the same for
//! what an earlier walk saw under the other name, so that no photo is in the gallery twice. The own name
//! counts, since it stays when the link goes; by a link alone a photo is called as its owner calls it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::gallery::Record;
use crate::photo::Found;

/// A known photo that was found under its own name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Twin {
    /// As it is known so far: through a link.
    pub other: PathBuf,
    /// As it was found.
    pub own: PathBuf,
}

/// Gives what was found through a link the name under which it is known; tells what is known through a
/// link and was found under its own name.
pub(super) fn settle(found: &mut Vec<Found>, known: &HashMap<PathBuf, Record>) -> Vec<Twin> {
    let mut names = Names::of(known);
    let mut twins = Vec::new();
    let mut is_renamed = false;
    for found in found.iter_mut() {
        let is_known = known.contains_key(&found.path);
        let Some(own) = names.own(&found.path) else {
            continue;
        };
        for other in names.candidates(found) {
            if *other == found.path || names.own(other).as_ref() != Some(&own) {
                continue;
            }
            if found.path == own {
                let (other, own) = (other.clone(), own.clone());
                twins.push(Twin { other, own });
            } else if !is_known || *other == own {
                found.path.clone_from(other);
                is_renamed = true;
                break;
            }
        }
    }
    if is_renamed {
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
    }
    twins
}

/// The known names, by what another name of the same file has in common with them, and where folders
/// really are.
struct Names<'a> {
    by_name: HashMap<&'a OsStr, Vec<&'a PathBuf>>,
    by_state: HashMap<(u64, i64), Vec<&'a PathBuf>>,
    folders: HashMap<PathBuf, Option<PathBuf>>,
}

impl<'a> Names<'a> {
    fn of(known: &'a HashMap<PathBuf, Record>) -> Self {
        let mut names = Self {
            by_name: HashMap::new(),
            by_state: HashMap::new(),
            folders: HashMap::new(),
        };
        for (path, record) in known {
            let name = path.file_name().unwrap_or_default();
            names.by_name.entry(name).or_default().push(path);
            let state = (record.size, record.modified);
            names.by_state.entry(state).or_default().push(path);
        }
        names
    }

    /// Those that may be another name of this file: called so too in another folder, or, where the file
    /// itself is linked, as large and as old.
    fn candidates(&self, found: &Found) -> Vec<&'a PathBuf> {
        /// So many files of one size and time come from a program, and are no links.
        const MANY: usize = 16;
        let name = found.path.file_name().unwrap_or_default();
        let so_called = self.by_name.get(name).into_iter().flatten();
        let alike = self.by_state.get(&(found.size, found.modified));
        let alike = alike.filter(|paths| paths.len() <= MANY);
        // Those that are called so are among the others already.
        let is_otherwise = |path: &&&PathBuf| path.file_name() != Some(name);
        let alike = alike.into_iter().flatten().filter(is_otherwise);
        so_called.chain(alike).copied().collect()
    }

    /// Where the file really is: its folder's links are followed once for all in it.
    fn own(&mut self, path: &Path) -> Option<PathBuf> {
        let (folder, name) = (path.parent()?, path.file_name()?);
        if path.is_symlink() {
            return path.canonicalize().ok();
        }
        if let Some(known) = self.folders.get(folder) {
            return known.as_ref().map(|own| own.join(name));
        }
        let own = folder.canonicalize().ok();
        self.folders.insert(folder.to_owned(), own.clone());
        own.map(|own| own.join(name))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::photo::ContentHash;

    fn record(path: &Path) -> (PathBuf, Record) {
        let record = Record {
            path: path.to_owned(),
            size: 1,
            modified: 2,
            hash: ContentHash::of(b"x"),
            width: 3,
            height: 4,
            facts: None,
            tags: Vec::new(),
        };
        (path.to_owned(), record)
    }

    fn found(path: &Path) -> Found {
        Found {
            path: path.to_owned(),
            size: 1,
            modified: 2,
        }
    }

    #[test]
    fn the_own_name_of_a_file_counts_and_a_link_where_it_is_the_only_one_that_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name);
        fs::create_dir(at("own")).unwrap();
        fs::write(at("own/a.jpg"), "x").unwrap();
        fs::write(at("own/b.jpg"), "x").unwrap();
        symlink(at("own"), at("link")).unwrap();
        symlink(at("own"), at("other")).unwrap();
        symlink(at("own/a.jpg"), at("c.jpg")).unwrap();
        for (known, new, name, twins) in [
            ("link/a.jpg", "own/a.jpg", "own/a.jpg", 1),
            ("own/a.jpg", "link/a.jpg", "own/a.jpg", 0),
            ("link/a.jpg", "other/a.jpg", "link/a.jpg", 0),
            ("c.jpg", "own/a.jpg", "own/a.jpg", 1),
            ("own/a.jpg", "c.jpg", "own/a.jpg", 0),
            ("own/b.jpg", "link/a.jpg", "link/a.jpg", 0),
            ("gone/a.jpg", "own/a.jpg", "own/a.jpg", 0),
        ] {
            let known = HashMap::from([record(&at(known))]);
            let mut found = vec![found(&at(new))];
            let settled = settle(&mut found, &known);
            assert_eq!(found[0].path, at(name), "{known:?}, {new}");
            assert_eq!(settled.len(), twins, "{known:?}, {new}");
        }
    }
}
