use std::ops::ControlFlow;

use super::*;
use crate::descriptor::{UnitVector, dot};
use crate::gallery::graph::RowSet;
use crate::gallery::hnsw::GraphBuilder;
use crate::gallery::record::Record;
use crate::photo::ContentHash;

const DIMENSION: usize = 40;

fn vectors(count: usize) -> Vec<Vec<f32>> {
    let mut chance = fastrand::Rng::with_seed(7);
    let centre = |seed| fastrand::Rng::with_seed(seed);
    let vector = |index: usize| {
        let mut kind = centre(index as u64 % 50);
        let values = (0..DIMENSION).map(|_| kind.f32() + 0.6 * chance.f32());
        let unit = UnitVector::normalize(values.collect()).unwrap();
        unit.as_slice().to_vec()
    };
    (0..count).map(vector).collect()
}

fn stored(number: usize) -> Stored {
    let record = Record {
        path: "x".into(),
        size: number as u64,
        modified: 0,
        hash: ContentHash::of(&(number as u64).to_le_bytes()),
        width: 1,
        height: 1,
        facts: None,
        tags: Vec::new(),
    };
    Stored::new(&record, 1)
}

/// A segment of these vectors, each twice, whose keys are numbers.
fn written(dir: &Path, vectors: &[Vec<f32>], graph_from: usize) -> (SegmentRef, Segment) {
    let mut writer = SegmentWriter::create(dir, 3, DIMENSION).unwrap();
    for number in 0..2 * vectors.len() {
        let key = (number as u32).to_be_bytes().to_vec();
        let row = Row::Floats(&vectors[number % vectors.len()]);
        writer.put(key, &stored(number), Some(&row)).unwrap();
    }
    writer.put(vec![0xff], &stored(9).removed(2), None).unwrap();
    let written = writer
        .finish(graph_from, GraphBuilder::Own, &mut |_, _| {
            ControlFlow::Continue(())
        })
        .unwrap();
    let segment = Segment::open(dir, &written, DIMENSION).unwrap();
    (written, segment)
}

fn exactly(
    vectors: &[Vec<f32>],
    query: &[f32],
    k: usize,
    allows: impl Fn(u32) -> bool,
) -> Vec<u32> {
    let mut all: Vec<(f32, u32)> = (0..)
        .zip(vectors)
        .map(|(row, it)| (dot(query, it), row))
        .collect();
    all.retain(|(_, row)| allows(*row));
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().take(k).map(|(_, row)| row).collect()
}

#[test]
fn every_photo_is_found_by_its_key_and_by_its_vector() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = vectors(300);
    let (written, segment) = written(dir.path(), &vectors, usize::MAX);
    assert_eq!((segment.vectors(), written.entries), (300, 601));
    for number in 0..600 {
        let stored = segment.stored(&(number as u32).to_be_bytes()).unwrap();
        assert_eq!(stored.size, number);
        let row = stored.row.unwrap().row;
        let owners: Vec<u64> = segment.owners(row).map(|(_, stored)| stored.size).collect();
        assert_eq!(owners, [number % 300, number % 300 + 300]);
        let vector = segment.vector(row).unwrap();
        let similarity = dot(&vector, &vectors[number as usize % 300]);
        assert!((similarity - 1.0).abs() < 2e-5, "{similarity}");
    }
    assert!(segment.stored(&[0xff]).unwrap().is_removed);
    assert_eq!(segment.stored(&[1, 2]), None);
    assert_eq!(segment.entries().count(), 601);
}

#[test]
fn by_the_graph_and_by_comparing_all_the_same_are_found_among_all_and_among_some() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = vectors(3000);
    let (written, segment) = written(dir.path(), &vectors, 1000);
    assert!(written.graph && segment.has_graph());
    let of_a_kind = |row: u32| row % 50 == 3;
    let some = |allows: &dyn Fn(u32) -> bool| {
        let mut rows = RowSet::none(3000);
        (0..3000)
            .filter(|row| allows(*row))
            .for_each(|row| rows.insert(row));
        rows
    };
    let sets: [(&dyn Fn(u32) -> bool, _); 3] = [
        (&|_| true, None),
        (&|row| row % 7 == 0, Some(some(&|row| row % 7 == 0))),
        (&of_a_kind, Some(some(&of_a_kind))),
    ];
    for (allows, rows) in &sets {
        let (mut found, mut wanted) = (0, 0);
        for query in vectors.iter().step_by(97) {
            let exact = exactly(&vectors, query, 10, allows);
            for ef_search in [None, Some(64)] {
                let asked = Wanted {
                    k: 10,
                    ef_search,
                    allowed: rows.as_ref(),
                };
                let near = segment.nearest(query, asked);
                assert!(near.iter().all(|near| allows(near.index)));
                for near in &near {
                    let similarity = dot(query, &vectors[near.index as usize]);
                    assert!((near.similarity - similarity).abs() < 2e-5);
                }
                let hits = near
                    .iter()
                    .filter(|near| exact.contains(&near.index))
                    .count();
                if ef_search.is_none() {
                    assert!(hits >= 9, "{hits}");
                } else {
                    found += hits;
                    wanted += exact.len();
                }
            }
        }
        assert!(found * 100 >= wanted * 95, "{found} of {wanted}");
    }
}

#[test]
fn wherever_a_byte_is_damaged_an_answer_is_right_or_the_damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = vectors(400);
    let (written, whole) = written(dir.path(), &vectors, 100);
    let path = segment_path(dir.path(), 3);
    let bytes = std::fs::read(&path).unwrap();
    let answers = |segment: &Segment| {
        let queries = vectors.iter().step_by(31);
        let near = queries.map(|query| {
            let asked = Wanted {
                k: 5,
                ef_search: Some(40),
                allowed: None,
            };
            let near = segment.nearest(query, asked);
            let owners = near.iter().flat_map(|near| segment.owners(near.index));
            owners
                .map(|(key, stored)| (key, stored.size))
                .collect::<Vec<_>>()
        });
        near.collect::<Vec<_>>()
    };
    let expected = answers(&whole);
    drop(whole);
    let mut chance = fastrand::Rng::with_seed(5);
    let mut noticed = 0;
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        damaged[chance.usize(..bytes.len())] ^= chance.u8(1..);
        std::fs::write(&path, damaged).unwrap();
        match Segment::open(dir.path(), &written, DIMENSION) {
            Ok(segment) => {
                let found = answers(&segment);
                noticed += usize::from(segment.damage().is_some());
                assert!(segment.damage().is_some() || found == expected);
            }
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 150, "{noticed}");
}
