//! Networks on a CPU: our own kernels, fused, in memory that is used again.
//!
//! A network's steps are lowered to what is run as one ([`lowering`]), laid out in memory for
//! pictures of one size ([`plan`]), and run by one thread a picture or by several together
//! ([`team`]). The inner loops are written once over a vector type ([`vector`]) and compiled for
//! every instruction set ([`kernels`]); which one runs is decided at run time ([`instructions`]).
//!
//! This is the one place in the crate with unsafe code: raw pointers, because several threads fill
//! one map, and intrinsics.
#![expect(
    clippy::doc_markdown,
    clippy::match_bool,
    clippy::needless_for_each,
    clippy::needless_pass_by_value,
    clippy::semicolon_if_nothing_returned,
    clippy::single_match_else,
    reason = "older than the rules; they change with the kernels"
)]
#![allow(unsafe_code, reason = "pointers and intrinsics, as told above")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod buffer;
mod concat;
mod conv;
mod dense;
mod depthwise;
mod elementwise;
mod epilogue;
mod instructions;
mod inverted_residual;
mod kernels;
mod layout;
mod lowering;
mod map;
mod plan;
mod pool;
mod portable;
mod team;
#[cfg(test)]
mod tests;
mod tile;
mod transform;
mod vector;
mod weights;
mod winograd;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use self::elementwise::Elementwise;
pub use self::instructions::Instructions;
use self::kernels::Kernels;
use self::layout::BLOCK;
pub use self::layout::around;
use self::lowering::Fused;
use self::map::Map;
use self::plan::{How, Memory, Plan, Planned};
use self::pool::Means;
use self::team::{Member, Team, together};
use self::weights::Weights;
use crate::error::Result;
use crate::network::{MapShape, Network, Operation, Value};
use crate::weights::parameters::Folded;

/// Sizes of pictures whose plans are kept.
const PLANS: usize = 8;
/// Pictures that one thread runs side by side, at most.
const GROUP: usize = 4;

/// A network with its weights, for a CPU.
pub struct CpuNetwork {
    network: Network,
    taps: Vec<Value>,
    weights: Vec<Weights>,
    kernels: &'static Kernels,
    plans: Mutex<Vec<Arc<Plan>>>,
    team: Mutex<Team>,
}

impl CpuNetwork {
    /// Packs the weights, which `read` gives for each step, in several threads; `taps` are what
    /// [`CpuNetwork::run`] gives. Instructions that the machine lacks are replaced by the best that
    /// it has.
    ///
    /// # Errors
    /// Those of `read`, of the first step that fails.
    pub fn load(
        network: Network,
        read: impl Fn(usize) -> Result<Option<Folded>> + Sync,
        taps: Vec<Value>,
        instructions: Instructions,
    ) -> Result<Self> {
        let best = || Instructions::best().kernels();
        let kernels = instructions.kernels().or_else(best);
        Ok(Self {
            weights: Weights::pack(&network, read)?,
            network,
            taps,
            kernels: kernels.unwrap_or(&portable::KERNELS),
            plans: Mutex::default(),
            team: Mutex::default(),
        })
    }

    /// The shape of each tap for pictures of this size.
    pub fn shapes(&self, height: usize, width: usize) -> Vec<MapShape> {
        let shapes = self.network.shapes(height, width);
        self.taps.iter().map(|tap| shapes[tap.0]).collect()
    }

    /// Runs pictures `[N, 3, height, width]` in `threads` threads: for each tap its maps
    /// `[N, C, h, w]`, one tap after the other.
    pub fn run(&self, pixels: &[f32], (height, width): (usize, usize), threads: usize) -> Vec<f32> {
        let picture = 3 * height * width;
        let images = pixels.len() / picture;
        let shapes = self.shapes(height, width);
        let values: usize = shapes.iter().map(MapShape::len).sum();
        let mut output = vec![0.0; images * values];
        let mut rest = output.as_mut_slice();
        let mut places = Vec::with_capacity(shapes.len());
        for shape in &shapes {
            let (maps, behind) = rest.split_at_mut(images * shape.len());
            let (base, image) = (maps.as_mut_ptr(), shape.len());
            places.push(Output { base, image });
            rest = behind;
        }
        let image = |index: usize| &pixels[index * picture..(index + 1) * picture];
        // Pictures that come in numbers are shared out; what is left over is done by all threads
        // together.
        let alone = images / threads * threads;
        if alone > 0 {
            let groups = alone.div_ceil(GROUP).next_multiple_of(threads);
            let plan = self.plan((height, width), (1, alone.div_ceil(groups)));
            self.together(threads, |member| {
                member.share(groups, |group| {
                    let group = group * alone / groups..(group + 1) * alone / groups;
                    self.run_group(&plan, group, &image, &places);
                });
            });
        }
        if alone < images {
            let plan = self.plan((height, width), (threads, 1));
            for index in alone..images {
                self.run_group(&plan, index..index + 1, &image, &places);
            }
        }
        output
    }

    /// Runs `work` in so many threads: those that are kept for it, unless another run has them.
    fn together(&self, threads: usize, work: impl Fn(&Member) + Sync) {
        match self.team.try_lock() {
            Ok(mut team) => team.run(threads, work),
            Err(_) => together(threads, work),
        }
    }

    /// The plan for so many members of a team and pictures at once.
    fn plan(&self, size: (usize, usize), team: (usize, usize)) -> Arc<Plan> {
        let make = || {
            Arc::new(Plan::new(
                &self.network,
                &self.weights,
                &self.taps,
                size,
                team,
            ))
        };
        let Ok(mut plans) = self.plans.lock() else {
            return make();
        };
        let known = plans
            .iter()
            .position(|plan| plan.size == size && (plan.members, plan.pictures) == team);
        let plan = match known {
            Some(index) => plans.remove(index),
            None => make(),
        };
        plans.push(Arc::clone(&plan));
        if plans.len() > PLANS {
            plans.remove(0);
        }
        plan
    }

    /// Runs a few pictures with a team of as many as the plan is for: one after the other through
    /// the early steps, whose maps are large, and side by side through the late ones, whose weights
    /// are.
    fn run_group<'a>(
        &self,
        plan: &Plan,
        group: Range<usize>,
        image: &(impl Fn(usize) -> &'a [f32] + Sync),
        outputs: &[Output],
    ) {
        let memories: Vec<Memory> = group.clone().map(|_| plan.take_memory()).collect();
        let (early, late) = plan.steps.split_at(plan.late);
        let run = |member: &Member| {
            let running = |memories| Running {
                network: self,
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
        };
        // One of a team that shares out pictures is a team of its own.
        match plan.members {
            1 => run(&Member::ALONE),
            members => self.together(members, run),
        }
        memories
            .into_iter()
            .for_each(|memory| plan.give_back(memory));
    }
}

/// Where a tap's values go.
#[derive(Clone, Copy)]
struct Output {
    base: *mut f32,
    image: usize,
}

impl Output {
    /// Some of an image's values.
    ///
    /// # Safety
    /// They lie within the output, and no one else has them.
    #[allow(
        clippy::mut_from_ref,
        reason = "whoever calls it has these values for itself"
    )]
    unsafe fn part(&self, image: usize, range: Range<usize>) -> &mut [f32] {
        // SAFETY: the caller's promise.
        unsafe {
            let start = self.base.add(image * self.image + range.start);
            std::slice::from_raw_parts_mut(start, range.len())
        }
    }
}

// SAFETY: only a place in memory; what is done there is promised by whoever does it.
unsafe impl Send for Output {}
// SAFETY: as above.
unsafe impl Sync for Output {}

/// One member of a team at work on a few pictures that follow each other.
struct Running<'a> {
    network: &'a CpuNetwork,
    plan: &'a Plan,
    memories: &'a [Memory],
    member: &'a Member<'a>,
}

impl Running<'_> {
    /// Runs some steps; `first` is the number of the first picture.
    fn steps(&self, steps: &[Planned], outputs: &[Output], first: usize) {
        for step in steps {
            // SAFETY: `CpuNetwork::load` saw to it that the machine has the instructions; the plan
            // gives every live value a buffer of its own, with the halo its readers need.
            unsafe { self.step(step) };
            for &tap in &step.taps {
                for (index, memory) in self.memories.iter().enumerate() {
                    self.copy_tap(memory.map(step.output), &outputs[tap], first + index);
                }
            }
        }
    }

    /// Copies the pixels into a map with the halo that the first convolution needs.
    fn copy_pixels(&self, pixels: &[f32]) {
        let map = self.memories[0].map(Value::INPUT);
        let (height, width) = self.plan.size;
        self.member.share(3, |channel| {
            let plane = &pixels[channel * height * width..(channel + 1) * height * width];
            for (row, values) in plane.chunks_exact(width).enumerate() {
                // SAFETY: the map has such a row, and the channel is this member's.
                unsafe {
                    let to = map.cell(row, 0).add(channel * map.layout.block());
                    to.copy_from_nonoverlapping(values.as_ptr(), width);
                }
            }
        });
    }

    /// Copies what a step made to where the caller wants it, plane by plane.
    fn copy_tap(&self, map: &Map, output: &Output, image: usize) {
        let layout = map.layout;
        let plane = layout.height * layout.width;
        self.member.share(layout.blocks(), |block| {
            let channels = block * BLOCK..((block + 1) * BLOCK).min(layout.channels);
            // SAFETY: the step is complete, and the block is this member's.
            unsafe {
                let planes = output.part(image, channels.start * plane..channels.end * plane);
                map.copy_block_to(block, planes);
            }
        });
    }

    /// # Safety
    /// The machine has the kernels' instructions; buffers are as planned.
    unsafe fn step(&self, step: &Planned) {
        let (kernels, weights) = (self.network.kernels, &self.network.weights);
        let map = |memory: &Memory, value: Option<Value>| value.map(|value| *memory.map(value));
        // SAFETY: the caller's promise.
        unsafe {
            match (&step.how, step.fused) {
                (How::Dense(dense), fused) => {
                    let maps = self.memories.iter().map(|memory| dense::Maps {
                        input: *memory.map(step.inputs.input),
                        output: *memory.map(step.output),
                        residual: map(memory, step.inputs.second),
                        factors: map(memory, step.inputs.factors),
                        prepared: memory.scratch()[self.member.index],
                    });
                    dense.run(kernels, &plan::layer(&fused, weights), &maps, self.member);
                }
                (How::Winograd(winograd), Fused::Winograd(index)) => {
                    let maps = self.memories.iter().map(|memory| winograd::Maps {
                        input: *memory.map(step.inputs.input),
                        output: *memory.map(step.output),
                        residual: map(memory, step.inputs.second),
                    });
                    let weights = &weights[index];
                    let both = (weights.direct(), weights.transformed());
                    let scratch = self.memories[0].scratch();
                    winograd.run(kernels, both, &maps, scratch, self.member);
                }
                _ => {
                    for memory in self.memories {
                        self.step_of_one(step, memory);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Running::step`].
    unsafe fn step_of_one(&self, step: &Planned, memory: &Memory) {
        let input = *memory.map(step.inputs.input);
        let residual = step.inputs.second.map(|value| *memory.map(value));
        let output = *memory.map(step.output);
        let (kernels, weights) = (self.network.kernels, &self.network.weights);
        let (member, scratch) = (self.member, memory.scratch());
        // SAFETY: the caller's promise.
        unsafe {
            match (&step.how, step.fused) {
                (How::InvertedResidual(inverted_residual), fused) => {
                    let maps = inverted_residual::Maps {
                        source: input,
                        output,
                        residual,
                    };
                    let stages = plan::stages(&fused, weights);
                    inverted_residual.run(kernels, &stages, &maps, scratch, member);
                }
                (_, Fused::Elementwise(index)) => {
                    let norm = weights[index].norm();
                    let factors = step.inputs.factors.map(|value| *memory.map(value));
                    let elementwise = Elementwise { norm, factors };
                    elementwise.run_map(kernels, &input, &output, member);
                }
                (_, fused) => {
                    let operation = &self.network.network.steps()[fused.ends().0].operation;
                    let second = residual.as_ref();
                    run_simply(kernels, operation, (&input, second), &output, member);
                }
            }
        }
    }
}

/// Runs an operation that has no weights.
///
/// # Safety
/// As [`Running::step`].
unsafe fn run_simply(
    kernels: &Kernels,
    operation: &Operation,
    (input, second): (&Map, Option<&Map>),
    output: &Map,
    member: &Member,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match (operation, second) {
            (Operation::MaxPool(window), _) => {
                pool::max_pool(kernels, window, input, output, member);
            }
            (Operation::AveragePool(side), _) => {
                pool::average(kernels, Means::Windows(*side), input, output, member);
            }
            (Operation::AveragePoolTo(_) | Operation::GlobalAveragePool, _) => {
                pool::average(kernels, Means::Grid, input, output, member);
            }
            (Operation::Concatenate { .. }, Some(second)) => {
                concat::concatenate([input, second], output, member);
            }
            _ => unreachable!("a plan says how each step is run"),
        }
    }
}
