//! What a ranking asks of a snapshot: who is near whom, by neighbour lists where there are some.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::asking::Asking;
use super::{Piece, Said, Snapshot};
use crate::descriptor::dot;
use crate::gallery::index::{Neighbor, best};
use crate::gallery::neighbors::{List, ListKind};
use crate::ranking::{Centre, Neighborhood};

/// By so much the similarities of equal vectors differ at most, as they are computed.
const LIKE: f32 = 1e-5;
/// Stored vectors have nearly length 1, and equal ones a similarity above this.
const NEARLY_ONE: f32 = 0.999;

impl Snapshot {
    /// What its lists are, if it has some.
    pub(in crate::gallery) fn list_kind(&self) -> Option<&ListKind> {
        self.manifest()?.neighbors.as_ref()
    }

    /// The list of a vector; nothing where it was not written.
    pub(in crate::gallery) fn list(&self, vector: u32) -> Option<List> {
        self.list_of(vector, self.lists.len())
    }

    /// The same by the first so many pieces, the newest of them that has one.
    pub(in crate::gallery) fn list_of(&self, vector: u32, pieces: usize) -> Option<List> {
        let (piece, row) = self.place(vector)?;
        for later in self.lists[..pieces].iter().skip(piece + 1).rev() {
            if let Some(list) = later.as_ref()?.changed(vector) {
                return Some(list);
            }
        }
        self.lists[piece].as_ref()?.own(row)
    }

    /// What a ranking that centres subtracts: the mean as it was when the lists were made, else that of
    /// the photos that there are.
    pub(in crate::gallery) fn centre(&self, share: f32) -> Arc<Centre> {
        let mean = self.mean.get_or_init(|| {
            let mean = self.mean_of_lists().map(<[f32]>::to_vec);
            Arc::new(mean.unwrap_or_else(|| self.mean_now()))
        });
        Arc::new(Centre {
            share,
            mean: mean.to_vec(),
        })
    }

    /// Whether a piece has lists.
    pub(in crate::gallery) fn has_lists(&self, piece: usize) -> bool {
        self.lists.get(piece).is_some_and(Option::is_some)
    }

    /// Whether the neighbour lists of a piece are there and whole.
    pub(in crate::gallery) fn has_whole_lists(&self, piece: usize) -> bool {
        let lists = self.lists.get(piece).and_then(Option::as_ref);
        lists.is_some_and(|lists| lists.verify().is_ok())
    }

    /// Whether all pieces have lists.
    pub(in crate::gallery) fn has_all_lists(&self) -> bool {
        self.lists.iter().all(Option::is_some)
    }

    /// The first vector of a piece.
    pub(in crate::gallery) fn first_of(&self, piece: usize) -> u32 {
        self.firsts[piece]
    }

    /// The earlier vectors that a piece has lists of.
    pub(in crate::gallery) fn changed_by(&self, piece: usize) -> impl Iterator<Item = u32> + '_ {
        let lists = self.lists[piece].iter();
        lists.flat_map(|lists| (0..lists.changed_len()).filter_map(|place| lists.changed_at(place)))
    }

    /// The mean that its file has.
    pub(in crate::gallery) fn mean_of_lists(&self) -> Option<&[f32]> {
        let Said::Manifest(_, Some(file)) = &self.said else {
            return None;
        };
        let mean = file.all(file.section("mean"))?;
        let mean: &[f32] = bytemuck::try_cast_slice(mean).ok()?;
        (mean.len() == self.dimension()).then_some(mean)
    }

    /// The mean of all photos' vectors.
    pub(in crate::gallery) fn mean_now(&self) -> Vec<f32> {
        let all = 0..self.vector_count() as u32;
        let vectors = all.flat_map(|vector| {
            let photos = self.living(vector).len();
            let values = (photos > 0).then(|| self.vector(vector as usize));
            std::iter::repeat_n(values.flatten().unwrap_or_default(), photos)
        });
        Centre::of(1.0, self.dimension(), vectors).mean
    }

    /// Whether a vector is some photo's.
    pub(in crate::gallery) fn is_alive(&self, vector: u32) -> bool {
        (self.manifest().is_some() && self.dead() == 0) || !self.living(vector).is_empty()
    }
}

/// A snapshot around a query.
pub struct Around<'a> {
    snapshot: &'a Snapshot,
    asking: Asking<'a>,
    /// The query, centred where the ranking centres.
    query: Vec<f32>,
    centre: Option<Arc<Centre>>,
    alive: RefCell<HashMap<u32, bool>>,
    /// The query itself, which is nobody's neighbour.
    without: Vec<u32>,
}

impl<'a> Around<'a> {
    /// Around a query that is centred already.
    pub fn new(
        snapshot: &'a Snapshot,
        asking: &Asking<'a>,
        query: Vec<f32>,
        centre: Option<Arc<Centre>>,
    ) -> Self {
        Self {
            snapshot,
            asking: asking.of_all(),
            query,
            centre,
            alive: RefCell::default(),
            without: Vec::new(),
        }
    }

    /// The same where these are the query itself, which is nobody's neighbour and no candidate.
    pub fn without(self, itself: &[Neighbor]) -> Self {
        let without = itself.iter().map(|it| it.index).collect();
        Self { without, ..self }
    }

    /// How many vectors are the query itself.
    pub const fn without_len(&self) -> usize {
        self.without.len()
    }

    /// The query.
    pub fn query(&self) -> &[f32] {
        &self.query
    }

    /// A vector, centred where the ranking centres.
    pub fn vector(&self, vector: u32) -> Option<Vec<f32>> {
        let plain = self.snapshot.vector(vector as usize)?;
        Some(match &self.centre {
            Some(centre) => centre.applied(&plain),
            None => plain,
        })
    }

    /// What a plain search found, with the similarities of the ranking.
    pub fn candidates(&self, mut found: Vec<Neighbor>) -> Vec<Neighbor> {
        found.retain(|one| !self.without.contains(&one.index));
        if self.centre.is_none() {
            return found;
        }
        let count = found.len();
        let centred = found.into_iter().map(|one| Neighbor {
            similarity: self.to_query(one.index),
            ..one
        });
        best(centred.collect(), count)
    }

    /// The length of a sum, by adding up.
    pub fn length_now(&self, terms: &[(u32, f32)]) -> f32 {
        let sum = self.sum(terms);
        dot(&sum, &sum).sqrt()
    }

    pub fn sum(&self, terms: &[(u32, f32)]) -> Vec<f32> {
        let mut sum = vec![0.0; self.query.len()];
        for (vector, weight) in terms {
            let vector = self.vector(*vector).unwrap_or_default();
            for (total, value) in sum.iter_mut().zip(vector) {
                *total += weight * value;
            }
        }
        sum
    }

    fn is_alive(&self, vector: u32) -> bool {
        let mut known = self.alive.borrow_mut();
        *known
            .entry(vector)
            .or_insert_with(|| self.snapshot.is_alive(vector))
    }

    /// By the lists, if they have as many that are alive.
    fn listed(&self, vector: u32, count: usize) -> Option<Vec<Neighbor>> {
        let kind = self.snapshot.list_kind()?;
        if kind.centre != self.asking.ranking.centre {
            return None;
        }
        let list = self.snapshot.list(vector)?;
        // One that is not full names all that there are.
        let is_all = list.near.len() < kind.length;
        let mut near = list.near;
        near.retain(|it| self.is_alive(it.index));
        let near = self.distinct(vector, near, count);
        (is_all || near.len() == count).then_some(near)
    }

    /// Those that an earlier format wrote down.
    fn listed_earlier(&self, vector: u32, count: usize) -> Option<Vec<Neighbor>> {
        let [Piece::Earlier(earlier)] = self.snapshot.pieces() else {
            return None;
        };
        if self.centre.is_some() {
            return None;
        }
        let near = earlier.neighbors(vector, count)?;
        let near = near.map(|index| Neighbor {
            index,
            similarity: self.between(vector, index),
        });
        Some(best(near.collect(), count))
    }

    /// The first `count`, of equal ones the least number alone, and none that is equal to the vector itself:
    /// the same content may lie in several segments.
    fn distinct(&self, vector: u32, near: Vec<Neighbor>, count: usize) -> Vec<Neighbor> {
        let mut distinct: Vec<Neighbor> = Vec::with_capacity(count.min(near.len()));
        for one in near {
            let is_itself = one.similarity > NEARLY_ONE && self.is_same(vector, one.index);
            if is_itself {
                continue;
            }
            match self.equal_among(&distinct, one) {
                Some(place) => distinct[place].index = distinct[place].index.min(one.index),
                None if distinct.len() == count => break,
                None => distinct.push(one),
            }
        }
        distinct
    }

    /// Of equal ones the least number, and the others, each behind that.
    pub fn without_copies(&self, near: Vec<Neighbor>) -> (Vec<Neighbor>, Vec<(u32, Neighbor)>) {
        let mut distinct: Vec<Neighbor> = Vec::with_capacity(near.len());
        let mut copies = Vec::new();
        for one in near {
            match self.equal_among(&distinct, one) {
                Some(place) => copies.push((place, one)),
                None => distinct.push(one),
            }
        }
        let copies = copies.into_iter().map(|(place, mut copy)| {
            let first = &mut distinct[place];
            if copy.index < first.index {
                std::mem::swap(first, &mut copy);
            }
            (place, copy)
        });
        let copies: Vec<(usize, Neighbor)> = copies.collect();
        let behind = copies.into_iter();
        let behind = behind.map(|(place, copy)| (distinct[place].index, copy));
        let behind = behind.collect();
        (distinct, behind)
    }

    /// The place among these, best first, of one that is equal to what comes behind them.
    fn equal_among(&self, near: &[Neighbor], one: Neighbor) -> Option<usize> {
        let like = near.iter().enumerate().rev();
        let mut like = like.take_while(|(_, it)| it.similarity - one.similarity < LIKE);
        let equal = like.find(|(_, it)| self.is_same(it.index, one.index))?;
        Some(equal.0)
    }

    fn is_same(&self, a: u32, b: u32) -> bool {
        self.snapshot.vector(a as usize) == self.snapshot.vector(b as usize)
    }

    fn nearest_now(&self, vector: u32, count: usize) -> Vec<Neighbor> {
        let all = self.snapshot.vector_count();
        let mut wanted = count;
        loop {
            let found = self.found(vector, wanted);
            let is_all = found.len() < wanted || wanted >= all;
            let near = self.distinct(vector, found, count);
            if near.len() == count || is_all {
                return near;
            }
            wanted *= 2;
        }
    }

    /// The nearest others by searching, be they equal to one another.
    pub fn found(&self, vector: u32, count: usize) -> Vec<Neighbor> {
        let Some(plain) = self.snapshot.vector(vector as usize) else {
            return Vec::new();
        };
        // By centred vectors others are near, but not far.
        let wanted = if self.centre.is_some() {
            4 * count
        } else {
            count
        };
        let found = self
            .snapshot
            .nearest_plain(&plain, wanted + 1, &self.asking);
        let mut near: Vec<Neighbor> = found.into_iter().filter(|it| it.index != vector).collect();
        if self.centre.is_some() {
            for one in &mut near {
                one.similarity = self.between(vector, one.index);
            }
        }
        best(near, count)
    }
}

impl Neighborhood for Around<'_> {
    fn to_query(&self, item: u32) -> f32 {
        self.vector(item).map_or(0.0, |it| dot(&self.query, &it))
    }

    fn between(&self, a: u32, b: u32) -> f32 {
        let both = self.vector(a).zip(self.vector(b));
        both.map_or(0.0, |(a, b)| dot(&a, &b))
    }

    fn nearest(&self, item: u32, count: usize) -> Vec<Neighbor> {
        let asked = count + self.without.len();
        let mut near = self
            .listed(item, asked)
            .or_else(|| self.listed_earlier(item, asked))
            .unwrap_or_else(|| self.nearest_now(item, asked));
        near.retain(|one| !self.without.contains(&one.index));
        near.truncate(count);
        near
    }

    fn length(&self, terms: &[(u32, f32)]) -> f32 {
        let known = || {
            let augment = self.asking.ranking.augment?;
            let kind = self.snapshot.list_kind()?;
            if (kind.centre, kind.augment) != (self.asking.ranking.centre, Some(augment)) {
                return None;
            }
            let list = self.snapshot.list(terms.first()?.0)?;
            let first = list.near.iter().take(augment.neighbors);
            let is_this = terms[1..]
                .iter()
                .map(|(index, _)| *index)
                .eq(first.map(|it| it.index));
            list.sum.filter(|_| is_this)
        };
        known().unwrap_or_else(|| self.length_now(terms))
    }
}
