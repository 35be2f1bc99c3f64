//! Searching a segment.

use std::cell::RefCell;

use rayon::prelude::*;

use super::{Sections, Segment};
use crate::gallery::graph::{
    CODE, Exact, Flat, Found, M, M0, RowSet, Scratch, Search, Shorts, Touched, exact_scan,
    exact_scan_many,
};
use crate::gallery::index::{Neighbor, best};

/// Vectors compared by one thread at a time: large enough to be worth handing over.
const BLOCK: usize = 1024;

thread_local! {
    /// What a search remembers while it goes on, kept for the next of this thread.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What a search in a segment is for.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Vectors wanted.
    pub k: usize,
    /// Candidates kept; nothing: every vector is compared.
    pub ef_search: Option<usize>,
    /// Those that may be found, if not all.
    pub allowed: Option<&'a RowSet>,
}

impl Segment {
    /// The nearest vectors by row, best first, equal ones by row. What is damaged is not among them.
    pub fn nearest(&self, query: &[f32], wanted: Wanted<'_>) -> Vec<Neighbor> {
        match (&self.graph, wanted.ef_search) {
            (Some(graph), Some(ef)) => {
                self.nearest_by_graph(graph, query, ef.max(wanted.k), wanted)
            }
            _ => self.nearest_of_all(query, wanted),
        }
    }

    fn similarity(&self, query: &[f32], row: u32) -> Option<f32> {
        let (values, step) = self.shorts(row)?;
        Shorts::new(values, &[step], self.about.dimension)?.dot(0, query)
    }

    fn nearest_of_all(&self, query: &[f32], wanted: Wanted<'_>) -> Vec<Neighbor> {
        if let Some(allowed) = wanted
            .allowed
            .filter(|it| it.len() * 8 < self.vectors() as usize)
        {
            let rows: Vec<u32> = allowed.iter().collect();
            let compared = rows.into_par_iter().filter_map(|index| {
                let similarity = self.similarity(query, index)?;
                Some(Neighbor { index, similarity })
            });
            return best(compared.collect(), wanted.k);
        }
        if wanted.allowed.is_none()
            && let Some(rows) = self.all_rows()
        {
            let found = exact_scan(rows, query, wanted.k).into_iter();
            return found.map(Neighbor::from).collect();
        }
        let blocks = (0..self.vectors() as usize).into_par_iter().step_by(BLOCK);
        let near = blocks.map(|first| self.nearest_of_block(query, first, wanted));
        let near = near.reduce(Vec::new, |mut a, b| {
            a.extend(b);
            best(a, wanted.k)
        });
        best(near, wanted.k)
    }

    /// All vectors where they lie, if all of them are whole.
    fn all_rows(&self) -> Option<Shorts<'_>> {
        self.read_in_order();
        let count = self.vectors() as usize;
        let dimension = self.about.dimension;
        let values = self.file.numbers(self.rows, 0, count * dimension)?;
        Shorts::new(values, self.file.numbers(self.steps, 0, count)?, dimension)
    }

    /// The nearest vectors of each of many queries, `[queries, dimension]`, by comparing all: one blocked
    /// product. Nothing where some are damaged.
    pub fn nearest_of_many(&self, queries: &[f32], k: usize) -> Option<Vec<Vec<Neighbor>>> {
        let found = exact_scan_many(self.all_rows()?, queries, k).into_iter();
        let near = |found: Vec<Found>| found.into_iter().map(Neighbor::from).collect();
        Some(found.map(near).collect())
    }

    fn nearest_of_block(&self, query: &[f32], first: usize, wanted: Wanted<'_>) -> Vec<Neighbor> {
        let dimension = self.about.dimension;
        let count = BLOCK.min(self.vectors() as usize - first);
        let values = self
            .file
            .numbers(self.rows, first * dimension, count * dimension);
        let steps = self.file.numbers(self.steps, first, count);
        let Some(rows) = values
            .zip(steps)
            .and_then(|(v, s)| Shorts::new(v, s, dimension))
        else {
            // Row by row, without those that are damaged.
            let rows = first as u32..(first + count) as u32;
            let near = rows.filter_map(|index| {
                let similarity = self.similarity(query, index)?;
                Some(Neighbor { index, similarity })
            });
            return best(
                near.filter(|it| wanted.allows(it.index)).collect(),
                wanted.k,
            );
        };
        let near = (0..count as u32).filter_map(|row| {
            let index = first as u32 + row;
            let similarity = rows.dot(row, query).filter(|_| wanted.allows(index))?;
            Some(Neighbor { index, similarity })
        });
        best(near.collect(), wanted.k)
    }

    fn nearest_by_graph(
        &self,
        graph: &Sections,
        query: &[f32],
        ef: usize,
        wanted: Wanted<'_>,
    ) -> Vec<Neighbor> {
        // Unchecked here: what a walk touches is checked as it does.
        let slice = |section| self.file.unchecked(section);
        let touch = |touched: Touched| match touched {
            Touched::Code(row) => self
                .file
                .is_whole_at(graph.codes, row as usize * CODE, CODE),
            Touched::Lowest(row) => {
                let list = 4 * M0;
                self.file
                    .is_whole_at(graph.lowest, row as usize * list, list)
            }
            Touched::UpperStart(row) => {
                self.file
                    .is_whole_at(graph.upper_starts, row as usize * 4, 8)
            }
            Touched::Upper(list) => {
                let len = 4 * M;
                self.file.is_whole_at(graph.upper, list * len, len)
            }
        };
        let flat = Flat {
            codes: bytemuck::cast_slice(slice(graph.codes)),
            lowest: bytemuck::cast_slice(slice(graph.lowest)),
            upper_starts: bytemuck::cast_slice(slice(graph.upper_starts)),
            upper: bytemuck::cast_slice(slice(graph.upper)),
            entry: graph.entry,
            touch: &touch,
        };
        let search = Search {
            flat,
            axes: &graph.axes,
        };
        let exact = Compared {
            segment: self,
            query,
        };
        let found = SCRATCH.with_borrow_mut(|scratch| {
            search.search(query, wanted.k, ef, wanted.allowed, &exact, scratch)
        });
        found.into_iter().map(Neighbor::from).collect()
    }
}

impl From<Found> for Neighbor {
    fn from(found: Found) -> Self {
        Self {
            index: found.row,
            similarity: found.similarity,
        }
    }
}

/// A segment's whole rows and what they are compared with.
struct Compared<'a> {
    segment: &'a Segment,
    query: &'a [f32],
}

impl Exact for Compared<'_> {
    fn similarity(&self, row: u32) -> Option<f32> {
        self.segment.similarity(self.query, row)
    }
}

impl Wanted<'_> {
    fn allows(&self, row: u32) -> bool {
        self.allowed.is_none_or(|allowed| allowed.contains(row))
    }
}
