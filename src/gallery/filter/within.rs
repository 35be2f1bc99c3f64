//! Where photos lie: in a folder, or at paths that match a pattern.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use globset::{Glob, GlobBuilder, GlobMatcher};

use crate::error::GalleryError;
use crate::photo::absolute;

/// A folder with all beneath it, a file, or a pattern such as `**/2024/*.jpg`.
///
/// What has none of `*?[{`, or is there under just this name, is a folder or a file, from the current folder
/// on. A pattern's `*` stays within a name, `**` does not. It is held against the path from the root, from
/// the current folder, and from the folder that was indexed; one without a `/` against the name too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Beneath(PathBuf),
    Like(Like),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Like {
    whole: Glob,
    /// The folder that it names before its first sign, absolute, and the rest.
    base: PathBuf,
    rest: Glob,
    of_name: bool,
}

/// A pattern ready to be held against paths.
pub struct Matcher {
    whole: GlobMatcher,
    base: PathBuf,
    rest: GlobMatcher,
    of_name: bool,
}

impl Within {
    /// A folder, a file or a pattern.
    ///
    /// # Errors
    /// [`GalleryError::InvalidFilter`] for an empty one and for a malformed pattern.
    pub fn of(path: impl AsRef<Path>) -> Result<Self, GalleryError> {
        let path = path.as_ref();
        let invalid = |expected| GalleryError::InvalidFilter {
            text: path.to_string_lossy().into_owned(),
            expected,
        };
        let pattern = path.to_str().filter(|text| text.contains(SIGNS));
        let pattern = pattern.filter(|_| path.symlink_metadata().is_err());
        let Some(pattern) = pattern else {
            // An empty path comes of an empty variable, and is an error here.
            let whole = absolute(path).or_else(|_| std::path::absolute(path));
            let whole = whole.map_err(|_| invalid("a folder, a file or a pattern"))?;
            return Ok(Self(Kind::Beneath(whole)));
        };
        let malformed =
            |_| invalid("a pattern: `*`, `**`, `?`, `[a-z]` and `{a,b}` stand for others");
        let plain = path
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(SIGNS));
        let plain: PathBuf = plain.collect();
        let rest = path.strip_prefix(&plain).unwrap_or(path);
        let here = Path::new(".");
        let base = if plain == Path::new("") { here } else { &plain };
        let base = absolute(base).map_err(|_| invalid("a pattern in a folder that is there"))?;
        Ok(Self(Kind::Like(Like {
            whole: glob(pattern).map_err(malformed)?,
            base,
            rest: glob(&rest.to_string_lossy()).map_err(malformed)?,
            of_name: path.components().count() == 1
                && matches!(path.components().next(), Some(Component::Normal(_))),
        })))
    }

    /// The folder or file, if it is none but that.
    pub(in crate::gallery) fn beneath(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Beneath(path) => Some(path),
            Kind::Like(_) => None,
        }
    }

    /// The pattern, if it is one.
    pub(in crate::gallery) fn matcher(&self) -> Option<Matcher> {
        match &self.0 {
            Kind::Beneath(_) => None,
            Kind::Like(like) => Some(Matcher {
                whole: like.whole.compile_matcher(),
                base: like.base.clone(),
                rest: like.rest.compile_matcher(),
                of_name: like.of_name,
            }),
        }
    }
}

/// What makes a path a pattern.
const SIGNS: [char; 4] = ['*', '?', '[', '{'];

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}

impl Matcher {
    /// Whether a photo matches, which lies at this absolute path, and at `of_root` beneath its root.
    pub fn matches(&self, path: &Path, of_root: &Path) -> bool {
        let of_name = || {
            path.file_name()
                .is_some_and(|name| self.whole.is_match(name))
        };
        let of_base = || {
            let rest = path.strip_prefix(&self.base);
            rest.is_ok_and(|rest| self.rest.is_match(rest))
        };
        self.whole.is_match(path)
            || self.whole.is_match(of_root)
            || (self.of_name && of_name())
            || of_base()
    }
}

impl FromStr for Within {
    type Err = GalleryError;

    fn from_str(text: &str) -> Result<Self, GalleryError> {
        Self::of(text)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_held_against_names_roots_and_whole_paths() {
        let here = std::env::current_dir().unwrap();
        let below = |rest: &str| here.join(rest).to_str().unwrap().to_owned();
        for (pattern, path, of_root, expected) in [
            ("*.jpg", "/a/b/x.jpg", "b/x.jpg", true),
            ("*.jpg", "/a/b/x.png", "b/x.png", false),
            ("**/2024/*.jpg", "/a/2024/x.jpg", "2024/x.jpg", true),
            ("**/2024/*.jpg", "/a/2024/b/x.jpg", "2024/b/x.jpg", false),
            ("**/2024/**", "/a/2024/b/x.jpg", "b/x.jpg", true),
            ("/a/*/x.jpg", "/a/b/x.jpg", "x.jpg", true),
            ("b/?.jpg", "/a/b/x.jpg", "b/x.jpg", true),
            ("b/*.jpg", "/a/b/c/x.jpg", "b/c/x.jpg", false),
            ("{x,y}.jpg", "/a/b/y.jpg", "b/y.jpg", true),
            ("[x-z].jpg", "/a/b/a.jpg", "b/a.jpg", false),
            ("./b/*.jpg", &below("b/x.jpg"), "x.jpg", true),
            ("b/../c/*.jpg", "/a/x.jpg", "x.jpg", false),
        ] {
            let Ok(within) = Within::of(pattern) else {
                // `..` of a folder that is not there.
                assert!(pattern.contains(".."), "{pattern}");
                continue;
            };
            let matcher = within.matcher().unwrap();
            let matches = matcher.matches(Path::new(path), Path::new(of_root));
            assert_eq!(matches, expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_has_no_signs_or_is_there_is_a_place_and_what_is_malformed_is_an_error() {
        let here = std::env::current_dir().unwrap();
        let place = |text: &str| Within::of(text).unwrap().beneath().map(Path::to_owned);
        assert_eq!(place("a/b"), Some(here.join("a/b")));
        assert_eq!(place("/a/b/"), Some("/a/b".into()));
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("holiday [2024]");
        std::fs::create_dir(&named).unwrap();
        assert_eq!(place(named.to_str().unwrap()), Some(named));
        for malformed in ["", "a[", "{a"] {
            let error = Within::of(malformed).unwrap_err();
            assert_eq!(error.kind(), "invalid-filter", "{malformed}");
        }
    }
}
