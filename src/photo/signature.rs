//! What a picture looks like from far away: which pairs may be the same photo, saved twice, made smaller
//! or turned, before any pixels are compared.
//!
//! Mean luminances of a grid, as in Wong, Bern and Goldberg, "An image signature for any kind of image"
//! (ICIP 2002), but as numbers to be correlated, not as the signs of their differences.

use std::fmt;

use super::picture::Picture;

/// Cells along a side, of a picture of any shape.
const SIDE: usize = 11;
const CELLS: usize = SIDE * SIDE;
/// Cells that no turn and no mirror makes one another.
const ORBITS: usize = SIDE.div_ceil(2) * (SIDE.div_ceil(2) + 1) / 2;

/// One deviation, as a number of the signature: ±4 deviations fit.
const DEVIATION: f64 = 32.0;
/// Grey levels by which the cells of a flat picture deviate: less is not seen.
const FLAT: f64 = 0.5;

/// Luminance of ITU-R BT.601 in 256ths; they are summed as whole numbers.
const WEIGHTS: [u32; 3] = [77, 150, 29];
/// Pixels of which the luminances, 16 bits each, are summed in 32 bits.
const AT_ONCE: usize = 1 << 15;

/// The luminances of a picture in 11 × 11 cells, less their mean and by their deviation: 121 numbers of
/// −127 … 127, 32 for each deviation. All are 0 for a flat picture.
///
/// The shape is not in it: 4:3 and 16:9 of the same scene are alike. Who compares asks both pictures'
/// widths and heights.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature([i8; CELLS]);

impl Signature {
    /// Bytes of a signature.
    pub const BYTES: usize = CELLS;

    /// Numbers of [`Signature::orbits`].
    pub const ORBITS: usize = ORBITS;

    /// The signature of all of a picture, as it is shown. Each pixel counts by the part of it that lies
    /// in a cell, so a picture decoded at reduced size has nearly the same.
    #[must_use]
    pub fn of(picture: &Picture) -> Self {
        let covered = picture.covered();
        let width = picture.image.width() as usize;
        let columns = cells(covered.left, covered.width, width);
        let rows = cells(covered.top, covered.height, picture.image.height() as usize);
        let (pixels, _) = picture.image.as_raw().as_chunks::<3>();
        let mut sums = [0.0; CELLS];
        for (row, sums) in rows.iter().zip(sums.chunks_exact_mut(SIDE)) {
            for (y, weight) in row.pixels() {
                let line = &pixels[y * width..][..width];
                for (column, sum) in columns.iter().zip(&mut *sums) {
                    *sum += weight * column.sum(line);
                }
            }
        }
        let area = covered.width * covered.height / CELLS as f64;
        Self::of_levels(&sums.map(|sum| sum / area / 256.0))
    }

    fn of_levels(levels: &[f64; CELLS]) -> Self {
        let mean = levels.iter().sum::<f64>() / CELLS as f64;
        let squares = levels.iter().map(|level| (level - mean).powi(2));
        let deviation = (squares.sum::<f64>() / CELLS as f64).sqrt();
        if deviation < FLAT {
            return Self([0; CELLS]);
        }
        let of_level = |level: f64| ((level - mean) / deviation * DEVIATION).round();
        Self(levels.map(|level| of_level(level).clamp(-127.0, 127.0) as i8))
    }

    /// How alike two pictures are, −1 … 1: Pearson's correlation, 1 for equal ones. A flat picture has 0
    /// with all but another flat one.
    #[must_use]
    pub fn correlation(&self, other: &Self) -> f32 {
        let [a, b] = [self, other].map(Self::sums);
        let product = CELLS as i64 * i64::from(self.product(other)) - a.0 * b.0;
        match (a.1, b.1) {
            (0, 0) => 1.0,
            (0, _) | (_, 0) => 0.0,
            (a, b) => (product as f64 / ((a as f64) * (b as f64)).sqrt()) as f32,
        }
    }

    /// The sum of the numbers, and their variance, times the square of their count.
    fn sums(&self) -> (i64, i64) {
        let sum = self.0.iter().map(|number| i32::from(*number)).sum::<i32>();
        let (sum, squares) = (i64::from(sum), i64::from(self.product(self)));
        (sum, CELLS as i64 * squares - sum * sum)
    }

    /// 121 products of at most 2¹⁴ each.
    fn product(&self, other: &Self) -> i32 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
    }

    /// The same of the picture turned so many quarters with the clock.
    #[must_use]
    pub fn turned(&self, quarters: u32) -> Self {
        match quarters % 4 {
            0 => *self,
            1 => self.moved(|x, y| (y, SIDE - 1 - x)),
            2 => self.moved(|x, y| (SIDE - 1 - x, SIDE - 1 - y)),
            _ => self.moved(|x, y| (SIDE - 1 - y, x)),
        }
    }

    /// The same of the picture with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        self.moved(|x, y| (SIDE - 1 - x, y))
    }

    /// `from` is where the cell at a column and a row was.
    fn moved(&self, from: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        Self(std::array::from_fn(|cell| {
            let (x, y) = from(cell % SIDE, cell / SIDE);
            self.0[y * SIDE + x]
        }))
    }

    /// The same of the picture turned and mirrored in all eight ways, in the order of Exif: the first as
    /// it is, the last as one is made upright whose orientation is 8.
    #[must_use]
    pub fn views(&self) -> [Self; 8] {
        let mirrored = self.mirrored();
        [
            *self,
            mirrored,
            self.turned(2),
            mirrored.turned(2),
            self.turned(1).mirrored(),
            self.turned(1),
            self.turned(3).mirrored(),
            self.turned(3),
        ]
    }

    /// The least of its views: the same for each of them. For equal pictures; what was saved again may
    /// have another.
    #[must_use]
    pub fn canonical(&self) -> Self {
        self.views().into_iter().min().unwrap_or(*self)
    }

    /// 21 numbers that are the same for all views, and near for near pictures: where any view of one has
    /// a correlation of `r` or more with the other, the Euclidean distance of their numbers is at most
    /// √(2 − 2r). So pairs that are further apart need not be correlated, whichever way they are turned.
    /// All are 0 for a flat picture, of which that does not hold.
    ///
    /// They are the part of the normalized signature that turning does not change, in an orthonormal
    /// basis: a projection makes no distance longer.
    #[must_use]
    pub fn orbits(&self) -> [f32; ORBITS] {
        let mut sums = [0_i64; ORBITS];
        let mut counts = [0_u32; ORBITS];
        for (cell, number) in self.0.iter().enumerate() {
            let orbit = orbit_of(cell);
            sums[orbit] += i64::from(*number);
            counts[orbit] += 1;
        }
        let (sum, variance) = self.sums();
        let mean = sum as f64 / CELLS as f64;
        let length = (variance as f64 / CELLS as f64).sqrt();
        std::array::from_fn(|orbit| {
            let count = f64::from(counts[orbit]);
            let above = sums[orbit] as f64 - mean * count;
            if variance == 0 {
                0.0
            } else {
                (above / count.sqrt() / length) as f32
            }
        })
    }

    /// Whether the picture is flat.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.0 == [0; CELLS]
    }

    /// The numbers as bytes, row by row.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }

    /// The signature of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes.map(u8::cast_signed))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// The number of a cell's orbit: its distances from the middle, the longer one first.
const fn orbit_of(cell: usize) -> usize {
    let (x, y) = (
        (cell % SIDE).abs_diff(SIDE / 2),
        (cell / SIDE).abs_diff(SIDE / 2),
    );
    let (long, short) = if x > y { (x, y) } else { (y, x) };
    long * (long + 1) / 2 + short
}

/// A cell along one side: the pixels of which a part lies in it.
struct Cell {
    first: usize,
    /// Behind the last one.
    end: usize,
    /// The parts of the first and of the last one.
    parts: (f64, f64),
}

impl Cell {
    /// Each pixel, and which part of it lies here.
    fn pixels(&self) -> impl Iterator<Item = (usize, f64)> {
        (self.first..self.end).map(|pixel| {
            let part = match pixel {
                pixel if pixel == self.first => self.parts.0,
                pixel if pixel + 1 == self.end => self.parts.1,
                _ => 1.0,
            };
            (pixel, part)
        })
    }

    /// The luminances of a line's pixels here, each by its part; 256 for a grey level.
    fn sum(&self, line: &[[u8; 3]]) -> f64 {
        let luminance = |pixel: &[u8; 3]| {
            let [red, green, blue] = pixel.map(u32::from);
            WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue
        };
        let Some([first, inner @ ..]) = line.get(self.first..self.end) else {
            return 0.0;
        };
        let mut sum = self.parts.0 * f64::from(luminance(first));
        let Some((last, inner)) = inner.split_last() else {
            return sum;
        };
        sum += self.parts.1 * f64::from(luminance(last));
        for pixels in inner.chunks(AT_ONCE) {
            sum += f64::from(pixels.iter().map(luminance).sum::<u32>());
        }
        sum
    }
}

/// The cells of a side of so many pixels, of which the picture covers `length` from `start` on.
fn cells(start: f64, length: f64, pixels: usize) -> [Cell; SIDE] {
    let edge = |cell: usize| start + length * cell as f64 / SIDE as f64;
    std::array::from_fn(|cell| {
        let (from, to) = (edge(cell).max(0.0), edge(cell + 1).min(pixels as f64));
        let (first, end) = (from.floor() as usize, (to.ceil() as usize).min(pixels));
        let parts = if first + 1 >= end {
            (to - from, 0.0)
        } else {
            (first as f64 + 1.0 - from, to - (end as f64 - 1.0))
        };
        Cell { first, end, parts }
    })
}

#[cfg(test)]
mod tests;
