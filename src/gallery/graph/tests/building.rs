use std::ops::ControlFlow;

use super::super::axes::Axes;
use super::super::code::CODE;
use super::super::{Builder, M, M0, NONE};
use super::fixtures::{Index, build, exactly, normalize, recall, structured};

#[test]
fn the_same_rows_give_the_same_graph_on_any_number_of_threads() {
    let rows = structured(3000, 100, 9);
    let codes = Axes::fit(&rows, 100).unwrap().codes(&rows);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| build(&codes))
    };
    let alone = on(1);
    assert_eq!(alone, on(2));
    assert_eq!(alone, on(5));
}

#[test]
fn lists_are_full_of_distinct_rows_that_exist_and_never_the_row_itself() {
    let rows = structured(3000, 50, 10);
    let graph = build(&Axes::fit(&rows, 50).unwrap().codes(&rows));
    for (row, list) in graph.lowest.chunks(M0).enumerate() {
        let used: Vec<u32> = list
            .iter()
            .copied()
            .take_while(|row| *row != NONE)
            .collect();
        assert!(list[used.len()..].iter().all(|row| *row == NONE));
        assert!(
            used.iter()
                .all(|other| *other as usize != row && (*other as usize) < 3000)
        );
        let mut distinct = used.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), used.len());
        assert!(!used.is_empty());
    }
    assert_eq!(graph.upper.len() % M, 0);
}

#[test]
fn an_extended_graph_finds_as_much_as_one_built_at_once() {
    let dimension = 80;
    let rows = structured(4040, dimension, 11);
    let (rows, queries) = rows.split_at(4000 * dimension);
    let whole = Index::of(rows, dimension);
    let part = build(&whole.codes[..2500 * CODE]);
    let extended = Builder::extending(&whole.codes, &part);
    let graph = extended
        .build(&mut |_, _| ControlFlow::Continue(()))
        .unwrap();
    let found = recall(&whole, rows, queries, 60, None);
    let extended = Index { graph, ..whole };
    let found_extended = recall(&extended, rows, queries, 60, None);
    assert!(
        found_extended >= found - 0.02,
        "{found_extended} after {found}"
    );
}

#[test]
fn building_stops_when_told() {
    let rows = structured(1000, 8, 1);
    let codes = Axes::fit(&rows, 8).unwrap().codes(&rows);
    let mut calls = 0;
    let graph = Builder::new(&codes).build(&mut |_, _| {
        calls += 1;
        if calls > 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((graph, calls), (None, 3));
}

#[test]
fn thousands_of_nearly_equal_rows_hide_no_others() {
    let dimension = 120;
    let mut rows = structured(2040, dimension, 12);
    let queries = rows.split_off(2000 * dimension);
    let mut random = fastrand::Rng::with_seed(4);
    let mut all = rows.clone();
    // Two clumps, one of rows of the same code, one of rows a little apart.
    for (of, noise) in [(5, 0.0), (900, 1e-3)] {
        for _ in 0..3000 {
            let row = &rows[of * dimension..(of + 1) * dimension];
            all.extend(row.iter().map(|value| value + noise * (random.f32() - 0.5)));
        }
    }
    normalize(&mut all, dimension);
    let index = Index::of(&all, dimension);
    let (mut hits, mut all_true) = (0, 0);
    for query in queries.chunks(dimension) {
        let truth = exactly(&all, dimension, query, 10);
        let found = index.search(query, 100, None);
        // Of equals any will do, so similarities are compared.
        let least = truth[9].similarity - 1e-4;
        hits += found
            .iter()
            .filter(|found| found.similarity >= least)
            .count()
            .min(10);
        all_true += 10;
    }
    let recall = f64::from(hits as u32) / f64::from(all_true);
    assert!(recall >= 0.95, "{recall}");
}
