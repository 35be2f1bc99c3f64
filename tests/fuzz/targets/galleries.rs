//! A gallery's mapped files. A damaged one may be opened, since headers alone are checked then; what
//! is done with it must end well all the same.

use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::Gallery;
use imgsearch::gallery::{IndexPolicy, SearchOptions, Snapshot};
use tempfile::TempDir;

use super::{Target, packed};
use crate::collection::{fingerprint, photo, publish};

/// The mapped files of a gallery with all that one can have: a graph, a tail behind it, a removed
/// photo and an augmentation.
struct Files {
    folder: TempDir,
    snapshot: PathBuf,
    base: PathBuf,
}

impl Files {
    fn new() -> Self {
        let (made, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let policy = IndexPolicy {
            graph_from: 50,
            worn_share: 0.5,
        };
        let opened = Gallery::open_or_create(made.path(), &fingerprint()).unwrap();
        let mut gallery = opened.with_policy(policy);
        let photos: Vec<_> = (0..90).map(photo).collect();
        gallery.write(&photos[..70], &[]).unwrap();
        publish(&mut gallery).unwrap();
        gallery.set_ranking("augment=3".parse().unwrap()).unwrap();
        gallery.write(&photos[70..], &[photo(3).0.path]).unwrap();
        publish(&mut gallery).unwrap();
        let copy = |beginning: &str| {
            let entries = fs::read_dir(made.path()).unwrap();
            let mut names = entries.map(|entry| entry.unwrap().file_name());
            let name = names
                .find(|name| name.to_string_lossy().starts_with(beginning))
                .unwrap();
            let to = folder.path().join(&name);
            fs::copy(made.path().join(&name), &to).unwrap();
            to
        };
        copy("current");
        let (snapshot, base) = (copy("snapshot-"), copy("base-"));
        Self {
            folder,
            snapshot,
            base,
        }
    }
}

/// Opens the snapshot and asks it everything; whether it is whole.
fn read(dir: &Path) -> bool {
    let Ok(snapshot) = Snapshot::open(dir) else {
        return false;
    };
    let ask = |snapshot: &Snapshot| {
        for (number, exact) in [(1, true), (2, false), (80, false)] {
            let options = SearchOptions {
                exact,
                ..SearchOptions::default()
            };
            let _ = snapshot.search(&photo(number).1.unwrap(), &options);
        }
    };
    ask(&snapshot);
    for index in 0..snapshot.vector_count().min(1000) {
        let _ = (snapshot.owners(index).count(), snapshot.descriptor(index));
    }
    let found = snapshot.find(&photo(5).0.path, None);
    let records = snapshot.records().count();
    let _ = (
        snapshot.graph_points(),
        snapshot.ranking(),
        snapshot.precisions(),
    );
    found.is_some() && records == snapshot.len() && snapshot.verify().is_ok()
}

fn of(file: PathBuf, files: Files) -> Target {
    let sample = fs::read(&file).unwrap();
    let read = move |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        read(files.folder.path())
    };
    Target::new(vec![sample], read)
}

pub fn snapshot() -> Target {
    let files = Files::new();
    of(files.snapshot.clone(), files).changed_by(packed::container)
}

pub fn current() -> Target {
    let files = Files::new();
    of(files.folder.path().join("current"), files)
}

/// The snapshot says which base is its own by a checksum of the base's header: here it always does.
pub fn base() -> Target {
    let files = Files::new();
    let (base, whole) = (
        fs::read(&files.base).unwrap(),
        fs::read(&files.snapshot).unwrap(),
    );
    let sample = base.clone();
    let read = move |bytes: &[u8]| {
        fs::write(&files.base, bytes).unwrap();
        fs::write(&files.snapshot, of_base(&whole, &base, bytes)).unwrap();
        read(files.folder.path())
    };
    Target::new(vec![sample], read).changed_by(packed::container)
}

/// A snapshot of one base as the snapshot of another.
fn of_base(snapshot: &[u8], base: &[u8], other: &[u8]) -> Vec<u8> {
    let stamp = |base: &[u8]| {
        let hash = base
            .get(16..48)
            .map(|hash| blake3::Hash::from_slice(hash).unwrap());
        hash.map(|hash| hash.to_hex().to_string())
    };
    let (Some(old), Some(new)) = (stamp(base), stamp(other)) else {
        return snapshot.to_vec();
    };
    let mut snapshot = snapshot.to_vec();
    let at = snapshot
        .windows(64)
        .position(|part| part == old.as_bytes())
        .unwrap();
    snapshot[at..at + 64].copy_from_slice(new.as_bytes());
    let len = u64::from_le_bytes(snapshot[8..16].try_into().unwrap()) as usize;
    let hash = blake3::hash(&snapshot[48..48 + len]);
    snapshot[16..48].copy_from_slice(hash.as_bytes());
    snapshot
}
