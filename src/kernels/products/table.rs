//! The products of one instruction set, as a table of functions.

/// The query, the codes, which rows of them, and a place for each product.
type BytesAt = unsafe fn(&[i8], &[i8], &[u32], &mut [i32]);

/// Dot products in one instruction set; [`Products::best`] is the fastest of this machine. Integer
/// products are the same in all; those of floats differ in their last digits.
pub struct Products {
    pub(super) bytes: unsafe fn(&[i8], &[i8]) -> i32,
    pub(super) bytes_at: BytesAt,
    pub(super) shorts: unsafe fn(&[i16], &[f32]) -> f32,
    pub(super) floats: unsafe fn(&[f32], &[f32]) -> f32,
    pub(super) many_shorts: unsafe fn(&[i16], &[f32], usize, &mut [f32]),
    pub(super) many_floats: unsafe fn(&[f32], &[f32], usize, &mut [f32]),
}

/// Makes `PRODUCTS` from [`Lanes`](super::lanes::Lanes) and the functions `bytes` and `bytes_at`
/// beside it, with
/// tiles of so many rows and others for what is multiplied many by many.
macro_rules! products {
    ($(#[$features:meta])* $lanes:ident, rows $rows:literal, others $others:literal,) => {
        use super::{lanes, table::Products};

        /// The products in this instruction set.
        pub(super) static PRODUCTS: Products = Products {
            bytes,
            bytes_at,
            shorts,
            floats,
            many_shorts,
            many_floats,
        };

        $(#[$features])*
        unsafe fn shorts(row: &[i16], query: &[f32]) -> f32 {
            // SAFETY: the caller's promises are the callee's, here and below.
            unsafe { lanes::dot::<$lanes, i16>(row, query) }
        }

        $(#[$features])*
        unsafe fn floats(row: &[f32], query: &[f32]) -> f32 {
            // SAFETY: as above.
            unsafe { lanes::dot::<$lanes, f32>(row, query) }
        }

        $(#[$features])*
        unsafe fn many_shorts(rows: &[i16], others: &[f32], dimension: usize, into: &mut [f32]) {
            // SAFETY: as above.
            unsafe { lanes::many::<$lanes, i16, $rows, $others>(rows, others, dimension, into) }
        }

        $(#[$features])*
        unsafe fn many_floats(rows: &[f32], others: &[f32], dimension: usize, into: &mut [f32]) {
            // SAFETY: as above.
            unsafe { lanes::many::<$lanes, f32, $rows, $others>(rows, others, dimension, into) }
        }
    };
}
pub(super) use products;

/// Makes `bytes_at` from the function `bytes` beside it.
macro_rules! one_by_one {
    ($(#[$features:meta])*) => {
        $(#[$features])*
        unsafe fn bytes_at(query: &[i8], codes: &[i8], rows: &[u32], dots: &mut [i32]) {
            let width = query.len();
            for (dot, row) in dots.iter_mut().zip(rows) {
                let from = *row as usize * width;
                // SAFETY: the caller says that the machine has the instructions.
                *dot = unsafe { bytes(query, &codes[from..from + width]) };
            }
        }
    };
}
pub(super) use one_by_one;
