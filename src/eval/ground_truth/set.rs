//! A labelled set, whatever form it came in: items, and queries with what they should find.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::eval::metrics::Metric;

/// A part of a picture, in pixels of the upright picture: half-open, left and top included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// First column.
    pub left: f32,
    /// First row.
    pub top: f32,
    /// Behind the last column.
    pub right: f32,
    /// Behind the last row.
    pub bottom: f32,
}

/// A picture, or a part of one, that is described once.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The photo.
    pub path: PathBuf,
    /// The part of it that is looked at; all of it where there is none.
    pub region: Option<Region>,
    /// Whether it can be an answer. Otherwise it is a query only.
    pub in_gallery: bool,
    /// What it shows, as a number; `None` for distractors.
    pub group: Option<u32>,
}

/// A query and what should be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The item that is the query.
    pub item: u32,
    /// Items that should come first, in ascending order. They are shared by all queries of a group,
    /// so the query itself may be among them; what is ignored does not count.
    pub relevant: Arc<[u32]>,
    /// Items that neither help nor harm, in ascending order: junk, and the query itself.
    pub ignored: Vec<u32>,
    /// What it shows.
    pub group: u32,
}

impl Query {
    /// Number of relevant items that are not ignored.
    #[must_use]
    pub fn relevant_count(&self) -> usize {
        self.relevant_items().count()
    }

    /// The relevant items that are not ignored.
    pub fn relevant_items(&self) -> impl Iterator<Item = u32> {
        let counts = |item: &u32| self.ignored.binary_search(item).is_err();
        self.relevant.iter().copied().filter(counts)
    }
}

/// A labelled set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroundTruth {
    /// Everything that is described.
    pub items: Vec<Item>,
    /// The queries, each with at least one relevant item.
    pub queries: Vec<Query>,
    /// What the groups are called.
    pub groups: Vec<String>,
    /// The measure that papers report for it.
    pub measure: Metric,
}

impl GroundTruth {
    /// Only the items for which `keep` says so, and the queries that are left with an answer.
    #[must_use]
    pub fn restrict(&self, keep: &[bool]) -> Self {
        let mut places = vec![None; self.items.len()];
        let mut items = Vec::new();
        for (index, item) in self
            .items
            .iter()
            .enumerate()
            .filter(|(index, _)| keep[*index])
        {
            places[index] = Some(items.len() as u32);
            items.push(item.clone());
        }
        let moved = |list: &[u32]| -> Vec<u32> {
            list.iter()
                .filter_map(|item| places[*item as usize])
                .collect()
        };
        // Queries of a group share one list; so do they afterwards.
        let mut shared: HashMap<*const u32, Arc<[u32]>> = HashMap::new();
        let mut relevant = |list: &Arc<[u32]>| {
            let moved = || moved(list).into();
            Arc::clone(shared.entry(list.as_ptr()).or_insert_with(moved))
        };
        let mut query = |query: &Query| {
            let item = places[query.item as usize]?;
            let (relevant, ignored) = (relevant(&query.relevant), moved(&query.ignored));
            let query = Query {
                item,
                relevant,
                ignored,
                group: query.group,
            };
            (query.relevant_count() > 0).then_some(query)
        };
        Self {
            queries: self.queries.iter().filter_map(&mut query).collect(),
            items,
            groups: self.groups.clone(),
            measure: self.measure,
        }
    }

    /// The same with so many of its queries, chosen at random but always the same for a seed.
    #[must_use]
    pub fn sample(mut self, queries: usize, seed: u64) -> Self {
        if queries < self.queries.len() {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut chosen = random.choose_multiple(0..self.queries.len(), queries);
            chosen.sort_unstable();
            self.queries = chosen
                .into_iter()
                .map(|index| self.queries[index].clone())
                .collect();
        }
        self
    }

    /// Two halves that have no group in common, of about as many queries each; what is in no group
    /// is shared out by chance.
    #[must_use]
    pub fn halves(&self, seed: u64) -> (Self, Self) {
        let [first, second] = self.half_items(seed);
        (self.restrict(&first), self.restrict(&second))
    }

    /// Which items are in the first of [`GroundTruth::halves`], and which in the second.
    #[must_use]
    pub fn half_items(&self, seed: u64) -> [Vec<bool>; 2] {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut groups: Vec<usize> = (0..self.groups.len()).collect();
        random.shuffle(&mut groups);
        let mut sizes = vec![0usize; self.groups.len()];
        self.queries
            .iter()
            .for_each(|query| sizes[query.group as usize] += 1);
        let (mut in_first, mut counts) = (vec![false; self.groups.len()], [0usize; 2]);
        for group in groups {
            let half = usize::from(counts[1] < counts[0]);
            in_first[group] = half == 0;
            counts[half] += sizes[group];
        }
        let first: Vec<bool> = self
            .items
            .iter()
            .map(|item| {
                item.group
                    .map_or_else(|| random.bool(), |group| in_first[group as usize])
            })
            .collect();
        let second = first.iter().map(|first| !first).collect();
        [first, second]
    }

    /// Which items are in the first of two halves that have every group in common, and which in the second:
    /// photos of a group are shared out by chance, as many to each as can be.
    #[must_use]
    pub fn half_photos(&self, seed: u64) -> [Vec<bool>; 2] {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        random.shuffle(&mut order);
        let mut is_next_first = vec![true; self.groups.len()];
        for next in &mut is_next_first {
            *next = random.bool();
        }
        let mut first = vec![false; self.items.len()];
        for item in order {
            first[item] = match self.items[item].group {
                None => random.bool(),
                Some(group) => {
                    let next = &mut is_next_first[group as usize];
                    *next = !*next;
                    *next
                }
            };
        }
        let second = first.iter().map(|first| !first).collect();
        [first, second]
    }
}
