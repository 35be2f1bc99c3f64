//! Cells made from the same cells: scaled, shifted and activated, or normalized over their channels.

use super::epilogue::{Finish, finish};
use super::floats::Floats;
use super::vector::BLOCK;
use super::vector::Vector;

/// Cells that follow each other, in each of some blocks of channels.
#[derive(Clone, Copy)]
pub struct Cells {
    /// The first cell of the first block.
    pub first: Floats,
    /// Floats from a block to the next.
    pub block: usize,
}

/// Cells of one block of channels, to be scaled, shifted and activated.
pub struct Affine {
    /// The first cell.
    pub cells: Floats,
    /// How many.
    pub count: usize,
    /// Sixteen factors.
    pub scale: Floats,
    /// Sixteen numbers to add.
    pub shift: Floats,
    /// The activation.
    pub finish: Finish,
    /// Where the first one goes.
    pub output: Floats,
}

/// Cells of all channels, each to be brought to mean 0 and variance 1, then scaled and shifted.
pub struct Normalized {
    /// The cells.
    pub cells: Cells,
    /// How many.
    pub count: usize,
    /// Channels.
    pub channels: usize,
    /// `[channels]`, zeros behind.
    pub scale: Floats,
    /// `[channels]`, zeros behind.
    pub shift: Floats,
    /// Added to the variance.
    pub epsilon: f32,
    /// Where they go.
    pub output: Cells,
}

/// Scales, shifts and activates cells.
///
/// # Safety
/// The machine has `V`'s instructions; the cells and sixteen factors and shifts can be read, the
/// output written.
#[inline(always)]
pub unsafe fn affine<V: Vector>(affine: &Affine) {
    let (low, high) = affine.finish.clamp();
    // SAFETY: the caller vouches for all that is read and written.
    unsafe {
        let (low, high) = (V::splat(low), V::splat(high));
        let mut lane = 0;
        while lane < BLOCK {
            let scale = V::load(affine.scale.add(lane));
            let shift = V::load(affine.shift.add(lane));
            for cell in 0..affine.count {
                let at = cell * BLOCK + lane;
                let x = shift.plus_product(V::load(affine.cells.add(at)), scale);
                x.at_least(low).at_most(high).store(affine.output.add(at));
            }
            lane += V::LANES;
        }
        if !affine.finish.is_clamp() {
            for at in (0..affine.count * BLOCK).step_by(V::LANES) {
                let output = affine.output.add(at);
                finish(V::load(output), &affine.finish).store(output);
            }
        }
    }
}

/// Normalizes cells over their channels.
///
/// # Safety
/// The machine has `V`'s instructions; the cells can be read, the output written, and whole blocks
/// of factors and shifts read.
#[inline(always)]
pub unsafe fn normalize<V: Vector>(normalized: &Normalized) {
    // Several at a time, since each sum has to wait for the one before it.
    const TOGETHER: usize = 4;
    let mut cell = 0;
    // SAFETY: the caller's promise, for these cells.
    unsafe {
        while cell + TOGETHER <= normalized.count {
            normalize_cells::<V, TOGETHER>(normalized, cell);
            cell += TOGETHER;
        }
        while cell < normalized.count {
            normalize_cells::<V, 1>(normalized, cell);
            cell += 1;
        }
    }
}

/// # Safety
/// As [`normalize`], for `CELLS` cells from `cell` on.
#[inline(always)]
unsafe fn normalize_cells<V: Vector, const CELLS: usize>(normalized: &Normalized, cell: usize) {
    let Normalized {
        cells,
        channels,
        scale,
        shift,
        epsilon,
        output,
        ..
    } = *normalized;
    let blocks = channels.div_ceil(BLOCK);
    let share = 1.0 / channels as f32;
    // What fills up the last block does not count, whatever it is.
    let mut counts = [[1.0f32; BLOCK]; 2];
    counts[1][channels - (blocks - 1) * BLOCK..].fill(0.0);
    // SAFETY: the caller's promise.
    unsafe {
        let input = cells.first.add(cell * BLOCK);
        let mut sums = [V::splat(0.0); CELLS];
        for block in 0..blocks {
            let counted = &counts[usize::from(block + 1 == blocks)];
            for lane in (0..BLOCK).step_by(V::LANES) {
                let counted = V::load(Floats::of(counted).add(lane));
                for (index, sum) in sums.iter_mut().enumerate() {
                    let x = V::load(input.add(block * cells.block + index * BLOCK + lane));
                    *sum = sum.plus_product(x, counted);
                }
            }
        }
        let means = sums.map(|sum| V::splat(total(sum) * share));
        let mut squares = [V::splat(0.0); CELLS];
        for block in 0..blocks {
            let counted = &counts[usize::from(block + 1 == blocks)];
            for lane in (0..BLOCK).step_by(V::LANES) {
                let counted = V::load(Floats::of(counted).add(lane));
                for (index, sum) in squares.iter_mut().enumerate() {
                    let x = V::load(input.add(block * cells.block + index * BLOCK + lane));
                    let x = x.minus(means[index]).times(counted);
                    *sum = sum.plus_product(x, x);
                }
            }
        }
        let factors = squares.map(|sum| V::splat(1.0 / (total(sum) * share + epsilon).sqrt()));
        let output_first = output.first.add(cell * BLOCK);
        for block in 0..blocks {
            for lane in (0..BLOCK).step_by(V::LANES) {
                let scale = V::load(scale.add(block * BLOCK + lane));
                let shift = V::load(shift.add(block * BLOCK + lane));
                for index in 0..CELLS {
                    let at = index * BLOCK + lane;
                    let x = V::load(input.add(block * cells.block + at));
                    let x = x.minus(means[index]).times(factors[index]);
                    let to = output_first.add(block * output.block + at);
                    shift.plus_product(x, scale).store(to);
                }
            }
        }
    }
}

/// The sum of all lanes.
///
/// # Safety
/// The machine has `V`'s instructions.
#[inline(always)]
unsafe fn total<V: Vector>(vector: V) -> f32 {
    let mut lanes = [0.0; BLOCK];
    // SAFETY: a vector has at most so many lanes.
    unsafe { vector.store(Floats::of_mut(&mut lanes)) };
    let mut width = V::LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}
