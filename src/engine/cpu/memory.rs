//! The memory that a network is run in: which buffer every value is in, and the buffers of a team.

use super::buffer::Buffer;
use super::layout::Layout;
use super::map::{Map, Operands};
use crate::kernels::Floats;
use crate::network::Value;

/// Where a value lies.
#[derive(Clone, Copy)]
pub struct Place {
    /// Which buffer.
    pub buffer: usize,
    /// Floats before it.
    pub start: usize,
    /// How it lies there.
    pub layout: Layout,
}

/// Where every value lies, and how large all of it is.
pub struct Arena {
    /// For each value its place; none for those that never leave a step.
    pub places: Vec<Option<Place>>,
    /// What every buffer is laid out for.
    pub buffers: Vec<Layout>,
    /// Floats of working memory of each member of a team.
    pub scratch: usize,
}

/// What a team works in, on one picture.
pub struct Memory {
    /// One for each value.
    maps: Vec<Map>,
    scratch: Vec<Floats>,
    /// What the two point into.
    _buffers: Vec<Buffer>,
}

impl Memory {
    /// For a team of so many members.
    pub fn new(arena: &Arena, members: usize) -> Self {
        let scratch = (0..members).map(|_| arena.scratch);
        let lengths = arena.buffers.iter().map(Layout::len).chain(scratch);
        let mut buffers: Vec<Buffer> = lengths.map(Buffer::new).collect();
        let (values, working) = buffers.split_at_mut(arena.buffers.len());
        let bases: Vec<Floats> = values.iter_mut().map(Buffer::floats_mut).collect();
        let map = |place: &Option<Place>| match place {
            Some(place) => Map {
                first: bases[place.buffer]
                    .plus(place.start)
                    .within(place.layout.len()),
                layout: place.layout,
            },
            None => Map::NOTHING,
        };
        Self {
            maps: arena.places.iter().map(map).collect(),
            scratch: working.iter_mut().map(Buffer::floats_mut).collect(),
            _buffers: buffers,
        }
    }

    /// The map of a value.
    pub fn map(&self, value: Value) -> &Map {
        &self.maps[value.0]
    }

    /// The working memory of a member.
    pub fn scratch(&self, member: usize) -> Floats {
        self.scratch[member]
    }
}

/// The pictures that a step is run on at once.
pub struct Pictures<'a> {
    memories: &'a [Memory],
    operands: &'a Operands<Value>,
}

impl<'a> Pictures<'a> {
    /// Those in these memories, of which a step reads and makes these values.
    pub const fn new(memories: &'a [Memory], operands: &'a Operands<Value>) -> Self {
        Self { memories, operands }
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.memories.len()
    }

    /// The step's maps of every picture, and the memory that they are in.
    pub fn maps(&self) -> impl Iterator<Item = (Operands<Map>, &'a Memory)> + Clone {
        let operands = self.operands;
        let maps = move |memory: &'a Memory| (operands.map(|value| *memory.map(value)), memory);
        self.memories.iter().map(maps)
    }

    /// The working memory of a member that is for all pictures together.
    pub fn scratch(&self, member: usize) -> Floats {
        self.memories[0].scratch(member)
    }
}
