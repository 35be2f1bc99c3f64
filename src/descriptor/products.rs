//! Many dot products at once: what is one by one in [`dot`](super::dot) is a matrix product here.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::vectors::Vectors;

/// Rows taken at once where a copy of them is made: it fits the cache and hides the copying.
const BLOCK: usize = 512;

impl Vectors<'_> {
    /// The dot product of every row with every row of `others`: row i of the result, of as many
    /// values as there are others, belongs to row i of these. On all cores; of unit vectors, the
    /// cosines.
    ///
    /// # Panics
    /// If the others have another dimension.
    #[must_use]
    pub fn dots(self, others: Vectors<'_>) -> Vec<f32> {
        assert_eq!(self.dimension(), others.dimension(), "the two dimensions");
        let (a, b) = (matrix(self), matrix(others));
        let mut dots = vec![0.0; a.nrows() * b.nrows()];
        let into = MatMut::from_row_major_slice_mut(&mut dots, a.nrows(), b.nrows());
        matmul(into, Accum::Replace, a, b.transpose(), 1.0, Par::rayon(0));
        dots
    }
}

fn matrix(rows: Vectors<'_>) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(rows.values(), rows.len(), rows.dimension())
}

/// The rows less their mean, a block at a time in f64: sums over many thousands of rows lose nothing.
pub(super) struct Centred<'a> {
    rows: Vectors<'a>,
    pub(super) mean: Vec<f64>,
}

impl<'a> Centred<'a> {
    /// There is at least one row.
    pub(super) fn new(rows: Vectors<'a>) -> Self {
        let mut mean = vec![0.0; rows.dimension()];
        for row in rows.rows() {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        let count = rows.len() as f64;
        for sum in &mut mean {
            *sum /= count;
        }
        Self { rows, mean }
    }

    pub(super) const fn count(&self) -> usize {
        self.rows.len()
    }

    const fn dimension(&self) -> usize {
        self.rows.dimension()
    }

    /// Row-major blocks of at most [`BLOCK`] rows.
    fn blocks(&self) -> impl Iterator<Item = Vec<f64>> {
        self.rows.blocks(BLOCK).map(|(_, block)| {
            let means = self.mean.iter().cycle();
            let values = block.values().iter().zip(means);
            values
                .map(|(value, mean)| f64::from(*value) - mean)
                .collect()
        })
    }

    /// Σ x xᵀ over the rows, `[dimension, dimension]`; only its lower triangle is set.
    pub(super) fn scatter(&self) -> Mat<f64> {
        let mut sum = Mat::zeros(self.dimension(), self.dimension());
        for block in self.blocks() {
            let rows = block.len() / self.dimension();
            let block = MatRef::from_row_major_slice(&block, rows, self.dimension());
            add_lower(&mut sum, block.transpose(), block);
        }
        sum
    }

    /// The rows' dot products with each other, `[count, count]`; only its lower triangle is set.
    pub(super) fn gram(&self) -> Mat<f64> {
        let mut sum = Mat::zeros(self.count(), self.count());
        for start in (0..self.dimension()).step_by(BLOCK) {
            let columns = start..(start + BLOCK).min(self.dimension());
            let width = columns.len();
            let mut block = Vec::with_capacity(self.count() * width);
            for row in self.rows.rows() {
                let values = row[columns.clone()].iter().zip(&self.mean[columns.clone()]);
                block.extend(values.map(|(value, mean)| f64::from(*value) - mean));
            }
            let block = MatRef::from_row_major_slice(&block, self.count(), width);
            add_lower(&mut sum, block, block.transpose());
        }
        sum
    }

    /// The sums of the rows weighted by each column of `weights` `[count, n]`: `[n, dimension]`.
    pub(super) fn weighted_sums(&self, weights: MatRef<'_, f64>) -> Mat<f64> {
        let mut sums = Mat::zeros(weights.ncols(), self.dimension());
        let mut start = 0;
        for block in self.blocks() {
            let rows = block.len() / self.dimension();
            let block = MatRef::from_row_major_slice(&block, rows, self.dimension());
            let weights = weights.subrows(start, rows).transpose();
            matmul(&mut sums, Accum::Add, weights, block, 1.0, Par::rayon(0));
            start += rows;
        }
        sums
    }
}

fn add_lower(sum: &mut Mat<f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let par = Par::rayon(0);
    triangular::matmul(sum, lower, Accum::Add, a, whole, b, whole, 1.0, par);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::dot;

    #[test]
    fn every_product_is_the_dot_product_of_its_rows() {
        let value = |i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0;
        let a: Vec<f32> = (0..5 * 37).map(value).collect();
        let b: Vec<f32> = (300..300 + 9 * 37).map(value).collect();
        let (a, b) = (Vectors::new(&a, 37).unwrap(), Vectors::new(&b, 37).unwrap());
        let dots = a.dots(b);
        assert_eq!(dots.len(), 45);
        for (i, x) in a.rows().enumerate() {
            for (j, y) in b.rows().enumerate() {
                assert!((dots[i * 9 + j] - dot(x, y)).abs() < 1e-4, "{i} {j}");
            }
        }
        assert!(a.slice(0..0).dots(b).is_empty());
        assert!(a.dots(b.slice(0..0)).is_empty());
    }

    #[test]
    #[should_panic(expected = "the two dimensions")]
    fn rows_of_two_dimensions_are_not_compared() {
        let values = [1.0; 6];
        let of = |dimension| Vectors::new(&values, dimension).unwrap();
        let _ = of(2).dots(of(3));
    }
}
