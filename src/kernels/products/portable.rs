//! The products in plain Rust: there on every machine, and what the others are held against.

use super::lanes::Lanes;
use super::table::{one_by_one, products};

/// Eight floats that the compiler may or may not keep in registers.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Lanes for Plain {
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 8])
    }

    #[inline(always)]
    unsafe fn of_floats(from: *const f32) -> Self {
        // SAFETY: the caller says that so many floats can be read.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn of_shorts(from: *const i16) -> Self {
        // SAFETY: the caller says that so many values can be read.
        Self(unsafe { from.cast::<[i16; 8]>().read_unaligned() }.map(f32::from))
    }

    #[inline(always)]
    unsafe fn plus_product(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|lane| {
            self.0[lane] + a.0[lane] * b.0[lane]
        }))
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let [low, high] = [0, 4].map(|half: usize| {
            let of = |lane| self.0[half + lane];
            (of(0) + of(1)) + (of(2) + of(3))
        });
        low + high
    }
}

#[inline(always)]
unsafe fn bytes(a: &[i8], b: &[i8]) -> i32 {
    let products = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b));
    products.sum()
}

one_by_one! {}

products! { Plain, rows 1, others 2, }
