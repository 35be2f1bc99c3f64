//! Run lengths of bitmaps: pairs of a count and a number, or of two numbers in turn, and escapes.

/// Decodes onto `numbers`, from the first stored row on, and tells how many rows are there.
pub fn decode(data: &[u8], bits: usize, width: usize, numbers: &mut [u8]) -> usize {
    let height = numbers.len() / width;
    let (mut x, mut y) = (0, 0);
    let mut bytes = data.iter().copied();
    let mut put = |x: &mut usize, y: usize, number: u8| {
        if *x < width && y < height {
            numbers[y * width + *x] = number;
        }
        *x += 1;
    };
    // Of four bits a byte names two pixels.
    let half = |byte: u8, index: usize| match bits {
        4 => byte >> (4 * (1 - index % 2)) & 15,
        _ => byte,
    };
    while y < height {
        let (Some(count), Some(value)) = (bytes.next(), bytes.next()) else {
            return y;
        };
        match (count, value) {
            (0, 0) => {
                x = 0;
                y += 1;
            }
            (0, 1) => return height,
            (0, 2) => {
                let (Some(across), Some(down)) = (bytes.next(), bytes.next()) else {
                    return y;
                };
                x += usize::from(across);
                y += usize::from(down);
            }
            (0, literal) => {
                let count = usize::from(literal);
                let len = (count * bits).div_ceil(8);
                let mut last = 0;
                for index in 0..count {
                    if index % (8 / bits) == 0 {
                        let Some(byte) = bytes.next() else {
                            return y;
                        };
                        last = byte;
                    }
                    put(&mut x, y, half(last, index));
                }
                if len % 2 == 1 {
                    bytes.next();
                }
            }
            (count, value) => {
                for index in 0..usize::from(count) {
                    put(&mut x, y, half(value, index));
                }
            }
        }
    }
    height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_literals_steps_and_ends_are_followed() {
        let mut numbers = [0; 12];
        // Two of 7; 1, 2, 3 as they are and a filling byte; a new row; two right and none up; 9; the end.
        let data = [2, 7, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 2, 0, 1, 9, 0, 1];
        assert_eq!(decode(&data, 8, 6, &mut numbers), 2);
        assert_eq!(numbers, [7, 7, 1, 2, 3, 0, 0, 0, 9, 0, 0, 0]);
        let mut numbers = [0; 6];
        // Of four bits two numbers take turns.
        assert_eq!(
            decode(&[3, 0x5A, 0, 3, 0x12, 0x30, 0, 1], 4, 6, &mut numbers),
            1
        );
        assert_eq!(numbers, [5, 10, 5, 1, 2, 3]);
    }

    #[test]
    fn what_is_outside_is_passed_over_and_rows_that_are_cut_off_are_not_there() {
        let mut numbers = [0; 4];
        assert_eq!(
            decode(&[255, 3, 0, 2, 200, 200, 9, 9], 8, 2, &mut numbers),
            2
        );
        assert_eq!(numbers, [3, 3, 0, 0]);
        for end in 0..4 {
            assert_eq!(decode(&[2, 1, 0, 0, 2][..end], 8, 2, &mut numbers), 0);
        }
        assert_eq!(decode(&[2, 1, 0, 0, 2], 8, 2, &mut numbers), 1);
    }
}
