//! Searches: walks through the codes, ranked by the rows themselves.

use super::axes::Axes;
use super::code::Code;
use super::flat::{Flat, Lists, Walk};
use super::marks::Scratch;
use super::pool::{Entry, Pool};
use super::row_set::RowSet;
use super::shorts::Shorts;
use super::{M0, NONE};
use crate::kernels::products::{Products, prefetch};

/// A row that was found, and its product with the query: of unit vectors, the cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Which.
    pub row: u32,
    /// How near.
    pub similarity: f32,
}

/// Compares a query with whole rows.
pub trait Exact {
    /// The product of the query and a row; nothing where there is no such row.
    fn similarity(&self, row: u32) -> Option<f32>;
}

/// i16 rows and the query to compare them with.
impl Exact for (Shorts<'_>, &[f32]) {
    #[inline]
    fn similarity(&self, row: u32) -> Option<f32> {
        self.0.dot(row, self.1)
    }
}

/// What is searched.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// The graph and its codes.
    pub flat: Flat<'a>,
    /// The axes that the codes are of.
    pub axes: &'a Axes,
}

/// Rows compared whole cost about as much as so many whose codes are fetched from anywhere.
const WHOLE: usize = 3;
/// Codes that each of a walk's `ef` steps compares, on average.
const PER_STEP: usize = 16;
/// Codes that can be compared row after row in the time of one of those steps, among some rows.
const SCANNED_PER_STEP: usize = 240;
/// Where fewer than one in so many rows is allowed, too few are near any row for a walk among them.
const SPARSE: usize = 24;
/// Allowed rows after which a step of such a walk looks for no more.
const MOST_GATHERED: usize = M0;
/// A walk among allowed rows begins with the best of one in so many of them: where they lie together, and far
/// from the query, few links lead from one group of them to another.
const PER_START: usize = 16;
/// Comparing those takes as long as one in so many of the steps that follow, at most.
const STEPS_PER_START: usize = 4;
/// There are at least so many.
const LEAST_STARTS: usize = 64;
/// Rows near to the query that tell how many of those around it are allowed.
const SURROUNDINGS: usize = 32;
/// Where these are so many times fewer than of all rows, the nearest allowed ones are near to nothing that leads
/// to them,
const AWAY: f32 = 2.0;
/// and so many times as many as else are compared rather than walked among.
const SCANNED_AWAY: usize = 20;
/// Of more than these as many times more are kept as there are fewer around the query, so many times at most.
const WIDER_AWAY: f32 = 4.0;

/// Rows of a graph up to which the nearest row of each upper layer leads to the right ones below it.
const GREEDY: f32 = 65_536.0;
/// How often a graph has to double from there on until as many rows of each upper layer lead down as a search
/// keeps on the lowest.
const DOUBLINGS: f32 = 4.0;

/// Whether to compare all of `allowed` rows whole is quicker than any search with such an `ef`.
#[must_use]
pub const fn is_few(allowed: usize, ef: usize) -> bool {
    allowed.saturating_mul(WHOLE) <= ef.saturating_mul(PER_STEP)
}

/// How many of the best by code are compared whole: most of those that are kept, since one costs less than a
/// step of the walk; and not much fewer than three times what is wanted.
const fn ranked(k: usize, ef: usize) -> usize {
    let of_wanted = if ef > 3 * k { 3 * k } else { ef };
    let least = if of_wanted > 2 * k { of_wanted } else { 2 * k };
    let of_kept = ef - ef / 4;
    if least > of_kept { least } else { of_kept }
}

/// How many of the allowed rows a walk among them begins with the best of.
const fn starts(ef: usize, allowed: usize) -> usize {
    let (wanted, most) = (allowed / PER_START, ef * SCANNED_PER_STEP / STEPS_PER_START);
    let count = if wanted < most { wanted } else { most };
    if count > LEAST_STARTS {
        count
    } else {
        LEAST_STARTS
    }
}

/// How many rows of each upper layer lead down. In a graph of few rows the nearest one does; the more there
/// are, the more often it is in a group of rows from which few links lead to the right one.
pub(super) fn approached(ef: usize, rows: usize) -> usize {
    let doublings = (rows as f32 / GREEDY).log2().max(0.0);
    ((ef as f32 * doublings / DOUBLINGS) as usize).max(1)
}

impl Search<'_> {
    /// The `k` nearest rows to a unit `query` of the axes' dimension, the nearest first, of equals the
    /// lower row. A larger `ef` finds more of them and takes longer. With `allowed`, only rows among
    /// those are found.
    #[must_use]
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        ef: usize,
        allowed: Option<&RowSet>,
        exact: &impl Exact,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        let k = k.min(self.flat.rows());
        let ef = ef.max(k).min(self.flat.rows().max(1));
        if let Some(allowed) = allowed
            && is_few(allowed.len(), ef)
        {
            return nearest(allowed.iter(), k, exact);
        }
        let code = self.axes.code(query);
        let most = ranked(k, ef);
        match allowed {
            None => self.walk(&code, ef.max(most), scratch),
            Some(allowed) => self.walk_among(&code, ef.max(most), allowed, scratch),
        }
        let best = scratch.pool.entries().iter().take(most);
        nearest(best.map(|entry| entry.row()), k, exact)
    }

    fn towards<'q>(&'q self, query: &'q Code) -> Walk<'q, Flat<'q>> {
        Walk {
            lists: &self.flat,
            codes: self.flat.codes,
            query,
            products: Products::best(),
        }
    }

    fn walk(&self, query: &Code, ef: usize, scratch: &mut Scratch) {
        let walk = self.towards(query);
        walk.approach(
            self.flat.entry,
            self.flat.top(),
            approached(ef, self.flat.rows()),
            scratch,
        );
        walk.go_on(0, ef, scratch);
    }

    /// Leaves the best allowed rows in the pool: by a walk among them, or by comparing all where that
    /// is quicker or where they are too thinly spread.
    fn walk_among(&self, query: &Code, ef: usize, allowed: &RowSet, scratch: &mut Scratch) {
        let walk = self.towards(query);
        let few = ef * SCANNED_PER_STEP;
        if allowed.len() <= few || allowed.len() < self.flat.rows() / SPARSE {
            return walk.scan(ef, allowed, scratch);
        }
        let wide = approached(ef, self.flat.rows()).max(SURROUNDINGS);
        walk.approach(self.flat.entry, self.flat.top(), wide, scratch);
        let fewer = self.fewer_around(allowed, scratch);
        if fewer >= AWAY && allowed.len() <= SCANNED_AWAY * few {
            return walk.scan(ef, allowed, scratch);
        }
        // The thinner the allowed rows, the worse each one's neighbours.
        let others = self.flat.rows().saturating_sub(allowed.len());
        let wider = ef + ef * others / (2 * self.flat.rows());
        let wider = (wider as f32 * fewer.clamp(1.0, WIDER_AWAY)) as usize;
        walk.search_among(wider, allowed, scratch);
        // They may lie on islands that no start was on.
        if scratch.pool.entries().len() < ef.min(allowed.len()) {
            walk.scan(ef, allowed, scratch);
        }
    }

    /// How many times as many of all rows are allowed as of those in the pool, near to the query.
    fn fewer_around(&self, allowed: &RowSet, scratch: &Scratch) -> f32 {
        let near = scratch.pool.entries();
        let hits = near.iter().filter(|it| allowed.contains(it.row())).count();
        let share = allowed.len() as f32 / self.flat.rows() as f32;
        share * near.len() as f32 / (hits as f32).max(0.5)
    }
}

impl Walk<'_, Flat<'_>> {
    /// A walk from allowed row to allowed row, over at most one other between them: Patel et al.,
    /// "ACORN", 2024. It begins at the rows in the pool and at the best of some from all over the allowed ones,
    /// so it does not matter how far from the query those are.
    fn search_among(&self, ef: usize, allowed: &RowSet, scratch: &mut Scratch) {
        let approached: Vec<u32> = scratch.pool.entries().iter().map(|it| it.row()).collect();
        scratch.pool.begin(ef);
        let spread = allowed.spread(starts(ef, allowed.len()));
        self.keep_best(spread, scratch);
        scratch.marks.begin(self.rows());
        for kept in scratch.pool.entries() {
            scratch.marks.is_new(kept.row());
        }
        scratch.rows.clear();
        for start in &approached {
            if allowed.contains(*start) && scratch.marks.is_new(*start) {
                scratch.rows.push(*start);
            }
        }
        if let Some(nearest) = approached.first() {
            self.gather_among(*nearest, allowed, scratch);
        }
        loop {
            self.compare(scratch);
            keep_all(&mut scratch.pool, &scratch.rows, &scratch.dots);
            let Some(row) = scratch.pool.visit() else {
                break;
            };
            if let Some(upcoming) = scratch.pool.upcoming() {
                prefetch(self.lists.neighbours(upcoming, 0));
            }
            scratch.rows.clear();
            self.gather_among(row, allowed, scratch);
        }
    }

    /// Adds to the scratch's rows the new allowed neighbours of a row, and those of its neighbours
    /// that are not allowed.
    fn gather_among(&self, row: u32, allowed: &RowSet, scratch: &mut Scratch) {
        scratch.upcoming.clear();
        for &neighbour in self.lists.neighbours(row, 0) {
            if neighbour == NONE {
                break;
            }
            if !allowed.contains(neighbour) {
                prefetch(self.lists.neighbours(neighbour, 0));
                scratch.upcoming.push(neighbour);
            } else if scratch.marks.is_new(neighbour) {
                self.prefetch(neighbour);
                scratch.rows.push(neighbour);
            }
        }
        for between in 0..scratch.upcoming.len() {
            if scratch.rows.len() >= MOST_GATHERED {
                break;
            }
            // Each leads on only once.
            if !scratch.marks.is_new(scratch.upcoming[between]) {
                continue;
            }
            for &neighbour in self.lists.neighbours(scratch.upcoming[between], 0) {
                if neighbour == NONE {
                    break;
                }
                if allowed.contains(neighbour) && scratch.marks.is_new(neighbour) {
                    self.prefetch(neighbour);
                    scratch.rows.push(neighbour);
                }
            }
        }
    }

    /// Leaves the best of all allowed rows in the pool.
    fn scan(&self, most: usize, allowed: &RowSet, scratch: &mut Scratch) {
        scratch.pool.begin(most);
        self.keep_best(allowed.iter(), scratch);
    }

    /// Compares the codes of these rows, and asks for the next ones meanwhile.
    fn keep_best(&self, rows: impl Iterator<Item = u32>, scratch: &mut Scratch) {
        const AT_ONCE: usize = 16;
        let existing = self.rows() as u32;
        let mut all = rows.take_while(|row| *row < existing);
        scratch.upcoming.clear();
        loop {
            std::mem::swap(&mut scratch.rows, &mut scratch.upcoming);
            scratch.upcoming.clear();
            for row in all.by_ref().take(AT_ONCE) {
                self.prefetch(row);
                scratch.upcoming.push(row);
            }
            if scratch.rows.is_empty() && scratch.upcoming.is_empty() {
                break;
            }
            self.compare(scratch);
            keep_all(&mut scratch.pool, &scratch.rows, &scratch.dots);
        }
    }
}

fn keep_all(pool: &mut Pool, rows: &[u32], dots: &[i32]) {
    let mut worst = pool.worst().map_or(i32::MIN, Entry::dot);
    for (dot, row) in dots.iter().zip(rows) {
        if *dot >= worst && pool.keep(Entry::new(*dot, *row)) {
            worst = pool.worst().map_or(i32::MIN, Entry::dot);
        }
    }
}

/// The `k` nearest of `rows`.
pub(super) fn nearest(rows: impl Iterator<Item = u32>, k: usize, exact: &impl Exact) -> Vec<Found> {
    let found = |row| {
        exact
            .similarity(row)
            .map(|similarity| Found { row, similarity })
    };
    let mut all: Vec<Found> = rows.filter_map(found).collect();
    sort(&mut all, k);
    all
}

/// Keeps the `k` nearest, the nearest first.
pub(super) fn sort(found: &mut Vec<Found>, k: usize) {
    let order = |a: &Found, b: &Found| {
        let nearer = b.similarity.total_cmp(&a.similarity);
        nearer.then(a.row.cmp(&b.row))
    };
    if k > 0 && k < found.len() {
        found.select_nth_unstable_by(k - 1, order);
    }
    found.truncate(k);
    found.sort_unstable_by(order);
}
