//! Where a map's values lie in memory.
//!
//! Channels stand in blocks of sixteen, a cache line, so that every instruction set reads whole
//! registers and a channel count need not be a multiple of anything: `[block][row][column][16]`.
//! Channels that fill up the last block are zero. Around a map there may be a halo of zeros, so
//! that a window over the edge needs no special case. Pixels stay plane by plane, as they come.

use crate::kernels::BLOCK;
use crate::network::{MapShape, Window};

/// Cells of zeros around a map.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Halo {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns before.
    pub left: usize,
    /// Columns behind.
    pub right: usize,
}

impl Halo {
    /// As much as `window` reaches over the edges of a map of this size.
    pub fn of(window: &Window, height: usize, width: usize) -> Self {
        let (top, bottom) = window.around(height);
        let (left, right) = window.around(width);
        Self {
            top,
            bottom,
            left,
            right,
        }
    }

    /// Enough for both.
    pub fn with(&self, other: &Self) -> Self {
        Self {
            top: self.top.max(other.top),
            bottom: self.bottom.max(other.bottom),
            left: self.left.max(other.left),
            right: self.right.max(other.right),
        }
    }
}

/// The shape of one image's map in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Channels that mean something.
    pub channels: usize,
    /// Channels per cell: [`BLOCK`], or 1 for pixels plane by plane.
    pub lanes: usize,
    /// Rows without the halo.
    pub height: usize,
    /// Columns without the halo.
    pub width: usize,
    /// Zeros around.
    pub halo: Halo,
}

impl Layout {
    /// A map in blocks of channels.
    pub const fn blocked(shape: MapShape, halo: Halo) -> Self {
        let MapShape {
            channels,
            height,
            width,
        } = shape;
        Self {
            channels,
            lanes: BLOCK,
            height,
            width,
            halo,
        }
    }

    /// Blocks of channels.
    pub const fn blocks(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// Floats from a row to the next.
    pub const fn row(&self) -> usize {
        (self.halo.left + self.width + self.halo.right) * self.lanes
    }

    /// Floats from a block of channels to the next.
    pub const fn block(&self) -> usize {
        (self.halo.top + self.height + self.halo.bottom) * self.row()
    }

    /// Floats in all.
    pub const fn len(&self) -> usize {
        self.blocks() * self.block()
    }

    /// The cell at `row` and `column` of the map, in the first block.
    pub const fn cell(&self, row: usize, column: usize) -> usize {
        (self.halo.top + row) * self.row() + (self.halo.left + column) * self.lanes
    }

    /// Whether a row follows the one before it without a gap, so that a map can be read as one row.
    pub const fn is_one_row(&self) -> bool {
        self.halo.left + self.halo.right == 0
    }
}
