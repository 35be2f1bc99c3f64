//! Samples that were stored as differences to the pixel before, made whole again, one row at a time.
//!
//! References: TIFF 6.0, section 14; Adobe's TIFF Technical Note 3 (floating point). The distance to the
//! pixel before is that of all its samples, the extra ones as well.

use super::layout::{Layout, Predictor};

/// Undoes the predictor of a row of samples.
pub fn undo(layout: &Layout, row: &mut [u8]) {
    let apart = layout.samples_together();
    match layout.predictor {
        Predictor::None => {}
        Predictor::Differences => sum(row, apart, layout.bits, layout.is_little),
        Predictor::FloatDifferences => floats(row, apart, layout.bits / 8, layout.is_little),
    }
}

fn sum(row: &mut [u8], apart: usize, bits: usize, is_little: bool) {
    match bits {
        8 => {
            for at in apart..row.len() {
                row[at] = row[at].wrapping_add(row[at - apart]);
            }
        }
        16 => sum_words(row, 2 * apart, is_little),
        24 | 32 | 64 => sum_bytes(row, apart * bits / 8, bits / 8, is_little),
        _ => sum_bits(row, apart, bits),
    }
}

/// Numbers of two bytes, by far the most of those that are longer than one.
fn sum_words(row: &mut [u8], apart: usize, is_little: bool) {
    let word = |row: &[u8], at: usize| {
        let bytes = [row[at], row[at + 1]];
        if is_little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        }
    };
    for at in (apart..row.len().saturating_sub(1)).step_by(2) {
        let sum = word(row, at).wrapping_add(word(row, at - apart));
        let bytes = if is_little {
            sum.to_le_bytes()
        } else {
            sum.to_be_bytes()
        };
        row[at..at + 2].copy_from_slice(&bytes);
    }
}

/// Numbers of several bytes.
fn sum_bytes(row: &mut [u8], apart: usize, width: usize, is_little: bool) {
    let mut from = apart;
    while from + width <= row.len() {
        let mut carry = 0;
        for place in 0..width {
            // From the lowest byte up.
            let at = from + if is_little { place } else { width - 1 - place };
            let sum = u16::from(row[at]) + u16::from(row[at - apart]) + carry;
            row[at] = sum as u8;
            carry = sum >> 8;
        }
        from += width;
    }
}

/// Numbers that do not fill bytes.
fn sum_bits(row: &mut [u8], apart: usize, bits: usize) {
    let numbers = row.len() * 8 / bits;
    for index in apart..numbers {
        let sum = bits_at(row, index * bits, bits).wrapping_add(bits_at(
            row,
            (index - apart) * bits,
            bits,
        ));
        for bit in 0..bits {
            let at = index * bits + bit;
            let is_set = sum >> (bits - 1 - bit) & 1 == 1;
            let mask = 0x80 >> (at % 8);
            row[at / 8] = if is_set {
                row[at / 8] | mask
            } else {
                row[at / 8] & !mask
            };
        }
    }
}

/// The number of `bits` bits (at most 32) at this bit; zeros behind the end.
pub fn bits_at(row: &[u8], at: usize, bits: usize) -> u32 {
    let byte = |index: usize| u64::from(row.get(at / 8 + index).copied().unwrap_or(0));
    let five = (0..5).fold(0, |sum, index| sum << 8 | byte(index));
    (five >> (40 - at % 8 - bits) & ((1 << bits) - 1)) as u32
}

/// All first bytes of a row's numbers, then all second ones, each as a difference.
fn floats(row: &mut [u8], apart: usize, width: usize, is_little: bool) {
    for at in apart..row.len() {
        row[at] = row[at].wrapping_add(row[at - apart]);
    }
    let numbers = row.len() / width;
    let apart = row.to_vec();
    for (index, number) in row.chunks_exact_mut(width).enumerate() {
        for (place, byte) in number.iter_mut().enumerate() {
            // The first bytes are the highest ones.
            let plane = if is_little { width - 1 - place } else { place };
            *byte = apart[plane * numbers + index];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_summed_in_either_order() {
        let mut row = [1, 2, 255, 3];
        sum(&mut row, 2, 8, true);
        assert_eq!(row, [1, 2, 0, 5]);
        // 255 + 1, as two bytes each.
        let mut row = [255, 0, 1, 0];
        sum(&mut row, 1, 16, true);
        assert_eq!(row, [255, 0, 0, 1]);
        let mut row = [0, 255, 0, 1];
        sum(&mut row, 1, 16, false);
        assert_eq!(row, [0, 255, 1, 0]);
        // 9 + 8 of four bits is 1, and 1 + 15 is 0.
        let mut row = [0x98, 0xF0];
        sum(&mut row, 1, 4, false);
        assert_eq!(row, [0x91, 0x00]);
    }

    #[test]
    fn floats_come_from_planes_of_bytes() {
        let numbers = [1.5_f32, -2.25];
        let mut stored: Vec<u8> = Vec::new();
        for plane in 0..4 {
            stored.extend(numbers.map(|number| number.to_be_bytes()[plane]));
        }
        for at in (1..stored.len()).rev() {
            stored[at] = stored[at].wrapping_sub(stored[at - 1]);
        }
        let mut row = stored.clone();
        floats(&mut row, 1, 4, true);
        assert_eq!(row, numbers.map(f32::to_le_bytes).concat());
        floats(&mut stored, 1, 4, false);
        assert_eq!(stored, numbers.map(f32::to_be_bytes).concat());
    }

    #[test]
    fn bits_are_taken_across_bytes_and_are_zero_behind_the_end() {
        assert_eq!(bits_at(&[0b1010_1100, 0b0101_0000], 3, 10), 0b01_1000_1010);
        assert_eq!(bits_at(&[0xFF], 4, 12), 0xF00);
        assert_eq!(bits_at(&[0xFF; 5], 7, 32), 0xFFFF_FFFF);
    }
}
