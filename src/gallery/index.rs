//! Nearest neighbours of a vector among many, exactly. What the approximate index is held against.

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::descriptor::{Vectors, dot};
pub use crate::ranking::{Neighbor, best};

/// Candidates that an approximate search keeps unless told otherwise.
pub const DEFAULT_EF_SEARCH: usize = 128;

/// Tells how many vectors of how many are done, and is told whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// Something that finds near vectors.
pub trait Index {
    /// The `k` nearest that are `alive`, best first; equal ones by index.
    fn search(
        &self,
        query: &[f32],
        k: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor>;
}

/// Compares the query with every vector.
pub struct Exact<'a> {
    /// The vectors, of the query's dimension.
    pub vectors: Vectors<'a>,
    /// The index of the first.
    pub first: u32,
}

/// Vectors compared by one thread at a time: large enough to be worth handing over.
const BLOCK: usize = 1024;

impl Index for Exact<'_> {
    fn search(
        &self,
        query: &[f32],
        k: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        let block = |(first, block): (usize, Vectors<'_>)| {
            let rows = (self.first + first as u32..).zip(block.rows());
            let near = rows
                .filter(|(index, _)| alive(*index))
                .map(|(index, vector)| Neighbor {
                    index,
                    similarity: dot(query, vector),
                });
            best(near.collect(), k)
        };
        let blocks = self.vectors.par_blocks(BLOCK);
        let near = blocks.map(block).reduce(Vec::new, |mut a, b| {
            a.extend(b);
            best(a, k)
        });
        best(near, k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_the_dead_do_not_come() {
        let vectors = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8, 1.0, 0.0];
        let exact = Exact {
            vectors: Vectors::new(&vectors, 2).unwrap(),
            first: 0,
        };
        let found = exact.search(&[1.0, 0.0], 3, &|index| index != 3);
        let indexes: Vec<u32> = found.iter().map(|neighbor| neighbor.index).collect();
        assert_eq!(indexes, [0, 2, 1]);
        assert_eq!(exact.search(&[1.0, 0.0], 9, &|_| true).len(), 4);
    }
}
