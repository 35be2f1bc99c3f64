//! Folders to photo files, in a stable order, whatever lies in them.

use std::collections::HashSet;
use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

use globset::GlobSet;
use walkdir::{DirEntry, WalkDir};

use super::modified;
use crate::error::{Error, Result};

/// Endings of the files that are taken for photos in a folder. What they really are is told by
/// their content when they are read.
const ENDINGS: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "avif",
    "heic", "heif",
];

/// A file that may be a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Absolute.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Last change, nanoseconds since 1970.
    pub modified: i64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// The paths walked, absolute.
    pub roots: Vec<PathBuf>,
    /// Files that may be photos, sorted by path, each once.
    pub found: Vec<Found>,
    /// Files and folders that could not be looked at, and why.
    pub problems: Vec<(PathBuf, Error)>,
}

/// Looks for photos in `paths`: files are taken whatever their name, folders are walked.
///
/// In folders, hidden files and folders are skipped, and so are files without a picture's ending
/// and what `exclude` matches (against the path within the folder walked and against the bare
/// name). Links are followed; a link back to a folder above is passed over.
#[must_use]
pub fn walk(paths: &[PathBuf], exclude: &GlobSet) -> Walk {
    let mut walk = Walk::default();
    for path in paths {
        let root = absolute(path);
        match root.metadata() {
            Ok(metadata) if metadata.is_dir() => walk.folder(&root, exclude),
            Ok(metadata) => walk.found.push(found(root.clone(), &metadata)),
            Err(source) => walk.problems.push((
                root.clone(),
                Error::Read {
                    path: path.clone(),
                    source,
                },
            )),
        }
        walk.roots.push(root);
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    walk.found.dedup_by(|a, b| a.path == b.path);
    walk
}

impl Walk {
    fn folder(&mut self, root: &Path, exclude: &GlobSet) {
        let wanted = |entry: &DirEntry| {
            let within = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let excluded = exclude.is_match(within) || exclude.is_match(entry.file_name());
            entry.depth() == 0 || !(is_hidden(entry) || excluded)
        };
        let mut real = HashSet::new();
        for entry in WalkDir::new(root)
            .follow_links(true)
            .into_iter()
            .filter_entry(wanted)
        {
            match entry
                .map_err(|error| problem(root, error))
                .and_then(|entry| photo_at(&entry))
            {
                Ok(Some(found)) => {
                    // Two links to one file are one photo.
                    let target = found
                        .path
                        .canonicalize()
                        .unwrap_or_else(|_| found.path.clone());
                    if !found.path.is_symlink() || real.insert(target) {
                        self.found.push(found);
                    }
                }
                Ok(None) | Err(None) => {}
                Err(Some(problem)) => self.problems.push(*problem),
            }
        }
    }
}

type Problem = Option<Box<(PathBuf, Error)>>;

/// The entry, if it is a file with a picture's ending.
fn photo_at(entry: &DirEntry) -> Result<Option<Found>, Problem> {
    let ending = entry.path().extension().and_then(|ending| ending.to_str());
    let is_picture =
        ending.is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()));
    if !entry.file_type().is_file() || !is_picture {
        return Ok(None);
    }
    let metadata = entry
        .metadata()
        .map_err(|error| problem(entry.path(), error))?;
    Ok(Some(found(entry.path().to_owned(), &metadata)))
}

/// What went wrong and where; nothing where a link only leads back to a folder above.
fn problem(root: &Path, error: walkdir::Error) -> Problem {
    if error.loop_ancestor().is_some() {
        return None;
    }
    let path = error.path().unwrap_or(root).to_owned();
    let source = error.into_io_error()?;
    Some(Box::new((path.clone(), Error::Read { path, source })))
}

fn found(path: PathBuf, metadata: &Metadata) -> Found {
    Found {
        path,
        size: metadata.len(),
        modified: modified(metadata),
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Absolute, without `.` and `..`; links are kept, so that photos are named as the user names them.
pub fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::fs;

    use globset::{Glob, GlobSetBuilder};

    use super::*;

    fn names(walk: &Walk, root: &Path) -> Vec<String> {
        let name = |found: &Found| found.path.strip_prefix(root).unwrap().display().to_string();
        walk.found.iter().map(name).collect()
    }

    fn write(root: &Path, name: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    #[test]
    fn hidden_excluded_and_other_files_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in [
            "b.JPG",
            "a/x.png",
            "notes.txt",
            ".hidden.jpg",
            ".git/y.jpg",
            "raw/z.jpg",
            "a/thumb.jpg",
            "f.jpg/in.webp",
        ] {
            write(root, name);
        }
        let exclude = |glob| Glob::new(glob).unwrap();
        let exclude = GlobSetBuilder::new()
            .add(exclude("raw"))
            .add(exclude("thumb.*"))
            .build()
            .unwrap();
        let walk = walk(&[root.to_owned()], &exclude);
        assert_eq!(names(&walk, root), ["a/x.png", "b.JPG", "f.jpg/in.webp"]);
        assert!(walk.problems.is_empty());
    }

    #[test]
    fn a_named_file_is_taken_whatever_its_name_and_once() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), ".photo");
        let file = folder.path().join(".photo");
        let walk = walk(
            &[
                file.clone(),
                folder
                    .path()
                    .join("../")
                    .join(file.strip_prefix(folder.path().parent().unwrap()).unwrap()),
            ],
            &GlobSet::empty(),
        );
        assert_eq!(walk.found.len(), 1);
        assert_eq!(walk.found[0].path, file);
    }

    #[test]
    fn a_missing_path_is_a_problem_that_names_it() {
        let walk = walk(&[PathBuf::from("/no/such/folder")], &GlobSet::empty());
        assert!(walk.found.is_empty());
        assert!(walk.problems[0].1.to_string().contains("/no/such/folder"));
    }

    #[cfg(unix)]
    #[test]
    fn link_loops_end_and_linked_photos_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a/x.jpg");
        std::os::unix::fs::symlink(root, root.join("a/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere.jpg"), root.join("dangling.jpg")).unwrap();
        let walk = walk(&[root.to_owned()], &GlobSet::empty());
        assert_eq!(names(&walk, root), ["a/x.jpg"]);
        assert_eq!(walk.problems.len(), 1);
    }
}
