//! Concatenation that costs nothing: what is put together is made where it belongs.
//!
//! Channels lie in blocks, one block after the other, so the first channels of a map are a map
//! themselves, and so are those behind. A chain of concatenations, as a dense block has it, is one
//! piece of memory that every layer adds its channels to.

use super::layout::BLOCK;
use super::lowering::Fused;
use super::map::Map;
use super::team::Member;
use crate::network::{Network, Operation, Value};

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
pub fn homes(network: &Network, lowered: &[Fused]) -> Vec<Home> {
    let own = |value| Home {
        root: Value(value),
        blocks: 0,
    };
    let mut homes: Vec<Home> = (0..=network.steps().len()).map(own).collect();
    // The last concatenation comes first: the others are parts of it.
    for fused in lowered.iter().rev() {
        let Fused::Concatenate(step) = *fused else {
            continue;
        };
        let Operation::Concatenate { with } = network.steps()[step].operation else {
            continue;
        };
        let (whole, first) = (homes[step + 1], network.steps()[step].input);
        let before = network.channels(first);
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
    let place = before / BLOCK * whole.layout.block();
    before.is_multiple_of(BLOCK) && part.base == whole.base.wrapping_add(place)
}

/// Puts the channels of the parts together, as far as they do not lie together already.
///
/// # Safety
/// The parts and the whole have the same size; no one else uses them but the other members of the
/// team.
pub unsafe fn concatenate(parts: [&Map; 2], whole: &Map, member: &Member) {
    let mut before = 0;
    for part in parts {
        let channels = part.layout.channels;
        if !is_in_place(part, before, whole) {
            member.share(channels, |channel| {
                // SAFETY: the channel is this member's.
                unsafe { copy_channel(part, channel, whole, before + channel) };
            });
        }
        before += channels;
    }
}

/// # Safety
/// As [`concatenate`]; the maps have such channels.
unsafe fn copy_channel(from: &Map, channel: usize, to: &Map, target: usize) {
    let place = |map: &Map, channel: usize| {
        channel / map.layout.lanes * map.layout.block() + channel % map.layout.lanes
    };
    let (from_lanes, to_lanes) = (from.layout.lanes, to.layout.lanes);
    for row in 0..from.layout.height {
        // SAFETY: the row lies within both maps.
        unsafe {
            let source = from.cell(row, 0).add(place(from, channel));
            let goal = to.cell(row, 0).add(place(to, target));
            for column in 0..from.layout.width {
                *goal.add(column * to_lanes) = *source.add(column * from_lanes);
            }
        }
    }
}
