//! The folders that photos lie beneath: a photo is known by its root and its path within.
//!
//! So what is moved is one line, not a path for each photo. Where a gallery lies elsewhere than when it was
//! written, each root is looked for at the same place beside it first.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::{path_from_bytes, path_to_bytes};

/// Folders beyond which photos lie beneath the file system's own root.
const MOST: usize = 4096;

/// A path as JSON has it: text, or bytes where it is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&Path> for StoredPath {
    fn from(path: &Path) -> Self {
        let text = path.to_str().map(|text| Self::Text(text.to_owned()));
        text.unwrap_or_else(|| Self::Bytes(path_to_bytes(path)))
    }
}

impl From<&StoredPath> for PathBuf {
    fn from(path: &StoredPath) -> Self {
        match path {
            StoredPath::Text(text) => text.into(),
            StoredPath::Bytes(bytes) => path_from_bytes(bytes),
        }
    }
}

/// All roots of a gallery, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRoots {
    /// Where the gallery was.
    gallery: Option<StoredPath>,
    roots: Vec<StoredPath>,
}

/// All roots of a gallery where they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Those of the gallery in `dir`.
    pub fn found_from(dir: &Path, stored: &StoredRoots) -> Self {
        let now = whole(dir);
        let before = stored.gallery.as_ref().map(PathBuf::from);
        let before = before.filter(|before| *before != now);
        let place = |root: &StoredPath| {
            let root = PathBuf::from(root);
            let moved = before
                .as_ref()
                .and_then(|before| beside(&root, before, &now));
            moved.filter(|moved| moved.is_dir()).unwrap_or(root)
        };
        Self(stored.roots.iter().map(place).collect())
    }

    /// As they are written into the gallery in `dir`.
    pub fn to_stored(&self, dir: &Path) -> StoredRoots {
        StoredRoots {
            gallery: Some(whole(dir).as_path().into()),
            roots: self.0.iter().map(|root| root.as_path().into()).collect(),
        }
    }

    /// All of them, each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Path)> {
        (0..).zip(self.0.iter().map(PathBuf::as_path))
    }

    /// Where photos beneath it lie.
    pub fn path(&self, root: u16) -> Option<&Path> {
        self.0.get(usize::from(root)).map(PathBuf::as_path)
    }

    /// Says that the photos beneath one lie elsewhere.
    pub fn set(&mut self, root: u16, path: &Path) {
        if let Some(root) = self.0.get_mut(usize::from(root)) {
            path.clone_into(root);
        }
    }

    /// Makes the folder a root unless it lies beneath one.
    pub fn add(&mut self, folder: &Path) {
        if self.of(folder).is_some() {
            return;
        }
        let is_full = self.0.len() >= MOST;
        let top = folder.ancestors().last().filter(|_| is_full);
        self.0.push(top.unwrap_or(folder).to_owned());
    }

    /// The nearest root above the path, and the rest.
    fn of<'a>(&self, path: &'a Path) -> Option<(u16, &'a Path)> {
        let beneath = self.iter().filter_map(|(number, root)| {
            let rest = path.strip_prefix(root).ok()?;
            Some((root.components().count(), (number, rest)))
        });
        beneath
            .max_by_key(|(depth, _)| *depth)
            .map(|(_, found)| found)
    }

    /// The key of the photo at this path (absolute); nothing where it lies beneath no root.
    pub fn key(&self, path: &Path) -> Option<Vec<u8>> {
        let (root, rest) = self.of(path)?;
        Some(key(root, rest))
    }

    /// The key of the photo at this path, beneath its folder if beneath nothing else.
    pub fn key_or_add(&mut self, path: &Path) -> Vec<u8> {
        if self.of(path).is_none() {
            self.add(path.parent().unwrap_or(path));
        }
        self.key(path).unwrap_or_default()
    }

    /// What the keys of all photos at or beneath a path begin with, each with whether only this key and
    /// those behind a separator are meant.
    pub fn keys_beneath(&self, path: &Path) -> Vec<Vec<u8>> {
        let within = self.iter().filter(|(_, root)| root.starts_with(path));
        let mut keys: Vec<Vec<u8>> = within
            .map(|(root, _)| root.to_be_bytes().to_vec())
            .collect();
        keys.extend(self.iter().filter_map(|(number, root)| {
            let rest = path.strip_prefix(root).ok()?;
            (rest != Path::new("")).then(|| key(number, rest))
        }));
        keys
    }

    /// Where the photo of a key lies.
    pub fn path_of(&self, key: &[u8]) -> Option<PathBuf> {
        let (root, rest) = key.split_first_chunk()?;
        let root = self.path(u16::from_be_bytes(*root))?;
        Some(root.join(path_from_bytes(rest)))
    }
}

fn key(root: u16, rest: &Path) -> Vec<u8> {
    let mut key = root.to_be_bytes().to_vec();
    key.extend(rest.as_os_str().as_encoded_bytes());
    key
}

/// Whether the photo of a key lies at or beneath what [`Roots::keys_beneath`] gave.
pub fn is_beneath(key: &[u8], beneath: &[u8]) -> bool {
    key.strip_prefix(beneath).is_some_and(|rest| {
        // Behind a root's number, or at the path itself, or behind a separator.
        beneath.len() == 2
            || rest
                .first()
                .is_none_or(|byte| std::path::is_separator(char::from(*byte)))
    })
}

fn whole(dir: &Path) -> PathBuf {
    let whole = dir.canonicalize().or_else(|_| std::path::absolute(dir));
    whole.unwrap_or_else(|_| dir.to_owned())
}

/// The place that lies from `now` as `root` lies from `before`; nothing where they have no folder in
/// common.
fn beside(root: &Path, before: &Path, now: &Path) -> Option<PathBuf> {
    let common = before.components().zip(root.components());
    let common = common.take_while(|(a, b)| a == b).count();
    let named = before.components().take(common);
    if !named
        .into_iter()
        .any(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let up = before.components().count() - common;
    let rest = root.components().skip(common);
    let above = now.ancestors().nth(up)?;
    Some(rest.fold(above.to_owned(), |path, part| path.join(part)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    fn roots(paths: &[&str]) -> Roots {
        let mut roots = Roots::default();
        for path in paths {
            roots.add(Path::new(path));
        }
        roots
    }

    #[test]
    fn a_key_is_the_nearest_root_and_the_rest_and_becomes_the_path_again() {
        let roots = roots(&["/a/b", "/a/b/c", "/a", "/d"]);
        // Beneath a root nothing becomes one.
        assert_eq!(roots.iter().count(), 3);
        for (path, root, rest) in [("/a/b/c/x.jpg", 0, "c/x.jpg"), ("/a/x.jpg", 1, "x.jpg")] {
            let key = roots.key(Path::new(path)).unwrap();
            assert_eq!((&key[..2], &key[2..]), (&[0, root][..], rest.as_bytes()));
            assert_eq!(roots.path_of(&key).unwrap(), Path::new(path));
        }
        assert_eq!(roots.key(Path::new("/e/x.jpg")), None);
        assert_eq!(roots.path_of(&[0, 9, b'x']), None);
        assert_eq!(roots.path_of(&[0]), None);
    }

    #[test]
    fn what_lies_beneath_a_path_is_found_by_the_beginning_of_its_key() {
        let roots = roots(&["/a/b", "/a", "/d"]);
        let is_beneath = |path: &str, folder: &str| {
            let key = roots.key(Path::new(path)).unwrap();
            let beneath = roots.keys_beneath(Path::new(folder));
            beneath
                .iter()
                .any(|beneath| super::is_beneath(&key, beneath))
        };
        for (path, folder, expected) in [
            ("/a/b/x", "/a", true),
            ("/a/c/x", "/a/c", true),
            ("/a/c/x", "/a/c/x", true),
            ("/a/cd/x", "/a/c", false),
            ("/a/b/x", "/", true),
            ("/d/x", "/a", false),
            ("/a/b/x", "/a/b", true),
        ] {
            assert_eq!(is_beneath(path, folder), expected, "{path} {folder}");
        }
    }

    #[test]
    fn what_was_moved_with_the_gallery_is_found_beside_it_and_what_was_not_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for name in ["old/photos/.imgsearch", "old/more", "other"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let mut roots = Roots::default();
        let all = ["old/photos", "old/more", "other"].map(at);
        for root in &all {
            roots.add(root);
        }
        let stored = roots.to_stored(&at("old/photos/.imgsearch"));
        let json = serde_json::to_string(&stored).unwrap();
        let stored: StoredRoots = serde_json::from_str(&json).unwrap();
        let before = Roots::found_from(&at("old/photos/.imgsearch"), &stored);
        assert_eq!(before, roots);
        fs::rename(at("old"), at("new")).unwrap();
        let after = Roots::found_from(&at("new/photos/.imgsearch"), &stored);
        let found: Vec<&Path> = after.iter().map(|(_, root)| root).collect();
        assert_eq!(found, [at("new/photos"), at("new/more"), at("other")]);
    }
}
