//! What a search needs besides the graph, kept from one search to the next.

use super::pool::Pool;

/// Which rows a walk has seen. Each walk has a number of its own, so that only every 255th has to
/// wipe the marks of those before it.
#[derive(Debug, Default)]
pub(super) struct Marks {
    walks: Vec<u8>,
    walk: u8,
}

impl Marks {
    /// Forgets all, and has room for so many rows.
    pub(super) fn begin(&mut self, rows: usize) {
        if self.walks.len() != rows || self.walk == u8::MAX {
            self.walks.clear();
            self.walks.resize(rows, 0);
            self.walk = 0;
        }
        self.walk += 1;
    }

    /// Marks a row, and says whether it was not yet. A row that does not exist is never new.
    #[inline]
    pub(super) fn is_new(&mut self, row: u32) -> bool {
        let mark = self.walks.get_mut(row as usize);
        mark.is_some_and(|mark| std::mem::replace(mark, self.walk) != self.walk)
    }
}

/// Memory of a search. One serves any number of searches after each other, of any graphs.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) marks: Marks,
    pub(super) pool: Pool,
    /// Rows to compare with the query next, and their products with it.
    pub(super) rows: Vec<u32>,
    pub(super) dots: Vec<i32>,
    /// Rows that are looked at after those.
    pub(super) upcoming: Vec<u32>,
}
