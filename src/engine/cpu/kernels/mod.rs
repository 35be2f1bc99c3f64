//! The inner loops, written once over [`Vector`](vector::Vector) and compiled for every instruction
//! set: what they are given are places ([`Floats`](super::floats::Floats)) and counts.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod depthwise;
mod elementwise;
mod epilogue;
mod instructions;
mod pool;
mod portable;
mod table;
mod tile;
mod transform;
mod vector;

pub use self::depthwise::{Kernel as DepthwiseKernel, Strip};
pub use self::elementwise::{Affine, Cells, Normalized};
pub use self::epilogue::Finish;
pub use self::instructions::Instructions;
pub use self::pool::Windows;
pub use self::portable::KERNELS as PORTABLE;
pub use self::table::{Kernels, STEPS, TileKernel};
pub use self::tile::{Chunk, Second, Tile};
pub use self::transform::{CELLS, Gathered, SIDE, Scattered};
