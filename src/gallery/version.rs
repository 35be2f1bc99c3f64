//! The version of what store and snapshots look like on disk.

/// The format that this version writes; it reads this and older ones.
pub const VERSION: u64 = 4;
