//! The principal directions of rows, by subspace iteration.
//!
//! Halko, Martinsson & Tropp, "Finding structure with randomness", 2011, algorithm 4.4, on the rows'
//! second moment: it is computed once, and each turn is a product with it.

use rayon::prelude::*;

use crate::kernels::products::Products;

/// Turns of the iteration: the last axes need not be exact, only hold nearly as much as they could.
const TURNS: usize = 6;
/// Directions carried along besides those asked for, which speeds the last ones up.
const BESIDES: usize = 16;
/// Rows transposed at once.
const BLOCK: usize = 512;
/// Rows of a product computed by one thread at a time.
const STRIP: usize = 32;

/// `count` orthonormal directions `[count, dimension]` that hold most of the rows' squared lengths,
/// the largest first. `count` is at most `dimension`.
pub fn directions(rows: &[f32], dimension: usize, count: usize) -> Vec<f32> {
    let moment = moment(rows, dimension);
    let wide = (count + BESIDES).min(dimension);
    let mut random = fastrand::Rng::with_seed(1);
    let mut found: Vec<f32> = (0..wide * dimension).map(|_| random.f32() - 0.5).collect();
    orthonormalize(&mut found, dimension);
    for _ in 0..TURNS {
        found = product(&found, &moment, dimension);
        orthonormalize(&mut found, dimension);
    }
    // Within the subspace, the axes are those of the small moment Q C Qᵀ.
    let images = product(&found, &moment, dimension);
    let small = product(&images, &found, dimension);
    let turned = eigenvectors(&small, wide);
    let transposed = transposed(&found, wide, dimension);
    product(&turned[..count * wide], &transposed, wide)
}

/// Each row of `a` times each row of `b`: `[rows of a, rows of b]`.
pub(super) fn product(a: &[f32], b: &[f32], dimension: usize) -> Vec<f32> {
    let width = b.len() / dimension;
    let mut into = vec![0.0; a.len() / dimension * width];
    let products = Products::best();
    let strips = into.par_chunks_mut(STRIP * width);
    strips
        .zip(a.par_chunks(STRIP * dimension))
        .for_each(|(into, a)| {
            products.many_floats(a, b, dimension, into);
        });
    into
}

/// The mean of x xᵀ over the rows, `[dimension, dimension]`.
fn moment(rows: &[f32], dimension: usize) -> Vec<f32> {
    let mut sum = vec![0.0; dimension * dimension];
    let products = Products::best();
    for block in rows.chunks(BLOCK * dimension) {
        let count = block.len() / dimension;
        let columns = transposed(block, count, dimension);
        let strips = sum.par_chunks_mut(STRIP * dimension);
        strips.enumerate().for_each(|(strip, into)| {
            let start = strip * STRIP;
            let own = &columns[start * count..(start * count + into.len() / dimension * count)];
            // Only from the diagonal on; below it, the sum is the same mirrored.
            let width = dimension - start;
            let mut part = vec![0.0; own.len() / count * width];
            products.many_floats(own, &columns[start * count..], count, &mut part);
            for (into, part) in into.chunks_mut(dimension).zip(part.chunks(width)) {
                for (into, part) in into[start..].iter_mut().zip(part) {
                    *into += part;
                }
            }
        });
    }
    let scale = 1.0 / (rows.len() / dimension).max(1) as f32;
    for row in 0..dimension {
        for column in row..dimension {
            let value = sum[row * dimension + column] * scale;
            sum[row * dimension + column] = value;
            sum[column * dimension + row] = value;
        }
    }
    sum
}

fn transposed(rows: &[f32], count: usize, dimension: usize) -> Vec<f32> {
    let mut columns = vec![0.0; rows.len()];
    columns
        .par_chunks_mut(count * STRIP)
        .enumerate()
        .for_each(|(strip, columns)| {
            for (row, values) in rows.chunks(dimension).enumerate() {
                let values = &values[strip * STRIP..];
                for (column, value) in columns.chunks_mut(count).zip(values) {
                    column[row] = *value;
                }
            }
        });
    columns
}

/// Gram–Schmidt, twice over, since once leaves what rounding put back. Rows that depend on others
/// become zero.
fn orthonormalize(rows: &mut [f32], dimension: usize) {
    let products = Products::best();
    for at in 0..rows.len() / dimension {
        let (before, from) = rows.split_at_mut(at * dimension);
        let row = &mut from[..dimension];
        let length = products.floats(row, row).sqrt();
        for _ in 0..2 {
            for other in before.chunks(dimension) {
                let along = products.floats(row, other);
                for (value, other) in row.iter_mut().zip(other) {
                    *value -= along * other;
                }
            }
        }
        let left = products.floats(row, row).sqrt();
        let scale = if left > 1e-6 * length {
            1.0 / left
        } else {
            0.0
        };
        for value in row {
            *value *= scale;
        }
    }
}

/// The eigenvectors of a symmetric matrix as rows, that of the largest eigenvalue first: Jacobi's
/// method, in f64.
fn eigenvectors(matrix: &[f32], size: usize) -> Vec<f32> {
    const SWEEPS: usize = 12;
    let mut a: Vec<f64> = matrix.iter().map(|value| f64::from(*value)).collect();
    let mut vectors = vec![0.0; size * size];
    for i in 0..size {
        vectors[i * size + i] = 1.0;
        for j in 0..i {
            let mean = f64::midpoint(a[i * size + j], a[j * size + i]);
            (a[i * size + j], a[j * size + i]) = (mean, mean);
        }
    }
    let whole: f64 = a.iter().map(|value| value * value).sum();
    for _ in 0..SWEEPS {
        let mut off = 0.0;
        for p in 0..size {
            for q in p + 1..size {
                off += a[p * size + q] * a[p * size + q];
                rotate(&mut a, &mut vectors, size, p, q);
            }
        }
        if off <= 1e-14 * whole {
            break;
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&i, &j| a[j * size + j].total_cmp(&a[i * size + i]));
    let rows = order
        .iter()
        .flat_map(|&i| &vectors[i * size..(i + 1) * size]);
    rows.map(|value| *value as f32).collect()
}

/// Turns rows and columns p and q so that what they share is 0.
fn rotate(a: &mut [f64], vectors: &mut [f64], size: usize, p: usize, q: usize) {
    let shared = a[p * size + q];
    let (pp, qq) = (a[p * size + p], a[q * size + q]);
    if shared * shared <= 1e-18 * (pp * qq).abs() || shared == 0.0 {
        return;
    }
    let theta = (qq - pp) / (2.0 * shared);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turned = |x: f64, y: f64| (cosine * x - sine * y, sine * x + cosine * y);
    let turn = |values: &mut [f64]| {
        let (before, from) = values.split_at_mut(q * size);
        let (p_row, q_row) = (&mut before[p * size..(p + 1) * size], &mut from[..size]);
        for (x, y) in p_row.iter_mut().zip(q_row) {
            (*x, *y) = turned(*x, *y);
        }
    };
    turn(a);
    for row in a.chunks_mut(size) {
        (row[p], row[q]) = turned(row[p], row[q]);
    }
    turn(vectors);
}
