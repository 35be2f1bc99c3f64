//! The kernels in plain Rust: there on every machine, and what the others are held against.

use super::table::kernels;
use super::vector::Vector;

/// Eight floats that the compiler may or may not keep in registers.
#[derive(Clone, Copy)]
pub struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut lanes = self.0;
        for (lane, &with) in lanes.iter_mut().zip(&other.0) {
            *lane = f(*lane, with);
        }
        Self(lanes)
    }
}

impl Vector for Plain {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn load_from(from: *const f32) -> Self {
        // SAFETY: the caller says that so many floats can be read; any alignment will do.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store_to(self, to: *mut f32) {
        // SAFETY: the caller says that so many floats can be written; any alignment will do.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn prefetch(_: *const f32) {}

    #[inline(always)]
    fn plus_product(self, a: Self, b: Self) -> Self {
        let mut lanes = self.0;
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.0.iter().zip(&b.0)) {
            *lane = sum_with_product(*lane, a, b);
        }
        Self(lanes)
    }

    #[inline(always)]
    fn minus_product(self, a: Self, b: Self) -> Self {
        self.plus_product(Self(a.0.map(|a| -a)), b)
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(self.0.map(f32::recip))
    }

    #[inline(always)]
    fn rounded(self) -> Self {
        Self(self.0.map(f32::round_ties_even))
    }

    #[inline(always)]
    fn times_two_to(self, n: Self) -> Self {
        self.zip(n, |a, n| {
            a * f32::from_bits(((n as i32 + 127) << 23) as u32)
        })
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        self.zip(low, |a, low| if a < low { low } else { a })
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        self.zip(high, |a, high| if a > high { high } else { a })
    }
}

/// sum + a·b, rounded once where the processor surely has an instruction for it: elsewhere it would
/// be a call of a function.
#[inline(always)]
fn sum_with_product(sum: f32, a: f32, b: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
        a.mul_add(b, sum)
    } else {
        sum + a * b
    }
}

// Six pixels by sixteen channels fill 24 of the 32 registers of 64-bit Arm; elsewhere, two.
#[cfg(target_arch = "aarch64")]
kernels! { Plain, tiles 1 => [1 2 3 4 5 6], }
#[cfg(not(target_arch = "aarch64"))]
kernels! { Plain, tiles 1 => [1 2], }
