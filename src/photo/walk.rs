//! Folders to photo files, in a stable order, whatever lies in them.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::exclude::Exclude;
use super::format::{Format, MAGIC_BYTES};
use super::modified_of;
use crate::error::FileError;

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
    pub problems: Vec<(PathBuf, FileError)>,
    /// How many files were passed over because they are no photos, by kind: the ending of their names in
    /// capitals, or nothing where it has none that is one.
    pub others: BTreeMap<String, usize>,
    /// Files and folders seen already, by what they are rather than by name.
    seen: HashSet<Identity>,
}

/// Looks for photos in `paths`: files are taken whatever their name, folders are walked.
///
/// In folders, what is hidden is skipped, and so is what `exclude` matches (against the path
/// within the folder walked and against the bare name; a folder matched is skipped with all that
/// is in it). Of the rest, files with a picture's ending are taken, and files without any ending
/// whose first bytes are a picture's.
///
/// Links are followed once all that is really there has been walked. So what is reached twice, by
/// links, hard links or loops, counts once and under its own name.
#[must_use]
pub fn walk(paths: &[PathBuf], exclude: &Exclude) -> Walk {
    let mut walk = Walk::default();
    for path in paths {
        let looked = absolute(path).and_then(|root| Ok((root.metadata()?, root)));
        match looked {
            Ok((metadata, root)) => {
                if metadata.is_dir() {
                    walk.folder(&root, exclude);
                } else {
                    walk.take(root.clone(), &metadata);
                }
                walk.roots.push(root);
            }
            Err(source) => walk.problem(path, source),
        }
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    walk
}

impl Walk {
    fn folder(&mut self, root: &Path, exclude: &Exclude) {
        let mut links = VecDeque::from([root.to_owned()]);
        while let Some(path) = links.pop_front() {
            match path.metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    links.extend(self.tree(&path, root, exclude));
                }
                Ok(metadata) => self.file(path, &metadata),
                Err(source) => self.problem(&path, source),
            }
        }
    }

    /// Walks `top`, which lies within `root`, and gives back the links met on the way.
    fn tree(&mut self, top: &Path, root: &Path, exclude: &Exclude) -> Vec<PathBuf> {
        let mut links = Vec::new();
        let mut entries = WalkDir::new(top).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(top).to_owned();
                    self.problem(&path, error.into());
                    continue;
                }
            };
            if entry.path() != root && is_skipped(&entry, root, exclude) {
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
            } else if entry.file_type().is_symlink() && entry.depth() > 0 {
                links.push(entry.into_path());
            } else if self.is_known_folder(&entry) {
                entries.skip_current_dir();
            }
        }
        links
    }

    /// Whether the entry is a folder that was walked under another name; a file is taken.
    fn is_known_folder(&mut self, entry: &DirEntry) -> bool {
        let metadata = match fs::metadata(entry.path()) {
            Ok(metadata) => metadata,
            Err(source) => {
                self.problem(entry.path(), source);
                return false;
            }
        };
        if metadata.is_dir() {
            return !self.seen.insert(identity(entry.path(), &metadata));
        }
        self.file(entry.path().to_owned(), &metadata);
        false
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata) {
        if metadata.is_file() {
            match is_picture(&path) {
                Ok(true) => self.take(path, metadata),
                Ok(false) => *self.others.entry(kind_of(&path)).or_default() += 1,
                Err(source) => self.problem(&path, source),
            }
        }
    }

    fn take(&mut self, path: PathBuf, metadata: &Metadata) {
        if self.seen.insert(identity(&path, metadata)) {
            let (size, modified) = (metadata.len(), modified_of(metadata));
            self.found.push(Found {
                path,
                size,
                modified,
            });
        }
    }

    fn problem(&mut self, path: &Path, source: io::Error) {
        let path = path.to_owned();
        self.problems
            .push((path.clone(), FileError::Read { path, source }));
    }
}

fn is_skipped(entry: &DirEntry, root: &Path, exclude: &Exclude) -> bool {
    let name = entry.file_name();
    let within = entry.path().strip_prefix(root).unwrap_or(entry.path());
    is_hidden(name) || exclude.matches(within) || exclude.matches(name)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// A file with an ending is believed; one without is opened.
fn is_picture(path: &Path) -> io::Result<bool> {
    if let Some(ending) = path.extension() {
        return Ok(ending.to_str().is_some_and(Format::is_extension));
    }
    let mut first = Vec::with_capacity(MAGIC_BYTES);
    File::open(path)?
        .take(MAGIC_BYTES as u64)
        .read_to_end(&mut first)?;
    Ok(Format::of(&first).is_some())
}

/// What a file is by its name, for people who are told what was passed over.
fn kind_of(path: &Path) -> String {
    let ending = path.extension().and_then(OsStr::to_str);
    let ending = ending.filter(|it| it.len() <= 8 && it.bytes().all(|c| c.is_ascii_alphanumeric()));
    ending.unwrap_or_default().to_ascii_uppercase()
}

#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

/// The same for all names of one file or folder.
#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// The same for all links to one file or folder.
#[cfg(not(unix))]
fn identity(path: &Path, _: &Metadata) -> Identity {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Absolute, without `.` and `..`. Links are kept, so that photos are named as the user names
/// them; only before a `..` they are resolved, because there they decide what is meant.
///
/// # Errors
/// The path is empty, or what stands before a `..` cannot be resolved.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let components: Vec<_> = absolute.components().collect();
    let last_parent = components
        .iter()
        .rposition(|part| *part == Component::ParentDir);
    let Some(at) = last_parent else {
        return Ok(components.iter().collect());
    };
    let resolved = components[..=at]
        .iter()
        .collect::<PathBuf>()
        .canonicalize()?;
    Ok(resolved.join(components[at + 1..].iter().collect::<PathBuf>()))
}

#[cfg(test)]
mod tests {
    use std::fs;

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
        let exclude = Exclude::of(["raw", "thumb.*"]).unwrap();
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
            &Exclude::default(),
        );
        assert_eq!(walk.found.len(), 1);
        assert_eq!(walk.found[0].path, file);
    }

    #[test]
    fn a_missing_path_is_a_problem_that_names_it() {
        let walk = walk(&[PathBuf::from("/no/such/folder")], &Exclude::default());
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
        let walk = walk(&[root.to_owned()], &Exclude::default());
        assert_eq!(names(&walk, root), ["a/x.jpg"]);
        assert_eq!(walk.problems.len(), 1);
    }

    #[test]
    fn a_file_without_an_ending_is_taken_if_its_first_bytes_are_a_pictures() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "notes");
        write(folder.path(), "notes.txt");
        fs::write(folder.path().join("picture"), b"GIF89a").unwrap();
        let walk = walk(&[folder.path().to_owned()], &Exclude::default());
        assert_eq!(names(&walk, folder.path()), ["picture"]);
        let others = [(String::new(), 1), ("TXT".to_owned(), 1)];
        assert_eq!(walk.others, BTreeMap::from(others));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_linked_twice_counts_once_and_under_its_own_name() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        write(&root, "z/x.jpg");
        write(&outside, "y.jpg");
        symlink(root.join("z"), root.join("a")).unwrap();
        symlink(root.join("z/x.jpg"), root.join("b.jpg")).unwrap();
        symlink(&outside, root.join("c")).unwrap();
        symlink(&outside, root.join("d")).unwrap();
        let walk = walk(std::slice::from_ref(&root), &Exclude::default());
        assert_eq!(names(&walk, &root), ["c/y.jpg", "z/x.jpg"]);
        assert!(walk.problems.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_parent_of_a_link_is_the_parent_of_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        write(&root, "far/deep/x.jpg");
        write(&root, "far/y.jpg");
        std::os::unix::fs::symlink(root.join("far/deep"), root.join("link")).unwrap();
        let walk = walk(&[root.join("link/../y.jpg")], &Exclude::default());
        assert_eq!(names(&walk, &root), ["far/y.jpg"]);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_work() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(b"caf\xe9.jpg"));
        fs::write(&path, b"x").unwrap();
        assert_eq!(
            walk(&[folder.path().to_owned()], &Exclude::default()).found[0].path,
            path
        );
    }
}
