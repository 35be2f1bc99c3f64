//! Which photo of a group is kept: a rule that one can read, order and say.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::GalleryError;
use crate::gallery::Record;
use crate::photo::absolute;

/// What comes first is kept, in the order of these wishes; where all are fulfilled alike, the path that
/// comes first.
#[derive(Clone, Debug)]
pub struct Keep(Vec<Wish>);

/// One of them.
#[derive(Clone, Debug)]
enum Wish {
    /// More pixels.
    Largest,
    /// More bytes.
    Heaviest,
    /// Taken earlier; where no file says when, changed earlier.
    Oldest,
    Newest,
    /// In this folder, or like this pattern.
    Path(String, Place),
    /// With this ending, or, for `raw`, with that of a camera's own format.
    Format(String),
}

#[derive(Clone, Debug)]
enum Place {
    Beneath(PathBuf),
    Like(GlobMatcher),
}

/// Endings of cameras' own formats.
const RAW: [&str; 14] = [
    "arw", "cr2", "cr3", "dng", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "sr2", "srw",
    "x3f",
];

/// How wishes are written.
const EXPECTED: &str = "wishes of largest, heaviest, oldest, newest, path:FOLDER (or a pattern) and \
                        format:raw (or an ending), joined by commas";

impl Default for Keep {
    fn default() -> Self {
        Self(vec![Wish::Largest, Wish::Heaviest, Wish::Oldest])
    }
}

impl FromStr for Keep {
    type Err = GalleryError;

    fn from_str(text: &str) -> Result<Self, GalleryError> {
        let wishes = text.split(',').map(|wish| wish_of(wish.trim()));
        let wishes: Option<Vec<Wish>> = wishes.collect();
        wishes.map(Self).ok_or_else(|| GalleryError::InvalidFilter {
            text: text.to_owned(),
            expected: EXPECTED,
        })
    }
}

fn wish_of(text: &str) -> Option<Wish> {
    Some(match text.split_once(':') {
        None => match text {
            "largest" => Wish::Largest,
            "heaviest" => Wish::Heaviest,
            "oldest" => Wish::Oldest,
            "newest" => Wish::Newest,
            _ => return None,
        },
        Some(("path", place)) if !place.is_empty() => {
            let is_pattern = place.contains(['*', '?', '[', '{']) && !Path::new(place).exists();
            let found = if is_pattern {
                let glob = GlobBuilder::new(place).literal_separator(false).build();
                Place::Like(glob.ok()?.compile_matcher())
            } else {
                let whole = absolute(place.as_ref()).or_else(|_| std::path::absolute(place));
                Place::Beneath(whole.ok()?)
            };
            Wish::Path(place.to_owned(), found)
        }
        Some(("format", ending)) if !ending.is_empty() => {
            Wish::Format(ending.trim_start_matches('.').to_ascii_lowercase())
        }
        Some(_) => return None,
    })
}

impl Keep {
    /// What is kept of two comes first.
    pub(super) fn order(&self, a: &Record, b: &Record) -> Ordering {
        let wishes = self.0.iter().map(|wish| wish.order(a, b));
        wishes
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| a.path.cmp(&b.path))
    }

    /// Why the first is kept and not the second.
    pub(super) fn reason(&self, kept: &Record, other: &Record) -> String {
        let decisive = self.0.iter().find(|wish| wish.order(kept, other).is_lt());
        decisive.map_or_else(|| "first by its path".to_owned(), Wish::said)
    }
}

impl Wish {
    fn order(&self, a: &Record, b: &Record) -> Ordering {
        let more = |it: &dyn Fn(&Record) -> u64| it(b).cmp(&it(a));
        match self {
            Self::Largest => more(&pixels),
            Self::Heaviest => more(&|it| it.size),
            Self::Oldest => moment(a).cmp(&moment(b)),
            Self::Newest => moment(b).cmp(&moment(a)),
            Self::Path(_, place) => more(&|it| place.has(&it.path).into()),
            Self::Format(ending) => more(&|it| is_of(&it.path, ending).into()),
        }
    }

    fn said(&self) -> String {
        match self {
            Self::Largest => "most pixels".to_owned(),
            Self::Heaviest => "most bytes".to_owned(),
            Self::Oldest => "oldest".to_owned(),
            Self::Newest => "newest".to_owned(),
            Self::Path(text, _) => format!("in {text}"),
            Self::Format(ending) => format!("format {ending}"),
        }
    }
}

impl Place {
    fn has(&self, path: &Path) -> bool {
        match self {
            Self::Beneath(folder) => path.starts_with(folder),
            Self::Like(glob) => glob.is_match(path),
        }
    }
}

fn pixels(record: &Record) -> u64 {
    u64::from(record.width) * u64::from(record.height)
}

/// Nanoseconds since 1970.
fn moment(record: &Record) -> i128 {
    let taken = record.facts.as_ref().and_then(|facts| facts.taken);
    taken.map_or(i128::from(record.modified), |taken| {
        i128::from(taken.seconds) * 1_000_000_000 + i128::from(taken.millis) * 1_000_000
    })
}

fn is_of(path: &Path, ending: &str) -> bool {
    let own = path
        .extension()
        .map(|it| it.to_string_lossy().to_ascii_lowercase());
    let Some(own) = own else {
        return false;
    };
    match ending {
        "raw" => RAW.contains(&own.as_str()),
        "jpg" | "jpeg" => own == "jpg" || own == "jpeg",
        "tif" | "tiff" => own == "tif" || own == "tiff",
        ending => own == ending,
    }
}

/// Whether it is a camera's own file, by its name.
pub(super) fn is_raw(path: &Path) -> bool {
    is_of(path, "raw")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::ContentHash;

    fn record(path: &str, (width, height): (u32, u32), size: u64, modified: i64) -> Record {
        Record {
            path: path.into(),
            size,
            modified,
            hash: ContentHash::of(path.as_bytes()),
            width,
            height,
            facts: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn wishes_count_in_their_order_and_the_reason_is_the_first_that_decides() {
        let small = record("/a/small.cr2", (10, 10), 900, 1);
        let large = record("/b/large.jpg", (20, 20), 100, 2);
        for (rule, kept, reason) in [
            ("largest", &large, "most pixels"),
            ("heaviest,largest", &small, "most bytes"),
            ("oldest", &small, "oldest"),
            ("newest", &large, "newest"),
            ("path:/a,largest", &small, "in /a"),
            ("path:/b/*,oldest", &large, "in /b/*"),
            ("path:/c,format:raw", &small, "format raw"),
            ("format:jpeg", &large, "format jpeg"),
            ("path:/c", &small, "first by its path"),
        ] {
            let keep: Keep = rule.parse().unwrap();
            let mut both = [&small, &large];
            both.sort_by(|a, b| keep.order(a, b));
            assert_eq!(both[0], kept, "{rule}");
            assert_eq!(keep.reason(both[0], both[1]), reason, "{rule}");
        }
    }

    #[test]
    fn what_is_no_wish_is_refused_with_what_there_is() {
        for text in ["", "biggest", "path:", "format:", "largest,", "size:3"] {
            let error = text.parse::<Keep>().unwrap_err().to_string();
            assert!(error.contains("largest, heaviest"), "{error}");
        }
    }
}
