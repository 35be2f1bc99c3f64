//! The approximate index: built by `hnsw_rs`, kept flat, searched in place.
//!
//! Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
//! Navigable Small World graphs", 2016. `hnsw_rs` keeps every point in an allocation of its own
//! behind locks and takes seconds to reload; here the neighbour lists are two arrays of numbers
//! which can lie in a mapped file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hnsw_rs::prelude::{Distance, Hnsw};

use super::index::{Index, Neighbor, OnProgress, best};
use crate::descriptor::{Vectors, dot};

/// Neighbours of a point on the upper layers; twice as many on the lowest.
pub const M: usize = 16;
pub const M0: usize = 2 * M;
const EF_CONSTRUCTION: usize = 200;
const MAX_LAYER: usize = 16;
/// Marks an unused place in a neighbour list.
const NONE: u32 = u32::MAX;
/// Points inserted between two looks at whether the user wants to go on.
const INSERTED_AT_ONCE: usize = 512;

/// Length-one vectors: 1 − cosine, never below 0 (rounding makes `hnsw_rs`' own panic).
///
/// The points given to `hnsw_rs` are numbers of vectors, not vectors: it would keep a copy of each.
#[derive(Clone, Copy)]
struct OneMinusDot<'a>(Vectors<'a>);

impl Distance<u32> for OneMinusDot<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        let vector = |point: &[u32]| self.0.row(point[0] as usize);
        (1.0 - dot(vector(a), vector(b))).max(0.0)
    }
}

/// The neighbour lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// `M0` neighbours of every point on the lowest layer.
    pub lowest: Vec<u32>,
    /// For every point where its upper lists begin in `upper`, in lists of `M`; and the end.
    pub upper_starts: Vec<u32>,
    /// The upper layers' lists, layer 1 first.
    pub upper: Vec<u32>,
    /// Where a search begins.
    pub entry: u32,
}

/// Builds the graph of `vectors`; nothing if `go_on` says to stop.
pub fn build(vectors: Vectors<'_>, go_on: OnProgress<'_>) -> Option<Graph> {
    let points = vectors.len();
    let numbers: Vec<u32> = (0..points as u32).collect();
    let distance = OneMinusDot(vectors);
    let hnsw = Hnsw::new(M, points.max(1), MAX_LAYER, EF_CONSTRUCTION, distance);
    for (number, numbers) in numbers.chunks(INSERTED_AT_ONCE).enumerate() {
        if go_on(number * INSERTED_AT_ONCE, points).is_break() {
            return None;
        }
        let numbers = numbers.chunks_exact(1);
        let rows: Vec<(&[u32], usize)> = numbers.map(|point| (point, point[0] as usize)).collect();
        hnsw.parallel_insert_slice(&rows);
    }
    Some(flatten(&hnsw, points))
}

/// Takes the neighbour lists out of `hnsw_rs`' points.
fn flatten(hnsw: &Hnsw<'_, u32, OneMinusDot<'_>>, points: usize) -> Graph {
    let mut graph = Graph {
        lowest: vec![NONE; points * M0],
        ..Graph::default()
    };
    let mut upper: Vec<Vec<u32>> = vec![Vec::new(); points];
    let mut top = 0;
    for point in hnsw.get_point_indexation() {
        let index = point.get_origin_id();
        let layer = usize::from(point.get_point_id().0);
        if layer > top || index == 0 && top == 0 {
            (top, graph.entry) = (layer, index as u32);
        }
        let lists = point.get_neighborhood_id();
        let ids = |list: usize, places: usize| {
            let found = lists.get(list).into_iter().flatten().map(|n| n.d_id as u32);
            found
                .chain(std::iter::repeat(NONE))
                .take(places)
                .collect::<Vec<_>>()
        };
        graph.lowest[index * M0..(index + 1) * M0].copy_from_slice(&ids(0, M0));
        upper[index] = (1..=layer).flat_map(|layer| ids(layer, M)).collect();
    }
    graph.upper_starts.push(0);
    for lists in upper {
        graph.upper.extend(lists);
        graph.upper_starts.push((graph.upper.len() / M) as u32);
    }
    graph
}

/// A graph and its vectors, searched where they lie.
pub struct FlatHnsw<'a> {
    /// The vectors, of the query's dimension.
    pub vectors: Vectors<'a>,
    /// As [`Graph::lowest`].
    pub lowest: &'a [u32],
    /// As [`Graph::upper_starts`].
    pub upper_starts: &'a [u32],
    /// As [`Graph::upper`].
    pub upper: &'a [u32],
    /// As [`Graph::entry`].
    pub entry: u32,
    /// How many candidates a search keeps; more find more and take longer.
    pub ef_search: usize,
}

/// Orders by similarity, then by index, so that searches are reproducible.
#[derive(PartialEq)]
struct Ranked(f32, u32);

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl FlatHnsw<'_> {
    const fn points(&self) -> u32 {
        self.vectors.len() as u32
    }

    fn similarity(&self, query: &[f32], point: u32) -> f32 {
        let vector = self.vectors.get(point as usize);
        vector.map_or(-2.0, |vector| dot(query, vector))
    }

    /// Lists that a damaged file makes nonsense of are read as empty: wrong answers, no panic.
    fn neighbors(&self, point: u32, layer: usize) -> impl Iterator<Item = u32> {
        let point = point as usize;
        let list = if layer == 0 {
            self.lowest.get(point * M0..(point + 1) * M0)
        } else {
            let start = self.upper_starts.get(point).copied().unwrap_or(0) as usize + layer - 1;
            let end = self.upper_starts.get(point + 1).copied().unwrap_or(0) as usize;
            (start < end)
                .then(|| self.upper.get(start * M..(start + 1) * M))
                .flatten()
        };
        let points = self.points();
        list.unwrap_or_default()
            .iter()
            .copied()
            .filter(move |neighbor| *neighbor < points)
    }

    /// No more than there are lists: a damaged file may say four thousand million.
    fn layers(&self, point: u32) -> usize {
        let at = |point: usize| self.upper_starts.get(point).copied().unwrap_or(0);
        let layers = at(point as usize + 1).saturating_sub(at(point as usize)) as usize;
        layers.min(self.upper.len() / M)
    }

    /// On each upper layer, walks to the neighbour nearest to the query until none is nearer.
    fn descend(&self, query: &[f32]) -> Ranked {
        let mut nearest = Ranked(self.similarity(query, self.entry), self.entry);
        for layer in (1..=self.layers(self.entry)).rev() {
            loop {
                let neighbors = self.neighbors(nearest.1, layer);
                let ranked = neighbors.map(|point| Ranked(self.similarity(query, point), point));
                match ranked.max() {
                    Some(nearer) if nearer > nearest => nearest = nearer,
                    _ => break,
                }
            }
        }
        nearest
    }

    /// The paper's SEARCH-LAYER on the lowest layer. Points that are not alive lead on to others
    /// but are not found themselves: where a whole neighbourhood is dead, what lies behind it is.
    fn search_lowest(
        &self,
        query: &[f32],
        ef: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        let mut seen = vec![false; self.points() as usize];
        let start = self.descend(query);
        if let Some(seen) = seen.get_mut(start.1 as usize) {
            *seen = true;
        }
        let mut found = BinaryHeap::new();
        if alive(start.1) {
            found.push(Reverse(Ranked(start.0, start.1)));
        }
        let mut candidates = BinaryHeap::from([start]);
        while let Some(candidate) = candidates.pop() {
            let worst = found.peek().map_or(-2.0, |Reverse(ranked)| ranked.0);
            if candidate.0 < worst && found.len() >= ef {
                break;
            }
            for point in self.neighbors(candidate.1, 0) {
                if std::mem::replace(&mut seen[point as usize], true) {
                    continue;
                }
                let similarity = self.similarity(query, point);
                let worst = found.peek().map_or(-2.0, |Reverse(ranked)| ranked.0);
                if found.len() < ef || similarity > worst {
                    candidates.push(Ranked(similarity, point));
                    if alive(point) {
                        found.push(Reverse(Ranked(similarity, point)));
                    }
                    if found.len() > ef {
                        found.pop();
                    }
                }
            }
        }
        let neighbor = |Reverse(Ranked(similarity, index))| Neighbor { index, similarity };
        found.into_iter().map(neighbor).collect()
    }
}

impl Index for FlatHnsw<'_> {
    fn search(
        &self,
        query: &[f32],
        k: usize,
        alive: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Neighbor> {
        if self.vectors.is_empty() {
            return Vec::new();
        }
        best(self.search_lowest(query, self.ef_search.max(k), alive), k)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::descriptor::{Matrix, normalize_in_place};
    use crate::gallery::index::{DEFAULT_EF_SEARCH, Exact};

    /// Uniform enough for a test, the same everywhere.
    fn random(state: &mut u64) -> f32 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 40) as f32) / (1u64 << 23) as f32 - 1.0
    }

    /// Clusters of vectors on a plane of few dimensions, with a little noise: like photos.
    fn structured(count: usize, dimension: usize, seed: u64) -> Matrix {
        const LATENT: usize = 12;
        const CLUSTERS: usize = 40;
        let mut state = seed;
        let mut made_up = |rows, dimension| {
            let mut matrix = Matrix::zeros(rows, dimension).unwrap();
            let values = matrix.rows_mut().flatten();
            values.for_each(|value| *value = random(&mut state));
            matrix
        };
        let basis = made_up(LATENT, dimension);
        let centres = made_up(CLUSTERS, LATENT);
        let (basis, centres) = (basis.as_vectors(), centres.as_vectors());
        let mut vectors = Matrix::zeros(count, dimension).unwrap();
        for (index, vector) in vectors.rows_mut().enumerate() {
            let latent: Vec<f32> = centres
                .row(index % CLUSTERS)
                .iter()
                .map(|c| c + 0.4 * random(&mut state))
                .collect();
            for (d, value) in vector.iter_mut().enumerate() {
                let along = latent.iter().zip(basis.rows()).map(|(x, axis)| x * axis[d]);
                *value = along.sum();
            }
            for value in vector.iter_mut() {
                *value += 0.05 * random(&mut state);
            }
            normalize_in_place(vector).unwrap();
        }
        vectors
    }

    #[test]
    fn finds_nearly_all_that_exact_search_finds() {
        let (dimension, seed) = (64, 7);
        let all = structured(4100, dimension, seed);
        let vectors = all.as_vectors().slice(0..4000);
        let queries = all.as_vectors().slice(4000..4100);
        let graph = build(vectors, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let exact = Exact { vectors, first: 0 };
        let flat = FlatHnsw {
            vectors,
            lowest: &graph.lowest,
            upper_starts: &graph.upper_starts,
            upper: &graph.upper,
            entry: graph.entry,
            ef_search: DEFAULT_EF_SEARCH,
        };
        let mut hits = 0;
        for query in queries.rows() {
            let truth = exact.search(query, 10, &|_| true);
            let found = flat.search(query, 10, &|_| true);
            hits += truth
                .iter()
                .filter(|t| found.iter().any(|f| f.index == t.index))
                .count();
        }
        let recall = hits as f32 / 1000.0;
        assert!(recall >= 0.95, "recall@10 {recall} (seed {seed})");
    }

    #[test]
    fn an_entry_with_more_layers_than_there_are_lists_is_descended_from_soon() {
        let all = structured(200, 8, 3);
        let vectors = all.as_vectors();
        let mut graph = build(vectors, &mut |_, _| ControlFlow::Continue(())).unwrap();
        graph.upper_starts[graph.entry as usize + 1] = u32::MAX;
        let flat = FlatHnsw {
            vectors,
            lowest: &graph.lowest,
            upper_starts: &graph.upper_starts,
            upper: &graph.upper,
            entry: graph.entry,
            ef_search: 20,
        };
        assert!(flat.layers(graph.entry) <= graph.upper.len() / M);
        assert_eq!(flat.search(vectors.row(0), 10, &|_| true).len(), 10);
    }

    #[test]
    fn building_stops_when_told() {
        let vectors = structured(100, 8, 1);
        assert!(build(vectors.as_vectors(), &mut |_, _| ControlFlow::Break(())).is_none());
    }
}
