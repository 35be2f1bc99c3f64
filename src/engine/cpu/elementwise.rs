//! What makes each cell of a map from the same cell: norms that stand by themselves, activations,
//! and the factors of squeeze-and-excitation.

use std::ops::Range;

use super::buffer::Buffer;
use super::epilogue::{Finish, finish};
use super::kernels::Kernels;
use super::layout::BLOCK;
use super::map::Map;
use super::team::Member;
use super::vector::Vector;
use crate::network::{Activation, Operation};
use crate::weights::parameters::Folded;

/// Cells that follow each other, in each of some blocks of channels.
#[derive(Clone, Copy)]
pub struct Cells {
    /// The first cell of the first block.
    pub first: *mut f32,
    /// Floats from a block to the next.
    pub block: usize,
}

/// Cells of one block of channels, to be scaled, shifted and activated.
pub struct Affine {
    /// The first cell.
    pub cells: *const f32,
    /// How many.
    pub count: usize,
    /// Sixteen factors.
    pub scale: *const f32,
    /// Sixteen numbers to add.
    pub shift: *const f32,
    /// The activation.
    pub finish: Finish,
    /// Where the first one goes.
    pub output: *mut f32,
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
    pub scale: *const f32,
    /// `[channels]`, zeros behind.
    pub shift: *const f32,
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
        let input = cells.first.add(cell * BLOCK).cast_const();
        let mut sums = [V::splat(0.0); CELLS];
        for block in 0..blocks {
            let counted = &counts[usize::from(block + 1 == blocks)];
            for lane in (0..BLOCK).step_by(V::LANES) {
                let counted = V::load(counted.as_ptr().add(lane));
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
                let counted = V::load(counted.as_ptr().add(lane));
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
    unsafe { vector.store(lanes.as_mut_ptr()) };
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
    channels: usize,
    finish: Finish,
    /// The ε of a norm over channels.
    layer: Option<f32>,
}

impl Norm {
    /// Packs those of an operation that has such, of so many channels.
    pub fn pack(operation: &Operation, channels: usize, folded: Option<&Folded>) -> Option<Self> {
        let (activation, layer) = match operation {
            Operation::BatchNorm(norm) => (norm.activation, None),
            Operation::LayerNorm(norm) => (Activation::Identity, Some(norm.epsilon as f32)),
            Operation::Activate(activation) => (*activation, None),
            Operation::Scale { .. } => (Activation::Identity, None),
            _ => return None,
        };
        let (mut scale, mut shift) = (Buffer::new(channels), Buffer::new(channels));
        let (scales, shifts) = (scale.as_mut_slice(), shift.as_mut_slice());
        match folded {
            Some(folded) => {
                scales[..channels].copy_from_slice(&folded.weight);
                shifts[..channels].copy_from_slice(&folded.bias);
            }
            None => scales[..channels].fill(1.0),
        }
        Some(Self {
            scale,
            shift,
            channels,
            finish: activation.into(),
            layer,
        })
    }

    /// Floats of them.
    pub const fn len(&self) -> usize {
        2 * self.channels
    }
}

/// What is done to cells.
#[derive(Clone, Copy)]
pub struct Elementwise<'a> {
    /// The weights.
    pub norm: &'a Norm,
    /// Factors that take the place of the weights' own, `[C, 1, 1]`.
    pub factors: Option<Map>,
}

impl Elementwise<'_> {
    /// Blocks of channels.
    const fn blocks(&self) -> usize {
        self.norm.channels.div_ceil(BLOCK)
    }

    /// Does it to so many cells.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; the cells of all blocks can be read, the output
    /// written, and no one else uses it meanwhile. Both may be the same.
    pub unsafe fn run(&self, kernels: &Kernels, cells: Cells, count: usize, output: Cells) {
        let norm = self.norm;
        let (scale, shift) = (norm.scale.as_ptr(), norm.shift.as_ptr());
        if let Some(epsilon) = norm.layer {
            let normalized = Normalized {
                cells,
                count,
                channels: norm.channels,
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
            // SAFETY: the caller's promise; there are as many blocks of weights and factors.
            unsafe {
                let scale = match &self.factors {
                    Some(map) => map.cell(0, 0).add(block * map.layout.block()).cast_const(),
                    None => scale.add(block * BLOCK),
                };
                (kernels.affine)(&Affine {
                    cells: cells.first.add(block * cells.block),
                    count,
                    scale,
                    shift: shift.add(block * BLOCK),
                    finish: norm.finish,
                    output: output.first.add(block * output.block),
                });
            }
        }
    }

    /// Does it to a whole map, with the other members of the team.
    ///
    /// # Safety
    /// As [`Elementwise::run`], for the map.
    pub unsafe fn run_map(&self, kernels: &Kernels, input: &Map, output: &Map, member: &Member) {
        let from = input.layout;
        let is_one_row = from.is_one_row() && output.layout.is_one_row();
        let cells = from.height * from.width;
        let parts = member.count.min(cells);
        member.share(parts, |part| {
            let part = part * cells / parts..(part + 1) * cells / parts;
            for run in runs(part, from.width, is_one_row) {
                let place = (run.start / from.width, run.start % from.width);
                // SAFETY: the part is this member's.
                unsafe {
                    self.run(
                        kernels,
                        cells_of(input, place),
                        run.len(),
                        cells_of(output, place),
                    )
                };
            }
        });
    }
}

/// The cells of a map from a row and column on.
///
/// # Safety
/// The map has such a cell.
pub unsafe fn cells_of(map: &Map, (row, column): (usize, usize)) -> Cells {
    Cells {
        // SAFETY: the caller's promise.
        first: unsafe { map.cell(row, column) },
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
