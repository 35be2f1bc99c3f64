//! Galleries that are searched with fewer values than a descriptor has: what they answer, when their axes are
//! fitted anew, and what is left when a file is lost.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch::descriptor::Descriptor;
use imgsearch::gallery::{
    Gallery, GalleryInfo, IndexPolicy, Problem, Record, SearchOptions, Snapshot,
    open_for_search_telling, verify,
};
use tempfile::TempDir;

use crate::common::collection::{Chance, DIMENSION, descriptor, fingerprint, photo, publish};

const VALUES: usize = 8;
const POLICY_FROM: usize = 50;
/// What values along the first axis are multiplied by.
const FIRST: f64 = 0.7;

/// A photo around one of five directions that all have much in common.
fn seen(number: usize) -> (Record, Option<Descriptor>) {
    let mut chance = Chance(number as u64 + 1000);
    let mut values: Vec<f32> = (0..DIMENSION)
        .map(|value| 400.0 + if value % 5 == number % 5 { 500.0 } else { 0.0 })
        .collect();
    for value in &mut values {
        *value += chance.below(300) as f32 - 150.0;
    }
    (photo(number).0, Some(descriptor(values)))
}

fn opened(dir: &Path) -> Gallery {
    let opened = Gallery::open_or_create(dir, &fingerprint()).unwrap();
    opened.with_policy(IndexPolicy {
        reduced_from: POLICY_FROM,
        ..IndexPolicy::default()
    })
}

fn gallery(dir: &Path, photos: usize) -> Gallery {
    let mut gallery = opened(dir);
    gallery.set_axes(Some(VALUES)).unwrap();
    let photos: Vec<_> = (0..photos).map(seen).collect();
    gallery.write(&photos, &[]).unwrap();
    publish(&mut gallery).unwrap();
    gallery
}

fn values(descriptor: &Descriptor) -> Vec<f64> {
    descriptor
        .as_slice()
        .iter()
        .copied()
        .map(f64::from)
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The first axes of some rows, by power iteration and deflation.
fn axes(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for number in 0..VALUES {
        let mut axis: Vec<f64> = (0..DIMENSION)
            .map(|value| ((value * 7 + number * 13) % 11) as f64 - 4.5)
            .collect();
        for _ in 0..20_000 {
            let mut next = vec![0.0; DIMENSION];
            for row in rows {
                let along = dot(row, &axis);
                next.iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum += along * value);
            }
            for known in &axes {
                let along = dot(&next, known);
                next.iter_mut()
                    .zip(known)
                    .for_each(|(sum, value)| *sum -= along * value);
            }
            let length = dot(&next, &next).sqrt();
            axis = next.into_iter().map(|value| value / length).collect();
        }
        axes.push(axis);
    }
    axes
}

/// Along these axes, and what the descriptor's length would be along all.
fn along(axes: &[Vec<f64>], descriptor: &[f64]) -> (Vec<f64>, f64) {
    let mut along: Vec<f64> = axes.iter().map(|axis| dot(axis, descriptor)).collect();
    let all = dot(descriptor, descriptor) - (1.0 - FIRST * FIRST) * along[0] * along[0];
    along[0] *= FIRST;
    (along, all.sqrt())
}

/// What a query is like each of the photos up to a number, with axes of those up to another, most first.
fn expected(query: &Descriptor, photos: usize, fitted: usize) -> Vec<(PathBuf, f64)> {
    let row = |number: usize| values(&seen(number).1.unwrap());
    let axes = axes(&(0..fitted).map(row).collect::<Vec<_>>());
    let (asked, length) = along(&axes, &values(query));
    let like = |number: usize| {
        let (kept, _) = along(&axes, &row(number));
        let own = dot(&kept, &kept).sqrt();
        (photo(number).0.path, dot(&asked, &kept) / (own * length))
    };
    let mut all: Vec<(PathBuf, f64)> = (0..photos).map(like).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

fn found(snapshot: &Snapshot, query: &Descriptor) -> Vec<(PathBuf, f64)> {
    let options = SearchOptions {
        k: 300,
        ..SearchOptions::default()
    };
    let found = snapshot.search(query, &options).unwrap().into_iter();
    found
        .map(|found| (found.record.path, f64::from(found.similarity)))
        .collect()
}

#[track_caller]
fn are_alike(found: &[(PathBuf, f64)], expected: &[(PathBuf, f64)]) {
    assert_eq!(found.len(), expected.len());
    for (path, similarity) in found {
        let (_, right) = expected.iter().find(|(known, _)| known == path).unwrap();
        // Axes are as good as they need be, and vectors have 16 bits.
        assert!((similarity - right).abs() < 5e-3, "{similarity} {right}");
    }
    assert_eq!(found[0].0, expected[0].0);
}

#[test]
fn a_search_compares_along_axes_of_the_gallerys_own_that_are_fitted_anew_when_outgrown() {
    let dir = TempDir::new().unwrap();
    let mut gallery = gallery(dir.path(), 40);
    let snapshot = Snapshot::open(dir.path()).unwrap();
    assert_eq!(snapshot.dimension(), DIMENSION, "there are too few");
    // The first is in the gallery; of the second it has seen nothing like.
    let queries = [seen(7).1.unwrap(), photo(3).1.unwrap()];
    for (photos, fitted) in [(60, 60), (110, 60), (125, 125)] {
        let photos: Vec<_> = (0..photos).map(seen).collect();
        gallery.write(&photos, &[]).unwrap();
        publish(&mut gallery).unwrap();
        let snapshot = Snapshot::open(dir.path()).unwrap();
        snapshot.verify().unwrap();
        assert_eq!(snapshot.dimension(), VALUES);
        for query in &queries {
            let expected = expected(query, photos.len(), fitted);
            are_alike(&found(&snapshot, query), &expected);
        }
        let many = snapshot.search_many(&queries, &SearchOptions::default());
        for (many, query) in many.unwrap().iter().zip(&queries) {
            let alone = snapshot.search(query, &SearchOptions::default()).unwrap();
            assert_eq!(many, &alone);
        }
    }
    drop(gallery);
    let verified = verify(dir.path(), false, &mut |_, _| ControlFlow::Continue(()));
    let is_else = |problem: &Problem| !matches!(problem, Problem::Gone(_));
    let problems = verified.unwrap().problems;
    assert!(!problems.iter().any(is_else), "{problems:?}");
}

#[test]
fn axes_go_when_they_are_not_wanted_or_too_few_are_left_and_come_again() {
    let dir = TempDir::new().unwrap();
    let mut gallery = gallery(dir.path(), 60);
    let dimension = || Snapshot::open(dir.path()).unwrap().dimension();
    let has_axes = || {
        let names = fs::read_dir(dir.path()).unwrap();
        let mut names = names.map(|it| it.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with("axes-"))
    };
    for (wanted, values) in [(None, DIMENSION), (Some(5), 5), (Some(VALUES), VALUES)] {
        gallery.set_axes(wanted).unwrap();
        publish(&mut gallery).unwrap();
        assert_eq!((dimension(), has_axes()), (values, wanted.is_some()));
    }
    let info = GalleryInfo::of(dir.path(), &Snapshot::open(dir.path()).unwrap());
    assert_eq!(
        (info.values, info.provenance.dimension()),
        (VALUES, DIMENSION)
    );
    let paths: Vec<PathBuf> = (0..60).map(|number| photo(number).0.path).collect();
    gallery.write(&[], &paths[..30]).unwrap();
    publish(&mut gallery).unwrap();
    assert_eq!(dimension(), VALUES, "half of them are enough to keep them");
    gallery.write(&[], &paths[30..40]).unwrap();
    publish(&mut gallery).unwrap();
    assert_eq!((dimension(), has_axes()), (DIMENSION, false));
    // More than a descriptor has are all of it.
    gallery.set_axes(Some(DIMENSION + 1)).unwrap();
    gallery
        .write(&(0..60).map(seen).collect::<Vec<_>>(), &[])
        .unwrap();
    publish(&mut gallery).unwrap();
    assert_eq!((dimension(), has_axes()), (DIMENSION, false));
}

#[test]
fn rankings_work_along_the_axes_and_a_photo_asks_with_what_the_gallery_has_of_it() {
    let dir = TempDir::new().unwrap();
    let mut gallery = gallery(dir.path(), 80);
    gallery
        .set_ranking(
            "centre=0.5,augment=3,k-reciprocal(10,3,0.3)"
                .parse()
                .unwrap(),
        )
        .unwrap();
    publish(&mut gallery).unwrap();
    let more: Vec<_> = (80..90).map(seen).collect();
    gallery.write(&more, &[]).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir.path()).unwrap();
    for number in [3, 44, 85] {
        let (_, vector) = snapshot.find(&photo(number).0.path, None).unwrap();
        let known = snapshot.descriptor(vector).unwrap();
        assert_eq!(known.as_slice().len(), DIMENSION);
        let plain = SearchOptions {
            ranking: Some(imgsearch::ranking::Ranking::NONE),
            ..SearchOptions::default()
        };
        let first = &snapshot.search(&known, &plain).unwrap()[0];
        assert_eq!(first.record.path, photo(number).0.path);
        assert!(first.similarity > 0.9999, "{}", first.similarity);
        let ranked = snapshot.search(&known, &SearchOptions::default()).unwrap();
        let kind = |path: &Path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            name.parse::<usize>().unwrap() % 5
        };
        assert!(ranked.iter().all(|it| kind(&it.record.path) == number % 5));
    }
}

#[test]
fn of_lost_files_what_can_be_is_made_anew_and_told() {
    let whole = TempDir::new().unwrap();
    drop(gallery(whole.path(), 80));
    let query = seen(7).1.unwrap();
    let before = found(&Snapshot::open(whole.path()).unwrap(), &query);
    // Damaged axes, and none: both are in the store's descriptors.
    for damage in [true, false] {
        let names = fs::read_dir(whole.path()).unwrap();
        let mut names = names.map(|it| it.unwrap().path());
        let is_axes = |it: &PathBuf| it.to_string_lossy().contains("axes-");
        let axes = names.find(is_axes).unwrap();
        if damage {
            let mut bytes = fs::read(&axes).unwrap();
            bytes[4100] ^= 4;
            fs::write(&axes, bytes).unwrap();
        } else {
            fs::remove_file(&axes).unwrap();
        }
        let found_again =
            open_for_search_telling(whole.path(), &mut |_, _| ControlFlow::Continue(()));
        let (snapshot, repairs) = found_again.unwrap();
        assert_eq!(repairs.len(), 1, "{repairs:?}");
        // By the policy that everyone has it is too small for axes.
        assert_eq!(snapshot.dimension(), DIMENSION);
        drop(snapshot);
        publish(&mut opened(whole.path())).unwrap();
        are_alike(
            &found(&Snapshot::open(whole.path()).unwrap(), &query),
            &before,
        );
    }
    // Of a lost store the vectors tell what they have.
    fs::remove_dir_all(whole.path().join("store")).unwrap();
    let mut gallery = opened(whole.path());
    assert_eq!(gallery.repairs().len(), 1, "{:?}", gallery.repairs());
    assert_eq!(gallery.axes(), Some(VALUES));
    publish(&mut gallery).unwrap();
    let (record, descriptor) = seen(7);
    let kept = gallery.descriptor(&record.hash).unwrap().unwrap();
    let kept: Vec<f64> = kept.into_iter().map(f64::from).collect();
    let alike = dot(&kept, &values(&descriptor.unwrap()));
    assert!(alike > 0.98, "{alike}");
    are_alike(
        &found(&Snapshot::open(whole.path()).unwrap(), &query),
        &before,
    );
}
