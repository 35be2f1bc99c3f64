//! The inner loops, written once over [`Vector`](vector::Vector) and compiled for every instruction
//! set. They know no network and no map: what they are given are places ([`Floats`]) and counts.
//!
//! This and `engine/cpu` are the places with unsafe code; which promises carry it is told there.
#![allow(unsafe_code, reason = "pointers and intrinsics, as told above")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod depthwise;
mod elementwise;
mod epilogue;
mod floats;
mod instructions;
mod pool;
mod portable;
pub mod products;
mod table;
mod tile;
mod transform;
mod vector;

pub use self::depthwise::{Kernel as DepthwiseKernel, Strip};
pub use self::elementwise::{Affine, Cells, Normalized};
pub use self::epilogue::Finish;
pub use self::floats::Floats;
pub use self::instructions::Instructions;
pub use self::pool::Windows;
pub use self::portable::KERNELS as PORTABLE;
pub use self::table::{Kernels, STEPS, TileKernel};
pub use self::tile::{Chunk, Second, Tile};
pub use self::transform::{CELLS, Gathered, SIDE, Scattered};
pub use self::vector::BLOCK;
