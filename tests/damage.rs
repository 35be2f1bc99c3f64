//! Flipped bits anywhere in the gallery's files end in right answers, a clear error or a repair that
//! is told: never in a panic, and never in wrong answers that pass for whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use imgsearch::error::GalleryError;
use imgsearch::gallery::{
    Gallery, GraphBuilder, IndexPolicy, Record, SearchOptions, Snapshot, open_for_search,
};
use imgsearch::{Error, Result};
use tempfile::TempDir;

use crate::common::collection::{Chance, fingerprint, photo, publish};
use crate::common::copy;

const PHOTOS: usize = 90;

/// A gallery with everything that one can have: a graph, a tail behind it, a removed photo.
fn gallery(dir: &Path) {
    let policy = IndexPolicy {
        graph_from: 50,
        worn_share: 0.5,
        sealed_from: 40,
        reduced_from: usize::MAX,
        builder: GraphBuilder::Own,
    };
    let opened = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    let mut gallery = opened.with_policy(policy);
    let photos: Vec<_> = (0..PHOTOS).map(photo).collect();
    gallery.write(&photos[..70], &[]).unwrap();
    publish(&mut gallery).unwrap();
    gallery.write(&photos[70..], &[photo(3).0.path]).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir).unwrap();
    assert_eq!((snapshot.graph_points(), snapshot.len()), (70, PHOTOS - 1));
}

/// Every photo with its descriptor, to the bits that a segment has of it.
type Contents = BTreeMap<PathBuf, (Vec<u8>, Vec<i32>)>;

fn contents(snapshot: &Snapshot) -> Contents {
    let mut contents = BTreeMap::new();
    for record in snapshot.records() {
        let vector = snapshot.find(&record.path, None);
        let vector = vector.and_then(|(_, vector)| snapshot.vector(vector));
        contents.insert(
            record.path.clone(),
            fields(&record, &vector.unwrap_or_default()),
        );
    }
    contents
}

fn fields(record: &Record, vector: &[f32]) -> (Vec<u8>, Vec<i32>) {
    let rounded = vector.iter().map(|value| (value * 10_000.0).round() as i32);
    (format!("{record:?}").into_bytes(), rounded.collect())
}

/// Whether photos and descriptors are the same, to rounding.
fn are_same(one: &Contents, other: &Contents) -> bool {
    one.len() == other.len() && one.iter().all(|one| is_among(one, other))
}

fn is_among((path, (fields, vector)): (&PathBuf, &(Vec<u8>, Vec<i32>)), all: &Contents) -> bool {
    all.get(path).is_some_and(|(known, values)| {
        let near = vector.iter().zip(values).all(|(a, b)| (a - b).abs() <= 1);
        known == fields && vector.len() == values.len() && near
    })
}

/// What a query finds, approximately and exactly.
fn answers(snapshot: &Snapshot) -> Result<Vec<(PathBuf, u32)>> {
    let mut answers = Vec::new();
    for (number, exact) in [(1, true), (2, false), (80, false)] {
        let options = SearchOptions {
            exact,
            ..SearchOptions::default()
        };
        let found = snapshot.search(&photo(number).1.unwrap(), &options)?;
        let found = found.into_iter();
        answers.extend(found.map(|found| (found.record.path, found.similarity.to_bits())));
    }
    Ok(answers)
}

/// The snapshot's files, each with what it is.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && path.file_name().unwrap() != "lock");
    files.sort();
    files
}

#[test]
fn flipped_bits_in_a_snapshot_are_noticed_or_harm_nothing() {
    let (whole, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    gallery(whole.path());
    let snapshot = Snapshot::open(whole.path()).unwrap();
    let (right, answered) = (contents(&snapshot), answers(&snapshot).unwrap());
    for file in files(whole.path()) {
        fs::copy(&file, place.path().join(file.file_name().unwrap())).unwrap();
    }
    let (mut noticed, mut harmless) = (0, 0);
    for seed in 0..600 {
        let mut chance = Chance(seed);
        let files = files(place.path());
        // `current` is small, and the snapshot's own file: a segment has most.
        let file = &files[[1, 1, 1, 2, 2, 2, 3, 3, 0, 3][chance.below(10)]];
        let bytes = fs::read(file).unwrap();
        let mut flipped = bytes.clone();
        // Half of them in the header, which is small but decides all.
        let end = [bytes.len(), bytes.len().min(1200)][chance.below(2)];
        flipped[chance.below(end)] ^= 1 << chance.below(8);
        fs::write(file, &flipped).unwrap();
        match Snapshot::open(place.path()) {
            Ok(snapshot) => match answers(&snapshot) {
                // What was asked touched nothing that is damaged, or it says so.
                Ok(found) => {
                    assert!(found == answered, "seed {seed}");
                    let found = contents(&snapshot);
                    let is_whole = snapshot.damage().is_none();
                    assert!(!is_whole || found == right, "seed {seed}");
                    assert!(!is_whole || snapshot.len() == right.len(), "seed {seed}");
                    harmless += usize::from(snapshot.verify().is_ok());
                    noticed += usize::from(snapshot.verify().is_err());
                }
                Err(Error::Gallery(GalleryError::DamagedSnapshot { .. })) => noticed += 1,
                Err(error) => panic!("seed {seed}: {error}"),
            },
            Err(Error::Gallery(
                GalleryError::DamagedSnapshot { .. } | GalleryError::GalleryTooNew { .. },
            )) => noticed += 1,
            Err(error) => panic!("seed {seed}: {error}"),
        }
        fs::write(file, bytes).unwrap();
    }
    println!("{noticed} noticed, {harmless} in the gaps between sections");
    assert!(noticed > 200);
}

#[test]
fn a_damaged_snapshot_is_made_anew_from_the_store() {
    let whole = TempDir::new().unwrap();
    gallery(whole.path());
    let right = contents(&Snapshot::open(whole.path()).unwrap());
    for seed in 0..12 {
        let place = TempDir::new().unwrap();
        copy(whole.path(), place.path());
        let mut chance = Chance(seed);
        let files = files(place.path());
        let file = &files[seed as usize % files.len()];
        let mut bytes = fs::read(file).unwrap();
        match chance.below(3) {
            0 => bytes.truncate(chance.below(bytes.len())),
            1 => bytes.clear(),
            _ => bytes[..8.min(files.len())].fill(0),
        }
        fs::write(file, bytes).unwrap();
        let (snapshot, repairs) = open_for_search(place.path()).unwrap();
        assert!(are_same(&contents(&snapshot), &right), "seed {seed}");
        assert!(!repairs.is_empty(), "seed {seed}: nothing was said");
    }
}

/// Opens the gallery and publishes, as `index` does.
fn open_and_publish(dir: &Path) -> Result<usize> {
    let mut gallery = Gallery::open(dir)?;
    let records = gallery.records().collect::<Result<Vec<_>, _>>()?;
    for record in &records {
        gallery.descriptor(&record.hash)?;
    }
    publish(&mut gallery)?;
    Ok(gallery.repairs().len())
}

/// Runs `run` in a thread of its own: one that never ends is a failure like one that panics.
fn in_time<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(run()));
    let ended = receiver.recv_timeout(Duration::from_secs(60));
    ended.unwrap_or_else(|_| panic!("{name}: it panicked or hung"))
}

/// Flips some bits, of the bytes that are not zero: sled's file is mostly empty.
fn flip_in_store(dir: &Path, seed: u64) {
    let mut chance = Chance(seed);
    let files = walkdir::WalkDir::new(dir.join("store")).sort_by_file_name();
    let files = files.into_iter().map(|entry| entry.unwrap().into_path());
    let files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    let file = &files[chance.below(files.len())];
    let mut bytes = fs::read(file).unwrap();
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    if used.is_empty() {
        return;
    }
    for _ in 0..[1, 3, 40][chance.below(3)] {
        bytes[used[chance.below(used.len())]] ^= 1 << chance.below(8);
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn flipped_bits_in_the_store_are_healed_from_the_snapshot() {
    let whole = TempDir::new().unwrap();
    gallery(whole.path());
    let right = contents(&Snapshot::open(whole.path()).unwrap());
    assert_eq!(open_and_publish(whole.path()).unwrap(), 0, "it was whole");
    let (mut told, mut failed) = (0, 0);
    for seed in 0..60 {
        let place = TempDir::new().unwrap();
        copy(whole.path(), place.path());
        flip_in_store(place.path(), seed);
        let dir = place.path().to_owned();
        match in_time(&format!("seed {seed}"), move || open_and_publish(&dir)) {
            Ok(repairs) => told += repairs,
            Err(Error::Gallery(GalleryError::DamagedStore { .. })) => {
                failed += 1;
                // As the error's hint says: once more.
                let dir = place.path().to_owned();
                let again = in_time(&format!("seed {seed} again"), move || {
                    open_and_publish(&dir)
                });
                assert!(again.unwrap() > 0, "seed {seed}: nothing was said");
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
        let snapshot = Snapshot::open(place.path()).unwrap();
        snapshot.verify().unwrap();
        assert!(are_same(&contents(&snapshot), &right), "seed {seed}");
    }
    println!("{told} rebuilt at once, {failed} after an error");
    assert!(told + failed > 0);
}

#[test]
fn flipped_bits_in_a_store_without_a_snapshot_change_nothing_that_is_left() {
    let whole = TempDir::new().unwrap();
    gallery(whole.path());
    let right = contents(&Snapshot::open(whole.path()).unwrap());
    let (record, descriptor) = photo(3);
    let mut truth = right;
    let removed = fields(&record, descriptor.unwrap().as_slice());
    truth.insert(record.path, removed);
    let mut refused = 0;
    for seed in 100..140 {
        let place = TempDir::new().unwrap();
        copy(&whole.path().join("store"), &place.path().join("store"));
        flip_in_store(place.path(), seed);
        let dir = place.path().to_owned();
        match in_time(&format!("seed {seed}"), move || open_and_publish(&dir)) {
            // It may have lost its last changes, which the next `index` makes again.
            Ok(_) => {
                let found = contents(&Snapshot::open(place.path()).unwrap());
                assert!(found.iter().all(|one| is_among(one, &truth)), "seed {seed}");
            }
            Err(Error::Gallery(GalleryError::DamagedStore { .. })) => {
                // As the error's hint says: once more.
                let dir = place.path().to_owned();
                let again = in_time(&format!("seed {seed} again"), move || {
                    open_and_publish(&dir)
                });
                match again {
                    Ok(_) => {
                        let found = contents(&Snapshot::open(place.path()).unwrap());
                        assert!(found.iter().all(|one| is_among(one, &truth)), "seed {seed}");
                    }
                    Err(error) => {
                        println!("seed {seed}: {error}");
                        refused += 1;
                    }
                }
            }
            Err(Error::Gallery(
                GalleryError::DamagedGallery { .. } | GalleryError::NoGallery { .. },
            )) => refused += 1,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    println!("{refused} of 40 refused");
    assert!(refused < 20);
}

#[test]
fn a_store_that_is_behind_its_snapshot_has_lost_something() {
    let place = TempDir::new().unwrap();
    let dir = place.path();
    let photos: Vec<_> = (0..20).map(photo).collect();
    let mut gallery = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    gallery.write(&photos[..10], &[]).unwrap();
    publish(&mut gallery).unwrap();
    drop(gallery);
    copy(&dir.join("store"), &dir.join("store.before"));
    let mut gallery = Gallery::open(dir).unwrap();
    gallery.write(&photos[10..], &[]).unwrap();
    publish(&mut gallery).unwrap();
    drop(gallery);
    fs::remove_dir_all(dir.join("store")).unwrap();
    fs::rename(dir.join("store.before"), dir.join("store")).unwrap();

    let gallery = Gallery::open(dir).unwrap();
    assert_eq!(gallery.records().count(), 20);
    assert_eq!(gallery.repairs().len(), 1);
    // Healed, and not again.
    drop(gallery);
    assert!(Gallery::open(dir).unwrap().repairs().is_empty());
}
