//! Pooling: the largest value in each window, and the mean of a whole map.

use super::layout::BLOCK;
use super::vector::Vector;

/// A row of windows over one block of channels.
pub struct Windows<'a> {
    /// The first cell of each row that the windows cover; windows begin at the column −`left`.
    pub rows: &'a [*const f32],
    /// Columns of the input.
    pub columns: usize,
    /// Columns that the first window begins before the map.
    pub left: usize,
    /// Columns of a window.
    pub kernel: usize,
    /// Columns from a window to the next.
    pub stride: usize,
    /// The first cell of the output.
    pub output: *mut f32,
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
                for &row in windows.rows {
                    for x in first..end {
                        largest = largest.at_least(V::load(row.add(x * BLOCK + lane)));
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
pub unsafe fn add_up<V: Vector>(cells: *const f32, count: usize, sums: *mut f32) {
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

/// Multiplies `cells` cells of one block of channels by sixteen factors.
///
/// # Safety
/// The machine has `V`'s instructions; the cells and factors can be read, the output written.
#[inline(always)]
pub unsafe fn scale<V: Vector>(cells: *const f32, count: usize, by: *const f32, output: *mut f32) {
    let mut lane = 0;
    while lane < BLOCK {
        // SAFETY: the caller vouches for all three.
        unsafe {
            let factor = V::load(by.add(lane));
            for cell in 0..count {
                let at = cell * BLOCK + lane;
                V::load(cells.add(at)).times(factor).store(output.add(at));
            }
        }
        lane += V::LANES;
    }
}
