//! Re-ranking by neighbours in common: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
//! Encoding", 2017, by lists of each photo's nearest instead of all distances.
//!
//! Two are k-reciprocal neighbours if each is among the k nearest of the other. A photo is encoded by its
//! k1-reciprocal neighbours and by theirs (of half k1) where most of those are its own too: each with weight
//! exp(−d), d = 1 − similarity, all summing to 1. Encodings are averaged over a photo and its k2 − 1 nearest.
//! The query is one photo more that no encoding has a place for, its own included; it is compared with
//! candidates by the Jaccard similarity of encodings. Encodings are of plain similarities, or centred ones:
//! only the similarity that is weighted λ is what augmentation and CSLS left.

use std::cell::RefCell;
use std::rc::Rc;

use super::Neighbor;
use super::neighborhood::{ByItem, Known};

/// Parameters by the names of the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KReciprocal {
    /// The nearest that may be reciprocal neighbours.
    pub k1: usize,
    /// The nearest that encodings are averaged over, the photo itself among them.
    pub k2: usize,
    /// The share of the similarity as it was, 0 … 1; that of the encodings is the rest.
    pub lambda: f32,
}

/// A photo's encoding: weights of other photos, by their numbers.
type Encoding = Vec<(u32, f32)>;

/// The query, where photos' numbers are.
const QUERY: u32 = u32::MAX;

/// The candidates, ordered by what they were ordered by and by encodings; equal ones stay as they were.
/// `first` are the nearest of the query.
pub fn ranked(
    parameters: &KReciprocal,
    first: &[u32],
    mut candidates: Vec<Neighbor>,
    known: &Known<'_>,
) -> Vec<Neighbor> {
    let encoder = Encoder {
        parameters,
        known,
        first,
        halves: RefCell::default(),
        encodings: RefCell::default(),
    };
    let query = encoder.averaged(QUERY);
    let score = |one: &Neighbor| {
        let shared = shared(&query, &encoder.averaged(one.index));
        let jaccard = shared / (2.0 - shared);
        parameters.lambda * one.similarity + (1.0 - parameters.lambda) * jaccard
    };
    for one in &mut candidates {
        one.similarity = score(one);
    }
    candidates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    candidates
}

struct Encoder<'a> {
    parameters: &'a KReciprocal,
    known: &'a Known<'a>,
    /// The query's nearest.
    first: &'a [u32],
    /// Photos' reciprocal neighbours of half k1, themselves among them.
    halves: RefCell<ByItem<Rc<[u32]>>>,
    encodings: RefCell<ByItem<Rc<Encoding>>>,
}

impl Encoder<'_> {
    /// The `k` nearest of a photo or of the query.
    fn nearest(&self, item: u32, k: usize) -> Vec<u32> {
        if item == QUERY {
            return self.first[..k.min(self.first.len())].to_vec();
        }
        let near = self.known.nearest(item);
        near.iter().take(k).map(|it| it.index).collect()
    }

    /// Whether `item` is among the `k` nearest of a photo.
    fn is_near(&self, photo: u32, item: u32, k: usize) -> bool {
        let near = self.known.nearest(photo);
        let near = &near[..k.min(near.len())];
        if item != QUERY {
            return near.iter().any(|it| it.index == item);
        }
        // Where the query would stand among them; behind equal ones, as who came last.
        let last = near.last().filter(|_| near.len() == k);
        last.is_none_or(|last| self.known.to_query(photo) > last.similarity)
    }

    fn reciprocal(&self, item: u32, k: usize) -> Vec<u32> {
        let mut near = self.nearest(item, k);
        near.retain(|other| self.is_near(*other, item, k));
        near
    }

    /// A photo, its reciprocal neighbours and theirs; of the query without itself.
    fn members(&self, item: u32) -> Vec<u32> {
        let k1 = self.parameters.k1;
        let mut own = self.reciprocal(item, k1);
        let neighbors = own.clone();
        if item != QUERY {
            own.push(item);
        }
        own.sort_unstable();
        let mut members = own.clone();
        for other in neighbors {
            let theirs = self.half(other);
            let is_own = |it: &&u32| own.binary_search(it).is_ok();
            let common = theirs.iter().filter(is_own).count();
            if 3 * common > 2 * theirs.len() {
                members.extend(theirs.iter());
            }
        }
        members.sort_unstable();
        members.dedup();
        members
    }

    fn half(&self, photo: u32) -> Rc<[u32]> {
        if let Some(known) = self.halves.borrow().get(&photo) {
            return Rc::clone(known);
        }
        let mut near = self.reciprocal(photo, self.parameters.k1.div_ceil(2));
        near.push(photo);
        let half: Rc<[u32]> = near.into();
        self.halves.borrow_mut().insert(photo, Rc::clone(&half));
        half
    }

    fn encoding(&self, item: u32) -> Rc<Encoding> {
        if let Some(known) = self.encodings.borrow().get(&item) {
            return Rc::clone(known);
        }
        let similarity = |other: u32| match item {
            QUERY => self.known.to_query(other),
            photo if photo == other => 1.0,
            photo => self.known.between(photo, other),
        };
        let members = self.members(item).into_iter();
        let mut weights: Encoding = members
            .map(|other| (other, (similarity(other) - 1.0).exp()))
            .collect();
        let sum: f32 = weights.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut weights {
            *weight /= sum;
        }
        let encoding = Rc::new(weights);
        let mut known = self.encodings.borrow_mut();
        known.insert(item, Rc::clone(&encoding));
        encoding
    }

    /// The mean of the encodings of a photo and of its nearest.
    fn averaged(&self, item: u32) -> Encoding {
        let near = self.nearest(item, self.parameters.k2 - 1);
        let share = 1.0 / (near.len() + 1) as f32;
        let mut all: Encoding = Vec::new();
        for one in near.into_iter().chain([item]) {
            let encoding = self.encoding(one);
            let shares = encoding.iter();
            all.extend(shares.map(|(other, weight)| (*other, weight * share)));
        }
        all.sort_unstable_by_key(|(other, _)| *other);
        all.dedup_by(|next, first| {
            let is_same = next.0 == first.0;
            first.1 += if is_same { next.1 } else { 0.0 };
            is_same
        });
        all
    }
}

/// The sum of the lesser weights of what both have.
fn shared(a: &[(u32, f32)], b: &[(u32, f32)]) -> f32 {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut sum = 0.0;
    while let (Some(one), Some(other)) = (a.peek(), b.peek()) {
        match one.0.cmp(&other.0) {
            std::cmp::Ordering::Less => drop(a.next()),
            std::cmp::Ordering::Greater => drop(b.next()),
            std::cmp::Ordering::Equal => {
                sum += one.1.min(other.1);
                a.next();
                b.next();
            }
        }
    }
    sum
}
