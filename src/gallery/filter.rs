//! Which photos may be found: by where they lie, when they were taken, how large they are, and by tags.

mod min_size;
mod period;
mod tag_name;
mod within;

pub use self::min_size::MinSize;
pub use self::period::Period;
pub use self::tag_name::tag_name;
use self::within::Matcher;
pub use self::within::Within;
use super::outline::Outline;
use super::record::path_from_bytes;
use super::roots::{Roots, is_beneath};

/// Photos that may be found: those of which all is true that is said here. The default is all photos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// They lie within one of these, if there are any.
    pub within: Vec<Within>,
    /// They were taken in this period or later: by the camera's clock where the file says when, else the
    /// file's last change counts, in UTC.
    pub since: Option<Period>,
    /// They were taken in this period or earlier.
    pub until: Option<Period>,
    /// They have at least this size.
    pub min_size: Option<MinSize>,
    /// They have each of these tags.
    pub tags: Vec<String>,
}

impl Filter {
    /// Whether every photo passes.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        *self == Self::default()
    }
}

/// A filter ready to be held against the records of a gallery with these roots.
pub(super) struct Test {
    filter: Filter,
    roots: Roots,
    /// What the keys of photos begin with that lie in a folder.
    beneath: Vec<Vec<u8>>,
    patterns: Vec<Matcher>,
}

impl Test {
    pub fn of(filter: &Filter, roots: &Roots) -> Self {
        let folders = filter.within.iter().filter_map(Within::beneath);
        Self {
            beneath: folders.flat_map(|path| roots.keys_beneath(path)).collect(),
            patterns: filter.within.iter().filter_map(Within::matcher).collect(),
            filter: filter.clone(),
            roots: roots.clone(),
        }
    }

    /// Whether the photo of this key passes.
    pub fn passes(&self, key: &[u8], photo: &Outline<'_>) -> bool {
        let Filter {
            within,
            since,
            until,
            min_size,
            tags,
        } = &self.filter;
        min_size.is_none_or(|least| least.fits(photo.width, photo.height))
            && since.is_none_or(|since| photo.time() >= since.start())
            && until.is_none_or(|until| photo.time() < until.end())
            && tags.iter().all(|tag| photo.has_tag(tag))
            && (within.is_empty() || self.is_within(key))
    }

    fn is_within(&self, key: &[u8]) -> bool {
        if self.beneath.iter().any(|beneath| is_beneath(key, beneath)) {
            return true;
        }
        if self.patterns.is_empty() {
            return false;
        }
        let Some((path, (_, rest))) = self.roots.path_of(key).zip(key.split_first_chunk::<2>())
        else {
            return false;
        };
        let of_root = path_from_bytes(rest);
        self.patterns
            .iter()
            .any(|pattern| pattern.matches(&path, &of_root))
    }
}
