//! The number types that tensors are stored in, and the way from there to f32.

use std::collections::BTreeMap;

use half::{bf16, f16};

/// How one number of a tensor is stored, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberType {
    F16,
    Bf16,
    F32,
    F64,
    /// Integers and booleans: counters beside the weights, never weights themselves.
    Other {
        name: &'static str,
        size: usize,
    },
}

impl NumberType {
    /// The type of a torch storage class, e.g. `FloatStorage`.
    pub fn of_storage(class: &str) -> Option<Self> {
        let other = |name, size| Some(Self::Other { name, size });
        match class {
            "HalfStorage" => Some(Self::F16),
            "BFloat16Storage" => Some(Self::Bf16),
            "FloatStorage" => Some(Self::F32),
            "DoubleStorage" => Some(Self::F64),
            "LongStorage" => other("int64", 8),
            "IntStorage" => other("int32", 4),
            "ShortStorage" => other("int16", 2),
            "CharStorage" => other("int8", 1),
            "ByteStorage" => other("uint8", 1),
            "BoolStorage" => other("bool", 1),
            _ => None,
        }
    }

    /// Bytes of one number.
    pub const fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other { size, .. } => size,
        }
    }

    /// Numbers stored in `bytes`, as f32; None where they are not floating-point numbers.
    pub fn to_f32(self, bytes: &[u8]) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes
                .as_chunks::<N>()
                .0
                .iter()
                .map(|&number| convert(number))
                .collect()
        }
        match self {
            Self::F16 => Some(each(bytes, |number| f16::from_le_bytes(number).to_f32())),
            Self::Bf16 => Some(each(bytes, |number| bf16::from_le_bytes(number).to_f32())),
            Self::F32 => Some(each(bytes, f32::from_le_bytes)),
            Self::F64 => Some(each(bytes, |number| f64::from_le_bytes(number) as f32)),
            Self::Other { .. } => None,
        }
    }
}

/// Tensors by their names.
pub(super) type Tensors = BTreeMap<String, Stored>;

/// Where a tensor's numbers lie in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub numbers: NumberType,
    pub shape: Vec<usize>,
    /// From one index to the next along each axis, in numbers.
    pub strides: Vec<usize>,
    /// Where the first number is, in bytes from the start of the file.
    pub start: u64,
}

impl Stored {
    /// A tensor stored row by row.
    pub fn row_major(numbers: NumberType, shape: Vec<usize>, start: u64) -> Self {
        let mut strides = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        Self {
            numbers,
            shape,
            strides,
            start,
        }
    }

    /// How many numbers it has; None on overflow.
    pub fn count(&self) -> Option<usize> {
        self.shape
            .iter()
            .try_fold(1_usize, |count, &size| count.checked_mul(size))
    }

    /// How many numbers lie between its first and its last, both included; None on overflow.
    pub fn span(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let axes = self.shape.iter().zip(&self.strides);
        axes.map(|(&size, &stride)| (size - 1).checked_mul(stride))
            .try_fold(1_usize, |span, last| span.checked_add(last?))
    }

    /// Puts numbers read from its span into row-major order.
    pub fn in_order(&self, span: Vec<f32>) -> Vec<f32> {
        if self.strides == Self::row_major(self.numbers, self.shape.clone(), 0).strides {
            return span;
        }
        let mut ordered = Vec::with_capacity(span.len());
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        for _ in 0..self.count().unwrap_or(0) {
            ordered.push(span[at]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_matrix_comes_out_row_by_row() {
        let stored = Stored {
            numbers: NumberType::F32,
            shape: vec![2, 3],
            strides: vec![1, 2],
            start: 0,
        };
        assert_eq!(stored.span(), Some(6));
        let span = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(stored.in_order(span), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }

    #[test]
    fn the_span_of_an_impossible_tensor_does_not_overflow() {
        let stored = Stored {
            numbers: NumberType::F32,
            shape: vec![usize::MAX, 2],
            strides: vec![usize::MAX, 1],
            start: 0,
        };
        assert_eq!((stored.count(), stored.span()), (None, None));
    }

    #[test]
    fn every_type_keeps_numbers_that_it_can_hold() {
        let number = -1.5_f32;
        let f16 = f16::from_f32(number).to_le_bytes();
        let bf16 = bf16::from_f32(number).to_le_bytes();
        assert_eq!(NumberType::F16.to_f32(&f16), Some(vec![number]));
        assert_eq!(NumberType::Bf16.to_f32(&bf16), Some(vec![number]));
        assert_eq!(
            NumberType::F64.to_f32(&(-1.5_f64).to_le_bytes()),
            Some(vec![number])
        );
    }
}
