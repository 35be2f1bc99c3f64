//! A register of floats: what every kernel is written in, once for all instruction sets.

use super::floats::Floats;

/// Channels that lie side by side: a cache line, so that every instruction set reads whole registers.
pub const BLOCK: usize = 16;

/// A few `f32`s that are computed on together.
///
/// A value of such a type exists only where its instructions do: the functions that make one are
/// unsafe and ask for that, so those that take one need not.
pub trait Vector: Copy {
    /// How many; divides [`BLOCK`].
    const LANES: usize;

    /// `value` in every lane.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn splat(value: f32) -> Self;

    /// # Safety
    /// The machine has the instructions, and [`LANES`](Self::LANES) floats can be read at `from`.
    unsafe fn load_from(from: *const f32) -> Self;

    /// # Safety
    /// [`LANES`](Self::LANES) floats can be written at `to`.
    unsafe fn store_to(self, to: *mut f32);

    /// # Safety
    /// As [`Vector::load_from`].
    #[inline(always)]
    unsafe fn load(from: Floats) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::load_from(from.read_from(Self::LANES)) }
    }

    /// # Safety
    /// As [`Vector::store_to`].
    #[inline(always)]
    unsafe fn store(self, to: Floats) {
        // SAFETY: the caller's promise.
        unsafe { self.store_to(to.write_to(Self::LANES)) }
    }

    /// Asks for the cache line at `from`; any address will do.
    fn prefetch(from: *const f32);

    /// self + a·b, rounded once where the machine can.
    fn plus_product(self, a: Self, b: Self) -> Self;

    /// self − a·b, rounded once where the machine can.
    fn minus_product(self, a: Self, b: Self) -> Self;

    /// self + other.
    fn plus(self, other: Self) -> Self;

    /// self − other.
    fn minus(self, other: Self) -> Self;

    /// self · other.
    fn times(self, other: Self) -> Self;

    /// 1 / self to within 2e-7 of it, for what is 2⁻¹²⁶ … 2¹²⁶: dividing takes several times as long.
    fn reciprocal(self) -> Self;

    /// To the nearest whole number.
    fn rounded(self) -> Self;

    /// self · 2ⁿ for a whole number n of −126 … 127.
    fn times_two_to(self, n: Self) -> Self;

    /// The larger of both; self where it is not a number.
    fn at_least(self, low: Self) -> Self;

    /// The smaller of both; self where it is not a number.
    fn at_most(self, high: Self) -> Self;
}

/// Implements [`Vector`] for a register type by naming its intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! vector {
    (
        $name:ident, $lanes:literal, splat $splat:path, load $load:path, store $store:path,
        plus_product |$s:ident, $a:ident, $b:ident| $plus_product:expr,
        minus_product |$t:ident, $c:ident, $d:ident| $minus_product:expr,
        plus $plus:path, minus $minus:path, times $times:path, reciprocal $reciprocal:path,
        max $max:path, min $min:path,
        rounded |$u:ident| $rounded:expr, two_to |$n:ident| $two_to:expr $(,)?
    ) => {
        impl $crate::kernels::vector::Vector for $name {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: the caller says that the machine has the instructions.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            unsafe fn load_from(from: *const f32) -> Self {
                // SAFETY: the caller vouches for the instructions and for what is read.
                Self(unsafe { $load(from) })
            }

            #[inline(always)]
            unsafe fn store_to(self, to: *mut f32) {
                // SAFETY: the caller vouches for what is written; `self` shows the instructions.
                unsafe { $store(to, self.0) }
            }

            #[inline(always)]
            fn prefetch(from: *const f32) {
                use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
                // SAFETY: fetching ahead is a hint and never faults.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
            }

            #[inline(always)]
            fn plus_product(self, a: Self, b: Self) -> Self {
                let ($s, $a, $b) = (self.0, a.0, b.0);
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $plus_product })
            }

            #[inline(always)]
            fn minus_product(self, a: Self, b: Self) -> Self {
                let ($t, $c, $d) = (self.0, a.0, b.0);
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $minus_product })
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $plus(self.0, other.0) })
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $minus(self.0, other.0) })
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $times(self.0, other.0) })
            }

            #[inline(always)]
            fn reciprocal(self) -> Self {
                // SAFETY: a vector exists only where its instructions do.
                let (near, one) = unsafe { (Self($reciprocal(self.0)), Self::splat(1.0)) };
                // The instruction's error of at most 4e-4, squared by a step of Newton's method.
                near.plus_product(near, one.minus_product(self, near))
            }

            #[inline(always)]
            fn rounded(self) -> Self {
                let $u = self.0;
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $rounded })
            }

            #[inline(always)]
            fn times_two_to(self, n: Self) -> Self {
                let $n = n.0;
                // SAFETY: a vector exists only where its instructions do.
                self.times(Self(unsafe { $two_to }))
            }

            #[inline(always)]
            fn at_least(self, low: Self) -> Self {
                // x86 gives the second operand where one is not a number, hence the order.
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $max(low.0, self.0) })
            }

            #[inline(always)]
            fn at_most(self, high: Self) -> Self {
                // SAFETY: a vector exists only where its instructions do.
                Self(unsafe { $min(high.0, self.0) })
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use vector;
