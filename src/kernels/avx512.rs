//! The kernels in AVX-512: server processors since 2017, laptops' of some years.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
    _mm512_min_ps, _mm512_mul_ps, _mm512_rcp14_ps, _mm512_roundscale_ps, _mm512_scalef_ps,
    _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::table::kernels;
use super::vector::vector;

/// Sixteen floats.
#[derive(Clone, Copy)]
pub struct Zmm(__m512);

vector! {
    Zmm, 16, splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps,
    plus_product |sum, a, b| _mm512_fmadd_ps(a, b, sum),
    minus_product |sum, a, b| _mm512_fnmadd_ps(a, b, sum),
    plus _mm512_add_ps, minus _mm512_sub_ps, times _mm512_mul_ps, reciprocal _mm512_rcp14_ps,
    max _mm512_max_ps, min _mm512_min_ps,
    rounded |x| _mm512_roundscale_ps::<0>(x),
    two_to |n| _mm512_scalef_ps(_mm512_set1_ps(1.0), n),
}

// Fourteen pixels by thirty-two channels fill 28 of the 32 registers.
kernels! {
    #[target_feature(enable = "avx512f,avx2,fma")] Zmm,
    tiles 1 => [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    tiles 2 => [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
}
