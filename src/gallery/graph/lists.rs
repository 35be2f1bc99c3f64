//! The neighbour lists of a graph, as they grow and as they are kept.

use super::flat::Lists;
use super::{M, M0, NONE};

/// Places of a list while the graph is built: one that is full is pruned to its final length, and has
/// room for some more before it is pruned again.
pub(super) const ROOM: usize = M0 + M0 / 2;
pub(super) const UPPER_ROOM: usize = M + M / 2;

/// The neighbour lists of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// `M0` neighbours of every row on the lowest layer; unused places, [`NONE`], come last.
    pub lowest: Vec<u32>,
    /// For every row where its upper lists begin in `upper`, in lists of `M`; and the end.
    pub upper_starts: Vec<u32>,
    /// The upper layers' lists, layer 1 first.
    pub upper: Vec<u32>,
    /// Where a search begins.
    pub entry: u32,
}

/// Lists with room to grow.
pub(super) struct Growing {
    lowest: Vec<u32>,
    pub(super) upper_starts: Vec<u32>,
    upper: Vec<u32>,
}

impl Graph {
    /// Whether it is a graph of at most so many rows, made here: their layers follow from their numbers.
    fn is_sound(&self, rows: usize) -> bool {
        let own = self.lowest.len() / M0;
        let sizes =
            self.upper_starts.len() == own + 1 && own <= rows && own * M0 == self.lowest.len();
        let is_row = |row: &u32| *row == NONE || (*row as usize) < own;
        let mut lists = 0;
        sizes
            && self.upper_starts[1..].iter().enumerate().all(|(row, end)| {
                lists += level(row as u32);
                *end as usize == lists
            })
            && self.upper.len() == lists * M
            && (self.entry as usize) < own
            && self.lowest.iter().all(is_row)
            && self.upper.chunks(M).flatten().all(is_row)
    }
}

impl Lists for Growing {
    #[inline]
    fn neighbours(&self, row: u32, layer: usize) -> &[u32] {
        if layer == 0 {
            &self.lowest[row as usize * ROOM..(row as usize + 1) * ROOM]
        } else {
            let list = self.upper_starts[row as usize] as usize + layer - 1;
            &self.upper[list * UPPER_ROOM..(list + 1) * UPPER_ROOM]
        }
    }
}

impl Growing {
    /// Of so many rows, the first of which have the lists of a graph; and how many those are: none,
    /// if it is not a graph of some of these rows.
    pub(super) fn of(graph: &Graph, rows: usize) -> (Self, usize) {
        let first = if graph.is_sound(rows) {
            graph.lowest.len() / M0
        } else {
            0
        };
        let mut upper_starts = vec![0];
        let mut lists = 0;
        for row in 0..rows as u32 {
            lists += level(row);
            upper_starts.push(lists as u32);
        }
        let mut growing = Self {
            lowest: vec![NONE; rows * ROOM],
            upper_starts,
            upper: vec![NONE; lists * UPPER_ROOM],
        };
        for row in 0..first as u32 {
            growing.set(
                row,
                0,
                &graph.lowest[row as usize * M0..(row as usize + 1) * M0],
            );
            for layer in 1..=level(row) {
                let list = growing.upper_starts[row as usize] as usize + layer - 1;
                growing.set(row, layer, &graph.upper[list * M..(list + 1) * M]);
            }
        }
        (growing, first)
    }

    fn list_mut(&mut self, row: u32, layer: usize) -> &mut [u32] {
        if layer == 0 {
            &mut self.lowest[row as usize * ROOM..(row as usize + 1) * ROOM]
        } else {
            let list = self.upper_starts[row as usize] as usize + layer - 1;
            &mut self.upper[list * UPPER_ROOM..(list + 1) * UPPER_ROOM]
        }
    }

    pub(super) fn set(&mut self, row: u32, layer: usize, neighbours: &[u32]) {
        let list = self.list_mut(row, layer);
        list[..neighbours.len()].copy_from_slice(neighbours);
        list[neighbours.len()..].fill(NONE);
    }

    pub(super) fn used(&self, row: u32, layer: usize) -> &[u32] {
        let list = self.neighbours(row, layer);
        &list[..list
            .iter()
            .position(|row| *row == NONE)
            .unwrap_or(list.len())]
    }
}

/// The highest layer of a row: each has a sixteenth of the rows of the one below.
pub(super) fn level(row: u32) -> usize {
    const { assert!(M == 16, "four bits of the hash are a sixteenth") };
    hash(u64::from(row)).leading_zeros() as usize / 4
}

/// `SplitMix64` (Steele, Lea & Flood, 2014): the same on every machine and in every release.
pub(super) const fn hash(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
