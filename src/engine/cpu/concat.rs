//! Concatenation that costs nothing: what is put together is made where it belongs.
//!
//! Channels lie in blocks, one block after the other, so the first channels of a map are a map
//! themselves, and so are those behind. A chain of concatenations, as a dense block has it, is one
//! piece of memory that every layer adds its channels to.

use super::map::{Map, Operands};
use super::memory::Pictures;
use super::team::Member;
use crate::kernels::BLOCK;

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
