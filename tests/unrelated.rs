//! How many unrelated photos would be expected to be as similar: held against how many there are.

use std::path::PathBuf;

use imgsearch::descriptor::Descriptor;
use imgsearch::gallery::{Gallery, Record, SearchOptions, Snapshot};
use imgsearch::ranking::Ranking;
use tempfile::TempDir;

use crate::common::Workspace;
use crate::common::collection::{Chance, DIMENSION, descriptor, fingerprint, photo, publish};

const PHOTOS: usize = 600;
const FOLDERS: usize = 40;
/// Every so many of them are asked with.
const ASKED: usize = 4;

/// A photo in one of some folders, like its folder's others.
fn kept(number: usize) -> (Record, Option<Descriptor>) {
    let folder = number % FOLDERS;
    let chance = |seed: usize| {
        let mut chance = Chance(seed as u64 * 7919 + 13);
        // Of a few sums of chance none is far out.
        let one = |_| {
            (0..6)
                .map(|_| chance.below(1000) as f32 - 499.5)
                .sum::<f32>()
        };
        (0..DIMENSION).map(one).collect::<Vec<f32>>()
    };
    let (common, own) = (chance(folder + 1), chance(number + 1000));
    let values = common.iter().zip(own).map(|(a, b)| a + 0.6 * b + 300.0);
    let (record, _) = photo(number);
    let path = PathBuf::from(format!("/photos/{folder}/{number}.jpg"));
    (
        Record { path, ..record },
        Some(descriptor(values.collect())),
    )
}

fn gallery(dir: &TempDir) -> Snapshot {
    let mut gallery = Gallery::open_or_create(dir.path(), &fingerprint()).unwrap();
    gallery
        .write(&(0..PHOTOS).map(kept).collect::<Vec<_>>(), &[])
        .unwrap();
    publish(&mut gallery).unwrap();
    Snapshot::open(dir.path()).unwrap()
}

#[test]
fn of_answers_that_claim_one_unrelated_photo_there_is_one() {
    let dir = TempDir::new().unwrap();
    let snapshot = gallery(&dir);
    let rankings = [
        "none",
        "centre=0.5",
        "augment=3",
        "csls=10",
        "k-reciprocal(10,3,0.3)",
    ];
    for text in rankings {
        let ranking: Ranking = text.parse().unwrap();
        let options = SearchOptions {
            k: PHOTOS,
            ranking: Some(ranking),
            most_expected: Some(1.0),
            ..SearchOptions::default()
        };
        let claims = [0.1, 1.0];
        let (mut unrelated, mut related) = ([0.0; 2], [0.0; 2]);
        for number in (0..PHOTOS).step_by(ASKED) {
            let query = kept(number).1.unwrap();
            for found in snapshot.search(&query, &options).unwrap() {
                let name = found.record.path.file_stem().unwrap();
                let other: usize = name.to_str().unwrap().parse().unwrap();
                let expected = found.expected.unwrap();
                assert!(expected <= 1.0, "{text}: {expected}");
                let are = if other % FOLDERS == number % FOLDERS {
                    &mut related
                } else {
                    &mut unrelated
                };
                let claim = claims
                    .iter()
                    .zip(are)
                    .filter(|(claim, _)| expected <= **claim);
                claim.for_each(|(_, count)| *count += ASKED as f64 / PHOTOS as f64);
            }
        }
        for ((claim, were), related) in claims.iter().zip(unrelated).zip(related) {
            println!("{text}: {claim} claimed, {were} were, {related} related found");
            assert!(
                were < 2.5 * claim && were > 0.2 * claim - 0.02,
                "{text} {claim}: {were}"
            );
            assert!(related > 2.0, "{text} {claim}: {related}");
        }
    }
}

#[test]
fn fewer_are_expected_of_what_is_more_alike_and_nobody_knows_of_few() {
    let dir = TempDir::new().unwrap();
    let snapshot = gallery(&dir);
    let options = SearchOptions {
        k: 50,
        most_expected: Some(f64::INFINITY),
        ..SearchOptions::default()
    };
    let found = snapshot.search(&kept(3).1.unwrap(), &options).unwrap();
    assert_eq!(found.len(), 50);
    let expected: Vec<f64> = found.iter().map(|it| it.expected.unwrap()).collect();
    assert!(expected.is_sorted() && expected[0] < 1e-3, "{expected:?}");
    let few = TempDir::new().unwrap();
    let mut gallery = Gallery::open_or_create(few.path(), &fingerprint()).unwrap();
    gallery
        .write(&(0..10).map(kept).collect::<Vec<_>>(), &[])
        .unwrap();
    publish(&mut gallery).unwrap();
    let few = Snapshot::open(few.path()).unwrap();
    let found = few.search(&kept(3).1.unwrap(), &options).unwrap();
    assert!(found.len() == 10 && found.iter().all(|it| it.expected.is_none()));
}

#[test]
fn the_command_says_what_is_expected_and_cuts_there() {
    let w = Workspace::painted(10, 4);
    w.run(&["index", "photos"], 0);
    let all = [
        "query",
        "photos/city_0.png",
        "--expected",
        "-k",
        "40",
        "--json",
    ];
    let all = w.json(&all, 0);
    let expected = |found: &serde_json::Value| -> Vec<f64> {
        let matches = found["matches"].as_array().unwrap().iter();
        matches.map(|it| it["expected"].as_f64().unwrap()).collect()
    };
    let expected_all = expected(&all);
    assert_eq!(expected_all.len(), 40);
    let auto = [
        "query",
        "photos/city_0.png",
        "--min-similarity",
        "auto",
        "-k",
        "40",
        "--json",
    ];
    let cut = expected(&w.json(&auto, 0));
    assert_eq!(
        cut,
        expected_all
            .into_iter()
            .filter(|it| *it <= 1.0)
            .collect::<Vec<_>>()
    );
    let csv = w
        .run(&["query", "photos/city_0.png", "--expected", "--csv"], 0)
        .stdout;
    assert!(csv.starts_with(b"rank,similarity,path,absolute_hex,expected\n"));
    w.run(
        &["query", "photos/city_0.png", "--min-similarity", "much"],
        2,
    );
    let few = Workspace::painted(2, 2);
    few.run(&["index", "photos"], 0);
    let found = few.run(
        &["query", "photos/city_0.png", "--min-similarity", "auto"],
        0,
    );
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(said.contains("too few photos"), "{said}");
}
