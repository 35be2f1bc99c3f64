//! The products in NEON: there on every 64-bit Arm.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddvq_f32, vaddvq_s32, vcvtq_f32_s32, vdupq_n_f32, vdupq_n_s32,
    vfmaq_f32, vget_low_s8, vld1_s16, vld1q_f32, vld1q_s8, vmovl_s16, vmull_high_s8, vmull_s8,
    vpadalq_s16,
};

use super::lanes::Lanes;
use super::table::{one_by_one, products};

/// Eight floats in two registers.
#[derive(Clone, Copy)]
pub(super) struct Pair(float32x4_t, float32x4_t);

impl Lanes for Pair {
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: every 64-bit Arm has the instructions, here and below.
        unsafe { Self(vdupq_n_f32(0.0), vdupq_n_f32(0.0)) }
    }

    #[inline(always)]
    unsafe fn of_floats(from: *const f32) -> Self {
        // SAFETY: the caller says that eight floats can be read.
        unsafe { Self(vld1q_f32(from), vld1q_f32(from.add(4))) }
    }

    #[inline(always)]
    unsafe fn of_shorts(from: *const i16) -> Self {
        // SAFETY: the caller says that eight values can be read.
        unsafe {
            let four = |from| vcvtq_f32_s32(vmovl_s16(vld1_s16(from)));
            Self(four(from), four(from.add(4)))
        }
    }

    #[inline(always)]
    unsafe fn plus_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `zero`.
        unsafe { Self(vfmaq_f32(self.0, a.0, b.0), vfmaq_f32(self.1, a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: as in `zero`.
        unsafe { vaddvq_f32(vaddq_f32(self.0, self.1)) }
    }
}

#[inline]
unsafe fn bytes(a: &[i8], b: &[i8]) -> i32 {
    let count = a.len().min(b.len());
    let whole = count / 16 * 16;
    // SAFETY: every load is of sixteen values within both.
    let sum = unsafe {
        let mut sums = [vdupq_n_s32(0); 2];
        for at in (0..whole).step_by(16) {
            let (a, b) = (vld1q_s8(a.as_ptr().add(at)), vld1q_s8(b.as_ptr().add(at)));
            sums[0] = vpadalq_s16(sums[0], vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            sums[1] = vpadalq_s16(sums[1], vmull_high_s8(a, b));
        }
        vaddvq_s32(sums[0]) + vaddvq_s32(sums[1])
    };
    let left = a[whole..count].iter().zip(&b[whole..count]);
    sum + left
        .map(|(a, b)| i32::from(*a) * i32::from(*b))
        .sum::<i32>()
}

one_by_one! {}

// Twelve sums of two registers each fill 24 of the 32.
products! { Pair, rows 4, others 3, }
