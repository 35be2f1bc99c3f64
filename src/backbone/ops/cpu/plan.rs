//! A network on pictures of one size: what is run, in which memory.

use std::sync::Mutex;

use super::buffer::Buffer;
use super::dense::Dense;
use super::layout::Layout;
use super::lowering::{Fused, halos, lower};
use super::map::Map;
use super::separable::{Separable, Stages};
use super::weights::Weights;
use super::winograd::Winograd;
use crate::backbone::network::{MapShape, Network, Value};

/// A step as it is run, with the memory of what it reads and makes.
pub struct Planned {
    /// Which of the network's steps it is.
    pub fused: Fused,
    /// How, where there is something to decide.
    pub how: How,
    /// Where its input is.
    pub input: usize,
    /// Where its second input is: a residual or factors.
    pub second: Option<usize>,
    /// Where its output goes.
    pub output: usize,
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
    Separable(Separable),
    /// There is only one way.
    Simple,
}

/// All that is known beforehand about pictures of one size.
pub struct Plan {
    /// Rows and columns of the pictures.
    pub size: (usize, usize),
    /// Threads that work on a picture.
    pub members: usize,
    /// What is run, in order.
    pub steps: Vec<Planned>,
    /// The first of the steps from which on weights are larger than maps.
    pub late: usize,
    /// The memory: one buffer each. The first holds the pixels.
    layouts: Vec<Layout>,
    scratch: usize,
    idle: Mutex<Vec<Memory>>,
}

/// What one team works in.
pub struct Memory {
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
    fn new(layouts: &[Layout], members: usize, scratch: usize) -> Self {
        let mut buffers: Vec<Buffer> = layouts
            .iter()
            .map(|layout| Buffer::new(layout.len()))
            .chain((0..members).map(|_| Buffer::new(scratch)))
            .collect();
        let (values, working) = buffers.split_at_mut(layouts.len());
        let map = |(buffer, layout): (&mut Buffer, &Layout)| Map {
            base: buffer.as_mut_ptr(),
            layout: *layout,
        };
        Self {
            maps: values.iter_mut().zip(layouts).map(map).collect(),
            scratch: working.iter_mut().map(Buffer::as_mut_ptr).collect(),
            _buffers: buffers,
        }
    }

    /// Every buffer as a map.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// The working memory of every member.
    pub fn scratch(&self) -> &[*mut f32] {
        &self.scratch
    }
}

impl Plan {
    /// For pictures of `size` rows and columns, on `members` threads each.
    pub fn new(
        network: &Network,
        weights: &[Weights],
        taps: &[Value],
        size: (usize, usize),
        members: usize,
    ) -> Self {
        let shapes = network.shapes(size.0, size.1);
        let lowered = lower(network, &shapes, taps);
        let halos = halos(network, &shapes, &lowered);
        let layout = |value: Value| match value {
            Value::INPUT => Layout {
                lanes: 1,
                ..Layout::blocked(shapes[0], halos[0])
            },
            value => Layout::blocked(shapes[value.0], halos[value.0]),
        };
        let mut places = Places::new(layout(Value::INPUT));
        let mut steps = Vec::with_capacity(lowered.len());
        for (index, fused) in lowered.iter().enumerate() {
            let (input, second) = fused.inputs(network);
            let output = places.take(fused.output(), layout(fused.output()));
            let planned = Planned {
                fused: *fused,
                how: how(fused, weights, &shapes, members, layout, network),
                input: places.of(input),
                second: second.map(|value| places.of(value)),
                output,
                taps: (0..taps.len())
                    .filter(|tap| taps[*tap] == fused.output())
                    .collect(),
            };
            steps.push(planned);
            places.give_back(|value| {
                let is_read = |later: &Fused| {
                    let (input, second) = later.inputs(network);
                    input == value || second == Some(value)
                };
                lowered[index + 1..].iter().any(is_read)
            });
        }
        let scratch = steps
            .iter()
            .map(|step| scratch_of(step, weights))
            .max()
            .unwrap_or(0);
        let has_large_weights = |step: &Planned| {
            let (first, last) = step.fused.ends();
            let weights: usize = weights[first..=last].iter().map(Weights::len).sum();
            let maps = [step.input, step.output].map(|place| places.layouts[place].len());
            weights > maps.iter().sum()
        };
        let early = steps.iter().rposition(|step| !has_large_weights(step));
        Self {
            size,
            members,
            late: early.map_or(0, |last| last + 1),
            steps,
            layouts: places.layouts,
            scratch,
            idle: Mutex::default(),
        }
    }

    /// Memory to work in, given back with [`Plan::give_back`].
    pub fn take_memory(&self) -> Memory {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Memory::new(&self.layouts, self.members, self.scratch))
    }

    /// For the next picture.
    pub fn give_back(&self, memory: Memory) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(memory);
        }
    }
}

fn how(
    fused: &Fused,
    weights: &[Weights],
    shapes: &[MapShape],
    members: usize,
    layout: impl Fn(Value) -> Layout,
    network: &Network,
) -> How {
    let (input, second) = fused.inputs(network);
    let made = shapes[fused.output().0];
    match fused {
        Fused::Direct(step) => {
            let direct = weights[*step].direct();
            let residual = second.map(&layout);
            let (input, output) = (layout(input), layout(fused.output()));
            How::Dense(Dense::plan(
                direct,
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
            How::Winograd(Winograd::plan(direct, (made.height, made.width), members))
        }
        Fused::Separable { depthwise, .. } => {
            let convolved = shapes[*depthwise];
            let stages = stages(fused, weights);
            let size = (convolved.height, convolved.width);
            How::Separable(Separable::plan(&stages, &layout(input), size))
        }
        Fused::MaxPool(_) | Fused::Average(_) | Fused::Scale(_) => How::Simple,
    }
}

fn scratch_of(step: &Planned, weights: &[Weights]) -> usize {
    match &step.how {
        How::Winograd(winograd) => winograd.scratch(),
        How::Separable(separable) => separable.scratch(&stages(&step.fused, weights)),
        How::Dense(_) | How::Simple => 0,
    }
}

/// The weights of the three convolutions.
pub fn stages<'a>(fused: &Fused, weights: &'a [Weights]) -> Stages<'a> {
    let (first, last) = fused.ends();
    let Fused::Separable {
        expand,
        depthwise,
        project,
    } = fused
    else {
        unreachable!("only these have three stages: {first} to {last}")
    };
    Stages {
        expand: expand.map(|step| weights[step].direct()),
        depthwise: weights[*depthwise].depthwise(),
        project: project.map(|step| weights[step].direct()),
    }
}

/// Which buffer every live value is in. Buffers are used again for values laid out the same way,
/// so that their halos stay zero.
struct Places {
    layouts: Vec<Layout>,
    free: Vec<usize>,
    live: Vec<(Value, usize)>,
}

impl Places {
    fn new(pixels: Layout) -> Self {
        Self {
            layouts: vec![pixels],
            free: Vec::new(),
            live: vec![(Value::INPUT, 0)],
        }
    }

    fn take(&mut self, value: Value, layout: Layout) -> usize {
        let fits = |place: &usize| self.layouts[*place] == layout;
        let place = match self.free.iter().rposition(fits) {
            Some(index) => self.free.remove(index),
            None => {
                self.layouts.push(layout);
                self.layouts.len() - 1
            }
        };
        self.live.push((value, place));
        place
    }

    fn of(&self, value: Value) -> usize {
        let found = self.live.iter().find(|(live, _)| *live == value);
        found
            .map(|(_, place)| *place)
            .expect("a value is live as long as a later step reads it")
    }

    /// Frees the places of values that are not read any more.
    fn give_back(&mut self, is_read: impl Fn(Value) -> bool) {
        let (kept, freed): (Vec<_>, Vec<_>) =
            self.live.drain(..).partition(|(value, _)| is_read(*value));
        self.live = kept;
        // The pixels' buffer has a layout of its own and is never taken for anything else.
        self.free.extend(freed.into_iter().map(|(_, place)| place));
    }
}
