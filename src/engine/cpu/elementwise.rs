//! What makes each cell of a map from the same cell: norms that stand by themselves, activations,
//! and the factors of squeeze-and-excitation.

use std::ops::Range;

use super::buffer::Buffer;
use super::map::{Map, Operands};
use super::memory::Pictures;
use super::team::Member;
use crate::kernels::BLOCK;
use crate::kernels::{Affine, Cells, Finish, Kernels, Normalized};
use crate::network::Activation;
use crate::weights::parameters::Folded;

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
        let end = if is_one_row {
            cells.end
        } else {
            cells.end.min((start / width + 1) * width)
        };
        let run = start..end;
        start = end;
        (!run.is_empty()).then_some(run)
    })
}
