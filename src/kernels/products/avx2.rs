//! The products in AVX2 and FMA.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_add_epi32, _mm_add_ps, _mm_add_ss, _mm_cvtsi128_si32,
    _mm_cvtss_f32, _mm_loadu_si128, _mm_movehdup_ps, _mm_movehl_ps, _mm_shuffle_epi32,
    _mm256_abs_epi8, _mm256_add_epi32, _mm256_castps256_ps128, _mm256_castsi256_si128,
    _mm256_cvtepi16_epi32, _mm256_cvtepi32_ps, _mm256_extractf128_ps, _mm256_extracti128_si256,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_set1_epi16, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sign_epi8,
};

use super::lanes::Lanes;
use super::table::{one_by_one, products};

/// Eight floats.
#[derive(Clone, Copy)]
pub(super) struct Ymm(__m256);

impl Lanes for Ymm {
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller says that the machine has the instruction, here and below.
        Self(unsafe { _mm256_setzero_ps() })
    }

    #[inline(always)]
    unsafe fn of_floats(from: *const f32) -> Self {
        // SAFETY: the caller says that eight floats can be read.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn of_shorts(from: *const i16) -> Self {
        // SAFETY: the caller says that eight values can be read.
        unsafe {
            let shorts = _mm_loadu_si128(from.cast::<__m128i>());
            Self(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(shorts)))
        }
    }

    #[inline(always)]
    unsafe fn plus_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `zero`.
        Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: as in `zero`.
        unsafe {
            let high = _mm256_extractf128_ps::<1>(self.0);
            let four = _mm_add_ps(_mm256_castps256_ps128(self.0), high);
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
}

/// `maddubs` multiplies unsigned with signed bytes: |a| with b of a's sign. Two products of at most 127²
/// fit 16 bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn bytes(a: &[i8], b: &[i8]) -> i32 {
    let count = a.len().min(b.len());
    let whole = count / 32 * 32;
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_si256(); 2];
    for (turn, at) in (0..whole).step_by(32).enumerate() {
        // SAFETY: 32 values from `at` on are within both.
        let (a, b) = unsafe {
            (
                _mm256_loadu_si256(a.as_ptr().add(at).cast::<__m256i>()),
                _mm256_loadu_si256(b.as_ptr().add(at).cast::<__m256i>()),
            )
        };
        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
        sums[turn % 2] = _mm256_add_epi32(sums[turn % 2], _mm256_madd_epi16(pairs, ones));
    }
    let eight = _mm256_add_epi32(sums[0], sums[1]);
    let high = _mm256_extracti128_si256::<1>(eight);
    let four = _mm_add_epi32(_mm256_castsi256_si128(eight), high);
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b00_00_11_10>(four));
    let one = _mm_add_epi32(two, _mm_shuffle_epi32::<0b00_00_00_01>(two));
    let left = a[whole..count].iter().zip(&b[whole..count]);
    _mm_cvtsi128_si32(one)
        + left
            .map(|(a, b)| i32::from(*a) * i32::from(*b))
            .sum::<i32>()
}

one_by_one! { #[target_feature(enable = "avx2,fma")] }

// Eight sums leave registers for what they are summed from.
products! { #[target_feature(enable = "avx2,fma")] Ymm, rows 2, others 4, }
