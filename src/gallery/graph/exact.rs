//! Exact search: every row is compared.

use rayon::prelude::*;

use super::search::{Found, sort};
use super::shorts::Shorts;
use crate::kernels::products::Products;

/// Rows that one thread takes at a time, and queries that are compared with them at once.
const BLOCK: usize = 256;
const QUERIES: usize = 64;

/// The products of the rows from `start` on with `queries`: `[BLOCK or fewer, queries]`.
fn dots_of_block(rows: Shorts<'_>, start: usize, queries: &[f32]) -> Vec<f32> {
    let (products, dimension) = (Products::best(), rows.dimension());
    let end = (start + BLOCK).min(rows.len());
    let across = queries.len() / dimension;
    let mut dots = vec![0.0; (end - start) * across];
    if across == 1 {
        for (dot, row) in dots.iter_mut().zip(start..end) {
            *dot = products.shorts(rows.row(row), queries);
        }
    } else {
        let values = &rows.values()[start * dimension..end * dimension];
        products.many_shorts(values, queries, dimension, &mut dots);
    }
    for (dots, step) in dots.chunks_mut(across).zip(&rows.steps()[start..end]) {
        for dot in dots {
            *dot *= step;
        }
    }
    dots
}

/// The `k` nearest of `rows` to one query, the nearest first, of equals the lower row. None if the
/// query is of another dimension.
#[must_use]
pub fn exact_scan(rows: Shorts<'_>, query: &[f32], k: usize) -> Vec<Found> {
    if query.len() != rows.dimension() {
        return Vec::new();
    }
    exact_scan_many(rows, query, k).pop().unwrap_or_default()
}

/// As [`exact_scan`] for each of `queries`, `[queries, dimension]`: many at once cost a fraction.
#[must_use]
pub fn exact_scan_many(rows: Shorts<'_>, queries: &[f32], k: usize) -> Vec<Vec<Found>> {
    let dimension = rows.dimension().max(1);
    let whole = queries.len() / dimension * dimension;
    let groups = queries[..whole].chunks(QUERIES * dimension);
    groups
        .flat_map(|queries| scan_group(rows, queries, k))
        .collect()
}

fn scan_group(rows: Shorts<'_>, queries: &[f32], k: usize) -> Vec<Vec<Found>> {
    let count = queries.len() / rows.dimension().max(1);
    let blocks = (0..rows.len().div_ceil(BLOCK)).into_par_iter();
    let none = || vec![Vec::new(); count];
    let best = blocks.fold(none, |mut best: Vec<Vec<Found>>, block| {
        let start = block * BLOCK;
        let dots = dots_of_block(rows, start, queries);
        for (query, best) in best.iter_mut().enumerate() {
            let dots = dots.iter().skip(query).step_by(count);
            // Lists are cut only when they have grown to twice what is kept.
            let least = best
                .get(k.saturating_sub(1))
                .map_or(f32::NEG_INFINITY, |f| f.similarity);
            let found = dots.enumerate().map(|(row, &similarity)| Found {
                row: (start + row) as u32,
                similarity,
            });
            best.extend(found.filter(|found| found.similarity >= least));
            sort(best, k);
        }
        best
    });
    best.reduce(none, |mut a, b| {
        for (a, b) in a.iter_mut().zip(b) {
            a.extend(b);
            sort(a, k);
        }
        a
    })
}
