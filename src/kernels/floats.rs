//! A place among floats: all that kernels know of memory.
//!
//! In a build with the feature `checked` every place carries the extent that it lies in, be it a
//! map's, a weight's or a thread's working memory, and every access asserts that it stays within;
//! in any other build it is a bare pointer and costs nothing.

/// Where floats are read from and written to.
#[derive(Clone, Copy)]
pub struct Floats {
    at: *mut f32,
    #[cfg(feature = "checked")]
    extent: Extent,
}

/// The floats that may be accessed from a place.
#[cfg(feature = "checked")]
#[derive(Clone, Copy)]
struct Extent {
    first: *mut f32,
    len: usize,
    is_writable: bool,
}

// SAFETY: only a place in memory; what is done there is promised by whoever does it.
unsafe impl Send for Floats {}
// SAFETY: as above.
unsafe impl Sync for Floats {}

impl Floats {
    /// Nowhere: nothing is read or written here.
    pub const NOWHERE: Self = Self::new(std::ptr::null_mut(), 0, false);

    /// Floats that are only read.
    pub const fn of(values: &[f32]) -> Self {
        Self::new(values.as_ptr().cast_mut(), values.len(), false)
    }

    /// Floats that are written too.
    pub const fn of_mut(values: &mut [f32]) -> Self {
        Self::new(values.as_mut_ptr(), values.len(), true)
    }

    #[cfg_attr(
        not(feature = "checked"),
        expect(unused_variables, reason = "only a checked build keeps them")
    )]
    const fn new(first: *mut f32, len: usize, is_writable: bool) -> Self {
        Self {
            at: first,
            #[cfg(feature = "checked")]
            extent: Extent {
                first,
                len,
                is_writable,
            },
        }
    }

    pub const fn is_nowhere(self) -> bool {
        self.at.is_null()
    }

    #[inline(always)]
    #[cfg_attr(
        not(feature = "checked"),
        expect(clippy::unused_self, reason = "only a checked build keeps an extent")
    )]
    const fn moved_to(self, at: *mut f32) -> Self {
        Self {
            at,
            #[cfg(feature = "checked")]
            extent: self.extent,
        }
    }

    /// The place so many floats on.
    #[inline(always)]
    pub const fn plus(self, floats: usize) -> Self {
        self.moved_to(self.at.wrapping_add(floats))
    }

    /// The place so many floats before.
    pub const fn minus(self, floats: usize) -> Self {
        self.moved_to(self.at.wrapping_sub(floats))
    }

    /// The place so many floats on, which the compiler may assume to lie in the same memory.
    ///
    /// # Safety
    /// It does, or is its end.
    #[inline(always)]
    pub const unsafe fn add(self, floats: usize) -> Self {
        // SAFETY: the caller's promise.
        self.moved_to(unsafe { self.at.add(floats) })
    }

    /// The same place, from which no more than the next `len` floats may be accessed.
    pub fn within(self, len: usize) -> Self {
        #[cfg(feature = "checked")]
        if !self.is_nowhere() {
            self.check(len, false);
            return Self::new(self.at, len, self.extent.is_writable);
        }
        let _ = len;
        self
    }

    pub const fn as_ptr(self) -> *const f32 {
        self.at
    }

    pub fn is_at(self, other: Self) -> bool {
        self.at == other.at
    }

    /// Asserts, in a checked build, that `len` floats may be accessed here.
    #[inline(always)]
    #[cfg_attr(
        not(feature = "checked"),
        expect(
            unused_variables,
            clippy::unused_self,
            reason = "only a checked build asserts"
        )
    )]
    fn check(self, len: usize, is_written: bool) {
        #[cfg(feature = "checked")]
        {
            let Extent {
                first,
                len: most,
                is_writable,
            } = self.extent;
            let start = (self.at as isize) - (first as isize);
            let end = start + (len * size_of::<f32>()) as isize;
            assert!(
                start >= 0 && end <= (most * size_of::<f32>()) as isize,
                "{len} floats at byte {start} of {most} floats"
            );
            assert!(is_writable || !is_written, "these floats are only read");
        }
    }

    /// Where `len` floats are read.
    ///
    /// # Safety
    /// They can be read.
    #[inline(always)]
    pub unsafe fn read_from(self, len: usize) -> *const f32 {
        self.check(len, false);
        self.at
    }

    /// Where `len` floats are written.
    ///
    /// # Safety
    /// They can be written.
    #[inline(always)]
    pub unsafe fn write_to(self, len: usize) -> *mut f32 {
        self.check(len, true);
        self.at
    }

    /// The float here.
    ///
    /// # Safety
    /// It can be read.
    #[inline(always)]
    pub unsafe fn read(self) -> f32 {
        // SAFETY: the caller's promise.
        unsafe { *self.read_from(1) }
    }

    /// Puts a float here.
    ///
    /// # Safety
    /// It can be written.
    #[inline(always)]
    pub unsafe fn write(self, value: f32) {
        // SAFETY: the caller's promise.
        unsafe { *self.write_to(1) = value }
    }

    /// The next `len` floats.
    ///
    /// # Safety
    /// They can be read as long as they are used, and no one writes them meanwhile.
    pub unsafe fn slice<'a>(self, len: usize) -> &'a [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.read_from(len), len) }
    }

    /// The next `len` floats, to be written.
    ///
    /// # Safety
    /// They can be written as long as they are used, and no one else uses them meanwhile.
    pub unsafe fn slice_mut<'a>(self, len: usize) -> &'a mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.write_to(len), len) }
    }

    /// Zeros, so many.
    ///
    /// # Safety
    /// They can be written.
    pub unsafe fn fill_with_zeros(self, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.write_to(len).write_bytes(0, len) }
    }

    /// Copies `len` floats from another place.
    ///
    /// # Safety
    /// They can be read there and written here, and the places do not overlap.
    pub unsafe fn copy_from(self, other: Self, len: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let from = other.read_from(len);
            self.write_to(len).copy_from_nonoverlapping(from, len);
        }
    }
}

#[cfg(all(test, feature = "checked"))]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "16 floats at byte 4 of 16 floats")]
    fn a_checked_build_sees_an_access_that_reaches_over_the_end() {
        let values = [0.0; 17];
        let place = Floats::of(&values).within(16);
        // SAFETY: what is asked for lies within the memory, if not within the extent.
        unsafe { place.plus(1).slice(16) };
    }

    #[test]
    #[should_panic(expected = "only read")]
    fn a_checked_build_sees_a_write_to_what_is_only_read() {
        let values = [0.0];
        // SAFETY: nothing is written, since the assertion fails.
        unsafe { Floats::of(&values).write(1.0) };
    }
}
