//! Networks on a CPU: our own kernels, fused, in memory that is used again.
//!
//! # From a network to what is run
//!
//! ```text
//! Network ─► LoadedNetwork ─► Vec<Fused> ─► Plan ───────────────► maps
//!            weights packed   steps that    layouts, places,      a thread a picture,
//!            (loaded)         are run as    one Step each;        or a team
//!                             one           bounds proven         (running, team)
//!                             (lowering)    (plan, bounds)
//! ```
//!
//! Weights are packed once. A [`Plan`](plan::Plan) is made for each size of picture and kept: it says
//! for every value where it lies ([`places`]) and how ([`layout`]), and holds a [`Step`](step::Step)
//! for what is run as one: an `enum` whose variants carry plan and weights together.
//!
//! # Layouts
//!
//! A map is `[block][row][column][16]`: channels in blocks of sixteen, with a halo of zeros around
//! every block, so that a window over the edge needs no special case. Channels that fill up the last
//! block are zero in weights and finite in maps, so they count for nothing. Pixels stay plane by
//! plane where only convolutions read them.
//!
//! # Who promises what
//!
//! This and [`kernels`](crate::kernels) are the places with unsafe code: raw pointers
//! ([`Floats`](crate::kernels::Floats)), because several threads fill one map, and intrinsics. Three
//! promises carry it:
//!
//! - *bounds*: all that a step reads and writes lies within its maps, its weights and its thread's
//!   working memory. [`bounds`] proves it of every plan, once; `network` has refused all that is not
//!   a network before.
//! - *apart*: no two threads write the same cells, and no one reads what another writes meanwhile.
//!   Work is shared out in one way only ([`team::Member::share`]): jobs that differ in rows, pixels,
//!   channels or pictures; all members meet behind each.
//! - *instructions*: kernels run only on a machine that has their instructions; there is no
//!   [`Kernels`] for others ([`Instructions`]).
//!
//! With the feature `checked` every access asserts the first one.
//!
//! # Adding an operation
//!
//! 1. `network`: a variant of `Operation`, what it makes of a shape, what the builder checks.
//! 2. [`loaded`]: its weights, a variant of `Work`.
//! 3. [`lowering`]: a variant of `FusedWork`, its halo.
//! 4. Its inner loop in [`kernels`](crate::kernels), and a file here with its plan.
//! 5. [`step`]: a variant of `Step`; [`bounds`]: what has to hold for it. The compiler asks for each.
//! 6. `engine/candle`: the same by Candle, which the tests hold it to.
#![allow(unsafe_code, reason = "pointers and intrinsics, as told above")]

mod bounds;
mod buffer;
mod concat;
mod conv;
mod depthwise;
mod elementwise;
mod inverted_residual;
mod layout;
mod loaded;
mod lowering;
mod map;
mod memory;
mod places;
mod plan;
mod pool;
mod running;
mod step;
mod team;
#[cfg(test)]
mod tests;
mod winograd;

use std::sync::{Arc, Mutex};

use self::loaded::LoadedNetwork;
use self::plan::Plan;
use self::running::{Output, run_group};
use self::team::{Member, Team};
use crate::error::{NetworkError, Result};
use crate::kernels::{Instructions, Kernels, PORTABLE};
use crate::network::{MapShape, Network, Value};
use crate::weights::parameters::Folded;

/// Sizes of pictures whose plans are kept.
const PLANS: usize = 8;
/// Pictures that one thread runs side by side, at most.
const GROUP: usize = 4;

/// A network with its weights, for a CPU.
pub struct CpuNetwork {
    network: Network,
    taps: Vec<Value>,
    loaded: LoadedNetwork,
    kernels: &'static Kernels,
    plans: Mutex<Vec<Arc<Plan>>>,
    /// Those that no run has now.
    teams: Mutex<Vec<Team>>,
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
            loaded: LoadedNetwork::pack(&network, read)?,
            network,
            taps,
            kernels: kernels.unwrap_or(&PORTABLE),
            plans: Mutex::default(),
            teams: Mutex::default(),
        })
    }

    /// The shape of each tap for pictures of this size.
    ///
    /// # Errors
    /// Those of [`Network::check_size`].
    pub fn shapes(&self, height: usize, width: usize) -> Result<Vec<MapShape>, NetworkError> {
        let shapes = self.network.check_size(height, width)?;
        Ok(self.taps.iter().map(|tap| shapes[tap.0]).collect())
    }

    /// Runs pictures `[N, 3, height, width]` in `threads` threads: for each tap its maps
    /// `[N, C, h, w]`, one tap after the other. What is left over of `pixels` is no picture.
    ///
    /// # Errors
    /// Those of [`Network::check_size`].
    pub fn run(
        &self,
        pixels: &[f32],
        size: (usize, usize),
        threads: usize,
    ) -> Result<Vec<f32>, NetworkError> {
        let shapes = self.shapes(size.0, size.1)?;
        let (picture, threads) = (3 * size.0 * size.1, threads.max(1));
        let images = pixels.len() / picture;
        let values: usize = shapes.iter().map(MapShape::len).sum();
        let mut maps = vec![0.0; images * values];
        let mut rest = maps.as_mut_slice();
        let mut outputs = Vec::with_capacity(shapes.len());
        for shape in &shapes {
            let (of_tap, behind) = rest.split_at_mut(images * shape.len());
            outputs.push(Output::new(of_tap, shape.len()));
            rest = behind;
        }
        let image = |index: usize| &pixels[index * picture..(index + 1) * picture];
        // Pictures that come in numbers are shared out; what is left over is done by all threads
        // together.
        let alone = images / threads * threads;
        if alone > 0 {
            let groups = alone.div_ceil(GROUP).next_multiple_of(threads);
            let plan = self.plan(size, (1, alone.div_ceil(groups)))?;
            self.together(threads, |member| {
                member.share(groups, |group| {
                    let group = group * alone / groups..(group + 1) * alone / groups;
                    // One of a team that shares out pictures is a team of its own.
                    run_group(self.kernels, &plan, group, &image, &outputs, |run| {
                        run(&Member::ALONE);
                    });
                });
            });
        }
        if alone < images {
            let plan = self.plan(size, (threads, 1))?;
            for index in alone..images {
                let group = index..index + 1;
                run_group(self.kernels, &plan, group, &image, &outputs, |run| {
                    self.together(threads, run);
                });
            }
        }
        Ok(maps)
    }

    /// Runs `work` in so many threads, which are kept for the next run.
    fn together(&self, threads: usize, work: impl Fn(&Member) + Sync) {
        let kept = self.teams.lock().ok().and_then(|mut teams| teams.pop());
        let mut team = kept.unwrap_or_default();
        team.run(threads, work);
        if let Ok(mut teams) = self.teams.lock() {
            teams.push(team);
        }
    }

    /// The plan for so many members of a team and pictures at once.
    fn plan(&self, size: (usize, usize), team: (usize, usize)) -> Result<Arc<Plan>, NetworkError> {
        let make = || Plan::new(&self.network, &self.loaded, &self.taps, size, team).map(Arc::new);
        let Ok(mut plans) = self.plans.lock() else {
            return make();
        };
        let known = plans
            .iter()
            .position(|plan| plan.size == size && (plan.members, plan.pictures) == team);
        let plan = match known {
            Some(index) => plans.remove(index),
            None => make()?,
        };
        plans.push(Arc::clone(&plan));
        if plans.len() > PLANS {
            plans.remove(0);
        }
        Ok(plan)
    }
}
