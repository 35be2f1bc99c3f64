//! A map in memory that several threads fill at once.

use super::layout::{BLOCK, Halo, Layout};

/// One image's map. Whoever reads or writes through it vouches that no one else writes the same
/// cells meanwhile.
#[derive(Clone, Copy)]
pub struct Map {
    /// The first float of the halo.
    pub base: *mut f32,
    /// Where the values lie.
    pub layout: Layout,
}

impl Map {
    /// That of a value which is never in memory.
    pub const NOTHING: Self = Self {
        base: std::ptr::null_mut(),
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

    /// The cell at `row` and `column` of the first block.
    ///
    /// # Safety
    /// It lies within the map or its halo.
    pub unsafe fn cell(&self, row: usize, column: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.base.add(self.layout.cell(row, column)) }
    }

    /// The first cell of the window at `row` and `column` of the output, for a window that begins
    /// `before` cells outside and moves by `stride`.
    ///
    /// # Safety
    /// The halo is large enough for the window.
    pub unsafe fn window(
        &self,
        (row, column): (usize, usize),
        stride: usize,
        before: (usize, usize),
    ) -> *const f32 {
        let layout = &self.layout;
        let row = layout.halo.top + row * stride - before.0;
        let column = layout.halo.left + column * stride - before.1;
        // SAFETY: the caller's promise.
        unsafe { self.base.add(row * layout.row() + column * layout.lanes) }
    }

    /// Writes the values as `[C, H, W]`, those of `block` only; `planes` are the block's.
    ///
    /// # Safety
    /// No one writes the map meanwhile.
    pub unsafe fn copy_block_to(&self, block: usize, planes: &mut [f32]) {
        let Layout { height, width, .. } = self.layout;
        for row in 0..height {
            // SAFETY: the rows of a block lie within the map.
            let cells = unsafe {
                let first = self.cell(row, 0).add(block * self.layout.block());
                std::slice::from_raw_parts(first, width * BLOCK)
            };
            for (lane, plane) in planes.chunks_exact_mut(height * width).enumerate() {
                let out = &mut plane[row * width..(row + 1) * width];
                for (value, cell) in out.iter_mut().zip(cells.chunks_exact(BLOCK)) {
                    *value = cell[lane];
                }
            }
        }
    }
}

// SAFETY: a map is only a place in memory; what is done there is promised by whoever does it.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}
