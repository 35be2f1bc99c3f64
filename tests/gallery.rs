//! What a gallery keeps, shares and leaves alone, at the library's door.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch::Result;
use imgsearch::descriptor::Descriptor;
use imgsearch::gallery::{
    Gallery, GraphBuilder, IndexPolicy, Record, Repair, SearchOptions, Snapshot,
};
use tempfile::TempDir;

use crate::common::collection::{Chance, DIMENSION, descriptor, fingerprint, photo, publish};
use crate::common::stores::{earlier_store, recent};

const SMALL: IndexPolicy = IndexPolicy {
    graph_from: 50,
    worn_share: 0.5,
    sealed_from: 40,
    reduced_from: usize::MAX,
    builder: GraphBuilder::Own,
};

fn open(dir: &Path) -> Gallery {
    let gallery = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    gallery.with_policy(SMALL)
}

fn segments_of(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("segment")).collect()
}

#[test]
fn a_small_change_to_a_large_gallery_leaves_its_graph_alone_and_a_large_one_does_not() {
    let dir = TempDir::new().unwrap();
    let mut gallery = open(dir.path());
    let photos: Vec<_> = (0..200).map(photo).collect();
    gallery.write(&photos[..100], &[]).unwrap();
    publish(&mut gallery).unwrap();
    let first = segments_of(dir.path());
    assert_eq!(first.len(), 1);

    gallery
        .write(&photos[100..110], &[photo(5).0.path])
        .unwrap();
    publish(&mut gallery).unwrap();
    assert!(segments_of(dir.path()).is_superset(&first));
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.graph_points()), (109, 100));
    for number in [0, 50, 105] {
        let found = snapshot.search(&photo(number).1.unwrap(), &SearchOptions::default());
        assert_eq!(found.unwrap()[0].record, photo(number).0);
    }

    gallery.write(&photos[110..], &[]).unwrap();
    publish(&mut gallery).unwrap();
    assert!(segments_of(dir.path()).is_disjoint(&first));
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.graph_points()), (199, 199));
    snapshot.verify().unwrap();
}

#[test]
fn a_graph_whose_making_was_interrupted_is_made_by_the_next_publishing() {
    let dir = TempDir::new().unwrap();
    let mut gallery = open(dir.path());
    let photos: Vec<_> = (0..100).map(photo).collect();
    gallery.write(&photos, &[]).unwrap();
    let interrupted = gallery.publish(&mut |_, _| ControlFlow::Break(())).unwrap();
    assert!(!interrupted.built_graph);
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.graph_points()), (100, 0));
    let found = snapshot.search(&photo(70).1.unwrap(), &SearchOptions::default());
    assert_eq!(found.unwrap()[0].record, photo(70).0);

    let made = gallery
        .publish(&mut |_, _| ControlFlow::Continue(()))
        .unwrap();
    assert!(made.built_graph);
    assert_eq!(Snapshot::open(dir.path()).unwrap().graph_points(), 100);
    // And then there is nothing to do.
    let again = gallery
        .publish(&mut |_, _| ControlFlow::Continue(()))
        .unwrap();
    assert!(!again.built_graph);
}

/// A photo near a corner: all those of one corner are nearer to each other than to any other's.
fn near_corner(corner: usize, number: usize) -> (Record, Option<Descriptor>) {
    let mut chance = Chance((corner * 1000 + number) as u64);
    let mut values: Vec<f32> = (0..DIMENSION).map(|_| chance.below(100) as f32).collect();
    values[corner] += 2000.0;
    let (record, _) = photo(corner * 1000 + number);
    (record, Some(descriptor(values)))
}

#[test]
fn photos_behind_many_removed_ones_are_still_found() {
    let dir = TempDir::new().unwrap();
    let policy = IndexPolicy {
        worn_share: 0.9,
        sealed_from: 40,
        reduced_from: usize::MAX,
        ..SMALL
    };
    let mut gallery = open(dir.path()).with_policy(policy);
    let near: Vec<_> = (0..400).map(|number| near_corner(0, number)).collect();
    let far: Vec<_> = (0..400).map(|number| near_corner(1, number)).collect();
    gallery.write(&near, &[]).unwrap();
    gallery.write(&far, &[]).unwrap();
    publish(&mut gallery).unwrap();
    let gone: Vec<PathBuf> = near[1..]
        .iter()
        .map(|(record, _)| record.path.clone())
        .collect();
    gallery.write(&[], &gone).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.graph_points()), (401, 800));
    let options = SearchOptions {
        ef_search: Some(20),
        ..SearchOptions::default()
    };
    let found = snapshot
        .search(near[1].1.as_ref().unwrap(), &options)
        .unwrap();
    assert_eq!(found.len(), 10);
    assert_eq!(found[0].record, near[0].0);
    let is_far = |path: &PathBuf| far.iter().any(|(record, _)| record.path == *path);
    assert!(found[1..].iter().all(|found| is_far(&found.record.path)));
}

#[test]
fn photos_of_equal_content_or_equal_looks_share_a_vector_and_are_all_found() {
    let dir = TempDir::new().unwrap();
    let mut gallery = open(dir.path());
    let (first, descriptor) = photo(1);
    let copy = Record {
        path: "/copy.jpg".into(),
        ..first.clone()
    };
    let alike = Record {
        path: "/alike.jpg".into(),
        ..photo(2).0
    };
    let put = [
        (first.clone(), descriptor.clone()),
        (copy, None),
        (alike, descriptor.clone()),
    ];
    gallery.write(&put, &[]).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.vector_count()), (3, 1));
    let found = snapshot
        .search(&descriptor.unwrap(), &SearchOptions::default())
        .unwrap();
    let paths: Vec<_> = found
        .iter()
        .map(|found| found.record.path.to_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        ["/alike.jpg", "/copy.jpg", first.path.to_str().unwrap()]
    );
}

fn paths(gallery: &Gallery) -> BTreeSet<PathBuf> {
    let records = gallery.records().collect::<Result<Vec<_>, _>>().unwrap();
    records.into_iter().map(|record| record.path).collect()
}

#[test]
fn photos_whose_descriptors_are_lost_are_taken_out_and_told() {
    let dir = TempDir::new().unwrap();
    let mut gallery = open(dir.path());
    let photos: Vec<_> = (0..5).map(photo).collect();
    gallery.write(&photos, &[]).unwrap();
    drop(gallery);
    let db = sled::open(recent(dir.path())).unwrap();
    let descriptors = db.open_tree("descriptors").unwrap();
    assert!(
        descriptors
            .remove(photo(2).0.hash.as_bytes())
            .unwrap()
            .is_some()
    );
    db.flush().unwrap();
    drop((descriptors, db));

    let mut gallery = open(dir.path());
    assert!(!gallery.has_descriptor(&photo(2).0.hash).unwrap());
    publish(&mut gallery).unwrap();
    assert_eq!(gallery.repairs(), [Repair::DescriptorsLost { photos: 1 }]);
    assert!(!paths(&gallery).contains(&photo(2).0.path));
    assert_eq!(Snapshot::open(dir.path()).unwrap().len(), 4);
    drop(gallery);
    assert!(open(dir.path()).repairs().is_empty());
}

#[test]
fn a_removed_photos_descriptor_stays_until_it_shall_be_forgotten_and_another_has_not_its_content() {
    let dir = TempDir::new().unwrap();
    let mut gallery = open(dir.path());
    let copy = Record {
        path: "/copy.jpg".into(),
        ..photo(1).0
    };
    gallery
        .write(&[photo(0), photo(1), (copy, None)], &[])
        .unwrap();
    gallery
        .write(&[], &[photo(0).0.path, photo(1).0.path])
        .unwrap();
    publish(&mut gallery).unwrap();
    drop(gallery);
    let has = |gallery: &Gallery, number| gallery.has_descriptor(&photo(number).0.hash).unwrap();
    let mut gallery = open(dir.path());
    assert!(has(&gallery, 0) && has(&gallery, 1));
    assert_eq!(gallery.forget_removed().unwrap(), 2);
    for _ in 0..2 {
        assert!(!has(&gallery, 0) && has(&gallery, 1));
        assert_eq!(paths(&gallery).len(), 1);
        publish(&mut gallery).unwrap();
        assert_eq!(Snapshot::open(dir.path()).unwrap().len(), 1);
        drop(gallery);
        gallery = open(dir.path());
    }
}

#[test]
fn a_gallery_of_version_1_is_read_and_brought_up_to_date() {
    let dir = TempDir::new().unwrap();
    let photos: Vec<_> = (0..5).map(photo).collect();
    earlier_store(dir.path(), 1, &photos);
    fs::write(dir.path().join("current"), "snapshot-41").unwrap();
    fs::write(dir.path().join("snapshot-41"), b"IMGSNAP1 of another shape").unwrap();

    let mut gallery = open(dir.path());
    assert!(gallery.repairs().is_empty());
    assert_eq!(
        (paths(&gallery).len(), gallery.generation().unwrap()),
        (5, 41)
    );
    gallery.write(&[photo(9)], &[]).unwrap();
    publish(&mut gallery).unwrap();
    assert_eq!(Snapshot::open(dir.path()).unwrap().len(), 6);
}
