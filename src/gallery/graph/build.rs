//! Building a graph: rows are inserted in batches, each row of a batch against the graph as it was
//! before the batch and against the rest of the batch, so that threads share nothing that changes and
//! the same rows give the same graph on any number of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::code::{CODE, Code};
use super::flat::Walk;
use super::lists::{Graph, Growing, ROOM, UPPER_ROOM, hash, level};
use super::marks::Scratch;
use super::pool::Entry;
use super::select::select;
use super::{M, M0, NONE};
use crate::kernels::products::Products;

/// Candidates among which an inserted row's neighbours are chosen.
const EF_CONSTRUCTION: usize = 64;
/// Of those, so many on the lowest layer; links back from rows inserted later fill the list.
const CHOSEN: usize = 24;
/// Rows nearer than this, as 1 less the cosine, are as good as equal.
const TWIN: f32 = 0.001;
/// Rows inserted at once, and at the beginning.
const BATCH: usize = 512;
const FIRST_BATCH: usize = 128;
/// Rows of a batch that a thread takes at a time.
const TAKEN: usize = 16;
/// Called with the rows inserted so far and all that will be.
pub type OnProgress<'a> = &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// A graph being built.
pub struct Builder<'a> {
    codes: &'a [i8],
    lists: Growing,
    /// Rows that are in the graph already: all below this number.
    first: usize,
    /// For each row as good as equal to another one, that one. Twins stay outside the graph while it
    /// is built, where thousands of them would be all that is ever near anything.
    twins: HashMap<u32, u32>,
    scratches: Scratches,
    /// The row where searches begin, and its layer.
    entry: Option<(u32, usize)>,
}

/// Neighbours chosen for a row on a layer.
struct Chosen {
    layer: usize,
    row: u32,
    neighbours: Vec<u32>,
}

/// Scratches that no thread has at the moment.
#[derive(Default)]
struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    fn pop(&self) -> Scratch {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    fn push(&self, scratch: Scratch) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(scratch);
    }
}

/// Rows near to a row on a layer, the nearest first.
struct Near {
    layer: usize,
    row: u32,
    candidates: Vec<Entry>,
}

impl<'a> Builder<'a> {
    /// Of the rows with these codes, `[rows, CODE]`.
    #[must_use]
    pub fn new(codes: &'a [i8]) -> Self {
        Self::extending(codes, &Graph::default())
    }

    /// As [`new`](Self::new), from a graph of the first of these rows: only the others are inserted.
    /// A graph that is not one of at most so many rows is left aside.
    #[must_use]
    pub fn extending(codes: &'a [i8], graph: &Graph) -> Self {
        let (lists, first) = Growing::of(graph, codes.len() / CODE);
        Self {
            codes,
            lists,
            first,
            twins: HashMap::new(),
            scratches: Scratches::default(),
            entry: (first > 0).then(|| (graph.entry, level(graph.entry))),
        }
    }

    /// Builds it; nothing if `go_on` says to stop.
    #[must_use]
    pub fn build(mut self, go_on: OnProgress<'_>) -> Option<Graph> {
        let rows = self.codes.len() / CODE;
        // Rows that follow each other are often alike; a batch should be of all kinds.
        let mut order: Vec<u32> = (self.first as u32..rows as u32).collect();
        order.sort_unstable_by_key(|row| (hash(u64::from(*row) ^ 1 << 40), *row));
        let mut done = 0;
        while done < order.len() {
            if go_on(self.first + done, rows).is_break() {
                return None;
            }
            let size = (self.first + done).clamp(FIRST_BATCH, BATCH);
            let batch = &order[done..(done + size).min(order.len())];
            self.insert(batch);
            done += batch.len();
        }
        Some(self.finish())
    }

    fn insert(&mut self, batch: &[u32]) {
        let codes: Vec<i8> = batch.iter().flat_map(|row| *self.code(*row)).collect();
        let near = batch.par_chunks(TAKEN).flat_map_iter(|rows| {
            let mut scratch = self.scratches.pop();
            let near = rows
                .iter()
                .map(|row| self.near(*row, batch, &codes, &mut scratch));
            let near: Vec<Vec<Near>> = near.collect();
            self.scratches.push(scratch);
            near
        });
        let near: Vec<Vec<Near>> = near.collect();
        let inserted = self.without_twins(batch, &near);
        let chosen = inserted
            .par_iter()
            .flat_map_iter(|place| self.choose(&near[*place]));
        let chosen: Vec<Chosen> = chosen.collect();
        let mut links = Vec::with_capacity(chosen.len() * M0);
        for chosen in &chosen {
            self.lists.set(chosen.row, chosen.layer, &chosen.neighbours);
            let back = chosen.neighbours.iter();
            links.extend(back.map(|neighbour| (chosen.layer, *neighbour, chosen.row)));
        }
        links.par_sort_unstable();
        let groups: Vec<_> = links.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let linked = groups.par_iter().map(|group| self.linked(group));
        for linked in linked.collect::<Vec<_>>() {
            self.lists.set(linked.row, linked.layer, &linked.neighbours);
        }
        for row in inserted.into_iter().map(|place| batch[place]) {
            if self.entry.is_none_or(|(_, top)| level(row) > top) {
                self.entry = Some((row, level(row)));
            }
        }
    }

    /// The places in the batch of rows that are no twins; those that are become known as such.
    fn without_twins(&mut self, batch: &[u32], near: &[Vec<Near>]) -> Vec<usize> {
        let mut inserted = Vec::with_capacity(batch.len());
        for (place, (row, near)) in batch.iter().zip(near).enumerate() {
            let own = self.length(*row);
            let lowest = near.last().map_or(&[][..], |near| &near.candidates);
            let is_twin = |entry: &&Entry| {
                let apart = own + self.length(entry.row()) - 2 * entry.dot();
                apart as f32 <= 2.0 * TWIN * own as f32
            };
            let twins = lowest.iter().take_while(is_twin).map(|entry| entry.row());
            // Of two twins in one batch, the first is inserted: it is in the graph by the end of it.
            let mut others = twins.filter(|other| {
                let before = batch[..place].contains(other) || !batch.contains(other);
                before && !self.twins.contains_key(other)
            });
            match others.next() {
                Some(other) => drop(self.twins.insert(*row, other)),
                None => inserted.push(place),
            }
        }
        inserted
    }

    /// The squared length of a row's code.
    fn length(&self, row: u32) -> i32 {
        Products::best().bytes(self.code(row), self.code(row))
    }

    /// The nearest rows to a row on each of its layers, the highest first: of those that a search
    /// finds, and of those of its batch, whose codes are `codes`.
    fn near(&self, row: u32, batch: &[u32], codes: &[i8], scratch: &mut Scratch) -> Vec<Near> {
        let products = Products::best();
        let query = self.code(row);
        let walk = Walk {
            lists: &self.lists,
            codes: self.codes,
            query,
            products,
        };
        let mut start = self.entry.map(|(entry, top)| {
            let to = level(row).min(top);
            (walk.descend(entry, top, to, scratch), top)
        });
        let places: Vec<u32> = (0..batch.len() as u32).collect();
        let mut dots = vec![0; batch.len()];
        products.bytes_at(query, codes, &places, &mut dots);
        let mut all = Vec::with_capacity(level(row) + 1);
        for layer in (0..=level(row)).rev() {
            scratch.pool.begin(EF_CONSTRUCTION);
            if let Some((start, top)) = &mut start
                && layer <= *top
            {
                walk.search_layer(*start, layer, EF_CONSTRUCTION, scratch);
                *start = scratch
                    .pool
                    .entries()
                    .first()
                    .map_or(*start, |entry| entry.row());
            }
            for (dot, other) in dots.iter().zip(batch) {
                if *other != row && level(*other) >= layer {
                    scratch.pool.keep(Entry::new(*dot, *other));
                }
            }
            all.push(Near {
                layer,
                row,
                candidates: scratch.pool.entries().to_vec(),
            });
        }
        all
    }

    /// The neighbours of a row on each of its layers.
    fn choose(&self, near: &[Near]) -> Vec<Chosen> {
        let of_layer = |near: &Near| {
            let candidates = near.candidates.iter().copied();
            let no_twins = candidates.filter(|entry| !self.twins.contains_key(&entry.row()));
            let no_twins: Vec<Entry> = no_twins.collect();
            Chosen {
                layer: near.layer,
                row: near.row,
                neighbours: select(
                    &no_twins,
                    self.codes,
                    if near.layer == 0 { CHOSEN } else { M },
                ),
            }
        };
        near.iter().map(of_layer).collect()
    }

    /// The list of a row to which others link, with links back to them.
    fn linked(&self, links: &[(usize, u32, u32)]) -> Chosen {
        let (layer, row, _) = links[0];
        let mut neighbours = self.lists.used(row, layer).to_vec();
        for (.., other) in links {
            if !neighbours.contains(other) {
                neighbours.push(*other);
            }
        }
        let (most, room) = if layer == 0 {
            (M0, ROOM)
        } else {
            (M, UPPER_ROOM)
        };
        if neighbours.len() > room {
            neighbours = self.pruned(row, &neighbours, most);
        }
        Chosen {
            layer,
            row,
            neighbours,
        }
    }

    fn pruned(&self, row: u32, neighbours: &[u32], most: usize) -> Vec<u32> {
        let mut dots = vec![0; neighbours.len()];
        Products::best().bytes_at(self.code(row), self.codes, neighbours, &mut dots);
        let entries = dots.iter().zip(neighbours);
        let mut entries: Vec<Entry> = entries.map(|(dot, row)| Entry::new(*dot, *row)).collect();
        entries.sort_unstable_by(|a, b| b.cmp(a));
        select(&entries, self.codes, most)
    }

    fn code(&self, row: u32) -> &'a Code {
        const NOTHING: &Code = &[0; CODE];
        let code = self
            .codes
            .get(row as usize * CODE..(row as usize + 1) * CODE);
        code.and_then(|code| code.first_chunk()).unwrap_or(NOTHING)
    }

    /// Hangs twins below the rows that they are of, as a tree: of each list, one place leads down.
    fn link_twins(&mut self) {
        const BELOW: usize = M0 - 1;
        let mut of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (twin, row) in &self.twins {
            of.entry(*row).or_default().push(*twin);
        }
        for (row, mut twins) in of {
            twins.sort_unstable();
            let mut list = self.lists.used(row, 0).to_vec();
            if list.len() > BELOW {
                list = self.pruned(row, &list, BELOW);
            }
            list.push(twins[0]);
            self.lists.set(row, 0, &list);
            for (place, twin) in twins.iter().enumerate() {
                let below = (place * BELOW + 1).min(twins.len());
                let end = (below + BELOW).min(twins.len());
                let mut list = vec![row];
                list.extend(&twins[below..end]);
                self.lists.set(*twin, 0, &list);
            }
        }
    }

    fn finish(mut self) -> Graph {
        self.link_twins();
        let rows = self.codes.len() / CODE;
        let list = |row: u32, layer: usize, most: usize| {
            let used = self.lists.used(row, layer);
            let mut list = if used.len() > most {
                self.pruned(row, used, most)
            } else {
                used.to_vec()
            };
            list.resize(most, NONE);
            list
        };
        let lowest = (0..rows as u32)
            .into_par_iter()
            .flat_map_iter(|row| list(row, 0, M0));
        let lowest = lowest.collect();
        let upper = (0..rows as u32).into_par_iter().flat_map_iter(|row| {
            let list = &list;
            (1..=level(row)).flat_map(move |layer| list(row, layer, M))
        });
        Graph {
            lowest,
            upper: upper.collect(),
            entry: self.entry.map_or(0, |(entry, _)| entry),
            upper_starts: self.lists.upper_starts,
        }
    }
}
