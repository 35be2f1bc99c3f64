//! All 64 frequencies of a block to its 8×8 pixels, to the bit as libjpeg-turbo's default (`islow`).
//!
//! Reference: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//! multiplications", ICASSP 1989; in whole numbers, with 13 bits behind the point and two more between
//! the passes.

use super::wide::Wide;

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
pub fn write(
    wide: Wide,
    (block, end): (&Block, usize),
    steps: &[i32; 64],
    plane: &mut [u8],
    stride: usize,
) {
    let mut frequencies = [[0i32; 8]; 8];
    let values = frequencies.as_flattened_mut();
    let known = block.iter().zip(steps).zip(&PLACES);
    for ((value, step), place) in known.take(end + 1) {
        values[usize::from(place & 63)] = value.wrapping_mul(*step);
    }
    let pixels = match wide.pixels(&frequencies) {
        Some(pixels) => pixels,
        None => pixels_of(&frequencies),
    };
    for (line, pixels) in plane.chunks_mut(stride).zip(&pixels) {
        if let Some(line) = line.first_chunk_mut() {
            *line = *pixels;
        }
    }
}

#[inline(never)]
fn pixels_of(frequencies: &[Row; 8]) -> [[u8; 8]; 8] {
    let mut rows = *frequencies;
    pass::<{ FACTOR_BITS - BETWEEN_BITS }>(&mut rows);
    transpose(&mut rows);
    pass::<{ FACTOR_BITS + BETWEEN_BITS + 3 }>(&mut rows);
    transpose(&mut rows);
    rows.map(|row| row.map(|pixel| (pixel + 128).clamp(0, 255) as u8))
}

/// Rows become columns.
#[inline(always)]
fn transpose(rows: &mut [Row; 8]) {
    let before = *rows;
    for (x, row) in rows.iter_mut().enumerate() {
        for (value, before) in row.iter_mut().zip(&before) {
            *value = before[x];
        }
    }
}

#[inline(always)]
fn add(a: &Row, b: &Row) -> Row {
    let mut sum = *a;
    for (sum, b) in sum.iter_mut().zip(b) {
        *sum = sum.wrapping_add(*b);
    }
    sum
}

#[inline(always)]
fn sub(a: &Row, b: &Row) -> Row {
    let mut difference = *a;
    for (difference, b) in difference.iter_mut().zip(b) {
        *difference = difference.wrapping_sub(*b);
    }
    difference
}

#[inline(always)]
fn times(a: &Row, factor: i32) -> Row {
    let mut product = *a;
    for value in &mut product {
        *value = value.wrapping_mul(factor);
    }
    product
}

/// Rounded to so many bits fewer.
#[inline(always)]
fn rounded<const SHIFT: u32>(mut row: Row) -> Row {
    for value in &mut row {
        *value = value.wrapping_add(1 << (SHIFT - 1)) >> SHIFT;
    }
    row
}

/// One pass over the columns, rounded to `SHIFT` bits fewer.
#[inline(always)]
fn pass<const SHIFT: u32>(rows: &mut [Row; 8]) {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = &*rows;
    let both = times(&add(r2, r6), 4_433);
    let low = sub(&both, &times(r6, 15_137));
    let high = add(&both, &times(r2, 6_270));
    let sum = times(&add(r0, r4), 1 << FACTOR_BITS);
    let difference = times(&sub(r0, r4), 1 << FACTOR_BITS);
    let (e0, e3) = (add(&sum, &high), sub(&sum, &high));
    let (e1, e2) = (add(&difference, &low), sub(&difference, &low));
    let (r73, r51) = (add(r7, r3), add(r5, r1));
    let all = times(&add(&r73, &r51), 9_633);
    let outer = times(&add(r7, r1), -7_373);
    let inner = times(&add(r5, r3), -20_995);
    let third = add(&times(&r73, -16_069), &all);
    let first = add(&times(&r51, -3_196), &all);
    let o0 = add(&times(r1, 12_299), &add(&outer, &first));
    let o1 = add(&times(r3, 25_172), &add(&inner, &third));
    let o2 = add(&times(r5, 16_819), &add(&inner, &first));
    let o3 = add(&times(r7, 2_446), &add(&outer, &third));
    *rows = [
        rounded::<SHIFT>(add(&e0, &o0)),
        rounded::<SHIFT>(add(&e1, &o1)),
        rounded::<SHIFT>(add(&e2, &o2)),
        rounded::<SHIFT>(add(&e3, &o3)),
        rounded::<SHIFT>(sub(&e3, &o3)),
        rounded::<SHIFT>(sub(&e2, &o2)),
        rounded::<SHIFT>(sub(&e1, &o1)),
        rounded::<SHIFT>(sub(&e0, &o0)),
    ];
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
                write(Wide::new(), (&block, count - 1), &steps, &mut plane, 10);
                let narrow = pixels_of(&values);
                for (line, narrow) in plane.chunks(10).zip(&narrow) {
                    assert_eq!(&line[..8], narrow, "with and without wide instructions");
                }
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
