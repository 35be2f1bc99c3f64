//! What a killed process or a power cut leaves half done in a gallery that has no snapshot yet: all
//! that was counted is there afterwards, and nothing is said that is not so.

use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::Error;
use imgsearch::descriptor::Descriptor;
use imgsearch::error::GalleryError;
use imgsearch::gallery::{Gallery, Record};
use tempfile::TempDir;

use crate::common::collection::{Chance, descriptor, fingerprint, photo, publish};
use crate::common::copy;
use crate::common::stores::recent;

const PHOTOS: usize = 90;

type Photos = Vec<(Record, Option<Descriptor>)>;

fn small() -> Photos {
    (0..PHOTOS).map(photo).collect()
}

/// Whose descriptors are too large for sled's log, as a layer's activations are.
fn large() -> Photos {
    let large = |number: usize| {
        let mut chance = Chance(number as u64);
        let values = (0..40_000).map(|_| chance.below(1000) as f32 - 300.0);
        (photo(number).0, Some(descriptor(values.collect())))
    };
    (0..6).map(large).collect()
}

/// A gallery as a process leaves it that was killed in its first run, all `photos` being counted:
/// there is no snapshot of ours. sled has one of its own if the run was the second.
fn killed(photos: &Photos, runs: usize) -> TempDir {
    let (place, left) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let dimension = photos[0].1.as_ref().unwrap().dimension();
    let made_with = fingerprint().with_dimension(dimension);
    let mut rest = &photos[..];
    for run in (1..=runs).rev() {
        let (now, later) = rest.split_at(rest.len() / run);
        rest = later;
        let mut gallery = Gallery::open_or_create(place.path(), &made_with).unwrap();
        gallery.write(now, &[]).unwrap();
        if run == 1 {
            copy(place.path(), left.path());
        }
    }
    assert!(!left.path().join("current").exists());
    left
}

/// Whether the gallery has exactly these photos, with these descriptors.
fn holds(gallery: &Gallery, photos: &Photos) -> bool {
    let records: Vec<Record> = gallery.records().map(Result::unwrap).collect();
    let is_there = |(record, descriptor): &(Record, Option<Descriptor>)| {
        let stored = gallery.descriptor(&record.hash).unwrap();
        let expected = descriptor.as_ref().map(Descriptor::as_slice);
        records.contains(record) && stored.as_deref() == expected
    };
    records.len() == photos.len() && photos.iter().all(is_there)
}

/// sled's snapshots in a store.
fn snapshots(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_snapshot = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("snap.")
    };
    let mut snapshots: Vec<PathBuf> = entries.filter(is_snapshot).collect();
    snapshots.sort();
    snapshots
}

/// Nothing of a file, half of it, and all of it.
fn cuts(bytes: &[u8]) -> [&[u8]; 3] {
    [&[], &bytes[..bytes.len() / 2], bytes]
}

/// Opens what is left, writes and publishes, and opens it once more: nothing was damaged.
fn all_is_there(dir: &Path, photos: &Photos, what: &str) {
    let mut gallery = Gallery::open(dir).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(holds(&gallery, photos), "{what}");
    assert!(gallery.repairs().is_empty(), "{what}");
    let again = photos[0].clone();
    gallery.write(&[again], &[]).unwrap();
    publish(&mut gallery).unwrap();
    drop(gallery);
    let gallery = Gallery::open(dir).unwrap();
    assert!(holds(&gallery, photos), "{what}, opened again");
    assert!(gallery.repairs().is_empty(), "{what}, opened again");
}

#[test]
fn a_snapshot_of_sleds_that_is_half_made_is_none() {
    for (photos, runs) in [(small(), 1), (small(), 2), (large(), 2)] {
        let whole = killed(&photos, runs);
        all_is_there(killed(&photos, runs).path(), &photos, "as it was left");
        // What sled would have written next.
        let next = TempDir::new().unwrap();
        copy(whole.path(), next.path());
        drop(Gallery::open(next.path()).unwrap());
        let made = snapshots(&recent(next.path()));
        let bytes = fs::read(made.last().unwrap()).unwrap();
        let name = made.last().unwrap().file_name().unwrap().to_string_lossy();
        for (number, cut) in cuts(&bytes).into_iter().enumerate() {
            for name in [
                format!("{name}.generating"),
                "snap.0000000000000000.generating".into(),
                "snap.7FFFFFFFFFFFFFFF.generating".into(),
                format!("{name}.bak"),
                format!("{name} (copy)"),
            ] {
                let place = TempDir::new().unwrap();
                copy(whole.path(), place.path());
                fs::write(recent(place.path()).join(&name), cut).unwrap();
                let what = format!("{name}, cut {number}, {runs} runs");
                all_is_there(place.path(), &photos, &what);
            }
        }
    }
}

#[test]
fn without_sleds_snapshots_all_is_read_from_its_log() {
    let photos = small();
    let whole = killed(&photos, 3);
    let last = snapshots(&recent(whole.path())).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    let name = last.file_name().unwrap();
    for (number, cut) in cuts(&bytes[..bytes.len() - 1]).into_iter().enumerate() {
        let place = TempDir::new().unwrap();
        copy(whole.path(), place.path());
        fs::write(recent(place.path()).join(name), cut).unwrap();
        all_is_there(place.path(), &photos, &format!("cut {number}"));
    }
    fs::remove_file(last).unwrap();
    all_is_there(whole.path(), &photos, "lost");
}

#[test]
fn a_conf_that_is_lost_or_cut_off_is_written_anew() {
    let photos = small();
    let whole = killed(&photos, 1);
    let bytes = fs::read(recent(whole.path()).join("conf")).unwrap();
    for length in [0, 4, 9, bytes.len() / 2, bytes.len() - 1] {
        let place = TempDir::new().unwrap();
        copy(whole.path(), place.path());
        fs::write(recent(place.path()).join("conf"), &bytes[..length]).unwrap();
        fs::write(recent(place.path()).join("conf.new"), "half").unwrap();
        all_is_there(place.path(), &photos, &format!("{length} bytes"));
    }
    fs::remove_file(recent(whole.path()).join("conf")).unwrap();
    all_is_there(whole.path(), &photos, "none");
}

#[test]
fn blobs_that_the_log_does_not_know_are_in_nobodys_way() {
    for (photos, whole) in [
        (small(), killed(&small(), 1)),
        (large(), killed(&large(), 2)),
    ] {
        let names = ["1", "20", "9000000000000000000", "no number"];
        for name in names {
            for cut in cuts(b"0123456789") {
                let place = TempDir::new().unwrap();
                copy(whole.path(), place.path());
                let blob = recent(place.path()).join("blobs").join(name);
                fs::write(&blob, cut).unwrap();
                all_is_there(place.path(), &photos, name);
            }
        }
        let place = TempDir::new().unwrap();
        copy(whole.path(), place.path());
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let name = std::ffi::OsStr::from_bytes(b"\xff");
            fs::write(recent(place.path()).join("blobs").join(name), "x").unwrap();
        }
        all_is_there(place.path(), &photos, "a name that is not Unicode");
    }
}

#[test]
fn a_first_run_that_was_killed_before_it_stored_anything_begins_anew() {
    let photos = small();
    for (log, blob) in [(0, "20"), (0, "0"), (7, "20")] {
        let place = TempDir::new().unwrap();
        let store = place.path().join("store/recent-1");
        fs::create_dir_all(store.join("blobs")).unwrap();
        fs::write(store.join("db"), vec![0; log]).unwrap();
        fs::write(store.join("blobs").join(blob), "half").unwrap();
        fs::write(store.join("conf"), "segm").unwrap();
        let mut gallery = Gallery::open_or_create(place.path(), &fingerprint()).unwrap();
        gallery.write(&photos, &[]).unwrap();
        drop(gallery);
        all_is_there(place.path(), &photos, "begun anew");
    }
}

/// As an earlier version left it that could not open what can be opened.
#[test]
fn one_that_is_only_marked_as_damaged_is_opened() {
    let photos = small();
    let place = killed(&photos, 1);
    fs::write(place.path().join("store/recent-1-is-damaged"), "").unwrap();
    let left = "store/recent-1/snap.0000000000000100.generating";
    fs::write(place.path().join(left), "half").unwrap();
    all_is_there(place.path(), &photos, "marked");
}

#[test]
fn of_a_log_that_is_cut_off_all_is_kept_that_can_be_read() {
    let photos = small();
    let whole = killed(&photos, 6);
    let log = fs::read(recent(whole.path()).join("db")).unwrap();
    let used = log.iter().rposition(|byte| *byte != 0).unwrap();
    let (mut kept, mut refused) = (0, 0);
    for tenth in 0..10 {
        let place = TempDir::new().unwrap();
        copy(whole.path(), place.path());
        let store = recent(place.path());
        for snapshot in snapshots(&store) {
            fs::remove_file(snapshot).unwrap();
        }
        fs::write(store.join("db"), &log[..used * tenth / 10]).unwrap();
        let mut gallery = match Gallery::open(place.path()) {
            Ok(gallery) => gallery,
            Err(Error::Gallery(
                GalleryError::NoGallery { .. } | GalleryError::DamagedGallery { .. },
            )) => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("{tenth}: {error}"),
        };
        let found: Vec<Record> = gallery.records().map(Result::unwrap).collect();
        let is_ours = |record: &Record| photos.iter().any(|(ours, _)| ours == record);
        assert!(found.iter().all(is_ours), "{tenth}");
        kept = kept.max(found.len());
        // What is missing comes again.
        gallery.write(&photos, &[]).unwrap();
        drop(gallery);
        all_is_there(place.path(), &photos, &format!("{tenth} tenths"));
    }
    println!("{kept} of {PHOTOS} kept at best, {refused} of 10 refused");
    assert!(kept > 0 && refused < 10);
}

#[test]
fn an_exchange_of_stores_that_was_interrupted_is_ended() {
    let photos = small();
    let place = killed(&photos, 1);
    let (store, salvaged) = (
        place.path().join("store"),
        place.path().join("store.salvaged"),
    );
    copy(&store, &salvaged);
    // Before the first of its two steps it has not begun.
    fs::write(salvaged.join("about"), "half").unwrap();
    all_is_there(place.path(), &photos, "not begun");
    let place = killed(&photos, 1);
    let store = place.path().join("store");
    fs::rename(&store, place.path().join("store.salvaged")).unwrap();
    all_is_there(place.path(), &photos, "half done");
}

#[test]
fn a_gallery_that_was_cut_off_before_it_said_what_it_is_is_begun_anew() {
    let (new, cut) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    drop(Gallery::open_or_create(new.path(), &fingerprint()).unwrap());
    let log = fs::read(new.path().join("store/recent-1/db")).unwrap();
    for length in (0..log.len().min(2000)).step_by(9) {
        let dir = cut.path().join(length.to_string());
        copy(new.path(), &dir);
        fs::remove_file(dir.join("store/about")).unwrap();
        fs::write(dir.join("store/recent-1/db"), &log[..length]).unwrap();
        let opened = Gallery::open_or_create(&dir, &fingerprint());
        let mut gallery = opened.unwrap_or_else(|error| panic!("{length} bytes: {error}"));
        gallery.write(&[photo(1)], &[]).unwrap();
        publish(&mut gallery).unwrap();
        fs::remove_dir_all(&dir).unwrap();
    }
}
