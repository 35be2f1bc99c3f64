//! Which rows of a segment may be found.

use rayon::prelude::*;

use super::Segment;
use crate::gallery::graph::RowSet;
use crate::gallery::outline::Outline;

/// Entries looked at by one thread at a time.
const AT_ONCE: usize = 4096;

impl Segment {
    /// The rows that some photo owns of which `passes` says so; not by the entries that are `outdated`.
    pub fn rows_where(
        &self,
        outdated: &RowSet,
        passes: &(impl Fn(&[u8], &Outline<'_>) -> bool + Sync),
    ) -> RowSet {
        let row = |index: usize| {
            if outdated.contains(index as u32) {
                return None;
            }
            let (key, bytes) = self.table.entry(&self.file, index)?;
            let photo = Outline::of(bytes).filter(|photo| !photo.is_removed)?;
            let row = photo.row?;
            passes(key, &photo).then_some(row)
        };
        let rows = self.in_parts(|entries| entries.filter_map(row).collect());
        let mut set = RowSet::none(self.vectors() as usize);
        for row in rows {
            set.insert(row);
        }
        set
    }

    /// The numbers of the entries of which a later segment says something else.
    pub fn outdated_by(&self, later: &Self) -> Vec<u32> {
        let of_later = |index: usize| {
            let (key, _) = later.table.entry(&later.file, index)?;
            let own = self.table.find(&self.file, key)?;
            Some(own as u32)
        };
        later.in_parts(|entries| entries.filter_map(of_later).collect())
    }

    /// What comes of all numbers of entries, some thousand at a time.
    fn in_parts(&self, part: impl Fn(std::ops::Range<usize>) -> Vec<u32> + Sync) -> Vec<u32> {
        let entries = self.entries_len();
        let parts = (0..entries).into_par_iter().step_by(AT_ONCE);
        let parts = parts.map(|first| {
            self.table.read_soon(&self.file, first, AT_ONCE);
            part(first..entries.min(first + AT_ONCE))
        });
        parts.flatten_iter().collect()
    }
}
