//! The inner loops, as one table of functions per instruction set.
//!
//! Each is written once, over [`Vector`](super::vector::Vector); the macro here makes it a function
//! of its own for every instruction set, since a function is compiled for one set.

use super::depthwise::{self, Strip};
use super::elementwise::{Affine, Normalized};
use super::floats::Floats;
use super::pool::Windows;
use super::tile::Tile;
use super::transform::{Gathered, Scattered};

/// Computes a [`Tile`].
pub type TileKernel = unsafe fn(&Tile);

/// Floats between two pixels' windows for which there are kernels of their own: pixels of a map
/// at stride 1 and 2. Index 2 of the table of tiles is for any other step.
pub const STEPS: [usize; 2] = [16, 32];

/// The inner loops in one instruction set. Calling one asks that the machine has it.
pub struct Kernels {
    /// For each step, for one, two … blocks of channels, for one, two … pixels: its kernel.
    pub tiles: [&'static [&'static [TileKernel]]; 3],
    /// Convolves a [`Strip`].
    pub depthwise: unsafe fn(kernel: depthwise::Kernel, strip: &Strip),
    /// Winograd's transform of a tile of the input, for 4×4 cells of output.
    pub gather: unsafe fn(tile: &Gathered),
    /// Winograd's transform back to a tile of the output, 4×4 cells.
    pub scatter: unsafe fn(tile: &Scattered),
    /// The largest value in each window of a row.
    pub largest: unsafe fn(windows: &Windows),
    /// Sums cells of one block of channels.
    pub add_up: unsafe fn(cells: Floats, count: usize, sums: Floats),
    /// Scales, shifts and activates cells of one block of channels.
    pub affine: unsafe fn(affine: &Affine),
    /// Normalizes cells over their channels.
    pub normalize: unsafe fn(normalized: &Normalized),
}

/// Makes `KERNELS` for a vector type, with the tiles that its registers can hold.
macro_rules! kernels {
    (
        $(#[$features:meta])* $vector:ident,
        $(tiles $blocks:literal => $rows:tt,)+
    ) => {
        use $crate::kernels::{
            depthwise::{self, Strip},
            elementwise::{self, Affine, Normalized},
            floats::Floats,
            pool::{self, Windows},
            table::{Kernels, STEPS, TileKernel, tile_rows},
            tile::{self, Tile},
            transform::{self, Gathered, Scattered},
            vector::BLOCK,
        };

        /// The kernels in this instruction set.
        pub static KERNELS: Kernels = Kernels {
            tiles: [
                &[$(tile_rows!({ STEPS[0] }, $blocks, $rows)),+],
                &[$(tile_rows!({ STEPS[1] }, $blocks, $rows)),+],
                &[$(tile_rows!(0, $blocks, $rows)),+],
            ],
            depthwise,
            gather,
            scatter,
            largest,
            add_up,
            affine,
            normalize,
        };

        const VECTORS: usize = BLOCK / <$vector as $crate::kernels::vector::Vector>::LANES;

        $(#[$features])*
        unsafe fn tile_of<const STEP: usize, const ROWS: usize, const WIDTH: usize>(tile: &Tile) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { tile::compute::<$vector, STEP, ROWS, WIDTH>(tile) }
        }

        unsafe fn depthwise(kernel: depthwise::Kernel, strip: &Strip) {
            use depthwise::Kernel;
            // SAFETY: the caller's promises are the callee's.
            unsafe {
                match kernel {
                    Kernel::ThreeByOne => depthwise_of::<3, 1>(strip),
                    Kernel::ThreeByTwo => depthwise_of::<3, 2>(strip),
                    Kernel::FiveByOne => depthwise_of::<5, 1>(strip),
                    Kernel::FiveByTwo => depthwise_of::<5, 2>(strip),
                    Kernel::SevenByOne => depthwise_of::<7, 1>(strip),
                    Kernel::SevenByTwo => depthwise_of::<7, 2>(strip),
                }
            }
        }

        $(#[$features])*
        unsafe fn depthwise_of<const KERNEL: usize, const STRIDE: usize>(strip: &Strip) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { depthwise::convolve::<$vector, KERNEL, STRIDE>(strip) }
        }

        $(#[$features])*
        unsafe fn gather(tile: &Gathered) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { transform::gather::<$vector>(tile) }
        }

        $(#[$features])*
        unsafe fn scatter(tile: &Scattered) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { transform::scatter::<$vector>(tile) }
        }

        $(#[$features])*
        unsafe fn largest(windows: &Windows) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { pool::largest::<$vector>(windows) }
        }

        $(#[$features])*
        unsafe fn add_up(cells: Floats, count: usize, sums: Floats) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { pool::add_up::<$vector>(cells, count, sums) }
        }

        $(#[$features])*
        unsafe fn affine(affine: &Affine) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { elementwise::affine::<$vector>(affine) }
        }

        $(#[$features])*
        unsafe fn normalize(normalized: &Normalized) {
            // SAFETY: the caller's promises are the callee's.
            unsafe { elementwise::normalize::<$vector>(normalized) }
        }
    };
}
pub(super) use kernels;

/// A table of the kernels for so many pixels each.
macro_rules! tile_rows {
    ($step:expr, $blocks:literal, [$($rows:literal)+]) => {
        &[$(tile_of::<{ $step }, $rows, { $blocks * VECTORS }> as TileKernel),+] as &[TileKernel]
    };
}
pub(super) use tile_rows;
