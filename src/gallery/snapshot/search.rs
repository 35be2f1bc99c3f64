//! Searching a snapshot: candidates by the vectors as they are, then the order that the ranking says.

use super::Snapshot;
use crate::descriptor::{Descriptor, UnitVector};
use crate::error::{DescriptorError, Result};
use crate::gallery::hnsw::FlatHnsw;
use crate::gallery::index::{DEFAULT_EF_SEARCH, Exact, Index, Neighbor, best};
use crate::gallery::matches::Match;
use crate::photo::ContentHash;
use crate::ranking::{Expansion, Ranking};

/// How to search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// The most matches wanted.
    pub k: usize,
    /// Compare with every photo, however many there are.
    pub exact: bool,
    /// Candidates the approximate search keeps: more find more and take longer.
    pub ef_search: Option<usize>,
    /// Matches below this cosine are left out.
    pub min_similarity: Option<f32>,
    /// How to rank; nothing: as the gallery does.
    pub ranking: Option<Ranking>,
    /// Photos with one of these contents are left out.
    pub without: Vec<ContentHash>,
}

/// A search with its ranking.
pub(super) struct Asking<'a> {
    pub ranking: Ranking,
    pub options: &'a SearchOptions,
}

impl Asking<'_> {
    pub fn ef_search(&self) -> usize {
        self.options.ef_search.unwrap_or(DEFAULT_EF_SEARCH)
    }
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            k: 10,
            exact: false,
            ef_search: None,
            min_similarity: None,
            ranking: None,
            without: Vec::new(),
        }
    }
}

impl Snapshot {
    /// The photos most similar to `query`, best first, equals by path.
    ///
    /// Small galleries are searched exactly. In large ones a graph finds nearly all of the
    /// nearest, and the photos added since it was built are compared one by one. The ranking is the
    /// gallery's or the options'. With an augmentation the similarities are those to the augmented
    /// vectors; candidates are found by the vectors as they are.
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`] if the query was not made as the gallery's descriptors were.
    pub fn search(
        &self,
        query: &Descriptor,
        options: &SearchOptions,
    ) -> Result<Vec<Match>, DescriptorError> {
        query.check(&self.fingerprint)?;
        let asking = Asking {
            ranking: options.ranking.unwrap_or_else(|| self.ranking()),
            options,
        };
        let expanded = match &asking.ranking.expand {
            Some(expansion) => Some(self.expand(query, expansion, &asking)?),
            None => None,
        };
        let query = expanded.as_ref().unwrap_or_else(|| query.vector());
        // Each content has one vector, so no more than these are left out.
        let wanted = options.k.saturating_add(options.without.len());
        let near = self.nearest(query.as_slice(), wanted, &asking);
        Ok(self.matches(near, options))
    }

    /// The query moved towards the first that it finds: searched with, it finds more. Photos with
    /// equal descriptors count as one.
    fn expand(
        &self,
        query: &Descriptor,
        expansion: &Expansion,
        asking: &Asking<'_>,
    ) -> Result<UnitVector, DescriptorError> {
        let near = self.nearest(query.as_slice(), expansion.neighbors, asking);
        let vectors = near.into_iter().filter_map(|neighbor| {
            let vector = self.searched_vector(neighbor.index, asking)?;
            Some((neighbor.similarity, vector))
        });
        let vectors: Vec<(f32, Vec<f32>)> = vectors.collect();
        let nearest = vectors.iter().map(|(similarity, v)| (*similarity, &v[..]));
        expansion.expand(query.as_slice(), nearest)
    }

    fn nearest(&self, query: &[f32], k: usize, asking: &Asking<'_>) -> Vec<Neighbor> {
        let graph = self.graph(asking);
        let is_alive = self.living();
        let Some(augment) = asking.ranking.augment else {
            return self.nearest_plain(graph.as_ref(), query, k, &is_alive);
        };
        if let (Some(lists), None) = (self.lists_of(&augment), &graph) {
            return self.nearest_augmented(&lists, query, k, &is_alive);
        }
        let wanted = asking.ef_search().max(k);
        let candidates = self.nearest_plain(graph.as_ref(), query, wanted, &is_alive);
        self.rank_augmented(query, candidates, k, |index| {
            self.terms(index, &augment, asking)
        })
    }

    pub(super) fn graph(&self, asking: &Asking<'_>) -> Option<FlatHnsw<'_>> {
        let graph = self.base.as_ref()?.graph(asking.ef_search());
        graph.filter(|_| !asking.options.exact)
    }

    /// Which vectors are some photo's.
    pub(super) fn living(&self) -> impl Fn(u32) -> bool + Sync {
        let starts = self.owner_starts();
        move |index: u32| {
            let owners = starts.get(index as usize..index as usize + 2);
            owners.is_some_and(|owners| owners[0] < owners[1])
        }
    }

    /// By the vectors as they are; exactly where there is no graph.
    pub(super) fn nearest_plain(
        &self,
        graph: Option<&FlatHnsw<'_>>,
        query: &[f32],
        k: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        let exact = |vectors, first| Exact { vectors, first };
        let mut near = exact(self.tail(), self.base_points() as u32).search(query, k, alive);
        if let Some(base) = &self.base {
            near.extend(match graph {
                Some(graph) => graph.search(query, k, alive),
                None => exact(base.vectors(), 0).search(query, k, alive),
            });
        }
        best(near, k)
    }

    fn matches(&self, near: Vec<Neighbor>, options: &SearchOptions) -> Vec<Match> {
        let lowest = options.min_similarity.unwrap_or(f32::NEG_INFINITY);
        let photos = near
            .into_iter()
            .filter(|n| n.similarity >= lowest)
            .flat_map(|neighbor| {
                let similarity = neighbor.similarity.clamp(-1.0, 1.0);
                self.owners(neighbor.index as usize)
                    .map(move |record| Match { similarity, record })
            });
        let is_wanted = |found: &Match| !options.without.contains(&found.record.hash);
        let mut matches: Vec<Match> = photos.filter(is_wanted).collect();
        matches.sort_by(|a, b| {
            let order = b.similarity.total_cmp(&a.similarity);
            order.then_with(|| a.record.path.cmp(&b.record.path))
        });
        matches.truncate(options.k);
        matches
    }
}
