//! What makes each cell of a map from the same cell: norms that stand by themselves, activations,
//! and the factors of squeeze-and-excitation.

use std::ops::Range;

use super::arena::Pictures;
use super::buffer::Buffer;
use super::epilogue::{Finish, finish};
use super::floats::Floats;
use super::kernels::Kernels;
use super::layout::BLOCK;
use super::map::{Map, Operands};
use super::team::Member;
use super::vector::Vector;
use crate::network::Activation;
use crate::weights::parameters::Folded;

/// Cells that follow each other, in each of some blocks of channels.
#[derive(Clone, Copy)]
pub struct Cells {
    /// The first cell of the first block.
    pub first: Floats,
    /// Floats from a block to the next.
    pub block: usize,
}

/// Cells of one block of channels, to be scaled, shifted and activated.
pub struct Affine {
    /// The first cell.
    pub cells: Floats,
    /// How many.
    pub count: usize,
    /// Sixteen factors.
    pub scale: Floats,
    /// Sixteen numbers to add.
    pub shift: Floats,
    /// The activation.
    pub finish: Finish,
    /// Where the first one goes.
    pub output: Floats,
}

/// Cells of all channels, each to be brought to mean 0 and variance 1, then scaled and shifted.
pub struct Normalized {
    /// The cells.
    pub cells: Cells,
    /// How many.
    pub count: usize,
    /// Channels.
    pub channels: usize,
    /// `[channels]`, zeros behind.
    pub scale: Floats,
    /// `[channels]`, zeros behind.
    pub shift: Floats,
    /// Added to the variance.
    pub epsilon: f32,
    /// Where they go.
    pub output: Cells,
}

/// Scales, shifts and activates cells.
///
/// # Safety
/// The machine has `V`'s instructions; the cells and sixteen factors and shifts can be read, the
/// output written.
#[inline(always)]
pub unsafe fn affine<V: Vector>(affine: &Affine) {
    let (low, high) = affine.finish.clamp();
    // SAFETY: the caller vouches for all that is read and written.
    unsafe {
        let (low, high) = (V::splat(low), V::splat(high));
        let mut lane = 0;
        while lane < BLOCK {
            let scale = V::load(affine.scale.add(lane));
            let shift = V::load(affine.shift.add(lane));
            for cell in 0..affine.count {
                let at = cell * BLOCK + lane;
                let x = shift.plus_product(V::load(affine.cells.add(at)), scale);
                x.at_least(low).at_most(high).store(affine.output.add(at));
            }
            lane += V::LANES;
        }
        if !affine.finish.is_clamp() {
            for at in (0..affine.count * BLOCK).step_by(V::LANES) {
                let output = affine.output.add(at);
                finish(V::load(output), &affine.finish).store(output);
            }
        }
    }
}

/// Normalizes cells over their channels.
///
/// # Safety
/// The machine has `V`'s instructions; the cells can be read, the output written, and whole blocks
/// of factors and shifts read.
#[inline(always)]
pub unsafe fn normalize<V: Vector>(normalized: &Normalized) {
    // Several at a time, since each sum has to wait for the one before it.
    const TOGETHER: usize = 4;
    let mut cell = 0;
    // SAFETY: the caller's promise, for these cells.
    unsafe {
        while cell + TOGETHER <= normalized.count {
            normalize_cells::<V, TOGETHER>(normalized, cell);
            cell += TOGETHER;
        }
        while cell < normalized.count {
            normalize_cells::<V, 1>(normalized, cell);
            cell += 1;
        }
    }
}

/// # Safety
/// As [`normalize`], for `CELLS` cells from `cell` on.
#[inline(always)]
unsafe fn normalize_cells<V: Vector, const CELLS: usize>(normalized: &Normalized, cell: usize) {
    let Normalized {
        cells,
        channels,
        scale,
        shift,
        epsilon,
        output,
        ..
    } = *normalized;
    let blocks = channels.div_ceil(BLOCK);
    let share = 1.0 / channels as f32;
    // What fills up the last block does not count, whatever it is.
    let mut counts = [[1.0f32; BLOCK]; 2];
    counts[1][channels - (blocks - 1) * BLOCK..].fill(0.0);
    // SAFETY: the caller's promise.
    unsafe {
        let input = cells.first.add(cell * BLOCK);
        let mut sums = [V::splat(0.0); CELLS];
        for block in 0..blocks {
            let counted = &counts[usize::from(block + 1 == blocks)];
            for lane in (0..BLOCK).step_by(V::LANES) {
                let counted = V::load(Floats::of(counted).add(lane));
                for (index, sum) in sums.iter_mut().enumerate() {
                    let x = V::load(input.add(block * cells.block + index * BLOCK + lane));
                    *sum = sum.plus_product(x, counted);
                }
            }
        }
        let means = sums.map(|sum| V::splat(total(sum) * share));
        let mut squares = [V::splat(0.0); CELLS];
        for block in 0..blocks {
            let counted = &counts[usize::from(block + 1 == blocks)];
            for lane in (0..BLOCK).step_by(V::LANES) {
                let counted = V::load(Floats::of(counted).add(lane));
                for (index, sum) in squares.iter_mut().enumerate() {
                    let x = V::load(input.add(block * cells.block + index * BLOCK + lane));
                    let x = x.minus(means[index]).times(counted);
                    *sum = sum.plus_product(x, x);
                }
            }
        }
        let factors = squares.map(|sum| V::splat(1.0 / (total(sum) * share + epsilon).sqrt()));
        let output_first = output.first.add(cell * BLOCK);
        for block in 0..blocks {
            for lane in (0..BLOCK).step_by(V::LANES) {
                let scale = V::load(scale.add(block * BLOCK + lane));
                let shift = V::load(shift.add(block * BLOCK + lane));
                for index in 0..CELLS {
                    let at = index * BLOCK + lane;
                    let x = V::load(input.add(block * cells.block + at));
                    let x = x.minus(means[index]).times(factors[index]);
                    let to = output_first.add(block * output.block + at);
                    shift.plus_product(x, scale).store(to);
                }
            }
        }
    }
}

/// The sum of all lanes.
///
/// # Safety
/// The machine has `V`'s instructions.
#[inline(always)]
unsafe fn total<V: Vector>(vector: V) -> f32 {
    let mut lanes = [0.0; BLOCK];
    // SAFETY: a vector has at most so many lanes.
    unsafe { vector.store(Floats::of_mut(&mut lanes)) };
    let mut width = V::LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// A step's factors and shifts, as its kernel reads them.
pub struct Norm {
    scale: Buffer,
    shift: Buffer,
    /// How many there are of each.
    pub channels: usize,
    finish: Finish,
    /// The ε of a norm over channels.
    layer: Option<f32>,
}

impl Norm {
    /// Packs a batch norm's numbers, a layer norm's, or none for factors and activations that come
    /// alone; `layer` is a layer norm's ε.
    pub fn pack(
        channels: usize,
        folded: Option<&Folded>,
        activation: Activation,
        layer: Option<f32>,
    ) -> Self {
        let (mut scale, mut shift) = (Buffer::new(channels), Buffer::new(channels));
        let (scales, shifts) = (scale.as_mut_slice(), shift.as_mut_slice());
        match folded {
            Some(folded) => {
                scales[..channels].copy_from_slice(&folded.weight);
                shifts[..channels].copy_from_slice(&folded.bias);
            }
            None => scales[..channels].fill(1.0),
        }
        Self {
            scale,
            shift,
            channels,
            finish: activation.into(),
            layer,
        }
    }

    /// Floats of them.
    pub const fn len(&self) -> usize {
        2 * self.channels
    }
}

impl Norm {
    /// Blocks of channels.
    const fn blocks(&self) -> usize {
        self.channels.div_ceil(BLOCK)
    }

    /// Does it to so many cells; `factors` `[C, 1, 1]`, if there are any, take the place of its own.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; the cells of all blocks can be read, the output
    /// written, and no one else uses it meanwhile. Both may be the same.
    pub unsafe fn run(
        &self,
        kernels: &Kernels,
        cells: Cells,
        count: usize,
        output: Cells,
        factors: Option<&Map>,
    ) {
        let (scale, shift) = (self.scale.floats(), self.shift.floats());
        if let Some(epsilon) = self.layer {
            let normalized = Normalized {
                cells,
                count,
                channels: self.channels,
                scale,
                shift,
                epsilon,
                output,
            };
            // SAFETY: the caller's promise.
            unsafe { (kernels.normalize)(&normalized) };
            return;
        }
        for block in 0..self.blocks() {
            let affine = Affine {
                cells: cells.first.plus(block * cells.block),
                count,
                scale: factors.map_or(scale.plus(block * BLOCK), |map| map.cell(block, 0, 0)),
                shift: shift.plus(block * BLOCK),
                finish: self.finish,
                output: output.first.plus(block * output.block),
            };
            // SAFETY: the caller's promise; there are as many blocks of weights and factors.
            unsafe { (kernels.affine)(&affine) };
        }
    }

    /// Does it to whole maps, with the other members of the team.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; [`bounds`](super::bounds) holds for the pictures'
    /// maps, and no one else uses them.
    pub unsafe fn run_maps(&self, kernels: &Kernels, pictures: &Pictures, member: &Member) {
        for (maps, _) in pictures.maps() {
            let Operands { input, output, .. } = &maps;
            let from = input.layout;
            let is_one_row = from.is_one_row() && output.layout.is_one_row();
            let cells = from.height * from.width;
            let parts = member.count.min(cells);
            member.share(parts, |part| {
                let part = part * cells / parts..(part + 1) * cells / parts;
                for run in runs(part, from.width, is_one_row) {
                    let place = (run.start / from.width, run.start % from.width);
                    let (from, to) = (cells_of(input, place), cells_of(output, place));
                    // SAFETY: the part is this member's, and within the maps: `bounds`.
                    unsafe { self.run(kernels, from, run.len(), to, maps.factors.as_ref()) };
                }
            });
        }
    }
}

/// The cells of a map from a row and column on.
pub const fn cells_of(map: &Map, (row, column): (usize, usize)) -> Cells {
    Cells {
        first: map.cell(0, row, column),
        block: map.layout.block(),
    }
}

/// The runs of cells that follow each other in memory: one, or what lies in each row.
pub fn runs(
    cells: Range<usize>,
    width: usize,
    is_one_row: bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut start = cells.start;
    std::iter::from_fn(move || {
        let end = match is_one_row {
            true => cells.end,
            false => cells.end.min((start / width + 1) * width),
        };
        let run = start..end;
        start = end;
        (!run.is_empty()).then_some(run)
    })
}
