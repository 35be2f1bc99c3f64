//! A network on pictures of one size: what is run, in which memory.

use std::sync::Mutex;

use super::buffer::Buffer;
use super::concat::{Home, homes};
use super::dense::{Dense, Layer};
use super::inverted_residual::{InvertedResidual, Stages};
use super::layout::{Halo, Layout};
use super::lowering::{Fused, Inputs, halos, lower};
use super::map::Map;
use super::weights::Weights;
use super::winograd::Winograd;
use crate::network::{MapShape, Network, Value};

/// A step as it is run, with the memory of what it reads and makes.
pub struct Planned {
    /// Which of the network's steps it is.
    pub fused: Fused,
    /// How, where there is something to decide.
    pub how: How,
    /// What it reads.
    pub inputs: Inputs,
    /// What it makes.
    pub output: Value,
    /// Numbers of the taps that the output is copied to.
    pub taps: Vec<usize>,
}

/// How a step is run on this size.
pub enum How {
    /// By its definition.
    Dense(Dense),
    /// By Winograd's method.
    Winograd(Winograd),
    /// With its neighbours.
    InvertedResidual(InvertedResidual),
    /// There is only one way.
    Simple,
}

/// All that is known beforehand about pictures of one size.
pub struct Plan {
    /// Rows and columns of the pictures.
    pub size: (usize, usize),
    /// Threads that work on a picture.
    pub members: usize,
    /// Pictures that a thread runs side by side, at most.
    pub pictures: usize,
    /// What is run, in order.
    pub steps: Vec<Planned>,
    /// The first of the steps from which on weights are larger than maps.
    pub late: usize,
    /// Where every value lies; empty for those that never leave a step.
    places: Vec<Option<Place>>,
    /// Floats of every buffer.
    buffers: Vec<usize>,
    scratch: usize,
    idle: Mutex<Vec<Memory>>,
}

/// Where a value lies.
#[derive(Clone, Copy)]
struct Place {
    buffer: usize,
    /// Floats before it.
    start: usize,
    layout: Layout,
}

/// What one team works in.
pub struct Memory {
    /// One for each value.
    maps: Vec<Map>,
    scratch: Vec<*mut f32>,
    /// What the two point into.
    _buffers: Vec<Buffer>,
}

// SAFETY: the pointers are to buffers that the memory owns; what is done there is promised by
// whoever does it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(plan: &Plan) -> Self {
        let scratch = (0..plan.members).map(|_| plan.scratch);
        let lengths = plan.buffers.iter().copied().chain(scratch);
        let mut buffers: Vec<Buffer> = lengths.map(Buffer::new).collect();
        let (values, working) = buffers.split_at_mut(plan.buffers.len());
        let bases: Vec<*mut f32> = values.iter_mut().map(Buffer::as_mut_ptr).collect();
        let map = |place: &Option<Place>| match place {
            Some(place) => Map {
                base: bases[place.buffer].wrapping_add(place.start),
                layout: place.layout,
            },
            None => Map::NOTHING,
        };
        Self {
            maps: plan.places.iter().map(map).collect(),
            scratch: working.iter_mut().map(Buffer::as_mut_ptr).collect(),
            _buffers: buffers,
        }
    }

    /// The map of a value.
    pub fn map(&self, value: Value) -> &Map {
        &self.maps[value.0]
    }

    /// The working memory of every member.
    pub fn scratch(&self) -> &[*mut f32] {
        &self.scratch
    }
}

impl Plan {
    /// For pictures of `size` rows and columns, `pictures` of them at once on `members` threads.
    pub fn new(
        network: &Network,
        weights: &[Weights],
        taps: &[Value],
        size: (usize, usize),
        (members, pictures): (usize, usize),
    ) -> Self {
        let shapes = network.shapes(size.0, size.1);
        let lowered = lower(network, &shapes, taps, pictures);
        let homes = homes(network, &lowered);
        let layouts = layouts(network, &shapes, &lowered, &homes);
        let mut places = Places::new(&layouts, &homes);
        let last_reads = last_reads(network, &lowered, &homes);
        let has_large_weights = |fused: &Fused| {
            let (first, last) = fused.ends();
            let weights: usize = weights[first..=last].iter().map(Weights::len).sum();
            let maps = [fused.inputs(network).input, fused.output()];
            weights > maps.iter().map(|value| layouts[value.0].len()).sum()
        };
        let early = lowered.iter().rposition(|fused| !has_large_weights(fused));
        let late = early.map_or(0, |last| last + 1);
        let mut steps = Vec::with_capacity(lowered.len());
        let planning = Planning {
            network,
            weights,
            shapes: &shapes,
            layouts: &layouts,
            members,
        };
        for (index, fused) in lowered.iter().enumerate() {
            let output = fused.output();
            places.take(output);
            steps.push(Planned {
                fused: *fused,
                how: planning.how(fused, if index < late { 1 } else { pictures }),
                inputs: fused.inputs(network),
                output,
                taps: (0..taps.len()).filter(|tap| taps[*tap] == output).collect(),
            });
            places.give_back(|root| last_reads[root.0] > index);
        }
        let scratch = steps.iter().map(|step| scratch_of(step, weights)).max();
        Self {
            size,
            members,
            pictures,
            late,
            steps,
            places: places.of,
            buffers: places.buffers.iter().map(Layout::len).collect(),
            scratch: scratch.unwrap_or(0),
            idle: Mutex::default(),
        }
    }

    /// Memory to work in, given back with [`Plan::give_back`].
    pub fn take_memory(&self) -> Memory {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Memory::new(self))
    }

    /// For the next picture.
    pub fn give_back(&self, memory: Memory) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(memory);
        }
    }
}

/// How every value is laid out: as the memory that it is a part of.
fn layouts(
    network: &Network,
    shapes: &[MapShape],
    lowered: &[Fused],
    homes: &[Home],
) -> Vec<Layout> {
    let needed = halos(network, shapes, lowered);
    let mut halos = vec![Halo::default(); needed.len()];
    for (home, needed) in homes.iter().zip(&needed) {
        halos[home.root.0] = halos[home.root.0].with(needed);
    }
    let values = shapes.iter().zip(homes);
    let mut layouts: Vec<Layout> = values
        .map(|(shape, home)| Layout::blocked(*shape, halos[home.root.0]))
        .collect();
    // Pixels stay plane by plane.
    layouts[0].lanes = 1;
    layouts
}

struct Planning<'a> {
    network: &'a Network,
    weights: &'a [Weights],
    shapes: &'a [MapShape],
    layouts: &'a [Layout],
    members: usize,
}

impl Planning<'_> {
    /// How a step is run on so many pictures at once.
    fn how(&self, fused: &Fused, pictures: usize) -> How {
        let (weights, members) = (self.weights, self.members);
        let Inputs { input, second, .. } = fused.inputs(self.network);
        let (input, output) = (self.layouts[input.0], self.layouts[fused.output().0]);
        match fused {
            Fused::Direct { .. } => {
                let layer = layer(fused, weights);
                let residual = second.map(|value| self.layouts[value.0]);
                How::Dense(Dense::plan(
                    &layer,
                    &input,
                    &output,
                    residual.as_ref(),
                    members,
                ))
            }
            Fused::Winograd(step) => {
                let direct = weights[*step].direct();
                // Here rather than in the first picture, where the other threads would wait.
                weights[*step].transformed();
                let size = (output.height, output.width);
                How::Winograd(Winograd::plan(direct, size, members, pictures))
            }
            Fused::InvertedResidual { depthwise, .. } => {
                let convolved = self.shapes[*depthwise];
                let size = (convolved.height, convolved.width);
                How::InvertedResidual(InvertedResidual::plan(
                    &stages(fused, weights),
                    &input,
                    size,
                ))
            }
            Fused::MaxPool(_)
            | Fused::Average(_)
            | Fused::Elementwise(_)
            | Fused::Concatenate(_) => How::Simple,
        }
    }
}

fn scratch_of(step: &Planned, weights: &[Weights]) -> usize {
    match &step.how {
        How::Winograd(winograd) => winograd.scratch(),
        How::InvertedResidual(inverted_residual) => {
            inverted_residual.scratch(&stages(&step.fused, weights))
        }
        How::Dense(dense) => dense.scratch(),
        How::Simple => 0,
    }
}

/// The weights of a convolution and of what is done before it.
pub fn layer<'a>(fused: &Fused, weights: &'a [Weights]) -> Layer<'a> {
    let Fused::Direct {
        prepare,
        convolution,
    } = fused
    else {
        unreachable!("only these are one convolution: {fused:?}")
    };
    Layer {
        direct: weights[*convolution].direct(),
        prepare: prepare.map(|step| weights[step].norm()),
    }
}

/// The weights of the convolutions.
pub fn stages<'a>(fused: &Fused, weights: &'a [Weights]) -> Stages<'a> {
    let Fused::InvertedResidual {
        expand,
        depthwise,
        norm,
        project,
    } = fused
    else {
        unreachable!("only these have three stages: {fused:?}")
    };
    Stages {
        expand: expand.map(|step| weights[step].direct()),
        depthwise: weights[*depthwise].depthwise(),
        norm: norm.map(|step| weights[step].norm()),
        project: project.map(|step| weights[step].direct()),
    }
}

/// Which buffer every value is in. Buffers are used again for values laid out the same way, so that
/// their halos stay zero.
struct Places<'a> {
    layouts: &'a [Layout],
    homes: &'a [Home],
    of: Vec<Option<Place>>,
    buffers: Vec<Layout>,
    free: Vec<usize>,
    /// The values that memory belongs to now, and which it is.
    live: Vec<(Value, usize)>,
}

impl<'a> Places<'a> {
    fn new(layouts: &'a [Layout], homes: &'a [Home]) -> Self {
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

    fn take(&mut self, value: Value) {
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
        let buffer = match self.free.iter().rposition(fits) {
            Some(index) => self.free.remove(index),
            None => {
                self.buffers.push(layout);
                self.buffers.len() - 1
            }
        };
        self.live.push((root, buffer));
        buffer
    }

    /// Frees the memory of values of which nothing is read any more.
    fn give_back(&mut self, is_read: impl Fn(Value) -> bool) {
        let (kept, freed): (Vec<_>, Vec<_>) =
            self.live.drain(..).partition(|(root, _)| is_read(*root));
        self.live = kept;
        // The pixels' buffer has a layout of its own and is never taken for anything else.
        self.free
            .extend(freed.into_iter().map(|(_, buffer)| buffer));
    }
}

/// The last of what is run that reads a value or a part of it.
fn last_reads(network: &Network, lowered: &[Fused], homes: &[Home]) -> Vec<usize> {
    let mut last = vec![0; homes.len()];
    for (index, fused) in lowered.iter().enumerate() {
        for value in fused.inputs(network).all() {
            last[homes[value.0].root.0] = index;
        }
    }
    last
}
