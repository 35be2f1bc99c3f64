//! What photos of one class differ in counts less: within-class whitening, and discriminant axes.
//!
//! Directions along which photos of a class differ from each other say little of what they show. Whitening by
//! all of them, or keeping the best alone, loses what classes that were not looked at need: here a direction is
//! drawn in by (1 + w/(λ·t))^−½, where w is the variance within classes along it and t the mean of all
//! directions, so λ → ∞ changes nothing and none is dropped.

use faer::{MatRef, Side};
use rayon::prelude::*;

use super::{Origin, Whitening};
use crate::descriptor::vector::{dot, normalize_in_place};
use crate::descriptor::vectors::{Matrix, Vectors};
use crate::error::DescriptorError;

/// Variances below this share of the greatest are the rounding of f32.
const NOISE: f64 = 1e-6;

/// How the photos of some classes differ within them.
pub struct WithinClasses {
    photos: usize,
    /// The mean of all rows, a row by itself.
    mean: Matrix,
    /// Each class's mean less the mean of all, by the square root of the class's share.
    classes: Matrix,
    /// Orthonormal directions along which photos of a class differ.
    directions: Matrix,
    /// The variance along each.
    variances: Vec<f64>,
}

impl WithinClasses {
    /// Of rows with the number of each one's class.
    ///
    /// # Errors
    /// [`DescriptorError::TooFewToWhiten`] without two classes and a class of which two rows differ;
    /// [`DescriptorError::NonFiniteDescriptor`].
    pub fn of(rows: Vectors<'_>, classes: &[u32]) -> Result<Self, DescriptorError> {
        let mut numbers: Vec<u32> = classes.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        let too_few = DescriptorError::TooFewToWhiten {
            keep: 1,
            most: 0,
            photos: rows.len(),
        };
        if numbers.len() < 2 || numbers.len() >= rows.len() || classes.len() != rows.len() {
            return Err(too_few);
        }
        if !rows.values().iter().all(|value| value.is_finite()) {
            return Err(DescriptorError::NonFiniteDescriptor);
        }
        let mean = mean(rows.rows(), rows.dimension());
        let mut means = Matrix::zeros(0, rows.dimension())?;
        let mut differences = rows.select(&(0..rows.len() as u32).collect::<Vec<_>>());
        for number in &numbers {
            let of_class = || (0..classes.len()).filter(|row| classes[*row] == *number);
            let own = self::mean(of_class().map(|row| rows.row(row)), rows.dimension());
            for row in of_class() {
                subtract(differences.row_mut(row), &own);
            }
            let share = (of_class().count() as f64 / rows.len() as f64).sqrt() as f32;
            let shared = own.iter().zip(&mean).map(|(own, all)| share * (own - all));
            means.push(&shared.collect::<Vec<_>>())?;
        }
        let (directions, squares) = principal(differences.as_vectors())?;
        if squares.is_empty() {
            return Err(too_few);
        }
        let freedom = (rows.len() - numbers.len()) as f64;
        let mean = Matrix::new(mean, rows.dimension())?;
        Ok(Self {
            photos: rows.len(),
            mean,
            classes: means,
            directions,
            variances: squares.iter().map(|square| square / freedom).collect(),
        })
    }

    /// The rows with their directions drawn in, normalized. One that has no direction any more is zero.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`].
    pub fn apply(&self, rows: Vectors<'_>, lambda: f32) -> Result<Matrix, DescriptorError> {
        let mut drawn = self.drawn_in(rows, lambda)?;
        for row in drawn.rows_mut() {
            if normalize_in_place(row).is_err() {
                row.fill(0.0);
            }
        }
        Ok(drawn)
    }

    /// The same as a [`Whitening`] of as many values, which subtracts nothing.
    ///
    /// # Errors
    /// None of its own.
    pub fn whitening(&self, lambda: f32) -> Result<Whitening, DescriptorError> {
        let dimension = self.directions.as_vectors().dimension();
        let mut identity = Matrix::zeros(dimension, dimension)?;
        for (index, row) in identity.rows_mut().enumerate() {
            row[index] = 1.0;
        }
        let projection = self.drawn_in(identity.as_vectors(), lambda)?;
        Ok(self.as_whitening(vec![0.0; dimension], projection))
    }

    /// The axes that tell these classes apart once the directions are drawn in, one fewer than there are
    /// classes at most: Fisher, "The use of multiple measurements in taxonomic problems", 1936, with the
    /// covariance shrunk as above. Good for these classes, and for no others.
    ///
    /// # Errors
    /// [`DescriptorError::TooFewToWhiten`] if all classes have the same mean.
    pub fn discriminant(&self, lambda: f32) -> Result<Whitening, DescriptorError> {
        let means = self.drawn_in(self.classes.as_vectors(), lambda)?;
        let (axes, _) = principal(means.as_vectors())?;
        if axes.as_vectors().is_empty() {
            return Err(DescriptorError::TooFewToWhiten {
                keep: 1,
                most: 0,
                photos: self.photos,
            });
        }
        // Drawing in is symmetric: the axes may be drawn in beforehand.
        let projection = self.drawn_in(axes.as_vectors(), lambda)?;
        Ok(self.as_whitening(self.mean.as_vectors().values().to_vec(), projection))
    }

    fn as_whitening(&self, mean: Vec<f32>, projection: Matrix) -> Whitening {
        let fitted = Whitening {
            mean,
            scales: vec![1.0; projection.as_vectors().len()],
            projection,
            origin: Origin::default(),
            origin_json: String::new(),
        };
        fitted.with_origin(Origin {
            fingerprint: None,
            shrinkage: 0.0,
            photos: self.photos,
            kept_variance: 1.0,
        })
    }

    /// The rows with their components along the directions multiplied.
    fn drawn_in(&self, rows: Vectors<'_>, lambda: f32) -> Result<Matrix, DescriptorError> {
        let directions = self.directions.as_vectors();
        let (expected, found) = (directions.dimension(), rows.dimension());
        if expected != found {
            return Err(DescriptorError::WrongDimension { expected, found });
        }
        let typical = self.variances.iter().sum::<f64>() / expected as f64;
        let factor = |variance: &f64| (1.0 + variance / (f64::from(lambda) * typical)).powf(-0.5);
        let changes: Vec<f32> = self
            .variances
            .iter()
            .map(|w| factor(w) as f32 - 1.0)
            .collect();
        let mut drawn = rows.select(&(0..rows.len() as u32).collect::<Vec<_>>());
        let each: Vec<&mut [f32]> = drawn.rows_mut().collect();
        each.into_par_iter().for_each(|row| {
            let along = directions.rows().map(|direction| dot(direction, row));
            let along: Vec<f32> = along.collect();
            for ((along, change), direction) in along.iter().zip(&changes).zip(directions.rows()) {
                let added = along * change;
                row.iter_mut()
                    .zip(direction)
                    .for_each(|(value, direction)| *value += added * direction);
            }
        });
        Ok(drawn)
    }
}

fn mean<'a>(rows: impl Iterator<Item = &'a [f32]>, values: usize) -> Vec<f32> {
    let (mut sum, mut count) = (vec![0.0f64; values], 0.0);
    for row in rows {
        count += 1.0;
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sum.iter().map(|sum| (sum / count) as f32).collect()
}

fn subtract(row: &mut [f32], other: &[f32]) {
    row.iter_mut()
        .zip(other)
        .for_each(|(value, other)| *value -= other);
}

/// The right singular vectors of these rows, the greatest first, and the squares of the singular values.
fn principal(rows: Vectors<'_>) -> Result<(Matrix, Vec<f64>), DescriptorError> {
    let (count, dimension) = (rows.len(), rows.dimension());
    // The smaller of the two products has the same values.
    let is_tall = count > dimension;
    let turned = is_tall.then(|| transposed(rows)).transpose()?;
    let sides = turned.as_ref().map_or(rows, Matrix::as_vectors);
    let products: Vec<f64> = sides.dots(sides).into_iter().map(f64::from).collect();
    let products = MatRef::from_row_major_slice(&products, sides.len(), sides.len());
    let decomposed = products
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| DescriptorError::NonFiniteDescriptor)?;
    let (vectors, size) = (decomposed.U(), sides.len());
    // In ascending order.
    let square = |axis: usize| decomposed.S()[size - 1 - axis];
    let spread =
        (0..size).take_while(|axis| square(*axis) > NOISE * square(0).max(f64::MIN_POSITIVE));
    let squares: Vec<f64> = spread.map(square).collect();
    let axis = |axis: usize| -> Vec<f32> {
        let of_side = |row: usize| vectors[(row, size - 1 - axis)] as f32;
        if is_tall {
            return (0..size).map(of_side).collect();
        }
        let mut sum = vec![0.0; dimension];
        for (number, row) in rows.rows().enumerate() {
            let weight = of_side(number);
            sum.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        let length = dot(&sum, &sum).sqrt();
        for value in &mut sum {
            *value /= length;
        }
        sum
    };
    let axes: Vec<f32> = (0..squares.len())
        .into_par_iter()
        .flat_map_iter(axis)
        .collect();
    Ok((Matrix::new(axes, dimension)?, squares))
}

fn transposed(rows: Vectors<'_>) -> Result<Matrix, DescriptorError> {
    let columns = (0..rows.dimension()).flat_map(|column| rows.rows().map(move |row| row[column]));
    Matrix::new(columns.collect(), rows.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes that differ along the first two of eight axes, and whose photos differ most along the
    /// third.
    fn photos(count: u32) -> (Matrix, Vec<u32>) {
        let mut random = fastrand::Rng::with_seed(5);
        let mut rows = Matrix::zeros(count as usize, 8).unwrap();
        let classes: Vec<u32> = (0..count).map(|photo| photo % 3).collect();
        for (row, class) in rows.rows_mut().zip(&classes) {
            row.fill_with(|| 0.1 * (random.f32() - 0.5));
            row[2] = 4.0 * (random.f32() - 0.5);
            row[(*class % 2) as usize] += *class as f32 / 2.0 + 0.5;
            normalize_in_place(row).unwrap();
        }
        (rows, classes)
    }

    /// How much nearer photos of one class are than photos of two.
    fn contrast(rows: &Matrix, classes: &[u32]) -> f32 {
        let rows = rows.as_vectors();
        let (mut same, mut other) = ((0.0, 0), (0.0, 0));
        for (a, class) in classes.iter().enumerate() {
            for (b, other_class) in classes[..a].iter().enumerate() {
                let sum = if other_class == class {
                    &mut same
                } else {
                    &mut other
                };
                *sum = (sum.0 + dot(rows.row(a), rows.row(b)), sum.1 + 1);
            }
        }
        same.0 / same.1 as f32 - other.0 / other.1 as f32
    }

    #[test]
    fn what_classes_differ_in_within_counts_less_the_smaller_lambda_is() {
        let (rows, classes) = photos(60);
        let within = WithinClasses::of(rows.as_vectors(), &classes).unwrap();
        let by = |lambda| within.apply(rows.as_vectors(), lambda).unwrap();
        let [plain, weak, strong] = [1e9, 30.0, 1.0].map(|lambda| contrast(&by(lambda), &classes));
        assert!((plain - contrast(&rows, &classes)).abs() < 1e-4);
        assert!(plain < weak && weak < strong, "{plain} {weak} {strong}");
    }

    /// Fewer rows than values, and more.
    #[test]
    fn a_whitening_does_the_same_and_drops_nothing() {
        for count in [7, 60] {
            let (rows, classes) = photos(count);
            let within = WithinClasses::of(rows.as_vectors(), &classes).unwrap();
            let whitening = within.whitening(3.0).unwrap();
            assert_eq!((whitening.input_dimension(), whitening.dimension()), (8, 8));
            let same = whitening.apply_all(rows.as_vectors()).unwrap();
            let applied = within.apply(rows.as_vectors(), 3.0).unwrap();
            let pairs = same.as_vectors().values().iter();
            for (a, b) in pairs.zip(applied.as_vectors().values()) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn discriminant_axes_tell_the_classes_apart() {
        let (rows, classes) = photos(60);
        let within = WithinClasses::of(rows.as_vectors(), &classes).unwrap();
        let axes = within.discriminant(10.0).unwrap();
        assert_eq!(axes.dimension(), 2);
        let projected = axes.apply_all(rows.as_vectors()).unwrap();
        let (before, after) = (contrast(&rows, &classes), contrast(&projected, &classes));
        assert!(after > before + 0.3, "{before} {after}");
    }

    #[test]
    fn one_class_or_classes_of_one_are_too_few() {
        let (rows, _) = photos(6);
        for classes in [vec![0; 6], (0..6).collect::<Vec<u32>>()] {
            let refused = WithinClasses::of(rows.as_vectors(), &classes);
            assert!(matches!(
                refused,
                Err(DescriptorError::TooFewToWhiten { .. })
            ));
        }
    }
}
