//! A plan at work: pixels in, step by step, and what was tapped out.

use std::ops::Range;

use super::map::Map;
use super::memory::{Memory, Pictures};
use super::plan::Plan;
use super::step::Planned;
use super::team::Member;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::Kernels;
use crate::network::Value;

/// Where a tap's values go, picture by picture.
#[derive(Clone, Copy)]
pub struct Output {
    first: Floats,
    /// Floats of a picture.
    picture: usize,
}

impl Output {
    /// Fills `maps`, so many floats for each picture. Whoever runs the pictures has `maps` for
    /// itself until they are done.
    pub const fn new(maps: &mut [f32], picture: usize) -> Self {
        Self {
            first: Floats::of_mut(maps),
            picture,
        }
    }
}

/// Runs a few pictures with a team of as many as the plan is for, which `with_team` brings together:
/// one after the other through the early steps, whose maps are large, and side by side through the
/// late ones, whose weights are.
pub fn run_group<'a>(
    kernels: &'static Kernels,
    plan: &Plan,
    group: Range<usize>,
    image: &(impl Fn(usize) -> &'a [f32] + Sync),
    outputs: &[Output],
    with_team: impl FnOnce(&(dyn Fn(&Member) + Sync)),
) {
    let memories: Vec<Memory> = group.clone().map(|_| plan.take_memory()).collect();
    let (early, late) = plan.steps.split_at(plan.late);
    with_team(&|member: &Member| {
        let running = |memories| Running {
            kernels,
            plan,
            memories,
            member,
        };
        for (index, memory) in group.clone().zip(&memories) {
            let running = running(std::slice::from_ref(memory));
            running.copy_pixels(image(index));
            running.steps(early, outputs, index);
        }
        running(&memories).steps(late, outputs, group.start);
    });
    for memory in memories {
        plan.give_back(memory);
    }
}

/// One member of a team at work on a few pictures that follow each other.
struct Running<'a> {
    kernels: &'static Kernels,
    plan: &'a Plan,
    memories: &'a [Memory],
    member: &'a Member<'a>,
}

impl Running<'_> {
    /// Runs some steps; `first` is the number of the first picture.
    fn steps(&self, steps: &[Planned], outputs: &[Output], first: usize) {
        for Planned {
            step,
            operands,
            taps,
        } in steps
        {
            let pictures = Pictures::new(self.memories, operands);
            // SAFETY: kernels exist only for instructions that the machine has; the memories are of
            // the plan, of which `bounds` has been proven, and this team's alone.
            unsafe { step.run(self.kernels, &pictures, self.member) };
            for &tap in taps {
                for (index, memory) in self.memories.iter().enumerate() {
                    self.copy_tap(memory.map(operands.output), &outputs[tap], first + index);
                }
            }
            #[cfg(feature = "checked")]
            for (maps, _) in pictures.maps() {
                self.member.share(1, |_| maps.output.assert_clear_halo());
            }
        }
    }

    /// Copies the pixels into a map with the halo that their readers need.
    fn copy_pixels(&self, pixels: &[f32]) {
        let map = self.memories[0].map(Value::INPUT);
        let (height, width) = self.plan.size;
        self.member.share(3, |channel| {
            let plane = &pixels[channel * height * width..(channel + 1) * height * width];
            // SAFETY: `bounds` has been proven of the map, and the channel is this member's.
            unsafe { map.copy_plane_from(channel, plane) };
        });
    }

    /// Copies what a step made to where the caller wants it, plane by plane.
    fn copy_tap(&self, map: &Map, output: &Output, image: usize) {
        let layout = map.layout;
        let plane = layout.height * layout.width;
        self.member.share(layout.blocks(), |block| {
            let channels = block * BLOCK..((block + 1) * BLOCK).min(layout.channels);
            let planes = output
                .first
                .plus(image * output.picture + channels.start * plane);
            // SAFETY: the output has room for as many values of each picture as the map has, which
            // `bounds` has been proven of; the step is complete, and the block is this member's.
            unsafe { map.copy_block_to(block, planes.slice_mut(channels.len() * plane)) };
        });
    }
}
