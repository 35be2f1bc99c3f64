//! The kernel that nearly all the time goes into: a few pixels by a few channels of a convolution,
//! all sums in registers (an implicit matrix product), with bias, residual and activation at the
//! end. Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.

#![allow(
    clippy::needless_range_loop,
    reason = "sums stay in registers where both their indexes are plain numbers"
)]

use super::epilogue::{Finish, finish};
use super::floats::Floats;
use super::vector::BLOCK;
use super::vector::Vector;

/// Inputs that follow each other: `length` floats, `offset` from a window's first cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Floats from the window's first cell.
    pub offset: usize,
    /// Floats.
    pub length: usize,
}

/// A few pixels by a few blocks of channels. The pixels are two runs of equal length, of one row or
/// of two; where their number is odd, the second run is the longer one.
pub struct Tile<'a> {
    /// What is summed over, in each pixel's window.
    pub chunks: &'a [Chunk],
    /// The first pixel's window.
    pub input: Floats,
    /// Floats from a pixel's window to the next one's.
    pub step: usize,
    /// Where the second run of pixels begins.
    pub second: Second,
    /// `[sum over chunks][16]` for each block of output channels.
    pub weights: Floats,
    /// Floats from a block's weights to the next one's.
    pub weights_block: usize,
    /// `[blocks][16]`.
    pub bias: Floats,
    /// The first pixel of the output; the others of its run follow it, [`BLOCK`] floats apart.
    pub output: Floats,
    /// Floats from a block of the output to the next.
    pub output_block: usize,
    /// What is added before the activation: the first pixel, or nowhere for nothing.
    pub residual: Floats,
    /// Floats from a block of the residual to the next.
    pub residual_block: usize,
    /// The activation.
    pub finish: Finish,
    /// Weights that will be wanted soon, fetched into the second cache meanwhile: the hardware's
    /// own prefetching would begin with them only when they are read.
    pub ahead: *const f32,
    /// Floats that `ahead` moves on with every input: few, so that fetching never has to wait for
    /// fetches before it.
    pub ahead_step: usize,
}

/// Where the second run of a tile's pixels begins, in floats from the first pixel.
#[derive(Clone, Copy)]
pub struct Second {
    /// In the input.
    pub input: usize,
    /// In the output.
    pub output: usize,
    /// In the residual.
    pub residual: usize,
}

impl Second {
    /// For `pixels` of one row whose windows are `step` floats apart.
    pub const fn in_row(pixels: usize, step: usize) -> Self {
        let half = pixels / 2;
        Self {
            input: half * step,
            output: half * BLOCK,
            residual: half * BLOCK,
        }
    }
}

/// Inputs that the inner loop takes at a time.
const UNROLL: usize = 4;

/// Repeats the body for every row, written out: the compiler unrolls short loops only, and sums that
/// are reached through a loop's counter are kept in memory instead of registers.
macro_rules! each_row {
    ($rows:ident, |$row:ident| $body:block) => {
        each_row!($rows, |$row| $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($rows:ident, |$row:ident| $body:block, $($number:literal)+) => {
        const { assert!($rows <= [$($number),+].len()) }
        $(if $number < $rows {
            #[allow(non_upper_case_globals, reason = "it stands for a loop's counter")]
            const $row: usize = $number;
            $body
        })+
    };
}

/// Where vector number `vector` of a pixel's lies.
#[inline(always)]
const fn place<V: Vector>(vector: usize, block: usize) -> usize {
    let lane = vector * V::LANES;
    lane / BLOCK * block + lane % BLOCK
}

/// Where pixel number `row` lies, the second run beginning at `second`.
#[inline(always)]
const fn pixel<const ROWS: usize>(row: usize, second: usize) -> usize {
    if row < ROWS / 2 {
        row * BLOCK
    } else {
        second + (row - ROWS / 2) * BLOCK
    }
}

/// Computes `ROWS` pixels by `VECTORS` registers of channels. `STEP` is the tile's step where it
/// is known beforehand, which saves a register for every pixel, or 0.
///
/// # Safety
/// The machine has `V`'s instructions. The chunks of `ROWS` pixels can be read, with the weights
/// and biases of so many channels; `ROWS` pixels can be written (and their residuals read), so many
/// channels of each, and no one else reads or writes them meanwhile.
#[inline(always)]
pub unsafe fn compute<V: Vector, const STEP: usize, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile,
) {
    // SAFETY: all that is read and written is what the caller vouches for.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for vector in 0..VECTORS {
            let bias = V::load(tile.bias.add(place::<V>(vector, BLOCK)));
            each_row!(ROWS, |row| {
                sums[row][vector] = bias;
            });
        }
        let step = if STEP == 0 { tile.step } else { STEP };
        let mut weights = tile.weights;
        let mut ahead = tile.ahead;
        let second = tile.second.input;
        for chunk in tile.chunks {
            let mut input = tile.input.add(chunk.offset);
            for _ in 0..chunk.length / UNROLL {
                for at in 0..UNROLL {
                    V::prefetch(ahead);
                    ahead = ahead.wrapping_add(tile.ahead_step);
                    let weights = weights.add(at * BLOCK);
                    let inputs = [input.add(at), input.add(second + at)];
                    add_products(&mut sums, inputs, step, weights, tile.weights_block);
                }
                input = input.add(UNROLL);
                weights = weights.add(UNROLL * BLOCK);
            }
            for _ in 0..chunk.length % UNROLL {
                let inputs = [input, input.add(second)];
                add_products(&mut sums, inputs, step, weights, tile.weights_block);
                input = input.add(1);
                weights = weights.add(BLOCK);
            }
        }
        write(&mut sums, tile);
    }
}

/// Adds the products of one input of every pixel with its weights.
///
/// # Safety
/// As [`compute`].
#[inline(always)]
unsafe fn add_products<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]; ROWS],
    [first, second]: [Floats; 2],
    step: usize,
    weights: Floats,
    weights_block: usize,
) {
    // SAFETY: the caller vouches for this input of each pixel and for its weights.
    unsafe {
        let mut factors = [V::splat(0.0); VECTORS];
        for (vector, factor) in factors.iter_mut().enumerate() {
            *factor = V::load(weights.add(place::<V>(vector, weights_block)));
        }
        each_row!(ROWS, |row| {
            let input = if row < ROWS / 2 {
                first.add(row * step)
            } else {
                second.add((row - ROWS / 2) * step)
            };
            let input = V::splat(input.read());
            for vector in 0..VECTORS {
                sums[row][vector] = sums[row][vector].plus_product(input, factors[vector]);
            }
        });
    }
}

/// Adds the residual, applies the activation and writes.
///
/// # Safety
/// As [`compute`].
#[inline(always)]
unsafe fn write<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]; ROWS],
    tile: &Tile,
) {
    // SAFETY: the caller vouches for the outputs and residuals of `ROWS` pixels.
    unsafe {
        if !tile.residual.is_nowhere() {
            for vector in 0..VECTORS {
                let residual = tile.residual.add(place::<V>(vector, tile.residual_block));
                each_row!(ROWS, |row| {
                    let added = V::load(residual.add(pixel::<ROWS>(row, tile.second.residual)));
                    sums[row][vector] = sums[row][vector].plus(added);
                });
            }
        }
        let (low, high) = tile.finish.clamp();
        let (low, high) = (V::splat(low), V::splat(high));
        for vector in 0..VECTORS {
            let output = tile.output.add(place::<V>(vector, tile.output_block));
            each_row!(ROWS, |row| {
                let sum = sums[row][vector].at_least(low).at_most(high);
                sum.store(output.add(pixel::<ROWS>(row, tile.second.output)));
            });
        }
        if !tile.finish.is_clamp() {
            for vector in 0..VECTORS {
                let output = tile.output.add(place::<V>(vector, tile.output_block));
                for row in 0..ROWS {
                    let output = output.add(pixel::<ROWS>(row, tile.second.output));
                    finish(V::load(output), &tile.finish).store(output);
                }
            }
        }
    }
}
