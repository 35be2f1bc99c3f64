//! Many vectors of one dimension: borrowed as [`Vectors`], owned as a [`Matrix`].
//!
//! Rows lie one after another and never travel without their dimension. That they are whole ones is
//! checked where the two come together, once, and nobody behind it divides a length or cuts a rest off.

use std::ops::Range;
use std::slice::{ChunksExact, ChunksExactMut};

use rayon::prelude::*;

use super::vector::dot;
use crate::error::{DescriptorError, Result};

/// Rows of f32 that lie one after another wherever they are: in memory, in a mapped file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vectors<'a> {
    values: &'a [f32],
    /// At least 1, and a divisor of the number of values.
    dimension: usize,
}

impl<'a> Vectors<'a> {
    /// Takes `values` for rows of `dimension` values each; there may be none.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`] if the last row is not a whole one;
    /// [`DescriptorError::ZeroDescriptor`] if the dimension is 0.
    pub fn new(values: &'a [f32], dimension: usize) -> Result<Self, DescriptorError> {
        check_whole(values, dimension)?;
        Ok(Self { values, dimension })
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(self) -> usize {
        self.values.len() / self.dimension
    }

    /// Whether there are no rows.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// Values of each row, at least 1.
    #[must_use]
    pub const fn dimension(self) -> usize {
        self.dimension
    }

    /// The values of all rows, one row after another.
    #[must_use]
    pub const fn values(self) -> &'a [f32] {
        self.values
    }

    /// One row.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    #[inline]
    pub fn row(self, index: usize) -> &'a [f32] {
        let start = index * self.dimension;
        &self.values[start..start + self.dimension]
    }

    /// One row, if there are so many.
    #[must_use]
    #[inline]
    pub fn get(self, index: usize) -> Option<&'a [f32]> {
        let start = index.checked_mul(self.dimension)?;
        self.values.get(start..start.checked_add(self.dimension)?)
    }

    /// The rows, in order.
    pub fn rows(self) -> ChunksExact<'a, f32> {
        self.values.chunks_exact(self.dimension)
    }

    /// The rows, on all cores.
    #[must_use]
    pub fn par_rows(self) -> impl IndexedParallelIterator<Item = &'a [f32]> {
        self.values.par_chunks_exact(self.dimension)
    }

    /// So many rows at a time, the last of the blocks perhaps fewer; each with the index of its
    /// first.
    ///
    /// # Panics
    /// If `rows` is 0.
    pub fn blocks(self, rows: usize) -> impl Iterator<Item = (usize, Self)> {
        let blocks = self.values.chunks(rows * self.dimension).enumerate();
        blocks.map(move |(number, values)| (number * rows, Self { values, ..self }))
    }

    /// The same on all cores.
    ///
    /// # Panics
    /// If `rows` is 0.
    #[must_use]
    pub fn par_blocks(self, rows: usize) -> impl IndexedParallelIterator<Item = (usize, Self)> {
        let blocks = self.values.par_chunks(rows * self.dimension).enumerate();
        blocks.map(move |(number, values)| (number * rows, Self { values, ..self }))
    }

    /// The rows of this range.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn slice(self, rows: Range<usize>) -> Self {
        let values = &self.values[rows.start * self.dimension..rows.end * self.dimension];
        Self { values, ..self }
    }

    /// A copy of the rows with these indexes, in their order.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn select(self, rows: &[u32]) -> Matrix {
        let mut values = Vec::with_capacity(rows.len() * self.dimension);
        for row in rows {
            values.extend_from_slice(self.row(*row as usize));
        }
        let dimension = self.dimension;
        Matrix { values, dimension }
    }

    /// The dot product of every row with `query`, on all cores; of unit vectors, the cosines.
    ///
    /// # Panics
    /// If the query has another dimension.
    #[must_use]
    pub fn dot(self, query: &[f32]) -> Vec<f32> {
        assert_eq!(query.len(), self.dimension, "the query's dimension");
        self.par_rows().map(|row| dot(query, row)).collect()
    }
}

/// Rows of f32 in memory of their own; they are read as [`Vectors`].
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    values: Vec<f32>,
    dimension: usize,
}

impl Matrix {
    /// Takes `values` for rows of `dimension` values each; there may be none.
    ///
    /// # Errors
    /// As [`Vectors::new`].
    pub fn new(values: Vec<f32>, dimension: usize) -> Result<Self, DescriptorError> {
        check_whole(&values, dimension)?;
        Ok(Self { values, dimension })
    }

    /// So many rows of zeros.
    ///
    /// # Errors
    /// [`DescriptorError::ZeroDescriptor`] if the dimension is 0.
    pub fn zeros(rows: usize, dimension: usize) -> Result<Self, DescriptorError> {
        Self::new(vec![0.0; rows * dimension], dimension)
    }

    /// A copy of rows that lie here and there.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`] if one of them has not `dimension` values;
    /// [`DescriptorError::ZeroDescriptor`] if the dimension is 0.
    pub fn from_rows<'a>(
        rows: impl IntoIterator<Item = &'a [f32]>,
        dimension: usize,
    ) -> Result<Self, DescriptorError> {
        let rows = rows.into_iter();
        let values = Vec::with_capacity(rows.size_hint().0 * dimension);
        let mut matrix = Self::new(values, dimension)?;
        for row in rows {
            matrix.push(row)?;
        }
        Ok(matrix)
    }

    /// The rows, to be read.
    #[must_use]
    pub const fn as_vectors(&self) -> Vectors<'_> {
        Vectors {
            values: self.values.as_slice(),
            dimension: self.dimension,
        }
    }

    /// Values of each row, at least 1.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// Adds a row at the end.
    ///
    /// # Errors
    /// [`DescriptorError::WrongDimension`].
    pub fn push(&mut self, row: &[f32]) -> Result<(), DescriptorError> {
        let (expected, found) = (self.dimension, row.len());
        if found != expected {
            return Err(DescriptorError::WrongDimension { expected, found });
        }
        self.values.extend_from_slice(row);
        Ok(())
    }

    /// One row, to be changed.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn row_mut(&mut self, index: usize) -> &mut [f32] {
        let start = index * self.dimension;
        &mut self.values[start..start + self.dimension]
    }

    /// The rows, to be changed, in order.
    pub fn rows_mut(&mut self) -> ChunksExactMut<'_, f32> {
        self.values.chunks_exact_mut(self.dimension)
    }

    /// Moves together the rows for whose indexes `keep` says so, and drops the others.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut end = 0;
        for row in 0..self.as_vectors().len() {
            if keep(row) {
                let start = row * self.dimension;
                self.values.copy_within(start..start + self.dimension, end);
                end += self.dimension;
            }
        }
        self.values.truncate(end);
    }
}

fn check_whole(values: &[f32], dimension: usize) -> Result<(), DescriptorError> {
    match values.len().checked_rem(dimension) {
        None => Err(DescriptorError::ZeroDescriptor),
        Some(0) => Ok(()),
        Some(found) => Err(DescriptorError::WrongDimension {
            expected: dimension,
            found,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    fn pairs() -> Vectors<'static> {
        Vectors::new(&VALUES, 2).unwrap()
    }

    #[test]
    fn only_whole_rows_of_at_least_one_value_are_taken() {
        for made in [
            Vectors::new(&VALUES, 4).map(drop),
            Matrix::new(VALUES.to_vec(), 4).map(drop),
            Matrix::from_rows([&VALUES[..4], &VALUES[4..]], 4).map(drop),
            Matrix::zeros(1, 4).unwrap().push(&VALUES[..2]),
        ] {
            let (expected, found) = (4, 2);
            let wrong = DescriptorError::WrongDimension { expected, found };
            assert_eq!(made.unwrap_err().to_string(), wrong.to_string());
        }
        for made in [
            Vectors::new(&[], 0).map(drop),
            Vectors::new(&VALUES, 0).map(drop),
            Matrix::new(Vec::new(), 0).map(drop),
            Matrix::zeros(3, 0).map(drop),
            Matrix::from_rows([], 0).map(drop),
        ] {
            assert!(matches!(made, Err(DescriptorError::ZeroDescriptor)));
        }
        let none = Vectors::new(&[], 4).unwrap();
        assert!(none.is_empty() && none.rows().next().is_none());
        assert_eq!((none.len(), none.dimension()), (0, 4));
    }

    #[test]
    fn a_row_is_found_by_its_index_and_what_lies_beyond_the_last_is_nothing() {
        assert_eq!(pairs().len(), 3);
        for (index, row) in pairs().rows().enumerate() {
            assert_eq!(row, &VALUES[2 * index..2 * index + 2]);
            assert_eq!(row, pairs().row(index));
            assert_eq!(Some(row), pairs().get(index));
        }
        assert_eq!(pairs().get(3), None);
        assert_eq!(pairs().get(usize::MAX), None);
        assert_eq!(pairs().slice(1..3).values(), &VALUES[2..]);
        assert_eq!(
            pairs().select(&[2, 0, 2]).as_vectors().values(),
            [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]
        );
    }

    #[test]
    fn blocks_are_all_rows_in_order_with_the_index_of_each_first() {
        let blocks: Vec<_> = pairs().blocks(2).collect();
        assert_eq!(blocks, [(0, pairs().slice(0..2)), (2, pairs().slice(2..3))]);
        assert_eq!(pairs().par_blocks(2).collect::<Vec<_>>(), blocks);
        let rows: Vec<_> = pairs().rows().collect();
        assert_eq!(pairs().par_rows().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn every_row_is_compared_with_a_query_of_its_own_dimension() {
        assert_eq!(pairs().dot(&[1.0, -2.0]), [-3.0, -5.0, -7.0]);
    }

    #[test]
    #[should_panic(expected = "the query's dimension")]
    fn a_shorter_query_is_not_compared_with_the_beginning_of_each_row() {
        let _ = pairs().dot(&[1.0]);
    }

    #[test]
    fn rows_that_are_dropped_leave_no_gap() {
        let mut matrix = Matrix::zeros(4, 2).unwrap();
        for (index, row) in matrix.rows_mut().enumerate() {
            row.fill(index as f32);
        }
        matrix.row_mut(3)[1] = 9.0;
        matrix.retain(|row| row % 2 == 1);
        assert_eq!(matrix.as_vectors().values(), [1.0, 1.0, 3.0, 9.0]);
        matrix.push(&[5.0, 6.0]).unwrap();
        assert_eq!(matrix.as_vectors().row(2), [5.0, 6.0]);
    }
}
