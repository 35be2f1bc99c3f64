//! A map in memory that several threads fill at once.

use super::layout::{Halo, Layout};
use crate::kernels::BLOCK;
use crate::kernels::Floats;

/// One picture's map. Whoever reads or writes through it vouches that no one else writes the same
/// cells meanwhile.
#[derive(Clone, Copy)]
pub struct Map {
    /// The first float of the halo.
    pub first: Floats,
    /// Where the values lie.
    pub layout: Layout,
}

/// What a step reads and makes: values of a network, or their layouts, or their maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operands<T> {
    /// What it is applied to.
    pub input: T,
    /// What is added to the result, or put behind the input.
    pub second: Option<T>,
    /// What the channels of the input are multiplied by.
    pub factors: Option<T>,
    /// What it makes.
    pub output: T,
}

impl<T: Copy> Operands<T> {
    /// Something else about each of them.
    pub fn map<U>(&self, of: impl Fn(T) -> U) -> Operands<U> {
        Operands {
            input: of(self.input),
            second: self.second.map(&of),
            factors: self.factors.map(&of),
            output: of(self.output),
        }
    }

    /// All that is read.
    pub fn read(&self) -> impl Iterator<Item = T> {
        let all = [Some(self.input), self.second, self.factors];
        all.into_iter().flatten()
    }
}

impl Map {
    /// That of a value which is never in memory.
    pub const NOTHING: Self = Self {
        first: Floats::NOWHERE,
        layout: Layout {
            channels: 0,
            lanes: BLOCK,
            height: 0,
            width: 0,
            halo: Halo {
                top: 0,
                bottom: 0,
                left: 0,
                right: 0,
            },
        },
    };

    /// The cell at `row` and `column` of a block of channels.
    pub const fn cell(&self, block: usize, row: usize, column: usize) -> Floats {
        let start = block * self.layout.block() + self.layout.cell(row, column);
        self.first.plus(start)
    }

    /// The first cell of the window at `row` and `column` of the output, for a window that begins
    /// `before` cells outside and moves by `stride`; of the first block.
    pub const fn window(
        &self,
        (row, column): (usize, usize),
        stride: usize,
        before: (usize, usize),
    ) -> Floats {
        let layout = &self.layout;
        let row = layout.halo.top + row * stride - before.0;
        let column = layout.halo.left + column * stride - before.1;
        self.first.plus(row * layout.row() + column * layout.lanes)
    }

    /// Takes in a plane of values `[H, W]` as one of the channels.
    ///
    /// # Safety
    /// The map is one of a plan; no one else uses the channel meanwhile.
    pub unsafe fn copy_plane_from(&self, channel: usize, plane: &[f32]) {
        let Layout { width, lanes, .. } = self.layout;
        for (row, values) in plane.chunks_exact(width).enumerate() {
            let cells = self.cell(channel / lanes, row, 0).plus(channel % lanes);
            // SAFETY: the rows of a plan's maps lie within them; the channel is the caller's.
            unsafe {
                if lanes == 1 {
                    cells.copy_from(Floats::of(values), width);
                } else {
                    for (column, value) in values.iter().enumerate() {
                        cells.plus(column * lanes).write(*value);
                    }
                }
            }
        }
    }

    /// Writes the values as `[C, H, W]`, those of `block` only; `planes` are the block's.
    ///
    /// # Safety
    /// The map is one of a plan, in blocks; no one writes it meanwhile.
    pub unsafe fn copy_block_to(&self, block: usize, planes: &mut [f32]) {
        let Layout { height, width, .. } = self.layout;
        for row in 0..height {
            // SAFETY: the rows of a plan's maps lie within them.
            let cells = unsafe { self.cell(block, row, 0).slice(width * BLOCK) };
            for (lane, plane) in planes.chunks_exact_mut(height * width).enumerate() {
                let out = &mut plane[row * width..(row + 1) * width];
                for (value, cell) in out.iter_mut().zip(cells.chunks_exact(BLOCK)) {
                    *value = cell[lane];
                }
            }
        }
    }

    /// Asserts that nothing was written into the halo, which every window over the edge counts on.
    #[cfg(feature = "checked")]
    pub fn assert_clear_halo(&self) {
        let layout = self.layout;
        let (rows, row) = (layout.block() / layout.row(), layout.row());
        for at in 0..layout.blocks() * rows * row {
            let (line, cell) = (at / row % rows, at % row / layout.lanes);
            let inside = |at: usize, before: usize, size: usize| at >= before && at < before + size;
            let is_inside = inside(line, layout.halo.top, layout.height)
                && inside(cell, layout.halo.left, layout.width);
            // SAFETY: `bounds` has been proven of the map; its step is complete.
            let value = unsafe { self.first.plus(at).read() };
            assert!(is_inside || value == 0.0, "{value} in a halo: {layout:?}");
        }
    }
}
