//! Numbered values.

/// The result of a step. Value 0 is the input, `[N, 3, H, W]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Value(pub usize);

impl Value {
    /// The network's input pixels.
    pub const INPUT: Self = Self(0);
}
