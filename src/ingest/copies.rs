//! Copies of the same bytes in one run: the first goes through the network, the others wait for what
//! comes of it, each with no more than its name in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::photo::ContentHash;

/// What became of each content in this run: a `D` of those that are done. Of each copy that waits there
/// is a `W`.
#[derive(Debug)]
pub(crate) struct Copies<D, W>(Mutex<HashMap<ContentHash, State<D, W>>>);

#[derive(Debug)]
enum State<D, W> {
    /// The first is at work; these wait for it.
    InHand(Vec<W>),
    Done(D),
}

/// What is to be done with a photo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn<D, W> {
    /// It is the first with its content: what comes of it is to be told by [`Copies::done`] or
    /// [`Copies::failed`].
    First(W),
    /// Whoever has the first in hand answers for it.
    Waits,
    /// The first is done, and sent.
    Known(W, D),
}

impl<D, W> Default for Copies<D, W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<D: Clone, W> Copies<D, W> {
    /// Whose turn it is.
    pub fn turn(&self, content: ContentHash, photo: W) -> Turn<D, W> {
        match self.states().entry(content) {
            Entry::Vacant(place) => {
                place.insert(State::InHand(Vec::new()));
                Turn::First(photo)
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                State::InHand(waiting) => {
                    waiting.push(photo);
                    Turn::Waits
                }
                State::Done(done) => Turn::Known(photo, done.clone()),
            },
        }
    }

    /// The first with this content was sent; gives those that waited for it. What comes later is
    /// [`Turn::Known`].
    pub fn done(&self, content: &ContentHash, done: D) -> Vec<W> {
        let before = self.states().insert(*content, State::Done(done));
        before.map_or_else(Vec::new, State::waiting)
    }

    /// Nothing comes of the first with this content; gives those that waited for it. What comes later is
    /// the first again.
    pub fn failed(&self, content: &ContentHash) -> Vec<W> {
        let before = self.states().remove(content);
        before.map_or_else(Vec::new, State::waiting)
    }

    fn states(&self) -> MutexGuard<'_, HashMap<ContentHash, State<D, W>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D, W> State<D, W> {
    fn waiting(self) -> Vec<W> {
        match self {
            Self::InHand(waiting) => waiting,
            Self::Done(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_first_those_beside_it_wait_and_those_behind_it_know() {
        let (copies, content) = (Copies::default(), ContentHash::of(b"a"));
        assert_eq!(copies.turn(content, "a"), Turn::First("a"));
        assert_eq!(copies.turn(content, "b"), Turn::Waits);
        assert_eq!(copies.turn(ContentHash::of(b"b"), "z"), Turn::First("z"));
        assert_eq!(copies.turn(content, "c"), Turn::Waits);
        assert_eq!(copies.done(&content, 7), ["b", "c"]);
        assert_eq!(copies.turn(content, "d"), Turn::Known("d", 7));
    }

    #[test]
    fn behind_one_that_failed_the_next_is_the_first_again() {
        let (copies, content) = (Copies::<u8, _>::default(), ContentHash::of(b"a"));
        assert_eq!(copies.turn(content, "a"), Turn::First("a"));
        assert_eq!(copies.turn(content, "b"), Turn::Waits);
        assert_eq!(copies.failed(&content), ["b"]);
        assert_eq!(copies.turn(content, "c"), Turn::First("c"));
    }
}
