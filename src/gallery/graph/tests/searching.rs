use super::super::axes::Axes;
use super::super::flat::Walk;
use super::super::search::approached;
use super::super::{
    Exact, Flat, Found, M, M0, NONE, RowSet, Scratch, Search, Shorts, exact_scan, exact_scan_many,
    to_shorts,
};
use crate::kernels::products::Products;

use super::fixtures::{Index, build, exactly, recall, structured};

/// Rows that cannot be read.
struct Nothing;
impl Exact for Nothing {
    fn similarity(&self, _: u32) -> Option<f32> {
        None
    }
}

#[test]
fn nearly_all_that_exact_search_finds_is_found_in_any_dimension() {
    for dimension in [1, 2, 7, 64, 255, 256, 700] {
        let (count, queries) = (3000, 40);
        let rows = structured(count + queries, dimension, 7);
        let (rows, queries) = rows.split_at(count * dimension);
        let index = Index::of(rows, dimension);
        // In one or two dimensions rows are as good as equal; which are found then tells nothing.
        if dimension > 2 {
            let recall = recall(&index, rows, queries, 100, None);
            assert!(
                recall >= 0.95,
                "recall@10 {recall} in {dimension} dimensions"
            );
        } else {
            assert_eq!(index.search(&queries[..dimension], 50, None).len(), 10);
        }
    }
}

#[test]
fn what_only_the_second_nearest_row_of_an_upper_layer_leads_to_is_found() {
    let dimension = 8;
    let row = |first: f32, axis: usize| {
        let mut row = vec![0.0; dimension];
        (row[0], row[axis]) = (first, (1.0 - first * first).sqrt());
        row
    };
    let rows = [row(0.9, 1), row(0.7, 2), row(0.98, 3)].concat();
    let index = Index::of(&rows, dimension);
    // Of the nearest row above no link leads anywhere below; the other's leads to the nearest of all.
    let (mut lowest, mut upper) = (vec![NONE; 3 * M0], vec![NONE; 2 * M]);
    (lowest[M0], lowest[2 * M0]) = (2, 1);
    (upper[0], upper[M]) = (1, 0);
    let flat = Flat {
        lowest: &lowest,
        upper_starts: &[0, 1, 2, 2],
        upper: &upper,
        entry: 0,
        ..index.flat()
    };
    let walk = Walk {
        lists: &flat,
        codes: flat.codes,
        query: &index.axes.code(&row(1.0, 1)),
        products: Products::best(),
    };
    let mut scratch = Scratch::default();
    for (wide, nearest) in [(1, 0), (2, 2)] {
        walk.approach(0, 1, wide, &mut scratch);
        walk.go_on(0, 3, &mut scratch);
        assert_eq!(scratch.pool.entries()[0].row(), nearest);
    }
}

#[test]
fn the_more_rows_there_are_the_more_of_the_upper_layers_lead_down() {
    for rows in [0, 1, 4096, 65_536] {
        assert_eq!(approached(128, rows), 1);
    }
    assert!((16..32).contains(&approached(128, 100_000)));
    assert_eq!(approached(128, 1 << 20), 128);
    assert!(approached(128, 10 << 20) > approached(128, 1 << 20));
}

#[test]
fn a_row_finds_itself_and_its_similarity_is_right_to_two_hundred_thousandths() {
    let dimension = 300;
    let rows = structured(2000, dimension, 3);
    let index = Index::of(&rows, dimension);
    for row in (0..2000).step_by(37) {
        let query = &rows[row * dimension..(row + 1) * dimension];
        let found = index.search(query, 40, None);
        assert_eq!(found[0].row as usize, row);
        for found in found {
            let other = &rows[found.row as usize * dimension..][..dimension];
            let exact: f64 = query
                .iter()
                .zip(other)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum();
            assert!((f64::from(found.similarity) - exact).abs() < 2e-5);
        }
    }
}

#[test]
fn only_allowed_rows_are_found_and_nearly_all_of_the_nearest() {
    let dimension = 100;
    let rows = structured(20_030, dimension, 13);
    let (rows, queries) = rows.split_at(20_000 * dimension);
    let index = Index::of(rows, dimension);
    let unfiltered = recall(&index, rows, queries, 64, None);
    for share in [2, 5, 10, 100, 1000, 10_000] {
        let (mut random, mut near) = (RowSet::none(20_000), RowSet::none(20_000));
        let mut drawn = fastrand::Rng::with_seed(share);
        (0..20_000 / share).for_each(|_| random.insert(drawn.u32(..20_000)));
        let found = exactly(rows, dimension, &rows[..dimension], 20_000 / share as usize);
        for found in found {
            near.insert(found.row);
        }
        for (kind, allowed) in [("random", random), ("near", near)] {
            let recall = recall(&index, rows, queries, 64, Some(&allowed));
            assert!(
                recall >= unfiltered - 0.02,
                "{kind} 1/{share}: {recall} of {unfiltered}"
            );
        }
    }
    assert!(
        index
            .search(&queries[..dimension], 64, Some(&RowSet::none(20_000)))
            .is_empty()
    );
}

/// With so few candidates that the allowed rows are too many to be compared all.
#[test]
fn a_walk_among_rows_that_lie_together_finds_as_many_as_one_among_all() {
    let dimension = 100;
    let rows = structured(20_050, dimension, 17);
    let (rows, queries) = rows.split_at(20_000 * dimension);
    let index = Index::of(rows, dimension);
    let unfiltered = recall(&index, rows, queries, 10, None);
    for count in [10_000, 7000, 5000] {
        let mut near = RowSet::none(20_000);
        for found in exactly(rows, dimension, &rows[..dimension], count) {
            near.insert(found.row);
        }
        let recall = recall(&index, rows, queries, 10, Some(&near));
        assert!(
            recall >= unfiltered - 0.01,
            "{count}: {recall} of {unfiltered}"
        );
    }
}

#[test]
fn whatever_the_lists_say_a_search_ends_without_a_panic() {
    let dimension = 60;
    let rows = structured(1500, dimension, 14);
    let index = Index::of(&rows, dimension);
    let query = &rows[..dimension];
    let mut random = fastrand::Rng::with_seed(15);
    let mut all = RowSet::none(5000);
    (0..5000)
        .filter(|row| row % 3 > 0)
        .for_each(|row| all.insert(row));
    for turn in 0..60 {
        let mut graph = index.graph.clone();
        for _ in 0..200 {
            let value = if turn % 2 == 0 {
                random.u32(..)
            } else {
                random.u32(..1600)
            };
            let (lowest, upper) = (
                random.usize(..graph.lowest.len()),
                random.usize(..graph.upper.len()),
            );
            let start = random.usize(..graph.upper_starts.len());
            (graph.lowest[lowest], graph.upper[upper]) = (value, value);
            graph.upper_starts[start] = random.u32(..) >> random.u32(..32);
        }
        graph.entry = random.u32(..3000);
        graph.lowest.truncate(random.usize(..2 * 1500 * M0));
        graph.upper.truncate(random.usize(..2 * graph.upper.len()));
        graph.upper_starts.truncate(random.usize(..3000));
        let flat = Flat {
            codes: &index.codes,
            lowest: &graph.lowest,
            upper_starts: &graph.upper_starts,
            upper: &graph.upper,
            entry: graph.entry,
            touch: &|_| true,
        };
        for allowed in [None, Some(&all)] {
            let found = index.search_in(flat, query, 30, allowed);
            assert!(found.iter().all(|found| (found.row as usize) < 1500));
        }
    }
}

#[test]
fn exact_search_of_many_queries_is_that_of_each_and_sees_every_row() {
    let dimension = 37;
    let rows = structured(1100, dimension, 16);
    let (values, steps) = to_shorts(&rows, dimension);
    let shorts = Shorts::new(&values, &steps, dimension).unwrap();
    let queries = &rows[500 * dimension..630 * dimension];
    {
        let which = shorts;
        let many = exact_scan_many(which, queries, 5);
        assert_eq!(many.len(), 130);
        for (number, (query, many)) in queries.chunks(dimension).zip(&many).enumerate() {
            let alone = exact_scan(which, query, 5);
            let row = |found: &Found| found.row;
            assert_eq!(alone[0].row as usize, number + 500);
            assert_eq!(many.len(), 5);
            let close = |(a, b): (&Found, &Found)| (a.similarity - b.similarity).abs() < 1e-5;
            assert!(
                alone.iter().zip(many).all(close),
                "{:?}",
                many.iter().map(row)
            );
        }
        assert_eq!(exact_scan(which, &queries[..dimension], 2000).len(), 1100);
        assert!(exact_scan(which, &queries[..dimension], 0).is_empty());
        assert!(exact_scan(which, &queries[..1], 5).is_empty());
    }
    let empty = Shorts::new(&[], &[], dimension).unwrap();
    assert!(exact_scan(empty, &queries[..dimension], 5).is_empty());
}

#[test]
fn no_row_or_one_row_or_rows_of_zeros_are_no_trouble() {
    assert!(Axes::fit(&[], 10).is_none());
    assert!(Axes::fit(&[1.0], 0).is_none());
    let query = [1.0, 0.0, 0.0];
    for rows in [
        vec![0.0, 1.0, 0.0],
        vec![0.0; 30],
        vec![f32::NAN; 30],
        vec![f32::MAX; 30],
    ] {
        let index = Index::of(&rows, 3);
        let found = index.search(&query, 10, None);
        assert_eq!(found.len(), rows.len() / 3);
    }
    let (codes, lists) = (Vec::new(), Vec::new());
    let graph = build(&codes);
    let axes = Axes::fit(&query, 3).unwrap();
    let flat = Flat {
        codes: &codes,
        lowest: &graph.lowest,
        upper_starts: &graph.upper_starts,
        upper: &lists,
        entry: graph.entry,
        touch: &|_| true,
    };
    let found =
        Search { flat, axes: &axes }.search(&query, 5, 10, None, &Nothing, &mut Scratch::default());
    assert!(found.is_empty());
}

#[test]
fn a_set_of_rows_counts_each_row_once_and_lists_them_in_order() {
    let mut set = RowSet::none(130);
    for row in [129, 0, 64, 63, 64, 5000] {
        set.insert(row);
    }
    assert_eq!(set.len(), 4);
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
    assert!(set.contains(63) && !set.contains(1) && !set.contains(5000));
}

#[test]
fn as_many_rows_are_found_as_are_asked_for_and_no_more_than_there_are() {
    let dimension = 30;
    let rows = structured(700, dimension, 17);
    let index = Index::of(&rows, dimension);
    let query = &rows[..dimension];
    let mut allowed = RowSet::none(700);
    (0..700).step_by(2).for_each(|row| allowed.insert(row));
    let search = Search {
        flat: index.flat(),
        axes: &index.axes,
    };
    let found = |k, ef, allowed| {
        let exact = (index.rows(), query);
        let mut scratch = Scratch::default();
        search
            .search(query, k, ef, allowed, &exact, &mut scratch)
            .len()
    };
    for ef in [0, 1, 50, usize::MAX] {
        for k in [0, 1, 60, 300] {
            assert_eq!(found(k, ef, None), k);
            assert_eq!(found(k, ef, Some(&allowed)), k);
        }
        assert_eq!(found(usize::MAX, ef, None), 700);
        assert_eq!(found(usize::MAX, ef, Some(&allowed)), 350);
    }
}
