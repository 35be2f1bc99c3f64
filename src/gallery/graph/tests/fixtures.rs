//! Rows like those of photos, and an index of them.

use std::ops::ControlFlow;

use super::super::axes::Axes;
use super::super::{
    Builder, Flat, Found, Graph, RowSet, Scratch, Search, Shorts, exact_scan, to_shorts,
};

/// Unit rows in clusters, more alike along some latent axes: like photos.
pub(super) fn structured(count: usize, dimension: usize, seed: u64) -> Vec<f32> {
    const LATENT: usize = 24;
    const CLUSTERS: usize = 40;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut values = |count: usize| -> Vec<f32> {
        let one = |random: &mut fastrand::Rng| (0..4).map(|_| random.f32() - 0.5).sum::<f32>();
        (0..count).map(|_| one(&mut random)).collect()
    };
    let basis = values(LATENT * dimension);
    let centres = values(CLUSTERS * LATENT);
    let mut rows = values(count * dimension);
    for (index, row) in rows.chunks_mut(dimension).enumerate() {
        let own = values(LATENT);
        let centre = &centres[index % CLUSTERS * LATENT..][..LATENT];
        for value in row.iter_mut() {
            *value = *value * 0.1 + 0.4;
        }
        for ((own, centre), axis) in own.iter().zip(centre).zip(basis.chunks(dimension)) {
            let along = centre + 0.6 * own;
            row.iter_mut()
                .zip(axis)
                .for_each(|(value, axis)| *value += along * axis);
        }
    }
    normalize(&mut rows, dimension);
    rows
}

pub(super) fn normalize(rows: &mut [f32], dimension: usize) {
    for row in rows.chunks_mut(dimension) {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        for value in row {
            *value /= length;
        }
    }
}

pub(super) struct Index {
    pub(super) axes: Axes,
    pub(super) codes: Vec<i8>,
    pub(super) graph: Graph,
    pub(super) values: Vec<i16>,
    pub(super) steps: Vec<f32>,
}

pub(super) fn build(codes: &[i8]) -> Graph {
    Builder::new(codes)
        .build(&mut |_, _| ControlFlow::Continue(()))
        .unwrap()
}

impl Index {
    pub(super) fn of(rows: &[f32], dimension: usize) -> Self {
        let axes = Axes::fit(rows, dimension).unwrap();
        let codes = axes.codes(rows);
        let graph = build(&codes);
        let (values, steps) = to_shorts(rows, dimension);
        Self {
            axes,
            codes,
            graph,
            values,
            steps,
        }
    }

    pub(super) fn rows(&self) -> Shorts<'_> {
        Shorts::new(&self.values, &self.steps, self.axes.dimension()).unwrap()
    }

    pub(super) fn flat(&self) -> Flat<'_> {
        Flat {
            codes: &self.codes,
            lowest: &self.graph.lowest,
            upper_starts: &self.graph.upper_starts,
            upper: &self.graph.upper,
            entry: self.graph.entry,
            touch: &|_| true,
        }
    }

    pub(super) fn search(&self, query: &[f32], ef: usize, allowed: Option<&RowSet>) -> Vec<Found> {
        self.search_in(self.flat(), query, ef, allowed)
    }

    pub(super) fn search_in(
        &self,
        flat: Flat<'_>,
        query: &[f32],
        ef: usize,
        allowed: Option<&RowSet>,
    ) -> Vec<Found> {
        let axes = &self.axes;
        let exact = (self.rows(), query);
        let mut scratch = Scratch::default();
        Search { flat, axes }.search(query, 10, ef, allowed, &exact, &mut scratch)
    }
}

/// The share of each query's ten nearest among `allowed` that a search finds.
pub(super) fn recall(
    index: &Index,
    rows: &[f32],
    queries: &[f32],
    ef: usize,
    allowed: Option<&RowSet>,
) -> f32 {
    let dimension = index.axes.dimension();
    let (mut hits, mut all) = (0, 0);
    for query in queries.chunks(dimension) {
        let count = rows.len() / dimension;
        let mut truth = exactly(rows, dimension, query, count);
        truth.retain(|found| allowed.is_none_or(|allowed| allowed.contains(found.row)));
        truth.truncate(10);
        let found = index.search(query, ef, allowed);
        assert!(
            found
                .iter()
                .all(|f| allowed.is_none_or(|allowed| allowed.contains(f.row)))
        );
        let is_found = |row: &&Found| found.iter().any(|found| found.row == row.row);
        hits += truth.iter().filter(is_found).count();
        all += truth.len();
    }
    hits as f32 / all as f32
}

/// The nearest of rows of so many floats, by comparing all.
pub(super) fn exactly(rows: &[f32], dimension: usize, query: &[f32], count: usize) -> Vec<Found> {
    let (values, steps) = to_shorts(rows, dimension);
    exact_scan(
        Shorts::new(&values, &steps, dimension).unwrap(),
        query,
        count,
    )
}
