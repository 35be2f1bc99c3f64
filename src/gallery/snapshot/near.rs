//! What lies near each photo, for those who look at all of them: by the vectors as they are.

use std::path::Path;

use rayon::prelude::*;

use super::{Piece, Snapshot};
use crate::error::Result;
use crate::gallery::index::{Neighbor, best};
use crate::gallery::record::Record;
use crate::gallery::segment::Wanted;

/// Candidates of a search in a graph: what is much nearer than all else is found with few.
const CANDIDATES: usize = 64;

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

    /// For each of many queries, vectors of the gallery's or what [`Snapshot::asked`] makes of others, the
    /// nearest vectors, with their cosines, best first. Those of photos that
    /// were removed may be among them. What is in no graph is compared with all queries at once.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`](crate::error::GalleryError::DamagedSnapshot) if something that
    /// was looked at is damaged.
    pub fn nearest_vectors(
        &self,
        queries: &[Vec<f32>],
        k: usize,
    ) -> Result<Vec<Vec<(usize, f32)>>> {
        let mut all: Vec<Vec<Neighbor>> = vec![Vec::new(); queries.len()];
        for (piece, first) in self.pieces.iter().zip(&self.firsts) {
            let near = nearest_in(piece, queries, k.min(piece.vectors() as usize));
            for (all, near) in all.iter_mut().zip(near) {
                all.extend(near.into_iter().map(|near| Neighbor {
                    index: first + near.index,
                    ..near
                }));
            }
        }
        let pairs = |near: Vec<Neighbor>| {
            let near = best(near, k).into_iter();
            near.map(|near| (near.index as usize, near.similarity))
                .collect()
        };
        let near = all.into_iter().map(pairs).collect();
        self.damage().map_or(Ok(near), |damage| Err(damage.into()))
    }

    /// The folders (absolute) that its photos are known by.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|(_, root)| root)
    }
}

fn nearest_in(piece: &Piece, queries: &[Vec<f32>], k: usize) -> Vec<Vec<Neighbor>> {
    if let Piece::Segment(segment) = piece
        && !segment.has_graph()
        && let Some(near) = segment.nearest_of_many(&queries.concat(), k)
    {
        return near;
    }
    let wanted = Wanted {
        k,
        ef_search: Some(CANDIDATES.max(3 * k)),
        allowed: None,
    };
    let near = queries.par_iter().map(|query| piece.nearest(query, wanted));
    near.collect()
}
