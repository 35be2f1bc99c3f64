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
