//! The largest value of each window of a row, and sums of cells.

use super::floats::Floats;
use super::vector::{BLOCK, Vector};

/// A row of windows over one block of channels.
pub struct Windows {
    /// The first cell of the first row that the windows cover; windows begin at the column −`left`.
    pub first: Floats,
    /// Rows that they cover.
    pub rows: usize,
    /// Floats from a row to the next.
    pub row: usize,
    /// Columns of the input.
    pub columns: usize,
    /// Columns that the first window begins before the map.
    pub left: usize,
    /// Columns of a window.
    pub kernel: usize,
    /// Columns from a window to the next.
    pub stride: usize,
    /// The first cell of the output.
    pub output: Floats,
    /// Windows.
    pub width: usize,
}

/// The largest value in each window; cells outside the map do not count.
///
/// # Safety
/// The machine has `V`'s instructions; the rows' columns can be read and `width` cells written.
#[inline(always)]
pub unsafe fn largest<V: Vector>(windows: &Windows) {
    for column in 0..windows.width {
        let start = column * windows.stride;
        let first = start.saturating_sub(windows.left);
        let end = (start + windows.kernel - windows.left.min(start + windows.kernel))
            .min(windows.columns);
        let mut lane = 0;
        while lane < BLOCK {
            // SAFETY: the columns lie within the map, and `column` within the output.
            unsafe {
                let mut largest = V::splat(f32::NEG_INFINITY);
                for row in 0..windows.rows {
                    let row = windows.first.add(row * windows.row + lane);
                    for x in first..end {
                        largest = largest.at_least(V::load(row.add(x * BLOCK)));
                    }
                }
                largest.store(windows.output.add(column * BLOCK + lane));
            }
            lane += V::LANES;
        }
    }
}

/// The sum of `cells` cells that follow each other, of one block of channels, added to `sums`.
///
/// # Safety
/// The machine has `V`'s instructions; the cells can be read, and sixteen sums written.
#[inline(always)]
pub unsafe fn add_up<V: Vector>(cells: Floats, count: usize, sums: Floats) {
    let mut lane = 0;
    while lane < BLOCK {
        // SAFETY: the caller vouches for the cells and the sums.
        unsafe {
            let mut sum = V::load(sums.add(lane));
            for cell in 0..count {
                sum = sum.plus(V::load(cells.add(cell * BLOCK + lane)));
            }
            sum.store(sums.add(lane));
        }
        lane += V::LANES;
    }
}
