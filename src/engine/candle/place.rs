//! Where weights and maps lie.

use candle_core::{DType, Device};

/// A device, and the numbers in which they lie on it.
pub type Place<'a> = (&'a Device, DType);
