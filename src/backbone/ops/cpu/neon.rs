//! The kernels in NEON: every 64-bit Arm processor.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddq_s32, vcvtnq_s32_f32, vdivq_f32, vdupq_n_f32, vdupq_n_s32,
    vfmaq_f32, vfmsq_f32, vld1q_f32, vmaxq_f32, vminq_f32, vmulq_f32, vreinterpretq_f32_s32,
    vrndnq_f32, vshlq_n_s32, vst1q_f32, vsubq_f32,
};

use super::kernels::kernels;
use super::vector::vector;

/// Four floats.
#[derive(Clone, Copy)]
pub struct Quad(float32x4_t);

vector! {
    Quad, 4, splat vdupq_n_f32, load vld1q_f32, store vst1q_f32,
    plus_product |sum, a, b| vfmaq_f32(sum, a, b),
    minus_product |sum, a, b| vfmsq_f32(sum, a, b),
    plus vaddq_f32, minus vsubq_f32, times vmulq_f32, over vdivq_f32,
    max vmaxq_f32, min vminq_f32,
    rounded |x| vrndnq_f32(x),
    two_to |n| vreinterpretq_f32_s32(vshlq_n_s32::<23>(
        vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)),
    )),
}

// Six pixels by sixteen channels fill 24 of the 32 registers.
kernels! { #[target_feature(enable = "neon")] Quad, tiles 1 => [1 2 3 4 5 6], }
