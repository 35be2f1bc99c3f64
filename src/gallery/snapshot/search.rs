//! Searching a snapshot: candidates by the vectors as they are, then the order that the ranking says.

use std::collections::HashMap;

use rayon::prelude::*;

use super::asking::{Asking, SearchOptions};
use super::{Around, Piece, Snapshot};
use crate::descriptor::Descriptor;
use crate::error::{DescriptorError, Result};
use crate::gallery::index::{Neighbor, best};
use crate::gallery::matches::Match;
use crate::gallery::segment::Wanted;
use crate::ranking::{Expansion, Neighborhood, Ranking, order};

/// Photos with one descriptor that are taken for a query that is one of them.
const COPIES: usize = 16;
/// The similarity of a descriptor with itself at least, rounded as vectors are.
const ITSELF: f32 = 1.0 - 2e-5;

impl Snapshot {
    /// The photos most similar to `query`, best first, equals by path.
    ///
    /// Small segments are searched exactly, in large ones a graph finds nearly all of the nearest. The
    /// ranking is the gallery's or the options'; what is told as similarity is what it orders by. Of large
    /// galleries it orders candidates that are found by the vectors as they are.
    ///
    /// # Errors
    /// [`DescriptorError::Foreign`] if the query was not made as the gallery's descriptors were;
    /// [`GalleryError::DamagedSnapshot`](crate::error::GalleryError::DamagedSnapshot) if something that
    /// was looked at is damaged.
    pub fn search(&self, query: &Descriptor, options: &SearchOptions) -> Result<Vec<Match>> {
        let query = self.asked(query)?;
        let allowed = self.allowed(&options.filter);
        let asking = Asking {
            ranking: options.ranking.unwrap_or_else(|| self.ranking()),
            options,
            allowed: allowed.as_deref(),
        };
        // Each content has one vector, so no more than these are left out.
        let wanted = options.k.saturating_add(options.without.len());
        let near = self.nearest(&query, wanted, &asking)?;
        let expected = self.expected(&query, &near, &asking);
        let matches = self.matches(near, &expected, &asking);
        match self.damage() {
            Some(damage) => Err(damage.into()),
            None => Ok(matches),
        }
    }

    /// As [`Snapshot::search`] for each of many queries. Where every photo is compared and the order is
    /// the plain one, all queries are compared with each block of vectors at once, which costs a fraction.
    ///
    /// # Errors
    /// As [`Snapshot::search`].
    pub fn search_many(
        &self,
        queries: &[Descriptor],
        options: &SearchOptions,
    ) -> Result<Vec<Vec<Match>>> {
        let ranking = options.ranking.unwrap_or_else(|| self.ranking());
        let is_of_all = options.filter.is_of_all();
        let is_plain = options.exact && ranking == Ranking::NONE && is_of_all;
        let is_plain = is_plain && options.most_expected.is_none();
        let wanted = options.k.saturating_add(options.without.len());
        let near = if is_plain {
            self.nearest_of_many(queries, wanted)?
        } else {
            None
        };
        let Some(near) = near else {
            let each = queries.iter().map(|query| self.search(query, options));
            return each.collect();
        };
        let asking = Asking {
            ranking,
            options,
            allowed: None,
        };
        let expected = HashMap::new();
        let matches = near.into_iter();
        let matches = matches.map(|near| self.matches(near, &expected, &asking));
        let matches = matches.collect();
        self.damage()
            .map_or(Ok(matches), |damage| Err(damage.into()))
    }

    /// Nothing where more would have to be asked for, because photos were removed.
    fn nearest_of_many(
        &self,
        queries: &[Descriptor],
        k: usize,
    ) -> Result<Option<Vec<Vec<Neighbor>>>> {
        let asked = k
            .saturating_add(k.min(self.dead()))
            .min(self.vector_count());
        let values = queries.iter().map(|query| self.asked(query));
        let values = values.collect::<Result<Vec<_>>>()?.concat();
        let mut all: Vec<Vec<Neighbor>> = vec![Vec::new(); queries.len()];
        for (piece, first) in self.pieces.iter().zip(&self.firsts) {
            let near = match piece {
                Piece::Segment(segment) => segment.nearest_of_many(&values, asked),
                Piece::Earlier(_) => None,
            };
            let Some(near) = near else {
                return Ok(None);
            };
            for (all, near) in all.iter_mut().zip(near) {
                all.extend(near.into_iter().map(|near| Neighbor {
                    index: first + near.index,
                    ..near
                }));
            }
        }
        let living = |near: Vec<Neighbor>| {
            let near = best(near, asked).into_iter();
            let living: Vec<Neighbor> = near.filter(|it| self.is_alive(it.index)).collect();
            let is_enough = living.len() >= k.min(self.vector_count() - self.dead());
            is_enough.then(|| living.into_iter().take(k).collect())
        };
        Ok(all.into_iter().map(living).collect())
    }

    /// Vectors that are no photo's any more, at most.
    pub(super) fn dead(&self) -> usize {
        self.manifest().map_or(0, |it| {
            it.segments
                .iter()
                .map(|segment| segment.dead as usize)
                .sum()
        })
    }

    fn nearest(
        &self,
        query: &[f32],
        k: usize,
        asking: &Asking<'_>,
    ) -> Result<Vec<Neighbor>, DescriptorError> {
        let ranking = asking.ranking;
        if ranking == Ranking::NONE {
            return Ok(self.nearest_plain(query, k, asking));
        }
        let centre = ranking.centre.map(|share| self.centre(share));
        let centred = centre.as_ref().map(|centre| centre.applied(query));
        let centred = centred.unwrap_or_else(|| query.to_vec());
        let itself = self.itself(query, asking);
        let mut around = Around::new(self, asking, centred, centre.clone()).without(&itself);
        let mut searched = query.to_vec();
        if let Some(expansion) = &ranking.expand {
            searched = self.expanded(&searched, expansion, asking, &around)?;
            around = Around::new(self, asking, searched.clone(), centre).without(&itself);
        }
        let candidates = self.candidates(&searched, k, asking, &around);
        let (candidates, copies) = around.without_copies(candidates);
        let mut near = order(&ranking, candidates, usize::MAX, &around);
        let scores: HashMap<u32, f32> = near.iter().map(|it| (it.index, it.similarity)).collect();
        near.extend(copies.into_iter().map(|(first, copy)| Neighbor {
            similarity: scores[&first],
            ..copy
        }));
        // What is asked with comes first, as what it is, whatever scores the ranking gives others.
        let most = near.iter().map(|it| it.similarity).fold(-1.0, f32::max);
        let is_allowed = |one: &Neighbor| {
            let place = self.place(one.index);
            place.is_some_and(|(piece, row)| asking.allows(piece, row))
        };
        let itself = itself.into_iter().filter(is_allowed);
        near.extend(itself.map(|one| Neighbor {
            similarity: one.similarity.max(most.next_up()),
            ..one
        }));
        Ok(best(near, k))
    }

    /// The photos that a query is, be they allowed or not: no ranking shall take what is asked for its
    /// neighbour.
    fn itself(&self, query: &[f32], asking: &Asking<'_>) -> Vec<Neighbor> {
        let mut near = self.nearest_plain(query, COPIES, &asking.of_all());
        near.retain(|one| one.similarity > ITSELF);
        near
    }

    /// Those that are put in another order.
    fn candidates(
        &self,
        searched: &[f32],
        k: usize,
        asking: &Asking<'_>,
        around: &Around<'_>,
    ) -> Vec<Neighbor> {
        let all = self.vector_count();
        let wanted = if asking.options.exact {
            all
        } else {
            let asked = asking.options.ef_search.unwrap_or(0);
            asking.ranking.candidates(all, k).max(asked)
        };
        let wanted = wanted.saturating_add(around.without_len()).min(all);
        around.candidates(self.nearest_plain(searched, wanted, asking))
    }

    /// The query moved towards the first that it finds: searched with, it finds more. Photos with
    /// equal descriptors count as one.
    fn expanded(
        &self,
        query: &[f32],
        expansion: &Expansion,
        asking: &Asking<'_>,
        around: &Around<'_>,
    ) -> Result<Vec<f32>, DescriptorError> {
        let first = Ranking {
            augment: asking.ranking.augment,
            ..Ranking::NONE
        };
        let candidates = self.candidates(query, expansion.neighbors, asking, around);
        let (candidates, _) = around.without_copies(candidates);
        let near = order(&first, candidates, usize::MAX, around).into_iter();
        let vectors = near
            .take(expansion.neighbors)
            .filter_map(|neighbor| Some((neighbor.similarity, around.vector(neighbor.index)?)));
        let vectors: Vec<(f32, Vec<f32>)> = vectors.collect();
        let nearest = vectors.iter().map(|(similarity, v)| (*similarity, &v[..]));
        let expanded = expansion.expand(around.query(), nearest)?;
        Ok(expanded.as_slice().to_vec())
    }

    /// By the vectors as they are, those that are some photo's.
    pub(super) fn nearest_plain(
        &self,
        query: &[f32],
        k: usize,
        asking: &Asking<'_>,
    ) -> Vec<Neighbor> {
        let all = self.vector_count();
        // What is allowed is some photo's.
        let dead = asking.allowed.map_or_else(|| self.dead(), |_| 0);
        // Those that are no photo's any more are found too, and passed over.
        let mut asked = k.saturating_add(k.min(dead)).min(all);
        loop {
            let near = self.nearest_rows(query, asked, asking);
            let is_all = near.len() < asked || asked == all;
            let living = near.into_iter().filter(|it| self.is_alive(it.index));
            let living: Vec<Neighbor> = living.take(k).collect();
            if living.len() == k || is_all {
                return living;
            }
            asked = asked.saturating_mul(4).clamp(1, all);
        }
    }

    fn nearest_rows(&self, query: &[f32], k: usize, asking: &Asking<'_>) -> Vec<Neighbor> {
        let ef_search = (!asking.options.exact).then(|| asking.ef_search(k));
        let of_piece = |number: usize| {
            let wanted = Wanted {
                k,
                ef_search,
                allowed: asking.allowed.map(|allowed| &allowed.rows[number]),
            };
            let first = self.firsts[number];
            let near = self.pieces[number].nearest(query, wanted).into_iter();
            near.map(move |near| Neighbor {
                index: first + near.index,
                ..near
            })
        };
        let near: Vec<Neighbor> = match self.pieces.len() {
            1 => of_piece(0).collect(),
            pieces => (0..pieces)
                .into_par_iter()
                .flat_map_iter(of_piece)
                .collect(),
        };
        best(near, k)
    }

    /// Of each of these how many unrelated photos would be as similar, if that is asked and known.
    fn expected(&self, query: &[f32], near: &[Neighbor], asking: &Asking<'_>) -> HashMap<u32, f64> {
        let ranking = &asking.ranking;
        let asked = asking.options.most_expected;
        let Some(unrelated) = asked.and_then(|_| self.unrelated(ranking)) else {
            return HashMap::new();
        };
        let similar = if ranking.plain() == *ranking {
            near.to_vec()
        } else {
            let centre = ranking.centre.map(|share| self.centre(share));
            let centred = centre.as_ref().map(|centre| centre.applied(query));
            let around = Around::new(self, asking, centred.unwrap_or(query.to_vec()), centre);
            let similar = near.iter().map(|one| Neighbor {
                similarity: around.to_query(one.index),
                ..*one
            });
            order(&ranking.plain(), similar.collect(), usize::MAX, &around)
        };
        let expected = similar.iter();
        let expected = expected.map(|one| (one.index, unrelated.expected(one.similarity)));
        expected.collect()
    }

    fn matches(
        &self,
        near: Vec<Neighbor>,
        expected: &HashMap<u32, f64>,
        asking: &Asking<'_>,
    ) -> Vec<Match> {
        let options = asking.options;
        let lowest = options.min_similarity.unwrap_or(f32::NEG_INFINITY);
        let most = options.most_expected.unwrap_or(f64::INFINITY);
        let expected = |index: u32| expected.get(&index).copied();
        let photos = near
            .into_iter()
            .filter(|n| n.similarity >= lowest)
            .filter(|n| expected(n.index).is_none_or(|expected| expected <= most))
            .flat_map(|neighbor| {
                let similarity = match asking.ranking.csls {
                    None => neighbor.similarity.clamp(-1.0, 1.0),
                    Some(_) => neighbor.similarity,
                };
                let mut owners = self.living(neighbor.index);
                owners.retain(|entry| asking.allowed.is_none_or(|allowed| allowed.has(entry)));
                let records = owners.into_iter();
                let records = records.filter_map(|(key, stored)| self.record(&key, &stored));
                let expected = expected(neighbor.index);
                records.map(move |record| Match {
                    similarity,
                    expected,
                    record,
                })
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
