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
mod tests {
    use image::metadata::Orientation;
    use image::{DynamicImage, Rgb, RgbImage};

    use super::*;

    fn of(image: RgbImage) -> Signature {
        Signature::of(&Picture::new(image))
    }

    /// Smooth, not square, and different in every corner.
    fn painted(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let part = |at: u32, side: u32| (at as f32 + 0.5) / side as f32;
            let (x, y) = (part(x, width), part(y, height));
            let wave = (7.0 * x).sin() * (5.0 * y + x).cos();
            let level = 120.0 + 60.0 * wave + 50.0 * x * y;
            Rgb([level as u8, (level * 0.9) as u8, (200.0 * y) as u8])
        })
    }

    #[test]
    fn levels_are_the_means_of_the_cells_by_area() {
        for (width, height) in [
            (11, 11),
            (22, 33),
            (40, 27),
            (5, 3),
            (1, 100),
            (100, 1),
            (12, 300),
        ] {
            let mut chance = fastrand::Rng::with_seed(3);
            let image = RgbImage::from_fn(width, height, |_, _| Rgb([chance.u8(..); 3]));
            // Each pixel as eleven times eleven ones, of which every cell has a whole number.
            let large = RgbImage::from_fn(11 * width, 11 * height, |x, y| {
                *image.get_pixel(x / 11, y / 11)
            });
            let mean = |cell: usize| {
                let (left, top) = (cell as u32 % 11 * width, cell as u32 / 11 * height);
                let part = image::imageops::crop_imm(&large, left, top, width, height);
                let part = part.to_image();
                let sum: u64 = part.pixels().map(|pixel| u64::from(pixel[0])).sum();
                sum as f64 / f64::from(width * height)
            };
            let expected = Signature::of_levels(&std::array::from_fn(mean));
            let found = of(image);
            for (a, b) in found.0.iter().zip(&expected.0) {
                assert!(
                    a.abs_diff(*b) <= 1,
                    "{width}×{height}: {found:?}, {expected:?}"
                );
            }
        }
    }

    #[test]
    fn a_picture_made_smaller_darker_or_flatter_has_nearly_the_same() {
        let whole = of(painted(640, 480));
        assert!((whole.correlation(&whole) - 1.0).abs() < 1e-6);
        for (width, height) in [(80, 60), (61, 47), (640, 360), (33, 25)] {
            let correlation = whole.correlation(&of(painted(width, height)));
            assert!(correlation > 0.998, "{width}×{height}: {correlation}");
        }
        let mut dark = painted(640, 480);
        dark.iter_mut().for_each(|value| *value = *value / 2 + 20);
        let dark = of(dark);
        assert!(whole.correlation(&dark) > 0.999);
        let mut negative = painted(640, 480);
        negative.iter_mut().for_each(|value| *value = 255 - *value);
        assert!(whole.correlation(&of(negative)) < -0.999);
    }

    #[test]
    fn a_flat_picture_is_like_flat_ones_only() {
        let flat = |level: u8| of(RgbImage::from_pixel(64, 48, Rgb([level, 90, 3])));
        let other = of(painted(64, 48));
        assert!(flat(7).is_flat() && !other.is_flat());
        assert!((flat(7).correlation(&flat(200)) - 1.0).abs() < f32::EPSILON);
        assert!(flat(7).correlation(&other).abs() < f32::EPSILON);
        assert!(other.correlation(&flat(7)).abs() < f32::EPSILON);
        assert!(
            flat(7)
                .orbits()
                .iter()
                .all(|number| number.abs() < f32::EPSILON)
        );
    }

    #[test]
    fn the_views_are_those_of_the_picture_made_upright() {
        let image = painted(97, 60);
        let views = of(image.clone()).views();
        for (number, view) in (1..).zip(views) {
            let mut turned = DynamicImage::from(image.clone());
            turned.apply_orientation(Orientation::from_exif(number).unwrap());
            let turned = of(turned.into_rgb8());
            let largest = turned
                .0
                .iter()
                .zip(&view.0)
                .map(|(a, b)| a.abs_diff(*b))
                .max();
            assert!(largest <= Some(1), "{number}: {turned:?}, {view:?}");
            for (other, seen) in (1..).zip(views) {
                let is_it = turned.correlation(&seen) > 0.9999;
                assert_eq!(is_it, other == number, "{number}, {other}");
            }
        }
    }

    #[test]
    fn what_all_views_have_in_common_is_the_same_for_each() {
        let mut chance = fastrand::Rng::with_seed(9);
        for _ in 0..100 {
            let signature = Signature(std::array::from_fn(|_| chance.i8(-127..)));
            for view in signature.views() {
                assert_eq!(view.canonical(), signature.canonical());
                let pairs = view.orbits().into_iter().zip(signature.orbits());
                assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-6));
                assert_eq!(view.turned(1).turned(3).mirrored().mirrored(), view);
            }
            assert!(signature.views().contains(&signature.canonical()));
        }
    }

    #[test]
    fn alike_pictures_have_near_orbits_whichever_way_they_are_turned() {
        let mut chance = fastrand::Rng::with_seed(11);
        let mut nearest = 0.0_f32;
        for round in 0..2000_u32 {
            let a = Signature(std::array::from_fn(|_| chance.i8(-100..100)));
            let noise = (round % 60) as i8;
            let noisy = |number: i8| number.saturating_add(chance.i8(-noise..=noise)).max(-127);
            let b = Signature(a.0.map(noisy));
            let b = b.views()[chance.usize(..8)];
            let best = b.views().map(|view| a.correlation(&view));
            let best = best.into_iter().fold(-1.0, f32::max);
            let squares = a
                .orbits()
                .into_iter()
                .zip(b.orbits())
                .map(|(a, b)| (a - b).powi(2));
            let distance = squares.sum::<f32>().sqrt();
            let bound = (2.0 - 2.0 * best).max(0.0).sqrt();
            assert!(distance <= bound + 1e-3, "{distance} > {bound}");
            nearest = nearest.max(distance / bound.max(1e-3));
        }
        assert!(nearest > 0.3, "the bound says something: {nearest}");
    }

    #[test]
    fn its_bytes_read_back() {
        let signature = of(painted(50, 40));
        let bytes = signature.as_bytes().try_into().unwrap();
        assert_eq!(Signature::from_bytes(bytes), signature);
        assert_eq!(Signature::from_bytes([0x81; CELLS]).0, [-127; CELLS]);
    }

    #[test]
    fn every_cell_is_in_an_orbit_and_no_orbit_is_empty() {
        let mut counts = [0; ORBITS];
        (0..CELLS).for_each(|cell| counts[orbit_of(cell)] += 1);
        assert!(counts.iter().all(|count| matches!(count, 1 | 4 | 8)));
    }
}
