//! A gallery's mapped files. A damaged one may be opened, since what it says of itself alone is checked
//! then; what is done with it must end well all the same, with checksums that are wrong and with such that
//! are right.

use std::fs;
use std::io::{Cursor, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch::Gallery;
use imgsearch::gallery::{GraphBuilder, IndexPolicy, SearchOptions, Snapshot};
use tempfile::TempDir;
use zip::ZipArchive;

use super::{Target, data, packed};
use crate::collection::{fingerprint, photo, publish};

const POLICY: IndexPolicy = IndexPolicy {
    graph_from: 50,
    sealed_from: 40,
    reduced_from: 20,
    builder: GraphBuilder::Own,
    worn_share: 0.5,
};

/// A gallery with all that one can have: a graph, a segment behind it, a removed photo, older records.
fn made() -> TempDir {
    let made = TempDir::new().unwrap();
    let opened = Gallery::open_or_create(made.path(), &fingerprint()).unwrap();
    let mut gallery = opened.with_policy(POLICY);
    let photos: Vec<_> = (0..90).map(photo).collect();
    gallery.write(&photos[..70], &[]).unwrap();
    publish(&mut gallery).unwrap();
    gallery.write(&photos[70..], &[photo(3).0.path]).unwrap();
    publish(&mut gallery).unwrap();
    made
}

/// The same, small, augmented and reduced: there are lists of neighbours, and axes.
fn augmented() -> TempDir {
    let made = TempDir::new().unwrap();
    let opened = Gallery::open_or_create(made.path(), &fingerprint()).unwrap();
    let mut gallery = opened.with_policy(POLICY);
    let photos: Vec<_> = (0..30).map(photo).collect();
    gallery.write(&photos, &[]).unwrap();
    gallery.set_axes(Some(8)).unwrap();
    gallery.set_ranking("augment=3".parse().unwrap()).unwrap();
    publish(&mut gallery).unwrap();
    made
}

/// Its file whose name begins so, of several the first made.
fn file(folder: &Path, beginning: &str) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().path());
    let mut named: Vec<PathBuf> = names
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(beginning)
        })
        .collect();
    named.sort();
    named.swap_remove(0)
}

/// Opens the snapshot and asks it everything; whether it is whole.
fn read(dir: &Path) -> bool {
    let Ok(snapshot) = Snapshot::open(dir) else {
        return false;
    };
    for (number, exact) in [(1, true), (2, false), (80, false)] {
        let options = SearchOptions {
            exact,
            ..SearchOptions::default()
        };
        let _ = snapshot.search(&photo(number).1.unwrap(), &options);
    }
    for index in 0..snapshot.vector_count().min(1000) {
        let _ = (snapshot.owners(index).count(), snapshot.descriptor(index));
    }
    let found = snapshot.find(&photo(5).0.path, None);
    let records = snapshot.records().take(1000).count();
    let _ = (
        snapshot.graph_points(),
        snapshot.ranking(),
        snapshot.precisions(),
    );
    found.is_some() && records == snapshot.len() && snapshot.verify().is_ok()
}

pub fn snapshot() -> Target {
    let made = augmented();
    let file = file(made.path(), "snapshot-");
    let sample = fs::read(&file).unwrap();
    let read = move |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        read(made.path())
    };
    Target::new(vec![sample], read).changed_by(packed::blocks)
}

pub fn current() -> Target {
    let made = made();
    let file = made.path().join("current");
    let sample = fs::read(&file).unwrap();
    let read = move |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        read(made.path())
    };
    Target::new(vec![sample], read)
}

pub fn segment() -> Target {
    named(made(), "segment-")
}

pub fn axes() -> Target {
    named(augmented(), "axes-")
}

/// The snapshot says which files are its own by their checksums: here it always does.
fn named(made: TempDir, beginning: &str) -> Target {
    let (named, snapshot) = (file(made.path(), beginning), file(made.path(), "snapshot-"));
    let (sample, whole) = (fs::read(&named).unwrap(), fs::read(&snapshot).unwrap());
    let original = sample.clone();
    let read = move |bytes: &[u8]| {
        fs::write(&named, bytes).unwrap();
        fs::write(&snapshot, packed::of_stamp(&whole, &original, bytes)).unwrap();
        read(made.path())
    };
    Target::new(vec![sample], read).changed_by(packed::blocks)
}

/// The store's older records, of which it says the checksum too.
pub fn records() -> Target {
    let made = made();
    let store = made.path().join("store");
    let records = file(&store, "records-");
    let (sample, about) = (
        fs::read(&records).unwrap(),
        fs::read(store.join("about")).unwrap(),
    );
    let original = sample.clone();
    let (place, kept) = (
        TempDir::new().unwrap(),
        records.file_name().unwrap().to_owned(),
    );
    let read = move |bytes: &[u8]| {
        let dir = place.path().join("gallery");
        let _ = fs::remove_dir_all(&dir);
        copy(made.path(), &dir);
        fs::write(dir.join("store").join(&kept), bytes).unwrap();
        let about = packed::about_of_stamp(&about, &original, bytes);
        fs::write(dir.join("store/about"), about).unwrap();
        let Ok(mut gallery) = Gallery::open(&dir) else {
            return false;
        };
        let records = gallery.records().take(1000).filter_map(Result::ok).count();
        let _ = gallery.descriptor(&photo(5).0.hash);
        let _ = gallery.publish(&mut |_, _| ControlFlow::Continue(()));
        records == 89 && gallery.repairs().is_empty()
    };
    Target::new(vec![sample], read).changed_by(packed::blocks)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A gallery of format 3, with a base and an augmentation.
fn earlier() -> TempDir {
    let folder = TempDir::new().unwrap();
    let zip = data("galleries/format-3-augmented-graph/gallery.zip");
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.enclosed_name().unwrap();
        let name = name.file_name().unwrap().to_string_lossy().into_owned();
        if ["current", "snapshot-", "base-"]
            .iter()
            .any(|it| name.starts_with(it))
        {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            fs::write(folder.path().join(name), bytes).unwrap();
        }
    }
    folder
}

/// Opens it and asks it everything that a query asks; whether it is whole.
fn read_earlier(dir: &Path) -> bool {
    let Ok(snapshot) = Snapshot::open(dir) else {
        return false;
    };
    for index in 0..snapshot.vector_count().min(100) {
        let owners = snapshot.owners(index).count();
        if let Some(query) = snapshot
            .descriptor(index)
            .filter(|_| index < 5 && owners < 1000)
        {
            let _ = snapshot.search(&query, &SearchOptions::default());
        }
    }
    let records = snapshot.records().take(1000).count();
    records == snapshot.len() && snapshot.verify().is_ok()
}

pub fn earlier_snapshot() -> Target {
    let made = earlier();
    let file = file(made.path(), "snapshot-");
    let sample = fs::read(&file).unwrap();
    let read = move |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        read_earlier(made.path())
    };
    Target::new(vec![sample], read).changed_by(packed::container)
}

/// The snapshot says which base is its own by a checksum of the base's header: here it always does.
pub fn earlier_base() -> Target {
    let made = earlier();
    let (base, snapshot) = (file(made.path(), "base-"), file(made.path(), "snapshot-"));
    let (sample, whole) = (fs::read(&base).unwrap(), fs::read(&snapshot).unwrap());
    let original = sample.clone();
    let read = move |bytes: &[u8]| {
        fs::write(&base, bytes).unwrap();
        fs::write(&snapshot, of_base(&whole, &original, bytes)).unwrap();
        read_earlier(made.path())
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
