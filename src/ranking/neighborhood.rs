//! Who is near whom, as a ranking asks it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::{Expansion, Neighbor};

/// What a ranking asks of a query and of the photos that it is compared with.
///
/// Photos are known by a number. Similarities are those of the centred descriptors where the ranking
/// centres, else cosines.
pub trait Neighborhood {
    /// The query's similarity to a photo.
    fn to_query(&self, item: u32) -> f32;

    /// The similarity of two photos.
    fn between(&self, a: u32, b: u32) -> f32;

    /// The nearest others of a photo, best first, `count` or as many as there are. The query is not among
    /// them, be it one of the photos.
    fn nearest(&self, item: u32, count: usize) -> Vec<Neighbor>;

    /// The length of the sum of some descriptors with these weights. What is asked of is an augmented
    /// photo's: its own comes first, with weight 1.
    fn length(&self, terms: &[(u32, f32)]) -> f32;
}

/// What was asked of a neighbourhood, each thing once.
pub struct Known<'a> {
    neighborhood: &'a dyn Neighborhood,
    count: usize,
    to_query: RefCell<ByItem<f32>>,
    nearest: RefCell<ByItem<Rc<[Neighbor]>>>,
}

impl<'a> Known<'a> {
    pub fn new(neighborhood: &'a dyn Neighborhood, count: usize, candidates: &[Neighbor]) -> Self {
        let known = candidates.iter().map(|it| (it.index, it.similarity));
        Self {
            neighborhood,
            count,
            to_query: RefCell::new(known.collect()),
            nearest: RefCell::default(),
        }
    }

    /// The query's similarity to a photo.
    pub fn to_query(&self, item: u32) -> f32 {
        let mut known = self.to_query.borrow_mut();
        *known
            .entry(item)
            .or_insert_with(|| self.neighborhood.to_query(item))
    }

    /// The similarity of two photos.
    pub fn between(&self, a: u32, b: u32) -> f32 {
        let in_list = |of: u32, other: u32| {
            let near = self.nearest(of);
            let found = near.iter().find(|it| it.index == other);
            found.map(|it| it.similarity)
        };
        in_list(a, b)
            .or_else(|| in_list(b, a))
            .unwrap_or_else(|| self.neighborhood.between(a, b))
    }

    /// As many as the ranking asks for at most.
    pub fn nearest(&self, item: u32) -> Rc<[Neighbor]> {
        if let Some(known) = self.nearest.borrow().get(&item) {
            return Rc::clone(known);
        }
        let near: Rc<[Neighbor]> = self.neighborhood.nearest(item, self.count).into();
        self.nearest.borrow_mut().insert(item, Rc::clone(&near));
        near
    }

    /// The query's similarity to an augmented photo.
    pub fn augmented(&self, augment: &Expansion, item: u32) -> f32 {
        let terms = augment.terms(item, &self.nearest(item));
        let sum: f32 = terms
            .iter()
            .map(|(item, weight)| weight * self.to_query(*item))
            .sum();
        sum / self.neighborhood.length(&terms).max(f32::MIN_POSITIVE)
    }
}

/// Something for each of some photos.
pub type ByItem<T> = HashMap<u32, T, BuildHasherDefault<ItemHasher>>;

/// Spreads numbers that nobody chooses to collide, by Fibonacci's (Knuth, "The Art of Computer Programming",
/// volume 3, §6.4).
#[derive(Clone, Copy, Default)]
pub struct ItemHasher(u64);

impl Hasher for ItemHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        let mixed = self.0.rotate_left(5) ^ u64::from(number);
        self.0 = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}
