//! Filters inside the search: what passes is found, and as much of it as was asked for.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use imgsearch::Filter;
use imgsearch::descriptor::Descriptor;
use imgsearch::gallery::{Gallery, IndexPolicy, Match, Record, SearchOptions, Snapshot, Within};
use imgsearch::photo::ContentHash;
use imgsearch::ranking::Ranking;

use crate::common::collection::{Chance, DIMENSION, descriptor, fingerprint, publish};
use crate::common::{Workspace, said};

const KINDS: usize = 40;
const DAY: i64 = 86_400_000_000_000;
/// Days from 1970 to 2020.
const FROM: i64 = 18_262;

/// A photo that never was, of one of some kinds, on a day of its own; each seventh is a copy of another at
/// another place.
fn photo(number: usize) -> (Record, Option<Descriptor>) {
    let content = if number.is_multiple_of(7) {
        number / 2
    } else {
        number
    };
    let (mut kind, mut own) = (
        Chance(content as u64 % KINDS as u64),
        Chance(content as u64 + 99),
    );
    let value = |_| (kind.below(1000) + own.below(500)) as f32 - 700.0;
    let values = (0..DIMENSION).map(value).collect();
    let year = 2020 + number % 5;
    let mut tags = Vec::new();
    if content % KINDS < 3 {
        tags.push("cat".to_owned());
    }
    if number % 500 == 123 {
        tags.push("rare".to_owned());
    }
    let record = Record {
        path: PathBuf::from(format!("/photos/{year}/{number:04}.jpg")),
        size: number as u64,
        modified: (FROM + number as i64) * DAY + 7,
        hash: ContentHash::of(&(content as u64).to_le_bytes()),
        width: 100 * (1 + number as u32 % 30),
        height: 600,
        facts: None,
        tags,
    };
    (record, Some(descriptor(values)))
}

/// Of several segments, the largest with a graph, with photos that were removed and that have changed.
fn snapshot(dir: &std::path::Path) -> Snapshot {
    let policy = IndexPolicy {
        graph_from: 1000,
        worn_share: 0.9,
        ..IndexPolicy::default()
    };
    let mut gallery = Gallery::open_or_create(dir, &fingerprint())
        .unwrap()
        .with_policy(policy);
    gallery.add_root("/photos".as_ref()).unwrap();
    let photos = |numbers: std::ops::Range<usize>| numbers.map(photo).collect::<Vec<_>>();
    gallery.write(&photos(0..2400), &[]).unwrap();
    publish(&mut gallery).unwrap();
    gallery.write(&photos(2400..3000), &[]).unwrap();
    publish(&mut gallery).unwrap();
    let removed = (0..2400).step_by(11).map(|number| photo(number).0.path);
    gallery.write(&[], &removed.collect::<Vec<_>>()).unwrap();
    publish(&mut gallery).unwrap();
    let changed = (1..2400).step_by(77).map(|number| {
        let (record, descriptor) = photo(number);
        let changed = Record {
            width: 9000,
            height: 9000,
            ..record
        };
        (changed, descriptor)
    });
    gallery.write(&changed.collect::<Vec<_>>(), &[]).unwrap();
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(dir).unwrap();
    assert!(snapshot.segments() > 1 && snapshot.graph_points() > 1000);
    snapshot
}

type Passes = Box<dyn Fn(&Record) -> bool>;

/// Filters of many and of few, at random and of one kind, each with what it means.
fn filters() -> Vec<(Filter, Passes)> {
    let all = Filter::default;
    let year = |record: &Record, year: &str| record.path.starts_with(format!("/photos/{year}"));
    let number = |record: &Record| record.size as usize;
    let has = |record: &Record, tag: &str| record.tags.iter().any(|it| it == tag);
    let day = |days: i64| (FROM + days) * DAY;
    vec![
        (
            Filter {
                within: vec![Within::of("/photos/2021").unwrap()],
                ..all()
            },
            Box::new(move |it| year(it, "2021")),
        ),
        (
            Filter {
                within: ["/photos/2023", "**/2022/*3.jpg"]
                    .map(|it| Within::of(it).unwrap())
                    .into(),
                ..all()
            },
            Box::new(move |it| year(it, "2023") || (year(it, "2022") && number(it) % 10 == 3)),
        ),
        (
            Filter {
                since: Some("2021-03".parse().unwrap()),
                until: Some("2024-02-29".parse().unwrap()),
                ..all()
            },
            Box::new(move |it| (day(425)..day(1521)).contains(&it.modified)),
        ),
        (
            Filter {
                min_size: Some("2500x600".parse().unwrap()),
                ..all()
            },
            Box::new(|it| it.width.min(it.height) >= 600 && it.width.max(it.height) >= 2500),
        ),
        (
            Filter {
                tags: vec!["cat".to_owned()],
                ..all()
            },
            Box::new(move |it| has(it, "cat")),
        ),
        (
            Filter {
                tags: vec!["rare".to_owned()],
                ..all()
            },
            Box::new(move |it| has(it, "rare")),
        ),
        (
            Filter {
                min_size: Some("9000".parse().unwrap()),
                within: vec![Within::of("/photos").unwrap()],
                ..all()
            },
            Box::new(|it| it.width == 9000),
        ),
        (
            Filter {
                tags: ["rare", "nothing"].map(str::to_owned).into(),
                ..all()
            },
            Box::new(|_| false),
        ),
    ]
}

fn options(filter: &Filter, exact: bool) -> SearchOptions {
    SearchOptions {
        k: 10,
        exact,
        filter: filter.clone(),
        ..SearchOptions::default()
    }
}

#[test]
fn what_a_filter_finds_is_what_is_left_of_a_search_for_everything() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = snapshot(dir.path());
    for (filter, passes) in filters() {
        let (mut hits, mut wanted) = (0, 0);
        for query in (0..3000).step_by(211) {
            let query = photo(query).1.unwrap();
            let everything = SearchOptions {
                k: snapshot.len(),
                exact: true,
                ..SearchOptions::default()
            };
            let mut expected = snapshot.search(&query, &everything).unwrap();
            assert_eq!(expected.len(), snapshot.len());
            expected.retain(|found| passes(&found.record));
            expected.truncate(10);
            let ask = |exact| snapshot.search(&query, &options(&filter, exact)).unwrap();
            let (exact, quick) = (ask(true), ask(false));
            let similarities = |found: &[Match]| -> Vec<i32> {
                let rounded = found.iter().map(|it| (it.similarity * 1e4).round() as i32);
                rounded.collect()
            };
            let pairs = similarities(&exact)
                .into_iter()
                .zip(similarities(&expected));
            assert!(pairs.clone().all(|(a, b)| (a - b).abs() <= 1), "{filter:?}");
            for found in [&exact, &quick] {
                assert_eq!(found.len(), expected.len(), "{filter:?}");
                assert!(found.iter().all(|it| passes(&it.record)), "{filter:?}");
                let paths: BTreeSet<_> = found.iter().map(|it| &it.record.path).collect();
                assert_eq!(paths.len(), found.len());
            }
            let least = expected.last().map_or(0.0, |last| last.similarity) - 1e-5;
            hits += quick.iter().filter(|it| it.similarity >= least).count();
            wanted += expected.len();
        }
        assert!(hits * 100 >= wanted * 98, "{filter:?}: {hits} of {wanted}");
    }
}

#[test]
fn a_ranking_moves_the_query_towards_what_passes_and_finds_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = snapshot(dir.path());
    let ranking: Ranking = "augment=3,expand=3".parse().unwrap();
    for (filter, passes) in filters() {
        let of_filter = snapshot.records().filter(|record| passes(record)).count();
        let options = SearchOptions {
            ranking: Some(ranking),
            ..options(&filter, false)
        };
        let found = snapshot.search(&photo(5).1.unwrap(), &options).unwrap();
        assert_eq!(found.len(), of_filter.min(10), "{filter:?}");
        assert!(found.iter().all(|it| passes(&it.record)), "{filter:?}");
    }
}

/// Twelve photos, indexed: of each scene the first is of 2001, the second of 2010.
fn dated() -> Workspace {
    let w = Workspace::painted(6, 2);
    let day = Duration::from_secs(86_400);
    for entry in fs::read_dir(w.path("photos")).unwrap() {
        let path = entry.unwrap().path();
        let is_first = path.to_str().unwrap().ends_with("_0.png");
        let days = if is_first { 11_400 } else { 14_700 };
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + day * days)
            .unwrap();
    }
    w.run(&["index", "photos"], 0);
    w
}

#[test]
fn the_command_finds_what_passes_alone_and_as_many_as_there_are() {
    let w = dated();
    let photo = "photos/city_0.png";
    let found = |filter: &[&str]| w.query(&[&[photo, "-k", "50"], filter].concat());
    assert_eq!(found(&[]).len(), 12);
    let (old, new) = (
        found(&["--until", "2001"]),
        found(&["--since", "2001-03-20"]),
    );
    assert_eq!((old.len(), new.len()), (6, 6));
    assert!(old.iter().all(|path| path.ends_with("_0.png")), "{old:?}");
    assert!(new.iter().all(|path| path.ends_with("_1.png")), "{new:?}");
    assert_eq!(found(&["--since", "2001", "--until", "2010-04"]).len(), 12);
    assert_eq!(
        found(&["--within", "photos/city_1.png"]),
        ["photos/city_1.png"]
    );
    assert_eq!(found(&["--within", "photos"]).len(), 12);
    assert_eq!(found(&["--within", "./photos/city_*"]).len(), 2);
    let both = [
        "--within",
        "city_*.png",
        "--within",
        "**/photos/mountains_0.png",
    ];
    assert_eq!(found(&both).len(), 3);
    assert_eq!(found(&["--min-size", "120"]).len(), 12);
    assert_eq!(found(&["--min-size", "120x160", "--exact"]).len(), 12);
    let nothing = w.run(&["query", photo, "--min-size", "121"], 4);
    assert!(said(&nothing).contains("no photo in the gallery matches"));
    let one = w.query(&[photo, "-k", "1", "--since", "2005"]);
    assert_eq!(one.len(), 1);
}

#[test]
fn what_says_nothing_is_refused_and_how_it_is_written_is_said() {
    let w = Workspace::new();
    for (option, value, expected) in [
        ("--since", "yesterday", "2024-05-01T10:00"),
        ("--until", "2024-13", "2024-05"),
        ("--min-size", "0", "1000x800"),
        ("--min-size", "big", "1000x800"),
        ("--tag", "a,b", "without commas"),
        ("--tag", " ", "1 to 100 bytes"),
        ("--within", "", "a value is required"),
        ("--within", "a[", "[a-z]"),
    ] {
        let output = w.run(&["query", "a.jpg", option, value, "--json"], 2);
        let said = said(&output);
        assert!(said.contains(expected), "{option} {value}: {said}");
    }
}

#[test]
fn a_period_that_ends_before_it_begins_is_wrong_usage() {
    let w = Workspace::new();
    for (since, until) in [("2024", "2023"), ("2024-05-02", "2024-05-01T23")] {
        let output = w.run(&["query", "a.jpg", "--since", since, "--until", until], 2);
        let said = said(&output);
        assert!(said.contains("--until is before that of --since"), "{said}");
    }
    // The day that is named in both is one of them.
    let output = w.run(
        &["query", "a.jpg", "--since", "2024-05", "--until", "2024"],
        1,
    );
    assert!(!said(&output).contains("--until"), "{}", said(&output));
}
