//! A network on pictures of one size: what is run, in which memory.

use std::sync::Mutex;

use super::bounds;
use super::layout::{Halo, Layout};
use super::loaded::LoadedNetwork;
use super::lowering::{Fused, halos, lower};
use super::map::Operands;
use super::memory::{Arena, Memory};
use super::places::{Home, Places, homes};
use super::step::{Planned, Step};
use crate::error::NetworkError;
use crate::network::{MapShape, Network, Value};

/// All that is known beforehand about pictures of one size. Its bounds are proven: see
/// [`bounds`](super::bounds).
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
    arena: Arena,
    idle: Mutex<Vec<Memory>>,
}

impl Plan {
    /// For pictures of `size` rows and columns, `pictures` of them at once on `members` threads.
    ///
    /// # Errors
    /// Those of [`Network::check_size`].
    pub fn new(
        network: &Network,
        loaded: &LoadedNetwork,
        taps: &[Value],
        size: (usize, usize),
        (members, pictures): (usize, usize),
    ) -> Result<Self, NetworkError> {
        let shapes = network.check_size(size.0, size.1)?;
        let lowered = lower(&loaded.steps, &shapes, taps, pictures);
        let homes = homes(&shapes, &lowered);
        let layouts = layouts(&shapes, &lowered, &homes, loaded.pixel_lanes);
        let late = late(&lowered, &layouts);
        let last_reads = last_reads(&lowered, &homes);
        let mut places = Places::new(&layouts, &homes);
        let mut steps = Vec::with_capacity(lowered.len());
        for (index, Fused { operands, work, .. }) in lowered.into_iter().enumerate() {
            let Operands { output, .. } = operands;
            places.take(output);
            let pictures = if index < late { 1 } else { pictures };
            let layouts = operands.map(|value| layouts[value.0]);
            steps.push(Planned {
                step: Step::plan(work, &layouts, members, pictures),
                operands,
                taps: (0..taps.len()).filter(|tap| taps[*tap] == output).collect(),
            });
            places.give_back(|root| last_reads[root.0] > index);
        }
        let scratch = steps.iter().map(|planned| planned.step.scratch()).max();
        let plan = Self {
            size,
            members,
            pictures,
            late,
            steps,
            arena: places.into_arena(scratch.unwrap_or(0)),
            idle: Mutex::default(),
        };
        bounds::prove(&plan.steps, &plan.arena, &shapes, taps, pictures)
            .map_err(|fault| fault.of(network, size))?;
        Ok(plan)
    }

    /// Memory to work in, given back with [`Plan::give_back`].
    pub fn take_memory(&self) -> Memory {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Memory::new(&self.arena, self.members))
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
    shapes: &[MapShape],
    lowered: &[Fused],
    homes: &[Home],
    pixel_lanes: usize,
) -> Vec<Layout> {
    let needed = halos(shapes, lowered);
    let mut halos = vec![Halo::default(); needed.len()];
    for (home, needed) in homes.iter().zip(&needed) {
        halos[home.root.0] = halos[home.root.0].with(needed);
    }
    let values = shapes.iter().zip(homes);
    let mut layouts: Vec<Layout> = values
        .map(|(shape, home)| Layout::blocked(*shape, halos[home.root.0]))
        .collect();
    layouts[0].lanes = pixel_lanes;
    layouts
}

/// The first of the steps from which on weights are larger than maps.
fn late(lowered: &[Fused], layouts: &[Layout]) -> usize {
    let has_large_weights = |fused: &Fused| {
        let maps = [fused.operands.input, fused.operands.output];
        fused.weights() > maps.iter().map(|value| layouts[value.0].len()).sum()
    };
    let early = lowered.iter().rposition(|fused| !has_large_weights(fused));
    early.map_or(0, |last| last + 1)
}

/// The last of what is run that reads a value or a part of it.
fn last_reads(lowered: &[Fused], homes: &[Home]) -> Vec<usize> {
    let mut last = vec![0; homes.len()];
    for (index, fused) in lowered.iter().enumerate() {
        for value in fused.operands.read() {
            last[homes[value.0].root.0] = index;
        }
    }
    last
}
