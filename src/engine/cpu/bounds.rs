//! The proof that a plan stays within its memory. Safe code may hand in any network and any size of
//! picture, and kernels trust what they are told: so it is proven here, once for each plan, that
//!
//! 1. every value has its place within a buffer, laid out as the network's shape says, with the halo
//!    of zeros that its readers' windows reach into ([`place`], [`halo`]);
//! 2. what a step reads and makes has the channels and the size that its weights and its window
//!    need, and as many weights as it reads are there ([`step`]);
//! 3. a thread's working memory is as large as what a step puts there ([`step`]);
//! 4. what a step writes overlaps no value that is read at the same time or later ([`apart`]).
//!
//! No plan exists that has not passed: `Plan::new` ends with it. `SAFETY` comments of what runs a
//! step name this file for these four; that two threads do not write the same cells is told where
//! the work is shared out, and that the machine has the instructions by
//! [`Instructions`](crate::kernels::Instructions).
//!
//! In a build with the feature `checked` the proof is put to the test: every place carries its
//! extent and every access asserts it ([`Floats`](crate::kernels::Floats)).

use std::ops::Range;

use super::conv::{Conv, Packed};
use super::elementwise::Norm;
use super::inverted_residual::InvertedResidual;
use super::layout::{Halo, Layout};
use super::map::Operands;
use super::memory::{Arena, Place};
use super::pool::Means;
use super::step::{Planned, Step};
use super::winograd::{self, Winograd};
use crate::error::NetworkError;
use crate::kernels::BLOCK;
use crate::network::{MapShape, Network, Value, Window};

/// What does not hold. It would be a mistake of ours: no network that was built should get here.
pub struct Fault {
    step: Option<usize>,
    what: &'static str,
}

impl Fault {
    /// The error about a network on pictures of this size.
    pub fn of(self, network: &Network, (height, width): (usize, usize)) -> NetworkError {
        let place = self.step.map(|step| format!("step {step}: "));
        NetworkError::UnfitSize {
            network: network.name.clone(),
            height,
            width,
            reason: format!("{}{}", place.unwrap_or_default(), self.what),
        }
    }
}

type Proof = Result<(), &'static str>;

/// Proves all of it for these steps, run on at most so many `pictures` at once.
pub fn prove(
    steps: &[Planned],
    arena: &Arena,
    shapes: &[MapShape],
    taps: &[Value],
    pictures: usize,
) -> Result<(), Fault> {
    let fault = |step| move |what| Fault { step, what };
    for (place, shape) in arena.places.iter().zip(shapes) {
        place
            .map_or(Ok(()), |place| self::place(&place, shape, arena))
            .map_err(fault(None))?;
    }
    let made = |tap: &Value| steps.iter().any(|planned| planned.operands.output == *tap);
    holds(taps.iter().all(made), "a tap is not made").map_err(fault(None))?;
    for (index, planned) in steps.iter().enumerate() {
        let found = found(planned, arena).map_err(fault(Some(index)))?;
        let layouts = found.map(|place| place.layout);
        step(&planned.step, &layouts, pictures).map_err(fault(Some(index)))?;
        holds(
            planned.step.scratch() <= arena.scratch,
            "the working memory is too small",
        )
        .map_err(fault(Some(index)))?;
        apart(steps, index, &found, arena).map_err(fault(Some(index)))?;
    }
    Ok(())
}

fn holds(is_so: bool, otherwise: &'static str) -> Proof {
    if is_so { Ok(()) } else { Err(otherwise) }
}

/// The places of what a step reads and makes.
fn found(planned: &Planned, arena: &Arena) -> Result<Operands<Place>, &'static str> {
    let Operands {
        input,
        second,
        factors,
        output,
    } = planned
        .operands
        .map(|value| arena.places.get(value.0).copied().flatten());
    let nowhere = "a value has no place";
    let one = |place: Option<Option<Place>>| place.map(|place| place.ok_or(nowhere)).transpose();
    Ok(Operands {
        input: input.ok_or(nowhere)?,
        second: one(second)?,
        factors: one(factors)?,
        output: output.ok_or(nowhere)?,
    })
}

/// A value lies within a buffer whose cells and halo are where its own are.
fn place(place: &Place, shape: &MapShape, arena: &Arena) -> Proof {
    let Layout {
        channels,
        lanes,
        height,
        width,
        halo,
    } = place.layout;
    let is_shape = (channels, height, width) == (shape.channels, shape.height, shape.width);
    holds(is_shape && !shape.is_empty(), "a value has another shape")?;
    holds(lanes == BLOCK || lanes == 1, "a value has no known layout")?;
    let Some(buffer) = arena.buffers.get(place.buffer) else {
        return Err("a value's buffer is not there");
    };
    let alike = (buffer.lanes, buffer.height, buffer.width, buffer.halo);
    holds(
        alike == (lanes, height, width, halo),
        "a buffer is laid out otherwise than its value",
    )?;
    let is_within = place.start.is_multiple_of(buffer.block())
        && place.start + place.layout.len() <= buffer.len();
    holds(is_within, "a value reaches over its buffer's end")
}

/// A window's reach over the edges of a map lies in its halo.
fn halo(needed: Halo, map: &Layout) -> Proof {
    let Halo {
        top,
        bottom,
        left,
        right,
    } = map.halo;
    let is_enough = needed.top <= top
        && needed.bottom <= bottom
        && needed.left <= left
        && needed.right <= right;
    holds(is_enough, "a window reaches over a map's halo")
}

/// A step's operands are what its weights and its window need.
fn step(step: &Step, layouts: &Operands<Layout>, pictures: usize) -> Proof {
    match step {
        Step::Conv(conv) => self::conv(conv, layouts),
        Step::Winograd(winograd) => self::winograd(winograd, layouts, pictures),
        Step::InvertedResidual(block) => inverted_residual(block, layouts),
        Step::Elementwise(norm) => elementwise(norm, layouts),
        Step::MaxPool(window) => {
            blocked(layouts)?;
            same_channels(layouts)?;
            placed(window, &layouts.input, &layouts.output)
        }
        Step::AveragePool(means) => {
            blocked(layouts)?;
            same_channels(layouts)?;
            averaged(*means, layouts)
        }
        Step::Concat => concat(layouts),
    }
}

/// All maps are in blocks of channels.
fn blocked(layouts: &Operands<Layout>) -> Proof {
    let is_blocked = |layout: &Layout| layout.lanes == BLOCK;
    let all = layouts.read().chain([layouts.output]);
    holds(
        all.into_iter().all(|layout| is_blocked(&layout)),
        "a map is not in blocks",
    )
}

fn same_size(a: &Layout, b: &Layout) -> bool {
    (a.height, a.width) == (b.height, b.width)
}

fn same_channels(layouts: &Operands<Layout>) -> Proof {
    holds(
        layouts.input.channels == layouts.output.channels,
        "a step changes the number of channels",
    )
}

/// The output has a cell for each place of the window.
fn placed(window: &Window, input: &Layout, output: &Layout) -> Proof {
    let cells = (window.place(input.height).1, window.place(input.width).1);
    holds(
        cells == (output.height, output.width),
        "an output has not a cell for each window",
    )
}

/// What is added is like the output.
fn residual(layouts: &Operands<Layout>) -> Proof {
    let Operands { second, output, .. } = layouts;
    let fits = |second: &Layout| {
        second.channels == output.channels && second.lanes == BLOCK && same_size(second, output)
    };
    holds(second.as_ref().is_none_or(fits), "a residual does not fit")?;
    holds(output.lanes == BLOCK, "an output is not in blocks")
}

/// A convolution of a map, without what is said of its output.
fn convolved(packed: &Packed, input: &Layout) -> Proof {
    holds(
        packed.inputs == input.channels && packed.lanes == input.lanes,
        "a convolution has other inputs",
    )?;
    holds(
        packed.reaches_within(input.blocks()),
        "a convolution lacks weights",
    )?;
    halo(Halo::of(&packed.window, input.height, input.width), input)
}

/// A convolution of a map that is a step by itself.
fn whole(packed: &Packed, layouts: &Operands<Layout>) -> Proof {
    let Operands { input, output, .. } = layouts;
    convolved(packed, input)?;
    holds(
        packed.outputs == output.channels,
        "a convolution has other outputs",
    )?;
    placed(&packed.window, input, output)?;
    residual(layouts)
}

fn conv(conv: &Conv, layouts: &Operands<Layout>) -> Proof {
    let Operands {
        input,
        factors,
        output,
        ..
    } = layouts;
    let packed = conv.packed();
    whole(packed, layouts)?;
    match conv.prepare() {
        Some(norm) => {
            let is_cell_by_cell = packed.is_projection() && same_size(input, output);
            holds(is_cell_by_cell, "what is prepared is not read cell by cell")?;
            holds(input.lanes == BLOCK, "what is prepared is not in blocks")?;
            holds(norm.channels == input.channels, "a norm has other channels")?;
            self::factors(factors.as_ref(), input)
        }
        None => holds(factors.is_none(), "factors are left over"),
    }
}

/// There is a factor for every channel.
fn factors(factors: Option<&Layout>, input: &Layout) -> Proof {
    let fits = |factors: &Layout| factors.channels == input.channels && factors.lanes == BLOCK;
    holds(factors.is_none_or(fits), "factors do not fit")
}

fn winograd(winograd: &Winograd, layouts: &Operands<Layout>, pictures: usize) -> Proof {
    let Operands { input, .. } = layouts;
    let packed = winograd.packed();
    whole(packed, layouts)?;
    let Window { kernel, stride, .. } = packed.window;
    holds(
        (kernel, stride, packed.groups, input.lanes) == (3, 1, 1, BLOCK),
        "a convolution is none for Winograd's method",
    )?;
    halo(
        winograd::halo(&packed.window, input.height, input.width),
        input,
    )?;
    holds(winograd.fits(pictures), "transformed weights do not fit")
}

fn inverted_residual(block: &InvertedResidual, layouts: &Operands<Layout>) -> Proof {
    let Operands { input, output, .. } = layouts;
    let stages = block.stages();
    let depthwise = &stages.depthwise;
    let expanded = block.expanded();
    holds(layouts.factors.is_none(), "factors are left over")?;
    holds(
        expanded.channels == depthwise.channels,
        "a depthwise convolution has other channels",
    )?;
    halo(
        Halo::of(&depthwise.window, expanded.height, expanded.width),
        expanded,
    )?;
    if let Some(expand) = &stages.expand {
        convolved(expand, input)?;
        holds(expand.outputs == depthwise.channels, "stages do not fit")?;
        placed(&expand.window, input, expanded)?;
    } else {
        holds(input.channels == depthwise.channels, "stages do not fit")?;
        holds(input.lanes == BLOCK, "a map is not in blocks")?;
        holds(same_size(input, expanded), "stages differ in size")?;
        halo(
            Halo::of(&depthwise.window, input.height, input.width),
            input,
        )?;
    }
    placed(&depthwise.window, expanded, output)?;
    let norm = stages.norm.as_ref();
    holds(
        norm.is_none_or(|norm| norm.channels == depthwise.channels && stages.project.is_some()),
        "a norm has other channels",
    )?;
    match &stages.project {
        Some(project) => {
            let is_projection = project.is_projection() && project.lanes == BLOCK;
            holds(is_projection, "a projection sees more than a cell")?;
            holds(
                project.inputs == depthwise.channels && project.reaches_within(depthwise.blocks()),
                "stages do not fit",
            )?;
            holds(
                project.outputs == output.channels,
                "a projection has other outputs",
            )?;
        }
        None => holds(
            output.channels == depthwise.channels && layouts.second.is_none(),
            "stages do not fit",
        )?,
    }
    residual(layouts)?;
    holds(
        block.keeps_what_a_band_needs(),
        "rows are dropped while they are needed",
    )
}

fn elementwise(norm: &Norm, layouts: &Operands<Layout>) -> Proof {
    blocked(layouts)?;
    same_channels(layouts)?;
    let Operands { input, output, .. } = layouts;
    holds(norm.channels == input.channels, "a norm has other channels")?;
    holds(same_size(input, output), "a step changes a map's size")?;
    factors(layouts.factors.as_ref(), input)
}

fn averaged(means: Means, layouts: &Operands<Layout>) -> Proof {
    let Operands { input, output, .. } = layouts;
    let is_within = match means {
        Means::Windows(side) => {
            output.height * side <= input.height && output.width * side <= input.width
        }
        // A grid's cells are parts of the map, whatever its size.
        Means::Grid => true,
    };
    holds(is_within, "means reach over a map's edge")
}

fn concat(layouts: &Operands<Layout>) -> Proof {
    let Operands {
        input,
        second,
        output,
        ..
    } = layouts;
    let Some(second) = second else {
        return Err("nothing is put behind");
    };
    holds(
        same_size(input, output) && same_size(second, output),
        "what is put together differs in size",
    )?;
    holds(
        input.channels + second.channels == output.channels && output.lanes == BLOCK,
        "what is put together has other channels",
    )
}

/// What step number `index` writes overlaps no value that it reads, or that is read later.
fn apart(steps: &[Planned], index: usize, found: &Operands<Place>, arena: &Arena) -> Proof {
    let written = written(&steps[index].step, found);
    let read = steps[index..]
        .iter()
        .flat_map(|planned| planned.operands.read());
    let made_before = |value: &Value| {
        *value == Value::INPUT
            || steps[..index]
                .iter()
                .any(|planned| planned.operands.output == *value)
    };
    for value in read.filter(made_before) {
        let Some(place) = arena.places.get(value.0).copied().flatten() else {
            return Err("a value has no place");
        };
        let live = place.start..place.start + place.layout.len();
        let overlaps = |range: &Range<usize>| range.start < live.end && live.start < range.end;
        let is_apart = place.buffer != found.output.buffer || !written.iter().any(overlaps);
        holds(is_apart, "a step writes over what is still read")?;
    }
    Ok(())
}

/// What of the output's buffer a step writes: all of the output, but for what is put together where
/// it lies already.
fn written(step: &Step, found: &Operands<Place>) -> Vec<Range<usize>> {
    let Operands {
        input,
        second,
        output,
        ..
    } = found;
    let all = output.start..output.start + output.layout.len();
    let (Step::Concat, Some(second)) = (step, second) else {
        return vec![all];
    };
    let mut before = 0;
    let mut written = Vec::new();
    for part in [input, second] {
        let block = output.layout.block();
        let start = output.start + before / BLOCK * block;
        let is_in_place =
            before.is_multiple_of(BLOCK) && (part.buffer, part.start) == (output.buffer, start);
        before += part.layout.channels;
        if !is_in_place {
            written.push(start..output.start + before.div_ceil(BLOCK) * block);
        }
    }
    written
}
