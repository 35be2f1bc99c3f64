//! Galleries whose vectors are moved towards their neighbours, at the library's door.

use std::fs;
use std::path::{Path, PathBuf};

use imgsearch::descriptor::{Descriptor, dot};
use imgsearch::gallery::{Gallery, GraphBuilder, IndexPolicy, Record, SearchOptions, Snapshot};
use imgsearch::ranking::{Expansion, Ranking};
use tempfile::TempDir;

use crate::common::collection::{descriptor, fingerprint, photo, publish};
use crate::common::stores::earlier_store;

const EXPANSION: Expansion = Expansion {
    neighbors: 4,
    alpha: 3.0,
};
/// Large enough that there is a graph, and removed photos stay in it.
const SMALL: IndexPolicy = IndexPolicy {
    graph_from: 50,
    worn_share: 0.9,
    sealed_from: 40,
    reduced_from: usize::MAX,
    builder: GraphBuilder::Own,
};

/// A gallery's ranking by it.
const AUGMENTED: Ranking = Ranking {
    augment: Some(EXPANSION),
    ..Ranking::NONE
};

type Photo = (Record, Option<Descriptor>);

fn photos(count: usize) -> Vec<Photo> {
    (0..count).map(photo).collect()
}

fn augmented(dir: &Path, photos: &[Photo]) -> Gallery {
    let mut gallery = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    gallery.write(photos, &[]).unwrap();
    gallery.set_ranking(AUGMENTED).unwrap();
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
    assert_eq!(snapshot.ranking(), AUGMENTED);
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

    gallery.set_ranking(AUGMENTED).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_ne!(all(&snapshot, false), plain);
    for (record, descriptor) in &photos {
        let stored = gallery.descriptor(&record.hash).unwrap().unwrap();
        assert_eq!(stored, descriptor.as_ref().unwrap().as_slice());
        assert!(
            snapshot
                .vectors()
                .any(|vector| (dot(&vector, &stored) - 1.0).abs() < 2e-5)
        );
    }

    gallery.set_ranking(Ranking::NONE).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!(snapshot.ranking(), Ranking::NONE);
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
    assert_eq!(*gallery.ranking(), AUGMENTED);
    let (record, descriptor) = &photos[7];
    let stored = gallery.descriptor(&record.hash).unwrap().unwrap();
    // A segment has them in 16 bits.
    let similarity = dot(&stored, descriptor.as_ref().unwrap().as_slice());
    assert!((similarity - 1.0).abs() < 2e-5);
}

#[test]
fn few_photos_and_none_can_be_augmented() {
    for count in 0..4 {
        let dir = TempDir::new().unwrap();
        publish(&mut augmented(dir.path(), &photos(count))).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        assert_eq!(snapshot.ranking(), AUGMENTED);
        assert_eq!(all(&snapshot, false).len(), count);
    }
}

#[test]
fn an_expanded_query_lies_nearer_to_what_it_found() {
    let dir = TempDir::new().unwrap();
    for ranking in [Ranking::NONE, AUGMENTED] {
        let mut gallery = augmented(dir.path(), &photos(50));
        gallery.set_ranking(ranking).unwrap();
        publish(&mut gallery).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        let expanded = Ranking {
            expand: Some(EXPANSION),
            ..ranking
        };
        let before = snapshot.search(&query(), &ranked(ranking)).unwrap();
        let after = snapshot.search(&query(), &ranked(expanded)).unwrap();
        assert!(after[0].similarity > before[0].similarity);
        // A gallery may have it as its own.
        gallery.set_ranking(expanded).unwrap();
        publish(&mut gallery).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        assert_eq!(snapshot.ranking(), expanded);
        let own = snapshot.search(&query(), &SearchOptions::default());
        assert_eq!(own.unwrap(), after);
    }
}

fn ranked(ranking: Ranking) -> SearchOptions {
    SearchOptions {
        k: 10,
        ranking: Some(ranking),
        ..SearchOptions::default()
    }
}

#[test]
fn every_query_may_rank_otherwise_than_the_gallery_does() {
    let [plain, own] = [(); 2].map(|()| TempDir::new().unwrap());
    let photos = photos(90);
    let mut gallery = Gallery::open_or_create(plain.path(), &fingerprint()).unwrap();
    gallery.write(&photos, &[]).unwrap();
    publish(&mut gallery).unwrap();
    publish(&mut augmented(own.path(), &photos)).unwrap();
    let [plain, own] = [&plain, &own].map(|dir| Snapshot::open(dir.path()).unwrap());
    let ask = |snapshot: &Snapshot, ranking| {
        let found = snapshot.search(&query(), &ranked(ranking)).unwrap();
        let one = |found: imgsearch::gallery::Match| (found.record.path, found.similarity);
        found.into_iter().map(one).collect::<Vec<_>>()
    };
    let as_they_are = ask(&plain, Ranking::NONE);
    assert_eq!(ask(&own, Ranking::NONE), as_they_are);
    let moved = ask(&own, AUGMENTED);
    assert_ne!(moved, as_they_are);
    // Neighbours that no list has are looked for now, and are the same.
    let now = ask(&plain, AUGMENTED);
    for (now, list) in now.iter().zip(&moved) {
        assert_eq!(now.0, list.0);
        assert!((now.1 - list.1).abs() < 1e-5, "{now:?} {list:?}");
    }
    let other = Ranking {
        augment: Some(Expansion {
            neighbors: 1,
            alpha: 0.0,
        }),
        ..Ranking::NONE
    };
    assert_ne!(ask(&own, other), moved);
    assert_eq!(ask(&own, other), ask(&plain, other));
}

#[test]
fn a_gallery_of_version_2_is_read_and_can_be_augmented() {
    let dir = TempDir::new().unwrap();
    earlier_store(dir.path(), 2, &photos(5));

    let mut gallery = Gallery::open(dir.path()).unwrap();
    assert_eq!(
        (gallery.repairs().len(), *gallery.ranking()),
        (0, Ranking::NONE)
    );
    gallery.set_ranking(AUGMENTED).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!((snapshot.len(), snapshot.ranking()), (5, AUGMENTED));
}

/// Wherever a byte of them is damaged: answers are the same, or the damage is told and mended.
#[test]
fn damaged_neighbour_lists_are_made_anew() {
    let dir = TempDir::new().unwrap();
    let photos = photos(120);
    let mut gallery = augmented(dir.path(), &photos[..100]).with_policy(SMALL);
    publish(&mut gallery).unwrap();
    gallery.write(&photos[100..], &[]).unwrap();
    publish(&mut gallery).unwrap();
    drop(gallery);
    let expected = all(&Snapshot::open(dir.path()).unwrap(), true);
    let mut told = 0;
    for place in 0..24 {
        let lists = fs::read_dir(dir.path())
            .unwrap()
            .map(|it| it.unwrap().path());
        let is_list = |it: &PathBuf| it.to_string_lossy().contains("neighbours-");
        let mut lists: Vec<PathBuf> = lists.filter(is_list).collect();
        lists.sort();
        let file = &lists[place % lists.len()];
        let mut bytes = fs::read(file).unwrap();
        let at = bytes.len() * place / 24;
        bytes[at] ^= 0x55;
        fs::write(file, bytes).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        let options = SearchOptions {
            k: snapshot.len(),
            exact: true,
            ..SearchOptions::default()
        };
        if let Err(error) = snapshot.search(&query(), &options) {
            told += 1;
            let mut go_on = |_, _| std::ops::ControlFlow::Continue(());
            let (mended, repairs) =
                imgsearch::gallery::mended(dir.path(), &error, &mut go_on).unwrap();
            assert_eq!(repairs.len(), 1);
            assert_equal(&all(&mended, true), &expected);
        } else {
            assert_equal(&all(&snapshot, true), &expected);
            Gallery::open(dir.path())
                .unwrap()
                .mend(&mut |_, _| std::ops::ControlFlow::Continue(()))
                .unwrap();
        }
        Snapshot::open(dir.path()).unwrap().verify().unwrap();
    }
    assert!(told > 10, "{told} of 24 were told");
}
