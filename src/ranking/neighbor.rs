//! A vector near another.

/// A vector near the query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Its place among the vectors.
    pub index: u32,
    /// What it is ordered by: of a plain ranking the cosine, −1 … 1.
    pub similarity: f32,
}

/// The `k` best, in order; equal ones by index.
#[must_use]
pub fn best(mut neighbors: Vec<Neighbor>, k: usize) -> Vec<Neighbor> {
    let order = |a: &Neighbor, b: &Neighbor| {
        b.similarity
            .total_cmp(&a.similarity)
            .then(a.index.cmp(&b.index))
    };
    if k < neighbors.len() {
        neighbors.select_nth_unstable_by(k, order);
        neighbors.truncate(k);
    }
    neighbors.sort_unstable_by(order);
    neighbors
}
