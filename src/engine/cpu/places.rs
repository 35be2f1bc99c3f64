//! Which values share a piece of memory, and which buffer each piece is.
//!
//! Buffers are used again for values laid out the same way, so that their halos stay zero.

use super::layout::Layout;
use super::lowering::{Fused, FusedWork};
use super::memory::{Arena, Place};
use crate::kernels::BLOCK;
use crate::network::{MapShape, Value};

/// Where a value lies: in the memory of `root`, behind so many blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Home {
    /// The value that all of the memory belongs to; the value itself if it is no part of another.
    pub root: Value,
    /// Blocks of channels before it.
    pub blocks: usize,
}

/// The home of every value. Parts of a concatenation have one in its memory, unless their channels
/// do not fill blocks, or they are part of another one already.
pub fn homes(shapes: &[MapShape], lowered: &[Fused]) -> Vec<Home> {
    let own = |value| Home {
        root: Value(value),
        blocks: 0,
    };
    let mut homes: Vec<Home> = (0..shapes.len()).map(own).collect();
    // The last concatenation comes first: the others are parts of it.
    for fused in lowered.iter().rev() {
        let (FusedWork::Concat, Some(with)) = (&fused.work, fused.operands.second) else {
            continue;
        };
        let (whole, first) = (homes[fused.operands.output.0], fused.operands.input);
        let before = shapes[first.0].channels;
        if !before.is_multiple_of(BLOCK) {
            continue;
        }
        for (part, blocks) in [(first, 0), (with, before / BLOCK)] {
            if part != Value::INPUT && homes[part.0] == own(part.0) {
                homes[part.0] = Home {
                    root: whole.root,
                    blocks: whole.blocks + blocks,
                };
            }
        }
    }
    homes
}

/// Finds a place for one value after the other.
pub struct Places<'a> {
    layouts: &'a [Layout],
    homes: &'a [Home],
    of: Vec<Option<Place>>,
    buffers: Vec<Layout>,
    free: Vec<usize>,
    /// The values that memory belongs to now, and which it is.
    live: Vec<(Value, usize)>,
}

impl<'a> Places<'a> {
    /// With a place for the pixels.
    pub fn new(layouts: &'a [Layout], homes: &'a [Home]) -> Self {
        let mut places = Self {
            layouts,
            homes,
            of: vec![None; layouts.len()],
            buffers: Vec::new(),
            free: Vec::new(),
            live: Vec::new(),
        };
        places.take(Value::INPUT);
        places
    }

    /// Finds one for `value`.
    pub fn take(&mut self, value: Value) {
        let Home { root, blocks } = self.homes[value.0];
        let live = self.live.iter().find(|(live, _)| *live == root);
        let buffer = match live {
            Some((_, buffer)) => *buffer,
            None => self.take_buffer(root),
        };
        let layout = self.layouts[value.0];
        self.of[value.0] = Some(Place {
            buffer,
            start: blocks * layout.block(),
            layout,
        });
    }

    fn take_buffer(&mut self, root: Value) -> usize {
        let layout = self.layouts[root.0];
        let fits = |buffer: &usize| self.buffers[*buffer] == layout;
        let buffer = if let Some(index) = self.free.iter().rposition(fits) {
            self.free.remove(index)
        } else {
            self.buffers.push(layout);
            self.buffers.len() - 1
        };
        self.live.push((root, buffer));
        buffer
    }

    /// Frees the memory of values of which nothing is read any more.
    pub fn give_back(&mut self, is_read: impl Fn(Value) -> bool) {
        let (kept, freed): (Vec<_>, Vec<_>) =
            self.live.drain(..).partition(|(root, _)| is_read(*root));
        self.live = kept;
        self.free
            .extend(freed.into_iter().map(|(_, buffer)| buffer));
    }

    /// All of them.
    pub fn into_arena(self, scratch: usize) -> Arena {
        Arena {
            places: self.of,
            buffers: self.buffers,
            scratch,
        }
    }
}
