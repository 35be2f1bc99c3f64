//! Concatenation that costs nothing: what is put together is made where it belongs.
//!
//! Channels lie in blocks, one block after the other, so the first channels of a map are a map
//! themselves, and so are those behind. A chain of concatenations, as a dense block has it, is one
//! piece of memory that every layer adds its channels to.

use super::arena::Pictures;
use super::layout::BLOCK;
use super::lowering::{Fused, FusedWork};
use super::map::{Map, Operands};
use super::team::Member;
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

/// Whether `part` lies in `whole` already, `before` channels from its start.
fn is_in_place(part: &Map, before: usize, whole: &Map) -> bool {
    let place = whole.first.plus(before / BLOCK * whole.layout.block());
    before.is_multiple_of(BLOCK) && part.first.is_at(place)
}

/// Puts the channels of the input and of what comes behind them together, as far as they do not lie
/// together already.
///
/// # Safety
/// [`bounds`](super::bounds) holds for the pictures' maps; no one uses them but the other members of
/// the team.
pub unsafe fn concatenate(pictures: &Pictures, member: &Member) {
    for (maps, _) in pictures.maps() {
        let Operands {
            input,
            second,
            output,
            ..
        } = &maps;
        let mut before = 0;
        for part in [Some(input), second.as_ref()].into_iter().flatten() {
            let channels = part.layout.channels;
            if !is_in_place(part, before, output) {
                member.share(channels, |channel| {
                    // SAFETY: the channel is this member's.
                    unsafe { copy_channel(part, channel, output, before + channel) };
                });
            }
            before += channels;
        }
    }
}

/// # Safety
/// As [`concatenate`]; the maps have such channels.
unsafe fn copy_channel(from: &Map, channel: usize, to: &Map, target: usize) {
    let row_of = |map: &Map, channel: usize, row: usize| {
        let lanes = map.layout.lanes;
        map.cell(channel / lanes, row, 0).plus(channel % lanes)
    };
    let (from_lanes, to_lanes) = (from.layout.lanes, to.layout.lanes);
    for row in 0..from.layout.height {
        let (source, goal) = (row_of(from, channel, row), row_of(to, target, row));
        for column in 0..from.layout.width {
            // SAFETY: the row lies within both maps.
            unsafe {
                let value = source.plus(column * from_lanes).read();
                goal.plus(column * to_lanes).write(value);
            }
        }
    }
}
