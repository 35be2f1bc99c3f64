//! A graph where it lies, and walks through it.

use super::code::{CODE, Code};
use super::marks::Scratch;
use super::pool::Entry;
use super::{M, M0, NONE};
use crate::kernels::products::{Products, prefetch};

/// The neighbour lists of a graph.
pub(super) trait Lists {
    /// Whether codes may be damaged, and each is asked for before it is read.
    const ARE_CHECKED: bool = false;

    /// Whether a row's code may be read.
    #[inline]
    fn is_code_whole(&self, _row: u32) -> bool {
        true
    }

    /// The neighbours of a row on a layer: up to the first [`NONE`]. Numbers of rows that do not exist
    /// may be among them.
    fn neighbours(&self, row: u32, layer: usize) -> &[u32];
}

/// A graph and its codes in memory that may be a mapped file. Whatever the numbers are, a search ends
/// and does not panic: lists out of bounds are read as empty, and rows out of bounds are passed over.
#[derive(Clone, Copy)]
pub struct Flat<'a> {
    /// `[rows, CODE]`.
    pub codes: &'a [i8],
    /// As [`Graph::lowest`](super::Graph::lowest).
    pub lowest: &'a [u32],
    /// As [`Graph::upper_starts`](super::Graph::upper_starts).
    pub upper_starts: &'a [u32],
    /// As [`Graph::upper`](super::Graph::upper).
    pub upper: &'a [u32],
    /// As [`Graph::entry`](super::Graph::entry).
    pub entry: u32,
    /// Asked before any of it is read: whether that is whole. What is not is read as nothing.
    pub touch: &'a (dyn Fn(Touched) -> bool + Sync),
}

/// What is about to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// The code of a row.
    Code(u32),
    /// The list of a row on the lowest layer.
    Lowest(u32),
    /// Where a row's upper lists begin and end.
    UpperStart(u32),
    /// An upper list.
    Upper(usize),
}

impl Flat<'_> {
    /// How many rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.codes.len() / CODE
    }

    /// No more than there are lists: a damaged file may say four thousand million.
    pub(super) fn top(&self) -> usize {
        if !(self.touch)(Touched::UpperStart(self.entry)) {
            return 0;
        }
        let at = |row: usize| self.upper_starts.get(row).copied().unwrap_or(0) as usize;
        let layers = at(self.entry as usize + 1).saturating_sub(at(self.entry as usize));
        layers.min(self.upper.len() / M).min(u64::BITS as usize)
    }
}

impl Lists for Flat<'_> {
    const ARE_CHECKED: bool = true;

    #[inline]
    fn is_code_whole(&self, row: u32) -> bool {
        (self.touch)(Touched::Code(row))
    }

    #[inline]
    fn neighbours(&self, row: u32, layer: usize) -> &[u32] {
        let touched = if layer == 0 {
            Touched::Lowest(row)
        } else {
            Touched::UpperStart(row)
        };
        if !(self.touch)(touched) {
            return &[];
        }
        let row = row as usize;
        let list = if layer == 0 {
            self.lowest.get(row * M0..(row + 1) * M0)
        } else {
            let at = |row: usize| self.upper_starts.get(row).copied().unwrap_or(0) as usize;
            let list = at(row) + layer - 1;
            let is_own = list < at(row + 1) && (self.touch)(Touched::Upper(list));
            is_own
                .then(|| self.upper.get(list * M..(list + 1) * M))
                .flatten()
        };
        list.unwrap_or_default()
    }
}

/// Walks through some lists, towards one query.
pub(super) struct Walk<'a, L> {
    pub(super) lists: &'a L,
    pub(super) codes: &'a [i8],
    pub(super) query: &'a Code,
    pub(super) products: &'static Products,
}

impl<L: Lists> Walk<'_, L> {
    pub(super) fn rows(&self) -> usize {
        self.codes.len() / CODE
    }

    /// The row's product with the query; nothing where there is no such row.
    pub(super) fn entry(&self, row: u32) -> Option<Entry> {
        if !self.lists.is_code_whole(row) {
            return None;
        }
        let from = row as usize * CODE;
        let code = self.codes.get(from..from + CODE)?;
        Some(Entry::new(self.products.bytes(self.query, code), row))
    }

    /// From `start` on the layer `from` to the nearest row that ever nearer neighbours lead to, on each
    /// layer down to the one above `to`.
    pub(super) fn descend(&self, start: u32, from: usize, to: usize, scratch: &mut Scratch) -> u32 {
        let Some(mut nearest) = self.entry(start) else {
            return start;
        };
        for layer in (to + 1..=from).rev() {
            loop {
                let rows = self.rows() as u32;
                let list = self.lists.neighbours(nearest.row(), layer).iter();
                let own = list.copied().take_while(|row| *row != NONE);
                scratch.rows.clear();
                scratch.rows.extend(own.filter(|row| *row < rows));
                self.compare(scratch);
                let entries = scratch.dots.iter().zip(&scratch.rows);
                match entries.map(|(dot, row)| Entry::new(*dot, *row)).max() {
                    Some(nearer) if nearer > nearest => nearest = nearer,
                    _ => break,
                }
            }
        }
        nearest.row()
    }

    /// The products of the scratch's rows with the query. They exist.
    #[inline]
    pub(super) fn compare(&self, scratch: &mut Scratch) {
        let Scratch { rows, dots, .. } = scratch;
        if L::ARE_CHECKED {
            rows.retain(|row| self.lists.is_code_whole(*row));
        }
        dots.clear();
        dots.resize(rows.len(), 0);
        self.products.bytes_at(self.query, self.codes, rows, dots);
    }

    /// Asks for the code of a row that exists.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        let from = row as usize * CODE;
        prefetch(&self.codes[from..from + CODE]);
    }

    /// Leaves in `scratch` the neighbours of a row that the walk has not seen, and their products.
    #[inline]
    pub(super) fn look_around(&self, row: u32, layer: usize, scratch: &mut Scratch) {
        scratch.rows.clear();
        for &neighbour in self.lists.neighbours(row, layer) {
            if neighbour == NONE {
                break;
            }
            if scratch.marks.is_new(neighbour) {
                self.prefetch(neighbour);
                scratch.rows.push(neighbour);
            }
        }
        self.compare(scratch);
    }

    /// From `start` on the layer `from` down to the lowest but one, on each layer from the best `wide` of the
    /// one above: leaves as many in the pool. Where rows lie in groups, the one nearest row of a layer is often
    /// of the wrong group, and few links lead from group to group.
    pub(super) fn approach(&self, start: u32, from: usize, wide: usize, scratch: &mut Scratch) {
        scratch.pool.begin(wide);
        if let Some(entry) = self.entry(start) {
            scratch.pool.keep(entry);
        }
        for layer in (1..=from).rev() {
            self.go_on(layer, wide, scratch);
        }
    }

    /// The paper's SEARCH-LAYER: leaves the best `ef` rows in the scratch's pool.
    pub(super) fn search_layer(&self, start: u32, layer: usize, ef: usize, scratch: &mut Scratch) {
        scratch.pool.begin(ef);
        if let Some(entry) = self.entry(start) {
            scratch.pool.keep(entry);
            self.go_on(layer, ef, scratch);
        }
    }

    /// The same from the rows in the scratch's pool.
    pub(super) fn go_on(&self, layer: usize, ef: usize, scratch: &mut Scratch) {
        scratch.marks.begin(self.rows());
        scratch.pool.begin_again(ef);
        for entry in scratch.pool.entries() {
            scratch.marks.is_new(entry.row());
        }
        while let Some(row) = scratch.pool.visit() {
            // What will most likely be next; its list comes while this one's codes are compared.
            if let Some(upcoming) = scratch.pool.upcoming() {
                prefetch(self.lists.neighbours(upcoming, layer));
            }
            self.look_around(row, layer, scratch);
            for (dot, row) in scratch.dots.iter().zip(&scratch.rows) {
                scratch.pool.keep(Entry::new(*dot, *row));
            }
        }
    }
}
