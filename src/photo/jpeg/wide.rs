//! The instructions of AVX2 where a compiler does not find them by itself; what they do is what
//! [`whole`](super::whole) and [`convert`](super::convert) do without them, to the bit.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m256i;

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;

/// Pixels whose colours are woven at once.
pub const LANES: usize = 16;

/// What the machine has of them.
#[derive(Clone, Copy)]
pub struct Wide {
    #[cfg(target_arch = "x86_64")]
    simd: Option<V3>,
}

#[cfg(not(target_arch = "x86_64"))]
impl Wide {
    pub const fn new() -> Self {
        Self {}
    }

    pub const fn pixels(self, _: &[[i32; 8]; 8]) -> Option<[[u8; 8]; 8]> {
        None
    }

    pub const fn woven(self, _: &[[u8; LANES]; 3]) -> Option<[[u8; LANES]; 3]> {
        None
    }
}

#[cfg(target_arch = "x86_64")]
impl Wide {
    pub fn new() -> Self {
        Self {
            simd: V3::try_new(),
        }
    }

    /// The pixels of a block of frequencies, in rows; none where the instructions are missing.
    #[inline(always)]
    pub fn pixels(self, frequencies: &[[i32; 8]; 8]) -> Option<[[u8; 8]; 8]> {
        let simd = self.simd?;
        Some(simd.vectorize(Block { simd, frequencies }))
    }

    /// Red, green and blue, one after the other, pixel by pixel; none where the instructions are missing.
    #[inline(always)]
    pub fn woven(self, colours: &[[u8; LANES]; 3]) -> Option<[[u8; LANES]; 3]> {
        let simd = self.simd?;
        let [red, green, blue] = colours.map(pulp::cast);
        let mut woven = [[0; LANES]; 3];
        for (out, [of_red, of_green, of_blue]) in woven.iter_mut().zip(PLACES) {
            let shuffle = |colour, places| simd.ssse3._mm_shuffle_epi8(colour, pulp::cast(places));
            let both = simd
                .sse2
                ._mm_or_si128(shuffle(red, of_red), shuffle(green, of_green));
            let all = simd.sse2._mm_or_si128(both, shuffle(blue, of_blue));
            *out = pulp::cast(all);
        }
        Some(woven)
    }
}

/// For each of three parts of the woven bytes, and for each colour, which pixel stands at each place; 128
/// where none of that colour does.
#[cfg(target_arch = "x86_64")]
const PLACES: [[[u8; LANES]; 3]; 3] = places();

#[cfg(target_arch = "x86_64")]
const fn places() -> [[[u8; LANES]; 3]; 3] {
    let mut places = [[[128; LANES]; 3]; 3];
    let mut at = 0;
    while at < 3 * LANES {
        places[at / LANES][at % 3][at % LANES] = (at / 3) as u8;
        at += 1;
    }
    places
}

#[cfg(target_arch = "x86_64")]
struct Block<'a> {
    simd: V3,
    frequencies: &'a [[i32; 8]; 8],
}

#[cfg(target_arch = "x86_64")]
type Rows = [__m256i; 8];

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Block<'_> {
    type Output = [[u8; 8]; 8];

    #[inline(always)]
    fn call(self) -> Self::Output {
        let [r0, r1, r2, r3, r4, r5, r6, r7] = self.frequencies;
        let row = |row: &[i32; 8]| pulp::cast(*row);
        let rows = [
            row(r0),
            row(r1),
            row(r2),
            row(r3),
            row(r4),
            row(r5),
            row(r6),
            row(r7),
        ];
        let columns = self.transposed(self.pass::<11>(rows, 1 << 10));
        // The middle grey is a part of what is added to round.
        let pixels = self.transposed(self.pass::<18>(columns, (128 << 18) + (1 << 17)));
        let avx2 = self.simd.avx2;
        let half = |at: usize| {
            let upper = avx2._mm256_packs_epi32(pixels[at], pixels[at + 1]);
            let lower = avx2._mm256_packs_epi32(pixels[at + 2], pixels[at + 3]);
            let all = avx2._mm256_packus_epi16(upper, lower);
            let order = pulp::cast([0u32, 4, 1, 5, 2, 6, 3, 7]);
            let rows: [[u8; 8]; 4] = pulp::cast(avx2._mm256_permutevar8x32_epi32(all, order));
            rows
        };
        let ([r0, r1, r2, r3], [r4, r5, r6, r7]) = (half(0), half(4));
        [r0, r1, r2, r3, r4, r5, r6, r7]
    }
}

#[cfg(target_arch = "x86_64")]
impl Block<'_> {
    /// As `whole::pass`, to which it is written beside.
    #[inline(always)]
    fn pass<const SHIFT: i32>(&self, rows: Rows, rounding: i32) -> Rows {
        let avx2 = self.simd.avx2;
        let add = |a, b| avx2._mm256_add_epi32(a, b);
        let sub = |a, b| avx2._mm256_sub_epi32(a, b);
        let times = |a, factor: i32| avx2._mm256_mullo_epi32(a, pulp::cast([factor; 8]));
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
        let both = times(add(r2, r6), 4_433);
        let low = sub(both, times(r6, 15_137));
        let high = add(both, times(r2, 6_270));
        let rounding = pulp::cast([rounding; 8]);
        let sum = add(avx2._mm256_slli_epi32::<13>(add(r0, r4)), rounding);
        let difference = add(avx2._mm256_slli_epi32::<13>(sub(r0, r4)), rounding);
        let (e0, e3) = (add(sum, high), sub(sum, high));
        let (e1, e2) = (add(difference, low), sub(difference, low));
        let (r73, r51) = (add(r7, r3), add(r5, r1));
        let all = times(add(r73, r51), 9_633);
        let outer = times(add(r7, r1), -7_373);
        let inner = times(add(r5, r3), -20_995);
        let third = add(times(r73, -16_069), all);
        let first = add(times(r51, -3_196), all);
        let o0 = add(times(r1, 12_299), add(outer, first));
        let o1 = add(times(r3, 25_172), add(inner, third));
        let o2 = add(times(r5, 16_819), add(inner, first));
        let o3 = add(times(r7, 2_446), add(outer, third));
        let rounded = |value| avx2._mm256_srai_epi32::<SHIFT>(value);
        [
            rounded(add(e0, o0)),
            rounded(add(e1, o1)),
            rounded(add(e2, o2)),
            rounded(add(e3, o3)),
            rounded(sub(e3, o3)),
            rounded(sub(e2, o2)),
            rounded(sub(e1, o1)),
            rounded(sub(e0, o0)),
        ]
    }

    /// Rows become columns.
    #[inline(always)]
    fn transposed(&self, rows: Rows) -> Rows {
        let avx2 = self.simd.avx2;
        let low = |a, b| avx2._mm256_unpacklo_epi32(a, b);
        let high = |a, b| avx2._mm256_unpackhi_epi32(a, b);
        let low_pairs = |a, b| avx2._mm256_unpacklo_epi64(a, b);
        let high_pairs = |a, b| avx2._mm256_unpackhi_epi64(a, b);
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
        let (a0, a1, a2, a3) = (low(r0, r1), high(r0, r1), low(r2, r3), high(r2, r3));
        let (a4, a5, a6, a7) = (low(r4, r5), high(r4, r5), low(r6, r7), high(r6, r7));
        let (b0, b1) = (low_pairs(a0, a2), high_pairs(a0, a2));
        let (b2, b3) = (low_pairs(a1, a3), high_pairs(a1, a3));
        let (b4, b5) = (low_pairs(a4, a6), high_pairs(a4, a6));
        let (b6, b7) = (low_pairs(a5, a7), high_pairs(a5, a7));
        let left = |a, b| avx2._mm256_permute2x128_si256::<0x20>(a, b);
        let right = |a, b| avx2._mm256_permute2x128_si256::<0x31>(a, b);
        [
            left(b0, b4),
            left(b1, b5),
            left(b2, b6),
            left(b3, b7),
            right(b0, b4),
            right(b1, b5),
            right(b2, b6),
            right(b3, b7),
        ]
    }
}
