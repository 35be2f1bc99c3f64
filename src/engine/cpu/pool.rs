//! Pooling: the largest value in each window, and the mean of a whole map.

use std::ops::Range;

use super::elementwise::Affine;
use super::epilogue::Finish;
use super::kernels::Kernels;
use super::layout::BLOCK;
use super::map::Map;
use super::team::Member;
use super::vector::Vector;
use crate::network::Window;

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

/// The largest value in each window of a map.
///
/// # Safety
/// The machine has the kernels' instructions; the output has a cell for each window, and no one
/// uses the maps but the other members of the team.
pub unsafe fn max_pool(
    kernels: &Kernels,
    window: &Window,
    input: &Map,
    output: &Map,
    member: &Member,
) {
    let from = input.layout;
    let (top, rows) = window.place(from.height);
    let (left, width) = window.place(from.width);
    member.share(from.blocks() * rows, |job| {
        let (block, row) = (job / rows, job % rows);
        let first = (row * window.stride).saturating_sub(top);
        let end = (row * window.stride + window.kernel)
            .saturating_sub(top)
            .min(from.height);
        // SAFETY: the rows lie within the input; the row of the output is this member's.
        unsafe {
            let mut covered = [std::ptr::null(); 8];
            for (place, row) in covered.iter_mut().zip(first..end) {
                *place = input.cell(row, 0).add(block * from.block()).cast_const();
            }
            let windows = Windows {
                rows: &covered[..(end - first).min(8)],
                columns: from.width,
                left,
                kernel: window.kernel,
                stride: window.stride,
                output: output.cell(row, 0).add(block * output.layout.block()),
                width,
            };
            (kernels.largest)(&windows);
        }
    });
}

/// Which cells of a side are averaged.
#[derive(Clone, Copy)]
pub enum Means {
    /// So many at a time.
    Windows(usize),
    /// From ⌊i·size/cells⌋ to ⌈(i + 1)·size/cells⌉ for cell *i* of the output, as torch places them:
    /// all, where the output is one cell.
    Grid,
}

impl Means {
    const fn cells(self, index: usize, cells: usize, size: usize) -> Range<usize> {
        match self {
            Self::Windows(side) => index * side..(index + 1) * side,
            Self::Grid => index * size / cells..((index + 1) * size).div_ceil(cells),
        }
    }
}

/// The mean over the cells that belong to each cell of the output.
///
/// # Safety
/// As [`max_pool`].
pub unsafe fn average(kernels: &Kernels, means: Means, input: &Map, output: &Map, member: &Member) {
    static ZEROS: [f32; BLOCK] = [0.0; BLOCK];
    let (from, to) = (input.layout, output.layout);
    member.share(from.blocks() * to.height, |job| {
        let (block, row) = (job / to.height, job % to.height);
        let rows = means.cells(row, to.height, from.height);
        for column in 0..to.width {
            let columns = means.cells(column, to.width, from.width);
            let share = [1.0 / (rows.len() * columns.len()) as f32; BLOCK];
            // SAFETY: the block's row is this member's.
            unsafe {
                let sums = output.cell(row, column).add(block * to.block());
                sums.write_bytes(0, BLOCK);
                for row in rows.clone() {
                    let cells = input.cell(row, columns.start).add(block * from.block());
                    (kernels.add_up)(cells, columns.len(), sums);
                }
                (kernels.affine)(&Affine {
                    cells: sums,
                    count: 1,
                    scale: share.as_ptr(),
                    shift: ZEROS.as_ptr(),
                    finish: Finish::NOTHING,
                    output: sums,
                });
            }
        }
    });
}
