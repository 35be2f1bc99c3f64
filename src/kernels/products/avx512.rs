//! The products in AVX-512 with VNNI: server processors since 2019.

use std::arch::x86_64::{
    __m128i, __m256i, __m512, __m512i, _mm_add_epi32, _mm_set1_epi32, _mm_storeu_si128,
    _mm_sub_epi32, _mm256_add_epi32, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm256_hadd_epi32, _mm256_loadu_si256, _mm512_add_epi32, _mm512_castsi512_si256,
    _mm512_cvtepi16_epi32, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
    _mm512_reduce_add_epi32, _mm512_reduce_add_ps, _mm512_set1_epi8, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_sub_epi32, _mm512_xor_si512,
};

use super::lanes::Lanes;
use super::table::products;

/// Sixteen floats.
#[derive(Clone, Copy)]
pub(super) struct Zmm(__m512);

impl Lanes for Zmm {
    const COUNT: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller says that the machine has the instruction, here and below.
        Self(unsafe { _mm512_setzero_ps() })
    }

    #[inline(always)]
    unsafe fn of_floats(from: *const f32) -> Self {
        // SAFETY: the caller says that sixteen floats can be read.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn of_shorts(from: *const i16) -> Self {
        // SAFETY: the caller says that sixteen values can be read.
        unsafe {
            let shorts = _mm256_loadu_si256(from.cast::<__m256i>());
            Self(_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(shorts)))
        }
    }

    #[inline(always)]
    unsafe fn plus_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `zero`.
        Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: as in `zero`.
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
}

/// `vpdpbusd` multiplies unsigned with signed bytes: a + 128 with b, and 128 with b taken off again.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
unsafe fn bytes(a: &[i8], b: &[i8]) -> i32 {
    let count = a.len().min(b.len());
    let whole = count / 64 * 64;
    let offset = _mm512_set1_epi8(-128);
    let (mut sums, mut offsets) = ([_mm512_setzero_si512(); 2], [_mm512_setzero_si512(); 2]);
    for (turn, at) in (0..whole).step_by(64).enumerate() {
        // SAFETY: 64 values from `at` on are within both.
        let (a, b) = unsafe {
            (
                _mm512_loadu_si512(a.as_ptr().add(at).cast::<__m512i>()),
                _mm512_loadu_si512(b.as_ptr().add(at).cast::<__m512i>()),
            )
        };
        let turn = turn % 2;
        sums[turn] = _mm512_dpbusd_epi32(sums[turn], _mm512_xor_si512(a, offset), b);
        offsets[turn] = _mm512_dpbusd_epi32(offsets[turn], offset, b);
    }
    if whole < count {
        let mask = (1 << (count - whole)) - 1;
        // SAFETY: the mask lets only what is within both be read.
        let (a, b) = unsafe {
            (
                _mm512_maskz_loadu_epi8(mask, a.as_ptr().add(whole)),
                _mm512_maskz_loadu_epi8(mask, b.as_ptr().add(whole)),
            )
        };
        sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_xor_si512(a, offset), b);
        offsets[0] = _mm512_dpbusd_epi32(offsets[0], offset, b);
    }
    let [first, second] = [0, 1].map(|turn| _mm512_sub_epi32(sums[turn], offsets[turn]));
    _mm512_reduce_add_epi32(_mm512_add_epi32(first, second))
}

/// Rows whose sums are added up together.
const TOGETHER: usize = 4;

/// As [`bytes`], with the rows as the unsigned side: what is to be taken off is then the query's.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
unsafe fn bytes_at(query: &[i8], codes: &[i8], rows: &[u32], dots: &mut [i32]) {
    let width = query.len();
    let code = |row: u32| &codes[row as usize * width..(row as usize + 1) * width];
    let mut done = 0;
    if let Ok(query) = <&[i8; 256]>::try_from(query) {
        // SAFETY: the query has four times 64 values.
        let query = [0, 1, 2, 3].map(|part| unsafe { load(query.as_ptr().add(part * 64)) });
        let mut offset = _mm512_setzero_si512();
        for part in query {
            offset = _mm512_dpbusd_epi32(offset, _mm512_set1_epi8(-128), part);
        }
        let offset = _mm_set1_epi32(_mm512_reduce_add_epi32(offset));
        let (fours, _) = rows.as_chunks::<TOGETHER>();
        let (places, _) = dots.as_chunks_mut::<TOGETHER>();
        for (rows, dots) in fours.iter().zip(places) {
            let sums = rows.map(|row| {
                let code = code(row).as_ptr();
                let mut sum = _mm512_setzero_si512();
                for (part, query) in query.into_iter().enumerate() {
                    // SAFETY: a code has as many values as the query.
                    let unsigned = unsafe {
                        _mm512_xor_si512(load(code.add(part * 64)), _mm512_set1_epi8(-128))
                    };
                    sum = _mm512_dpbusd_epi32(sum, unsigned, query);
                }
                sum
            });
            let sums = _mm_sub_epi32(four_sums(sums), offset);
            // SAFETY: there is room for four.
            unsafe { _mm_storeu_si128(dots.as_mut_ptr().cast::<__m128i>(), sums) };
        }
        done = fours.len().min(dots.len() / TOGETHER) * TOGETHER;
    }
    for (dot, row) in dots[done..].iter_mut().zip(&rows[done..]) {
        // SAFETY: the caller says that the machine has the instructions.
        *dot = unsafe { bytes(query, code(*row)) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(from: *const i8) -> __m512i {
    // SAFETY: the caller says that 64 values can be read.
    unsafe { _mm512_loadu_si512(from.cast::<__m512i>()) }
}

/// The sum of each.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn four_sums(of: [__m512i; TOGETHER]) -> __m128i {
    let [a, b, c, d] = of.map(|sums| {
        let high = _mm512_extracti64x4_epi64::<1>(sums);
        _mm256_add_epi32(_mm512_castsi512_si256(sums), high)
    });
    let four = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let high = _mm256_extracti128_si256::<1>(four);
    _mm_add_epi32(_mm256_castsi256_si128(four), high)
}

// Sixteen sums and what they are summed from fit the 32 registers.
products! {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")] Zmm, rows 4, others 4,
}
