//! Memory aligned to cache lines.

use super::layout::BLOCK;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; BLOCK]);

/// Floats that start on a cache line; zero at first.
pub struct Buffer {
    lines: Vec<Line>,
}

impl Buffer {
    /// At least `len` zeros.
    pub fn new(len: usize) -> Self {
        Self {
            lines: vec![Line([0.0; BLOCK]); len.div_ceil(BLOCK)],
        }
    }

    pub const fn len(&self) -> usize {
        self.lines.len() * BLOCK
    }

    pub const fn as_ptr(&self) -> *const f32 {
        self.lines.as_ptr().cast()
    }

    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.lines.as_mut_ptr().cast()
    }

    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: a line is sixteen floats without anything between.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.len();
        // SAFETY: a line is sixteen floats without anything between, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr(), len) }
    }
}
