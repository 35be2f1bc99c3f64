//! What lies near each photo, for those who look at all of them: by the vectors as they are.

use std::path::Path;

use super::Snapshot;
use super::search::{Asking, SearchOptions};
use crate::error::Result;
use crate::gallery::record::Record;
use crate::ranking::Ranking;

impl Snapshot {
    /// All photos, each with the number of its vector.
    pub fn photos(&self) -> impl Iterator<Item = (Record, Option<usize>)> + '_ {
        let known = self.entries().filter(|(_, (_, stored))| !stored.is_removed);
        known.filter_map(|(piece, (key, stored))| {
            let row = stored
                .row
                .map(|row| (self.firsts[piece] + row.row) as usize);
            Some((self.record(&key, &stored)?, row))
        })
    }

    /// The vectors nearest to `query`, with their cosines, best first. Those of photos that were removed
    /// may be among them.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`](crate::error::GalleryError::DamagedSnapshot) if something that
    /// was looked at is damaged.
    pub fn nearest_vectors(&self, query: &[f32], k: usize) -> Result<Vec<(usize, f32)>> {
        let options = SearchOptions::default();
        let asking = Asking {
            ranking: Ranking::NONE,
            options: &options,
            allowed: None,
        };
        let k = k.min(self.vector_count());
        let near = self.nearest_rows(query, k, &asking).into_iter();
        let near = near.map(|near| (near.index as usize, near.similarity));
        let near = near.collect();
        self.damage().map_or(Ok(near), |damage| Err(damage.into()))
    }

    /// The folders (absolute) that its photos are known by.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|(_, root)| root)
    }
}
