//! All 64 frequencies of a block to its 8×8 pixels, to the bit as libjpeg-turbo's default (`islow`).
//!
//! Reference: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//! multiplications", ICASSP 1989; in whole numbers, with 13 bits behind the point and two more between
//! the passes.

/// The coefficients of a block as the file has them, in its order.
pub type Block = [i32; 64];

/// Eight numbers beside each other: the machine works on all of them at once.
type Row = [i32; 8];

/// For each coefficient, in the order of the file, its place in the block.
#[rustfmt::skip]
const PLACES: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Bits behind the point of the factors, and of what is between the passes.
const FACTOR_BITS: u32 = 13;
const BETWEEN_BITS: u32 = 2;

/// Writes the pixels of `block`, whose coefficients are multiples of `steps` and zero behind the one at
/// `end`, to `plane` in rows of `stride`.
#[inline(always)]
pub fn write(block: &Block, steps: &[i32; 64], end: usize, plane: &mut [u8], stride: usize) {
    let mut rows = [[0i32; 8]; 8];
    let values = rows.as_flattened_mut();
    for place in 0..=end.min(63) {
        values[usize::from(PLACES[place] & 63)] = block[place].wrapping_mul(steps[place]);
    }
    let columns = transposed(&pass::<{ FACTOR_BITS - BETWEEN_BITS }>(&rows));
    let pixels = transposed(&pass::<{ FACTOR_BITS + BETWEEN_BITS + 3 }>(&columns));
    for (line, pixels) in plane.chunks_mut(stride).zip(&pixels) {
        let Some(line) = line.first_chunk_mut::<8>() else {
            return;
        };
        *line = pixels.map(|pixel| (pixel + 128).clamp(0, 255) as u8);
    }
}

#[inline(always)]
fn transposed(rows: &[Row; 8]) -> [Row; 8] {
    std::array::from_fn(|y| std::array::from_fn(|x| rows[x][y]))
}

#[inline(always)]
fn each(a: Row, b: Row, of: impl Fn(i32, i32) -> i32) -> Row {
    std::array::from_fn(|at| of(a[at], b[at]))
}

#[inline(always)]
fn add(a: Row, b: Row) -> Row {
    each(a, b, i32::wrapping_add)
}

#[inline(always)]
fn sub(a: Row, b: Row) -> Row {
    each(a, b, i32::wrapping_sub)
}

#[inline(always)]
fn times(a: Row, factor: i32) -> Row {
    a.map(|value| value.wrapping_mul(factor))
}

/// One pass over the columns, rounded to `SHIFT` bits fewer.
#[inline(always)]
fn pass<const SHIFT: u32>(rows: &[Row; 8]) -> [Row; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = *rows;
    let both = times(add(r2, r6), 4_433);
    let low = sub(both, times(r6, 15_137));
    let high = add(both, times(r2, 6_270));
    let sum = times(add(r0, r4), 1 << FACTOR_BITS);
    let difference = times(sub(r0, r4), 1 << FACTOR_BITS);
    let even = [
        add(sum, high),
        add(difference, low),
        sub(difference, low),
        sub(sum, high),
    ];
    let all = times(add(add(r7, r3), add(r5, r1)), 9_633);
    let outer = times(add(r7, r1), -7_373);
    let inner = times(add(r5, r3), -20_995);
    let third = add(times(add(r7, r3), -16_069), all);
    let first = add(times(add(r5, r1), -3_196), all);
    let odd = [
        add(times(r1, 12_299), add(outer, first)),
        add(times(r3, 25_172), add(inner, third)),
        add(times(r5, 16_819), add(inner, first)),
        add(times(r7, 2_446), add(outer, third)),
    ];
    let rounded = |value: i32| value.wrapping_add(1 << (SHIFT - 1)) >> SHIFT;
    std::array::from_fn(|y| {
        if y < 4 {
            add(even[y], odd[y]).map(rounded)
        } else {
            sub(even[7 - y], odd[7 - y]).map(rounded)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With real numbers, by the definition.
    fn defined(values: &[[i32; 8]; 8]) -> [[f64; 8]; 8] {
        let cosine = |at: usize, frequency: usize| {
            let angle = (2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0;
            angle.cos() * if frequency == 0 { 0.125f64.sqrt() } else { 0.5 }
        };
        let pixel = |y: usize, x: usize| {
            let terms = (0..64).map(|at| {
                let (v, u) = (at / 8, at % 8);
                f64::from(values[v][u]) * cosine(y, v) * cosine(x, u)
            });
            terms.sum::<f64>() + 128.0
        };
        std::array::from_fn(|y| std::array::from_fn(|x| pixel(y, x)))
    }

    #[test]
    fn pixels_are_those_of_the_definition_to_rounding() {
        let mut random = fastrand::Rng::with_seed(3);
        for count in [1, 2, 5, 20, 64] {
            for _ in 0..50 {
                let mut block: Block = [0; 64];
                for value in &mut block[..count] {
                    *value = random.i32(-60..60);
                }
                let steps: [i32; 64] = std::array::from_fn(|_| random.i32(1..6));
                let mut values = [[0; 8]; 8];
                for (place, at) in PLACES.iter().enumerate() {
                    values.as_flattened_mut()[usize::from(*at)] = block[place] * steps[place];
                }
                let mut plane = [0u8; 8 * 10];
                write(&block, &steps, count - 1, &mut plane, 10);
                for (y, expected) in defined(&values).iter().enumerate() {
                    for (x, expected) in expected.iter().enumerate() {
                        let difference = expected.clamp(0.0, 255.0) - f64::from(plane[10 * y + x]);
                        assert!(difference.abs() < 0.6, "{difference} at {x}, {y}");
                    }
                }
            }
        }
    }
}
