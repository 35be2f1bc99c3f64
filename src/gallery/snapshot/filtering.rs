//! Which photos of a snapshot pass a filter: one pass over all records, for the first query with it.

use std::sync::Arc;

use super::filtered::Allowed;
use super::{Piece, Snapshot};
use crate::gallery::filter::{Filter, Test};
use crate::gallery::graph::RowSet;
use crate::gallery::outline::Outline;

impl Snapshot {
    /// The photos that pass; nothing where all do.
    pub(super) fn allowed(&self, filter: &Filter) -> Option<Arc<Allowed>> {
        if filter.is_of_all() {
            return None;
        }
        if let Some(kept) = self.filtered.kept(filter) {
            return Some(kept);
        }
        let test = Test::of(filter, &self.roots);
        let pieces = 0..self.pieces.len();
        let rows = pieces
            .map(|number| self.rows_where(number, &test))
            .collect();
        let allowed = Arc::new(Allowed { test, rows });
        // What is damaged was passed over, and is made anew.
        if self.damage().is_none() {
            self.filtered.keep(filter, &allowed);
        }
        Some(allowed)
    }

    fn rows_where(&self, number: usize, test: &Test) -> RowSet {
        match &self.pieces[number] {
            Piece::Segment(segment) => {
                let outdated = self.outdated(number);
                segment.rows_where(&outdated, &|key, photo| test.passes(key, photo))
            }
            Piece::Earlier(earlier) => {
                let mut rows = RowSet::none(earlier.vectors() as usize);
                for (key, stored) in earlier.entries() {
                    let bytes = stored.to_bytes();
                    let photo = Outline::of(&bytes).filter(|photo| test.passes(&key, photo));
                    if let Some(row) = photo.and_then(|photo| photo.row) {
                        rows.insert(row);
                    }
                }
                rows
            }
        }
    }

    /// The numbers of a piece's entries of which a later piece says something else.
    fn outdated(&self, number: usize) -> RowSet {
        let Piece::Segment(segment) = &self.pieces[number] else {
            return RowSet::default();
        };
        let said = self.manifest().and_then(|it| it.segments.get(number));
        if said.is_some_and(|segment| segment.dead == 0) {
            return RowSet::default();
        }
        let mut outdated = RowSet::none(segment.entries_len());
        for later in &self.pieces[number + 1..] {
            if let Piece::Segment(later) = later {
                let entries = segment.outdated_by(later).into_iter();
                entries.for_each(|entry| outdated.insert(entry));
            }
        }
        outdated
    }
}
