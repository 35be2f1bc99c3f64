//! The kernels in AVX2 and FMA: every x86 processor since about 2014.

use std::arch::x86_64::{
    __m256, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_epi32, _mm256_add_ps,
    _mm256_castsi256_ps, _mm256_cvtps_epi32, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_ps,
    _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_rcp_ps, _mm256_round_ps, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::table::kernels;
use super::vector::vector;

/// Eight floats.
#[derive(Clone, Copy)]
pub struct Ymm(__m256);

vector! {
    Ymm, 8, splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps,
    plus_product |sum, a, b| _mm256_fmadd_ps(a, b, sum),
    minus_product |sum, a, b| _mm256_fnmadd_ps(a, b, sum),
    plus _mm256_add_ps, minus _mm256_sub_ps, times _mm256_mul_ps, reciprocal _mm256_rcp_ps,
    max _mm256_max_ps, min _mm256_min_ps,
    rounded |x| _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x),
    // A float's exponent stands above its 23 bits of fraction and is 127 for 2⁰.
    two_to |n| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)),
    )),
}

// Six pixels by sixteen channels fill twelve of the sixteen registers.
kernels! { #[target_feature(enable = "avx2,fma")] Ymm, tiles 1 => [1 2 3 4 5 6], }
