//! The approximate index: a graph over short codes, searched in place and ranked by whole rows.
//!
//! Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
//! Navigable Small World graphs", 2016. The graph's distances are those of [`Code`]s, 256 bytes a row:
//! the row along the principal axes of all. What a walk finds is compared once more by the i16 rows.

mod axes;
mod build;
mod code;
mod exact;
mod flat;
mod lists;
mod marks;
mod pool;
mod principal;
mod row_set;
mod search;
mod select;
mod shorts;
#[cfg(test)]
mod tests;

pub use self::axes::Axes;
pub use self::build::Builder;
pub use self::code::CODE;
pub use self::exact::{exact_scan, exact_scan_many};
pub use self::flat::{Flat, Touched};
pub use self::lists::Graph;
pub use self::marks::Scratch;
pub use self::principal::directions;
pub use self::row_set::RowSet;
pub use self::search::{Exact, Found, Search};
pub use self::shorts::{Shorts, to_shorts};

/// Neighbours of a row on the upper layers.
pub const M: usize = 16;
/// Neighbours of a row on the lowest layer.
pub const M0: usize = 2 * M;
/// Marks an unused place in a neighbour list; those after it are unused as well.
pub const NONE: u32 = u32::MAX;
