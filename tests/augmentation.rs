//! Galleries whose vectors are moved towards their neighbours, at the library's door.

use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::descriptor::{Descriptor, dot};
use imgsearch::gallery::{Gallery, IndexPolicy, Record, SearchOptions, Snapshot};
use imgsearch::ranking::Expansion;
use tempfile::TempDir;

use crate::common::collection::{descriptor, fingerprint, photo, publish};

const EXPANSION: Expansion = Expansion {
    neighbors: 4,
    alpha: 3.0,
};
/// Large enough that there is a graph, and removed photos stay in it.
const SMALL: IndexPolicy = IndexPolicy {
    graph_from: 50,
    worn_share: 0.9,
};

type Photo = (Record, Option<Descriptor>);

fn photos(count: usize) -> Vec<Photo> {
    (0..count).map(photo).collect()
}

fn augmented(dir: &Path, photos: &[Photo]) -> Gallery {
    let mut gallery = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    gallery.write(photos, &[]).unwrap();
    gallery.set_augmentation(Some(EXPANSION)).unwrap();
    gallery
}

fn query() -> Descriptor {
    photo(5000).1.unwrap()
}

fn all(snapshot: &Snapshot, exact: bool) -> Vec<(PathBuf, f32)> {
    let options = SearchOptions {
        k: snapshot.len(),
        exact,
        ..SearchOptions::default()
    };
    let found = snapshot.search(&query(), &options).unwrap();
    let each = found.into_iter();
    each.map(|found| (found.record.path, found.similarity))
        .collect()
}

/// The query's similarity to each photo's vector, moved and normalized by hand.
fn by_hand(photos: &[Photo]) -> Vec<(PathBuf, f32)> {
    let vectors: Vec<&[f32]> = photos
        .iter()
        .map(|(_, descriptor)| descriptor.as_ref().unwrap().as_slice())
        .collect();
    let similarity = |index: usize| {
        let others = (0..vectors.len()).filter(|other| *other != index);
        let mut near: Vec<(f32, usize)> = others
            .map(|other| (dot(vectors[index], vectors[other]), other))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut sum = vectors[index].to_vec();
        for (similarity, other) in &near[..EXPANSION.neighbors] {
            let weight = similarity.max(0.0).powi(3);
            sum.iter_mut()
                .zip(vectors[*other])
                .for_each(|(total, value)| *total += weight * value);
        }
        descriptor(sum).similarity(&query()).unwrap()
    };
    let paths = photos.iter().map(|(record, _)| record.path.clone());
    let mut ranked: Vec<_> = paths.zip((0..photos.len()).map(similarity)).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked
}

fn assert_equal(found: &[(PathBuf, f32)], expected: &[(PathBuf, f32)]) {
    assert_eq!(found.len(), expected.len());
    for ((_, found), (_, expected)) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
    for (path, similarity) in found {
        let (_, expected) = expected.iter().find(|(other, _)| other == path).unwrap();
        assert!((similarity - expected).abs() < 1e-5, "{}", path.display());
    }
}

#[test]
fn exact_search_is_that_of_vectors_augmented_by_hand() {
    let dir = TempDir::new().unwrap();
    let photos = photos(600);
    publish(&mut augmented(dir.path(), &photos)).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    snapshot.verify().unwrap();
    assert_eq!(snapshot.augmentation(), Some(EXPANSION));
    assert_equal(&all(&snapshot, true), &by_hand(&photos));
}

#[test]
fn with_a_graph_what_is_found_has_the_similarities_of_exact_search() {
    let dir = TempDir::new().unwrap();
    let photos = photos(400);
    let mut gallery = augmented(dir.path(), &photos[..390]).with_policy(SMALL);
    publish(&mut gallery).unwrap();
    gallery.write(&photos[390..], &[]).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.graph_points()), (400, 390));
    let exact = all(&snapshot, true);
    let found = snapshot
        .search(&query(), &SearchOptions::default())
        .unwrap();
    for found in &found {
        let is_it = |(path, _): &&(PathBuf, f32)| *path == found.record.path;
        let (_, similarity) = exact.iter().find(is_it).unwrap();
        assert!((found.similarity - similarity).abs() < 1e-5);
    }
    let first: Vec<_> = exact[..10].iter().map(|(path, _)| path).collect();
    let hits = found.iter().filter(|f| first.contains(&&f.record.path));
    assert!(hits.count() >= 8);
}

#[test]
fn removed_photos_are_no_ones_neighbours() {
    let dir = TempDir::new().unwrap();
    let photos = photos(60);
    let mut gallery = augmented(dir.path(), &photos).with_policy(SMALL);
    publish(&mut gallery).unwrap();
    let gone: Vec<PathBuf> = photos[40..].iter().map(|(r, _)| r.path.clone()).collect();
    gallery.write(&[], &gone).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.vector_count()), (40, 60));
    assert_equal(&all(&snapshot, true), &by_hand(&photos[..40]));
}

#[test]
fn an_augmentation_can_be_taken_back_for_the_vectors_stay_as_they_are() {
    let dir = TempDir::new().unwrap();
    let photos = photos(80);
    let mut gallery = Gallery::open_or_create(dir.path(), &fingerprint()).unwrap();
    gallery.write(&photos, &[]).unwrap();
    publish(&mut gallery).unwrap();
    let plain = all(&Snapshot::open(dir.path()).unwrap(), false);

    gallery.set_augmentation(Some(EXPANSION)).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_ne!(all(&snapshot, false), plain);
    for (record, descriptor) in &photos {
        let stored = gallery.descriptor(&record.hash).unwrap().unwrap();
        assert_eq!(stored, descriptor.as_ref().unwrap().as_slice());
        assert!(snapshot.vectors().any(|vector| vector == stored));
    }

    let none = Expansion {
        neighbors: 0,
        ..EXPANSION
    };
    gallery.set_augmentation(Some(none)).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!(snapshot.augmentation(), None);
    assert_eq!(all(&snapshot, false), plain);
}

#[test]
fn a_store_made_anew_from_the_snapshot_keeps_the_augmentation_and_the_plain_vectors() {
    let dir = TempDir::new().unwrap();
    let photos = photos(30);
    publish(&mut augmented(dir.path(), &photos)).unwrap();
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let gallery = Gallery::open(dir.path()).unwrap();
    assert_eq!(gallery.repairs().len(), 1);
    assert_eq!(gallery.augmentation(), Some(EXPANSION));
    let (record, descriptor) = &photos[7];
    let stored = gallery.descriptor(&record.hash).unwrap().unwrap();
    assert_eq!(stored, descriptor.as_ref().unwrap().as_slice());
}

#[test]
fn few_photos_and_none_can_be_augmented() {
    for count in 0..4 {
        let dir = TempDir::new().unwrap();
        publish(&mut augmented(dir.path(), &photos(count))).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        assert_eq!(snapshot.augmentation(), Some(EXPANSION));
        assert_eq!(all(&snapshot, false).len(), count);
    }
}

#[test]
fn an_expanded_query_lies_nearer_to_what_it_found() {
    let dir = TempDir::new().unwrap();
    for augmentation in [None, Some(EXPANSION)] {
        let mut gallery = augmented(dir.path(), &photos(50));
        gallery.set_augmentation(augmentation).unwrap();
        publish(&mut gallery).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        let options = SearchOptions::default();
        let expanded = snapshot.expand(&query(), &EXPANSION, &options).unwrap();
        let before = snapshot.search(&query(), &options).unwrap();
        let after = snapshot.search(&expanded, &options).unwrap();
        assert!(after[0].similarity > before[0].similarity);
    }
}

#[test]
fn a_gallery_of_version_2_is_read_and_can_be_augmented() {
    let dir = TempDir::new().unwrap();
    let mut gallery = Gallery::open_or_create(dir.path(), &fingerprint()).unwrap();
    gallery.write(&photos(5), &[]).unwrap();
    drop(gallery);
    let db = sled::open(dir.path().join("store")).unwrap();
    let meta = db.open_tree("meta").unwrap();
    meta.insert("version", &2u64.to_le_bytes()).unwrap();
    db.flush().unwrap();
    drop((meta, db));

    let mut gallery = Gallery::open(dir.path()).unwrap();
    assert_eq!((gallery.repairs().len(), gallery.augmentation()), (0, None));
    gallery.set_augmentation(Some(EXPANSION)).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!(
        (snapshot.len(), snapshot.augmentation()),
        (5, Some(EXPANSION))
    );
}
