//! Pooling: the largest value in each window, and the mean of a whole map.

use std::ops::Range;

use super::map::Operands;
use super::memory::Pictures;
use super::team::Member;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::{Affine, Finish, Kernels, Windows};
use crate::network::Window;

/// The largest value in each window of the pictures' maps.
///
/// # Safety
/// The machine has the kernels' instructions; [`bounds`](super::bounds) holds for the maps, and no
/// one uses them but the other members of the team.
pub unsafe fn max_pool(kernels: &Kernels, window: &Window, pictures: &Pictures, member: &Member) {
    for (Operands { input, output, .. }, _) in pictures.maps() {
        let from = input.layout;
        let (top, rows) = window.place(from.height);
        let (left, width) = window.place(from.width);
        member.share(from.blocks() * rows, |job| {
            let (block, row) = (job / rows, job % rows);
            let start = row * window.stride;
            let first = start.saturating_sub(top);
            let end = (start + window.kernel).saturating_sub(top).min(from.height);
            let windows = Windows {
                first: input.cell(block, first, 0),
                rows: end - first,
                row: from.row(),
                columns: from.width,
                left,
                kernel: window.kernel,
                stride: window.stride,
                output: output.cell(block, row, 0),
                width,
            };
            // SAFETY: the rows lie within the input, the row of the output within it: `bounds`; it
            // is this member's.
            unsafe { (kernels.largest)(&windows) };
        });
    }
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

/// The mean over the cells that belong to each cell of the output, of the pictures' maps.
///
/// # Safety
/// As [`max_pool`].
pub unsafe fn average(kernels: &Kernels, means: Means, pictures: &Pictures, member: &Member) {
    static ZEROS: [f32; BLOCK] = [0.0; BLOCK];
    for (Operands { input, output, .. }, _) in pictures.maps() {
        let (from, to) = (input.layout, output.layout);
        member.share(from.blocks() * to.height, |job| {
            let (block, row) = (job / to.height, job % to.height);
            let rows = means.cells(row, to.height, from.height);
            for column in 0..to.width {
                let columns = means.cells(column, to.width, from.width);
                let share = [1.0 / (rows.len() * columns.len()) as f32; BLOCK];
                let sums = output.cell(block, row, column);
                // SAFETY: the cells lie within the maps: `bounds`; the block's row is this member's.
                unsafe {
                    sums.fill_with_zeros(BLOCK);
                    for row in rows.clone() {
                        let cells = input.cell(block, row, columns.start);
                        (kernels.add_up)(cells, columns.len(), sums);
                    }
                    (kernels.affine)(&Affine {
                        cells: sums,
                        count: 1,
                        scale: Floats::of(&share),
                        shift: Floats::of(&ZEROS),
                        finish: Finish::NOTHING,
                        output: sums,
                    });
                }
            }
        });
    }
}
