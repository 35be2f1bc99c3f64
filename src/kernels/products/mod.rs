//! Dot products of rows: of i8 codes, of i16 rows and of floats, in the best instructions there are.
#![allow(clippy::cast_ptr_alignment, reason = "these loads take any alignment")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod prefetch;
mod table;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::instructions::Instructions;

pub use self::prefetch::prefetch;
pub use self::table::Products;

impl Products {
    /// The fastest that this machine has, and that may be used.
    #[must_use]
    pub fn best() -> &'static Self {
        static BEST: LazyLock<&Products> = LazyLock::new(|| {
            let available = Products::available().into_iter();
            let mut allowed = available.take(1 + Instructions::most() as usize);
            allowed
                .next_back()
                .map_or(&portable::PRODUCTS, |(_, best)| best)
        });
        &BEST
    }

    /// Those that this machine has, with their names, the slowest first.
    #[must_use]
    pub fn available() -> Vec<(&'static str, &'static Self)> {
        let mut available = vec![("portable", &portable::PRODUCTS)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            available.push(("AVX2", &avx2::PRODUCTS));
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni")
            {
                available.push(("AVX-512", &avx512::PRODUCTS));
            }
        }
        #[cfg(target_arch = "aarch64")]
        available.push(("NEON", &neon::PRODUCTS));
        available
    }

    /// Σ a·b; of the shorter's length. Values are −127 at least, as those of codes are.
    #[must_use]
    #[inline]
    pub fn bytes(&self, a: &[i8], b: &[i8]) -> i32 {
        // SAFETY: only tables that this machine can run are handed out, here and below.
        unsafe { (self.bytes)(a, b) }
    }

    /// For each of `rows`, `query`·row among `codes`, rows of the query's length.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn bytes_at(&self, query: &[i8], codes: &[i8], rows: &[u32], dots: &mut [i32]) {
        // SAFETY: as above.
        unsafe { (self.bytes_at)(query, codes, rows, dots) }
    }

    /// Σ row·query; of the shorter's length. The row's step is not in it.
    #[must_use]
    #[inline]
    pub fn shorts(&self, row: &[i16], query: &[f32]) -> f32 {
        // SAFETY: as above.
        unsafe { (self.shorts)(row, query) }
    }

    /// Σ a·b; of the shorter's length.
    #[must_use]
    #[inline]
    pub fn floats(&self, a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: as above.
        unsafe { (self.floats)(a, b) }
    }

    /// Adds to `into` `[rows, others]` the products of each of `rows` with each of `others`, both of
    /// `dimension` values.
    ///
    /// # Panics
    /// If `dimension` is 0 or `into` has another size.
    pub fn many_floats(&self, rows: &[f32], others: &[f32], dimension: usize, into: &mut [f32]) {
        assert_eq!(
            into.len(),
            (rows.len() / dimension) * (others.len() / dimension)
        );
        // SAFETY: as above, and there is a place for each product.
        unsafe { (self.many_floats)(rows, others, dimension, into) }
    }

    /// As [`many_floats`](Self::many_floats) of i16 rows without their steps.
    ///
    /// # Panics
    /// If `dimension` is 0 or `into` has another size.
    pub fn many_shorts(&self, rows: &[i16], others: &[f32], dimension: usize, into: &mut [f32]) {
        assert_eq!(
            into.len(),
            (rows.len() / dimension) * (others.len() / dimension)
        );
        // SAFETY: as above, and there is a place for each product.
        unsafe { (self.many_shorts)(rows, others, dimension, into) }
    }
}
