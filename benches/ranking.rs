//! How long the exact ranking of a labelled set takes: every photo a query against all others.
//!
//!     cargo bench --bench ranking [-- PHOTOS DIMENSION]
//!
//! `benches/ranking.py` does the same with NumPy, as people do it today.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints what it measures, and stops where it cannot measure"
)]

use std::hint::black_box;
use std::time::Instant;

use imgsearch::descriptor::{Matrix, Vectors, normalize_in_place};
use imgsearch::eval::bootstrap::Bootstrap;
use imgsearch::eval::ground_truth::{GroundTruth, Item, Query};
use imgsearch::eval::metrics::Metric;
use imgsearch::eval::ranking::{Weighted, outcomes};

/// Photos of each group.
const GROUP: u32 = 20;
const ROUNDS: usize = 5;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok());
    let photos: u32 = arguments.next().unwrap_or(10_000);
    let dimension = arguments.next().unwrap_or(1280) as usize;
    let (truth, matrix) = (truth(photos), vectors(photos as usize, dimension));
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| rank(&truth, matrix.as_vectors()))
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{photos} photos × {dimension}: ranked in {:.2} s (median of {ROUNDS})",
        seconds[ROUNDS / 2]
    );
    let begun = Instant::now();
    let values: Vec<f64> = (0..photos).map(f64::from).collect();
    black_box(Bootstrap::new(values.len(), 0).estimate(&values));
    println!(
        "one bootstrap interval: {:.2} s",
        begun.elapsed().as_secs_f64()
    );
}

fn rank(truth: &GroundTruth, vectors: Vectors<'_>) -> f64 {
    let begun = Instant::now();
    let weighted = Weighted {
        parts: vec![vectors],
        weights: vec![1.0],
    };
    let found = outcomes(truth, &weighted);
    let quality: f64 = found
        .iter()
        .map(|one| Metric::MeanAveragePrecision.of(one))
        .sum();
    black_box(quality);
    begun.elapsed().as_secs_f64()
}

fn truth(photos: u32) -> GroundTruth {
    let item = |index: u32| Item {
        path: format!("{index}.jpg").into(),
        region: None,
        in_gallery: true,
        group: Some(index / GROUP),
    };
    let query = |index: u32| {
        let first = index / GROUP * GROUP;
        Query {
            item: index,
            relevant: (first..(first + GROUP).min(photos)).collect(),
            ignored: vec![index],
            group: index / GROUP,
        }
    };
    GroundTruth {
        items: (0..photos).map(item).collect(),
        queries: (0..photos).map(query).collect(),
        ..GroundTruth::default()
    }
}

fn vectors(rows: usize, dimension: usize) -> Matrix {
    let mut random = fastrand::Rng::with_seed(1);
    let mut matrix = Matrix::zeros(rows, dimension).unwrap();
    for row in matrix.rows_mut() {
        row.fill_with(|| random.f32());
        normalize_in_place(row).expect("random numbers are not all zero");
    }
    matrix
}
