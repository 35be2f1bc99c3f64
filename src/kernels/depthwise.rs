//! Depthwise convolution of a few rows: every channel by itself.

use super::epilogue::{Finish, finish};
use super::floats::Floats;
use super::vector::BLOCK;
use super::vector::Vector;
use crate::network::Window;

/// A few rows of one block of channels.
pub struct Strip<'a> {
    /// The block's first float, at the window's first column.
    pub input: Floats,
    /// The offset of each row of the input, the first window's first row first.
    pub rows: &'a [usize],
    /// `[kernel · kernel][16]`.
    pub weights: Floats,
    /// Sixteen biases.
    pub bias: Floats,
    /// The first cell of the output.
    pub output: Floats,
    /// Floats from a row of the output to the next.
    pub output_row: usize,
    /// Rows of output.
    pub height: usize,
    /// Columns of output.
    pub width: usize,
    /// The activation.
    pub finish: Finish,
}

/// The windows that there are kernels for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kernel {
    /// 3×3, one cell on.
    ThreeByOne,
    /// 3×3, two cells on.
    ThreeByTwo,
    /// 5×5, one cell on.
    FiveByOne,
    /// 5×5, two cells on.
    FiveByTwo,
    /// 7×7, one cell on.
    SevenByOne,
    /// 7×7, two cells on.
    SevenByTwo,
}

impl Kernel {
    /// The one for a window, if there is one.
    pub const fn of(window: &Window) -> Option<Self> {
        match (window.kernel, window.stride) {
            (3, 1) => Some(Self::ThreeByOne),
            (3, 2) => Some(Self::ThreeByTwo),
            (5, 1) => Some(Self::FiveByOne),
            (5, 2) => Some(Self::FiveByTwo),
            (7, 1) => Some(Self::SevenByOne),
            (7, 2) => Some(Self::SevenByTwo),
            _ => None,
        }
    }
}

/// Columns computed together. Pictures of 224 pixels have maps 112, 56, 28, 14 and 7 wide.
const COLUMNS: usize = 7;

/// Convolves the strip.
///
/// # Safety
/// The machine has `V`'s instructions. The strip's `rows` are `(height − 1)·STRIDE + KERNEL`, and of
/// each `(width − 1)·STRIDE + KERNEL` cells can be read; its output can be written, and no one else
/// reads or writes it meanwhile.
#[inline(always)]
pub unsafe fn convolve<V: Vector, const KERNEL: usize, const STRIDE: usize>(strip: &Strip) {
    // SAFETY: every group of columns lies within the width, so the caller's promises cover it.
    unsafe {
        let mut lane = 0;
        while lane < BLOCK {
            for row in 0..strip.height {
                let rows = &strip.rows[row * STRIDE..row * STRIDE + KERNEL];
                let mut column = 0;
                while column + COLUMNS <= strip.width {
                    cells::<V, KERNEL, STRIDE, COLUMNS>(strip, rows, row, column, lane);
                    column += COLUMNS;
                }
                if column < strip.width && strip.width >= COLUMNS {
                    // The last group overlaps the one before it: the same values are written again.
                    column = strip.width - COLUMNS;
                    cells::<V, KERNEL, STRIDE, COLUMNS>(strip, rows, row, column, lane);
                    column = strip.width;
                }
                while column < strip.width {
                    cells::<V, KERNEL, STRIDE, 1>(strip, rows, row, column, lane);
                    column += 1;
                }
            }
            lane += V::LANES;
        }
    }
}

/// Convolves `COLUMNS` cells of a row, from `column` on.
///
/// # Safety
/// As [`convolve`], for those cells; `rows` are those of the cells' windows.
#[inline(always)]
unsafe fn cells<V: Vector, const KERNEL: usize, const STRIDE: usize, const COLUMNS: usize>(
    strip: &Strip,
    rows: &[usize],
    row: usize,
    column: usize,
    lane: usize,
) {
    // SAFETY: the caller vouches for what is read and written.
    unsafe {
        let mut sums = [V::load(strip.bias.add(lane)); COLUMNS];
        for (window_row, &start) in rows.iter().enumerate() {
            let start = start + column * STRIDE * BLOCK + lane;
            let input = strip.input.add(start);
            let mut weights = [V::splat(0.0); KERNEL];
            for (tap, weight) in weights.iter_mut().enumerate() {
                let tap = (window_row * KERNEL + tap) * BLOCK + lane;
                *weight = V::load(strip.weights.add(tap));
            }
            for cell in 0..(COLUMNS - 1) * STRIDE + KERNEL {
                let value = V::load(input.add(cell * BLOCK));
                for (output, sum) in sums.iter_mut().enumerate() {
                    if cell >= output * STRIDE && cell - output * STRIDE < KERNEL {
                        *sum = sum.plus_product(value, weights[cell - output * STRIDE]);
                    }
                }
            }
        }
        let (low, high) = strip.finish.clamp();
        let (low, high) = (V::splat(low), V::splat(high));
        let output = strip
            .output
            .add(row * strip.output_row + column * BLOCK + lane);
        for (cell, sum) in sums.into_iter().enumerate() {
            sum.at_least(low)
                .at_most(high)
                .store(output.add(cell * BLOCK));
        }
        if !strip.finish.is_clamp() {
            for cell in 0..COLUMNS {
                let output = output.add(cell * BLOCK);
                finish(V::load(output), &strip.finish).store(output);
            }
        }
    }
}
