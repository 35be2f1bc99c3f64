//! Winograd's transforms of 3×3 convolutions: in the transformed domain a tile of outputs costs
//! one product per value, 36 for 4×4 outputs instead of 144.
//!
//! Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, whose matrices these
//! are. Both kernels work on one tile and one block of channels.

#![allow(
    clippy::needless_range_loop,
    reason = "values stay in registers where their indexes are plain numbers"
)]

use super::epilogue::{Finish, finish};
use super::floats::Floats;
use super::vector::BLOCK;
use super::vector::Vector;

/// Side of a tile of outputs.
pub const CELLS: usize = 4;
/// Side of a tile of inputs.
pub const SIDE: usize = CELLS + 2;

/// A tile of the input on its way into the transformed domain.
pub struct Gathered {
    /// The first cell; 36 are read.
    pub input: Floats,
    /// Floats from a row to the next.
    pub row: usize,
    /// The first of 36 transformed values, sixteen channels each.
    pub output: Floats,
    /// Floats from a transformed value to the next.
    pub step: usize,
}

/// A tile of the output on its way back.
pub struct Scattered {
    /// The first of 36 transformed values.
    pub input: Floats,
    /// Floats from a transformed value to the next.
    pub step: usize,
    /// Sixteen biases.
    pub bias: Floats,
    /// The first cell; 4×4 are written.
    pub output: Floats,
    /// Floats from a row of the output to the next.
    pub row: usize,
    /// The first cell of the residual and the floats from a row to the next.
    pub residual: Option<(Floats, usize)>,
    /// The activation.
    pub finish: Finish,
}

/// Bᵀ·d.
#[inline(always)]
fn to_values<V: Vector>(d: [V; 6], constants: &Constants<V>) -> [V; 6] {
    let Constants {
        two, four, five, ..
    } = *constants;
    let even = d[4].minus_product(four, d[2]);
    let odd = d[3].minus_product(four, d[1]);
    let far = d[4].minus(d[2]);
    let twice = d[3].minus(d[1]).times(two);
    [
        d[4].minus_product(five, d[2]).plus_product(four, d[0]),
        even.plus(odd),
        even.minus(odd),
        far.plus(twice),
        far.minus(twice),
        d[5].minus_product(five, d[3]).plus_product(four, d[1]),
    ]
}

/// Aᵀ·m.
#[inline(always)]
fn to_cells<V: Vector>(m: [V; 6], constants: &Constants<V>) -> [V; 4] {
    let Constants {
        two, four, eight, ..
    } = *constants;
    let (near, near_odd) = (m[1].plus(m[2]), m[1].minus(m[2]));
    let (far, far_odd) = (m[3].plus(m[4]), m[3].minus(m[4]));
    [
        m[0].plus(near).plus(far),
        near_odd.plus_product(two, far_odd),
        near.plus_product(four, far),
        near_odd.plus_product(eight, far_odd).plus(m[5]),
    ]
}

/// The numbers in the matrices.
struct Constants<V> {
    two: V,
    four: V,
    five: V,
    eight: V,
}

impl<V: Vector> Constants<V> {
    /// # Safety
    /// The machine has the instructions.
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            Self {
                two: V::splat(2.0),
                four: V::splat(4.0),
                five: V::splat(5.0),
                eight: V::splat(8.0),
            }
        }
    }
}

/// `BᵀdB` of every channel.
///
/// # Safety
/// The machine has `V`'s instructions; the tile's input can be read and its output written.
#[inline(always)]
pub unsafe fn gather<V: Vector>(tile: &Gathered) {
    // SAFETY: what is read and written is what the caller vouches for.
    unsafe {
        let constants = Constants::<V>::new();
        let mut lane = 0;
        while lane < BLOCK {
            let mut half = [[V::splat(0.0); SIDE]; SIDE];
            for column in 0..SIDE {
                let mut cells = [V::splat(0.0); SIDE];
                for row in 0..SIDE {
                    let cell = row * tile.row + column * BLOCK + lane;
                    cells[row] = V::load(tile.input.add(cell));
                }
                let transformed = to_values(cells, &constants);
                for row in 0..SIDE {
                    half[row][column] = transformed[row];
                }
            }
            for row in 0..SIDE {
                let transformed = to_values(half[row], &constants);
                for column in 0..SIDE {
                    let value = (row * SIDE + column) * tile.step + lane;
                    transformed[column].store(tile.output.add(value));
                }
            }
            lane += V::LANES;
        }
    }
}

/// `AᵀmA` of every channel, with bias, residual and activation.
///
/// # Safety
/// The machine has `V`'s instructions; the tile's input and residual can be read, its
/// output written.
#[inline(always)]
pub unsafe fn scatter<V: Vector>(tile: &Scattered) {
    // SAFETY: what is read and written is what the caller vouches for.
    unsafe {
        let constants = Constants::<V>::new();
        let (low, high) = tile.finish.clamp();
        let (low, high) = (V::splat(low), V::splat(high));
        let mut lane = 0;
        while lane < BLOCK {
            let bias = V::load(tile.bias.add(lane));
            let mut half = [[V::splat(0.0); SIDE]; CELLS];
            for column in 0..SIDE {
                let mut values = [V::splat(0.0); SIDE];
                for row in 0..SIDE {
                    let value = (row * SIDE + column) * tile.step + lane;
                    values[row] = V::load(tile.input.add(value));
                }
                let transformed = to_cells(values, &constants);
                for row in 0..CELLS {
                    half[row][column] = transformed[row];
                }
            }
            for row in 0..CELLS {
                let transformed = to_cells(half[row], &constants);
                for column in 0..CELLS {
                    let mut value = transformed[column].plus(bias);
                    if let Some((residual, stride)) = tile.residual {
                        let cell = row * stride + column * BLOCK + lane;
                        value = value.plus(V::load(residual.add(cell)));
                    }
                    let cell = row * tile.row + column * BLOCK + lane;
                    let value = value.at_least(low).at_most(high);
                    value.store(tile.output.add(cell));
                }
            }
            lane += V::LANES;
        }
        if !tile.finish.is_clamp() {
            activate_tile::<V>(tile);
        }
    }
}

/// Applies an activation that is more than a clamp to a tile that has been written.
///
/// # Safety
/// The machine has `V`'s instructions; the tile's output can be read and written.
#[inline(always)]
unsafe fn activate_tile<V: Vector>(tile: &Scattered) {
    for row in 0..CELLS {
        for at in (0..CELLS * BLOCK).step_by(V::LANES) {
            // SAFETY: the caller's promise.
            unsafe {
                let output = tile.output.add(row * tile.row + at);
                finish(V::load(output), &tile.finish).store(output);
            }
        }
    }
}
