//! Several galleries into one: everything comes home, once, whatever is in the way.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use imgsearch::gallery::{Gallery, MergeEvent, MergeReport, Record, SearchOptions, Snapshot};
use imgsearch::photo::ContentHash;

use crate::common::collection::{descriptor, fingerprint, photo, publish};
use crate::common::{Workspace, said};

fn go_on(_: MergeEvent<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn counts(report: &MergeReport) -> Vec<[usize; 3]> {
    let counts = report.merged.iter();
    counts
        .map(|it| [it.added, it.updated, it.unchanged])
        .collect()
}

/// A gallery of these photos.
fn gallery(dir: &std::path::Path, numbers: std::ops::Range<usize>) -> PathBuf {
    let mut gallery = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    gallery
        .write(&numbers.map(photo).collect::<Vec<_>>(), &[])
        .unwrap();
    publish(&mut gallery).unwrap();
    dir.to_owned()
}

#[test]
fn a_merged_gallery_answers_as_one_that_was_made_of_all_photos() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let others = [gallery(&at("a"), 0..700), gallery(&at("b"), 600..1500)];
    let whole = gallery(&at("whole"), 0..1500);
    let mut merged = Gallery::open_or_create_like(&at("all"), &others).unwrap();
    let report = merged.merge(&others, go_on).unwrap();
    assert_eq!(counts(&report), [[700, 0, 0], [800, 0, 100]]);
    assert_eq!((report.photos, report.interrupted), (1500, false));
    let again = merged.merge(&others, go_on).unwrap();
    assert_eq!(counts(&again), [[0, 0, 700], [0, 0, 900]]);
    let (merged, whole) = (
        Snapshot::open(&at("all")).unwrap(),
        Snapshot::open(&whole).unwrap(),
    );
    for number in (0..1500).step_by(97) {
        let query = photo(number).1.unwrap();
        let ask = |snapshot: &Snapshot| {
            let found = snapshot.search(&query, &SearchOptions::default()).unwrap();
            found.into_iter().map(|it| it.record).collect::<Vec<_>>()
        };
        assert_eq!(ask(&merged), ask(&whole));
    }
    merged.verify().unwrap();
}

#[test]
fn of_a_photo_that_several_know_the_newer_file_counts_with_the_tags_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let of = |dir: &str, modified: i64, content: &str, tag: &str| {
        let record = Record {
            modified,
            hash: ContentHash::of(content.as_bytes()),
            tags: vec![tag.to_owned()],
            ..photo(1).0
        };
        let values = content.bytes().map(f32::from).collect();
        let values: Vec<f32> = values;
        let mut gallery = Gallery::open_or_create(&at(dir), &fingerprint()).unwrap();
        let descriptor = descriptor([&values[..], &[0.5; 24]].concat()[..24].to_vec());
        gallery.write(&[(record, Some(descriptor))], &[]).unwrap();
        publish(&mut gallery).unwrap();
        at(dir)
    };
    let old = of("old", 1, "old", "a");
    let new = of("new", 2, "newer", "b");
    let other = of("other", 2, "as new", "c");
    let mut merged = Gallery::open(&old).unwrap();
    let report = merged.merge(&[new, other], go_on).unwrap();
    assert_eq!(counts(&report), [[0, 1, 0], [0, 0, 1]]);
    let record = merged.record(&photo(1).0.path).unwrap().unwrap();
    assert_eq!(record.hash, ContentHash::of(b"newer"));
    assert_eq!(record.tags, ["a", "b", "c"]);
    assert!(merged.has_descriptor(&record.hash).unwrap());
}

#[test]
fn what_was_taken_before_a_stop_stays_and_the_next_merge_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let others = [gallery(&at("a"), 0..600), gallery(&at("b"), 600..650)];
    let mut merged = Gallery::open_or_create_like(&at("all"), &others).unwrap();
    let stop = |event: MergeEvent<'_>| match event {
        MergeEvent::Taken { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let report = merged.merge(&others, stop).unwrap();
    assert!(
        report.interrupted && (1..600).contains(&report.photos),
        "{}",
        report.photos
    );
    let taken = report.photos;
    drop(merged);
    assert_eq!(Snapshot::open(&at("all")).unwrap().len(), taken);
    let mut merged = Gallery::open(&at("all")).unwrap();
    let report = merged.merge(&others, go_on).unwrap();
    assert_eq!(counts(&report), [[600 - taken, 0, taken], [50, 0, 0]]);
    assert_eq!(report.photos, 650);
}

#[test]
fn what_cannot_be_merged_is_named_and_the_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let good = gallery(&at("good"), 0..5);
    let foreign = fingerprint().with_dimension(7);
    drop(Gallery::open_or_create(&at("foreign"), &foreign).unwrap());
    let locked = gallery(&at("locked"), 5..9);
    let lock = Gallery::open(&locked).unwrap();
    let others = [
        at("nowhere"),
        at("foreign"),
        good,
        locked.clone(),
        at("all"),
    ];
    let mut merged = Gallery::open_or_create_like(&at("all"), &others[2..]).unwrap();
    let report = merged.merge(&others, go_on).unwrap();
    let failed = report.failed.iter().map(|it| it.reason.kind());
    let expected = [
        "no-gallery",
        "spec-mismatch",
        "gallery-locked",
        "merged-with-itself",
    ];
    assert_eq!(failed.collect::<Vec<_>>(), expected);
    assert_eq!((counts(&report), report.photos), (vec![[5, 0, 0]], 5));
    drop(lock);
    assert_eq!(merged.merge(&[locked], go_on).unwrap().photos, 9);
}

#[test]
fn the_command_merges_what_was_indexed_apart() {
    let w = Workspace::painted(6, 2);
    for part in ["one", "two"] {
        fs::create_dir(w.path(part)).unwrap();
    }
    for entry in fs::read_dir(w.path("photos")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let part = if name.ends_with("_0.png") {
            "one"
        } else {
            "two"
        };
        fs::rename(&path, w.path(part).join(name)).unwrap();
    }
    w.run(&["index", "one", "--gallery", "one/.imgsearch"], 0);
    w.run(&["index", "two", "--gallery", "g2"], 0);
    w.run(&["tag", "night", "two/city_1.png", "--gallery", "g2"], 0);
    let merge = ["merge", "one", "g2", "--gallery", "all", "--json"];
    let told = w.json(&merge, 0);
    assert_eq!(told["photos"], 12);
    assert_eq!(told["merged"][0]["path"], "one/.imgsearch");
    let query = [
        "query",
        "one/city_0.png",
        "-k",
        "50",
        "--gallery",
        "all",
        "--json",
    ];
    let found = w.json(&query, 0);
    assert_eq!(found["matches"].as_array().unwrap().len(), 12);
    let night = [&query[..], &["--tag", "night"]].concat();
    assert_eq!(w.json(&night, 0)["matches"][0]["path"], "two/city_1.png");
    // Everything is known as it lies there: nothing has to be described again.
    let told = w.json(&["index", "one", "two", "--gallery", "all", "--json"], 0);
    assert_eq!(
        (&told["unchanged"], &told["photos"]),
        (&12.into(), &12.into())
    );
    w.run(&["verify", "--gallery", "all"], 0);

    let output = w.run(&["merge", "nowhere", "g2", "--gallery", "all", "--json"], 3);
    assert!(said(&output).contains("not merged: nowhere: no gallery in"));
    w.run(&["merge", "nowhere", "--gallery", "all"], 1);
    w.run(&["merge", "nowhere", "--gallery", "new", "--json"], 1);
    assert!(!w.path("new").exists());
    w.run(&["merge"], 2);
}
