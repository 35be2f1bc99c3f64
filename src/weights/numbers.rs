//! The number types that tensors are stored in, and the way from there to f32.

use std::collections::BTreeMap;

use half::{bf16, f16};

/// How one number of a tensor is stored, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberType {
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
            "ComplexFloatStorage" => other("complex64", 8),
            "ComplexDoubleStorage" => other("complex128", 16),
            "QInt8Storage" => other("qint8", 1),
            "QUInt8Storage" => other("quint8", 1),
            "QInt32Storage" => other("qint32", 4),
            // Of numbers whose type the tensor says.
            "UntypedStorage" => other("bytes", 1),
            _ => None,
        }
    }

    /// The type that torch calls so, e.g. `torch.float16`.
    pub fn of_dtype(name: &str) -> Option<Self> {
        let other = |name, size| Some(Self::Other { name, size });
        match name.strip_prefix("torch.")? {
            "float16" | "half" => Some(Self::F16),
            "bfloat16" => Some(Self::Bf16),
            "float32" | "float" => Some(Self::F32),
            "float64" | "double" => Some(Self::F64),
            "uint16" => other("uint16", 2),
            "uint32" => other("uint32", 4),
            "uint64" => other("uint64", 8),
            "float8_e4m3fn" => other("float8_e4m3fn", 1),
            "float8_e5m2" => other("float8_e5m2", 1),
            "float8_e4m3fnuz" => other("float8_e4m3fnuz", 1),
            "float8_e5m2fnuz" => other("float8_e5m2fnuz", 1),
            "complex32" => other("complex32", 4),
            _ => None,
        }
    }

    /// What it is called where people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Other { name, .. } => name,
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
    /// Which of the files, where there are several.
    pub file: usize,
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
            file: 0,
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
        let axes = self.shape.iter().copied().zip(self.strides.iter().copied());
        let axes: Vec<(usize, usize)> = axes.filter(|(size, _)| *size != 1).collect();
        let (outer, plane) = axes.split_at(axes.len().saturating_sub(2));
        let plane = match *plane {
            [rows, columns] => Plane { rows, columns },
            [columns] => Plane {
                rows: (1, 0),
                columns,
            },
            _ => Plane {
                rows: (1, 0),
                columns: (1, 0),
            },
        };
        let mut ordered = vec![0.0; self.count().unwrap_or(0)];
        let mut index = vec![0; outer.len()];
        let mut at = 0;
        for ordered in ordered.chunks_exact_mut(plane.len().max(1)) {
            plane.copy(&span[at..], ordered);
            for (place, (size, stride)) in index.iter_mut().zip(outer).rev() {
                *place += 1;
                at += stride;
                if *place < *size {
                    break;
                }
                at -= stride * size;
                *place = 0;
            }
        }
        ordered
    }
}

/// The two innermost axes of a tensor, each with its size and stride.
struct Plane {
    rows: (usize, usize),
    columns: (usize, usize),
}

impl Plane {
    /// Rows written side by side: where a matrix lies transposed, what lies together is read together.
    const AT_ONCE: usize = 16;

    const fn len(&self) -> usize {
        self.rows.0 * self.columns.0
    }

    /// Copies it row by row.
    fn copy(&self, span: &[f32], ordered: &mut [f32]) {
        let (rows, row_stride) = self.rows;
        let (columns, column_stride) = self.columns;
        for first in (0..rows).step_by(Self::AT_ONCE) {
            let last = (first + Self::AT_ONCE).min(rows);
            for column in 0..columns {
                for row in first..last {
                    let from = row * row_stride + column * column_stride;
                    ordered[row * columns + column] = span[from];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the order in which the axes lie, as numbers that tell where they belong.
    #[test]
    fn axes_in_any_order_come_out_row_by_row() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..300 {
            let axes = random.usize(0..5);
            let shape: Vec<usize> = (0..axes)
                .map(|_| [0, 1, 1, 2, 3, 19, 33][random.usize(0..7)])
                .collect();
            let mut order: Vec<usize> = (0..axes).collect();
            random.shuffle(&mut order);
            let mut strides = vec![0; axes];
            let mut span = 1;
            for axis in order.into_iter().rev() {
                strides[axis] = span;
                span *= shape[axis];
            }
            if span == 0 {
                continue;
            }
            let mut lying = vec![0.0; span];
            let expected: Vec<f32> = (0..span).map(|number| number as f32).collect();
            for (number, value) in expected.iter().enumerate() {
                let mut rest = number;
                let mut at = 0;
                for axis in (0..axes).rev() {
                    at += rest % shape[axis] * strides[axis];
                    rest /= shape[axis];
                }
                lying[at] = *value;
            }
            let stored = Stored {
                numbers: NumberType::F32,
                shape,
                strides,
                file: 0,
                start: 0,
            };
            assert_eq!(stored.in_order(lying), expected);
        }
    }

    #[test]
    fn a_transposed_matrix_comes_out_row_by_row() {
        let stored = Stored {
            numbers: NumberType::F32,
            shape: vec![2, 3],
            strides: vec![1, 2],
            file: 0,
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
            file: 0,
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
