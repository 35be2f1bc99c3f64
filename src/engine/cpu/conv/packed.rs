//! A convolution's weights as kernels read them, and the product of pixels with a panel of them: an
//! implicit matrix product, pixels by output channels, summed over the window.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::super::buffer::Buffer;
use super::super::layout::Layout;
use super::transformed::Transformed;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::{Chunk, Finish, Kernels, STEPS, Second, Tile, TileKernel};
use crate::network::{Convolution, Padding, Window};
use crate::weights::parameters::Folded;

/// A convolution's weights in the order in which the kernel reads them.
pub struct Packed {
    /// Kernel, stride, padding.
    pub window: Window,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Groups of channels convolved apart.
    pub groups: usize,
    /// Channels per cell of the input: [`BLOCK`], or 1 for pixels.
    pub lanes: usize,
    /// For each block of outputs what it is made of.
    reaches: Vec<Reach>,
    /// `[block of outputs][depth of the block][16]`.
    weights: Buffer,
    /// `[outputs]`, zeros behind.
    bias: Buffer,
    /// The activation.
    pub finish: Finish,
    /// The weights for Winograd's method, once they are wanted.
    transformed: OnceLock<Transformed>,
}

/// The inputs that a block of outputs is made of: all, or those that its groups see.
#[derive(Clone, Copy)]
struct Reach {
    /// The first block of inputs.
    first: usize,
    /// Blocks of inputs.
    blocks: usize,
    /// Products summed for an output, zeros that fill up blocks among them.
    depth: usize,
    /// Floats of weights that stand before this block's.
    start: usize,
}

impl Reach {
    /// Whether two blocks of outputs are made of the same inputs, and so can be computed together.
    const fn is_of_same(&self, other: &Self) -> bool {
        self.first == other.first && self.blocks == other.blocks
    }

    const fn weights(&self) -> usize {
        self.depth * BLOCK
    }
}

/// Pixels of one row of output, or of two narrow ones, and what they are made of.
#[derive(Clone, Copy)]
pub struct Row {
    /// The first pixel's window.
    pub input: Floats,
    /// Floats from a block of the input to the next.
    pub input_block: usize,
    /// Floats from a pixel's window to the next one's.
    pub step: usize,
    /// Pixels.
    pub width: usize,
    /// The first pixel of the first block of the output.
    pub output: Floats,
    /// Floats from a block of the output to the next.
    pub output_block: usize,
    /// The first pixel of the first block of the residual, or nowhere.
    pub residual: Floats,
    /// Floats from a block of the residual to the next.
    pub residual_block: usize,
    /// Where the same pixels of another row begin, which are computed together with these. There
    /// are at most half as many as the largest tile has.
    pub twin: Option<Second>,
}

impl Row {
    /// The tiles that it is computed in, of so many pixels at most.
    const fn tiles(&self, pixels: usize) -> usize {
        match self.twin {
            Some(_) => 1,
            None => self.width.div_ceil(pixels),
        }
    }
}

impl Packed {
    /// Packs `folded`. The input has `lanes` channels per cell. Where there are groups, a block of
    /// outputs has weights for the blocks of inputs that its groups see, zeros among them.
    pub fn pack(convolution: &Convolution, folded: &Folded, lanes: usize) -> Self {
        let Convolution {
            inputs,
            outputs,
            window,
            groups,
            ..
        } = *convolution;
        let mut packed = Self {
            window,
            inputs,
            outputs,
            groups,
            lanes,
            reaches: reaches(convolution, lanes),
            weights: Buffer::new(0),
            bias: Buffer::new(outputs.next_multiple_of(BLOCK)),
            finish: convolution.activation.into(),
            transformed: OnceLock::new(),
        };
        packed.bias.as_mut_slice()[..outputs].copy_from_slice(&folded.bias);
        let mut weights = Buffer::new(packed.len());
        let mut rest = weights.as_mut_slice();
        let mut parts = Vec::with_capacity(packed.blocks());
        for reach in &packed.reaches {
            let (part, behind) = rest.split_at_mut(reach.weights());
            parts.push(part);
            rest = behind;
        }
        let pack = |(block, part)| packed.pack_block(groups, folded, block, part);
        parts.into_par_iter().enumerate().for_each(pack);
        packed.weights = weights;
        packed
    }

    /// Packs sixteen outputs, a few inputs at a time so that what is written stays in the cache.
    fn pack_block(&self, groups: usize, folded: &Folded, block: usize, packed: &mut [f32]) {
        let taps = self.window.kernel * self.window.kernel;
        let (group_inputs, group_outputs) = (self.inputs / groups, self.outputs / groups);
        let outputs = block * BLOCK..((block + 1) * BLOCK).min(self.outputs);
        if groups == 1 && self.lanes == BLOCK {
            let row = self.inputs * taps;
            let inputs = packed.chunks_mut(taps * BLOCK * BLOCK).enumerate();
            for (index, packed) in inputs {
                let first = index * BLOCK * taps;
                let last = (first + BLOCK * taps).min(row);
                for (lane, output) in outputs.clone().enumerate() {
                    let weights = &folded.weight[output * row + first..output * row + last];
                    pack_output(weights, taps, lane, packed);
                }
            }
            return;
        }
        let reached = self.reaches[block].first * self.lanes;
        for first in (0..group_inputs).step_by(BLOCK) {
            let inputs = first..(first + BLOCK).min(group_inputs);
            for output in outputs.clone() {
                let start = output / group_outputs * group_inputs - reached;
                for input in inputs.clone() {
                    let kernel = (output * group_inputs + input) * taps;
                    let weights = &folded.weight[kernel..kernel + taps];
                    let place = self.place(start + input, 0) * BLOCK + output % BLOCK;
                    for (tap, weight) in weights.iter().enumerate() {
                        packed[place + tap * self.lanes * BLOCK] = *weight;
                    }
                }
            }
        }
    }

    /// Floats of weights.
    pub fn len(&self) -> usize {
        self.reaches.iter().map(Reach::weights).sum()
    }

    /// Blocks of output channels.
    pub const fn blocks(&self) -> usize {
        self.outputs.div_ceil(BLOCK)
    }

    /// Channels of the input that one block of outputs is made of, at most.
    pub fn reach(&self) -> usize {
        self.inputs.min(self.reached_blocks() * self.lanes)
    }

    fn reached_blocks(&self) -> usize {
        let reaches = self.reaches.iter();
        reaches.map(|reach| reach.blocks).max().unwrap_or(0)
    }

    /// Where among the products an input at a tap of the window stands.
    const fn place(&self, input: usize, tap: usize) -> usize {
        let kernel = self.window.kernel;
        // Not a division by `lanes`, which takes longer than all the rest of packing.
        let (block, lane) = match self.lanes {
            1 => (input, 0),
            _ => (input / BLOCK, input % BLOCK),
        };
        (block * kernel * kernel + tap) * self.lanes + lane
    }

    /// The weight of `input` at `tap` for a block of outputs that is made of all inputs: sixteen
    /// floats.
    fn weights_of(&self, block: usize, input: usize, tap: usize) -> &[f32; BLOCK] {
        let (weights, _) = self.weights.as_slice().as_chunks();
        &weights[self.reaches[block].start / BLOCK + self.place(input, tap)]
    }

    /// Sixteen biases of a block of outputs, and those behind.
    pub fn bias(&self, block: usize) -> Floats {
        self.bias.floats().plus(block * BLOCK)
    }

    /// Whether it sees one cell at a time and every one, all its channels together.
    pub const fn is_projection(&self) -> bool {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let is_padded = matches!(padding, Padding::Symmetric(1..));
        kernel == 1 && stride == 1 && !is_padded && self.groups == 1
    }

    /// The weights for Winograd's method.
    pub fn transformed(&self) -> &Transformed {
        let weights_of = |block, input, tap| self.weights_of(block, input, tap);
        self.transformed
            .get_or_init(|| Transformed::new(self.inputs, self.blocks(), weights_of))
    }

    /// Whether every block of outputs is made of blocks that an input of so many has, by as many
    /// weights as there are.
    pub fn reaches_within(&self, input_blocks: usize) -> bool {
        let within = |reach: &Reach| reach.first + reach.blocks <= input_blocks;
        self.reaches.len() == self.blocks()
            && self.reaches.iter().all(within)
            && self.weights.as_slice().len() >= self.len()
            && self.bias.as_slice().len() >= self.blocks() * BLOCK
    }

    /// What is summed over in a window of a map laid out so, from the first block of inputs that a
    /// block of outputs reaches; fewer blocks are reached by the first of these.
    pub fn chunks(&self, row: usize, block: usize) -> Vec<Chunk> {
        let kernel = self.window.kernel;
        let mut chunks = Vec::new();
        for index in 0..self.reached_blocks() {
            for y in 0..kernel {
                let left = self.inputs - index * self.lanes;
                let lanes = if kernel == 1 {
                    left.min(self.lanes)
                } else {
                    self.lanes
                };
                chunks.push(Chunk {
                    offset: index * block + y * row,
                    length: kernel * lanes,
                });
            }
        }
        chunks
    }

    /// How many of the chunks these are.
    const fn chunks_of(&self, reach: &Reach) -> usize {
        reach.blocks * self.window.kernel
    }

    /// The same for a whole map.
    pub fn chunks_in(&self, layout: &Layout) -> Vec<Chunk> {
        self.chunks(layout.row(), layout.block())
    }

    /// Computes `blocks` of the output channels of `rows`, one panel of weights after the other.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; the chunks of every pixel can be read, the blocks
    /// of every pixel of the output written (and of the residual read), and no one else does so
    /// meanwhile.
    pub unsafe fn run(
        &self,
        kernels: &Kernels,
        chunks: &[Chunk],
        rows: &(impl Iterator<Item = Row> + Clone),
        blocks: Range<usize>,
    ) {
        let Some(step) = rows.clone().next().map(|row| row.step) else {
            return;
        };
        let tiles = tiles_for(kernels, step);
        let mut block = blocks.start;
        while block < blocks.end {
            let wide = self.alike(block..blocks.end.min(block + tiles.len()));
            let next = block + wide..(block + 2 * wide).min(blocks.end);
            let pixels = tiles[wide - 1].len();
            let count: usize = rows.clone().map(|row| row.tiles(pixels)).sum();
            let mut ahead = self.weights_ahead(next, count * self.reaches[block].depth);
            for row in rows.clone() {
                // SAFETY: the caller's promise, for these blocks.
                unsafe { self.panel(tiles[wide - 1], chunks, &row, block, &mut ahead) };
            }
            block += wide;
        }
    }

    /// How many of the blocks of outputs, from the first on, are made of the same inputs.
    fn alike(&self, blocks: Range<usize>) -> usize {
        let first = self.reaches[blocks.start];
        let alike = |reach: &&Reach| reach.is_of_same(&first);
        self.reaches[blocks].iter().take_while(alike).count()
    }

    /// The weights of `blocks`, to be fetched while `inputs` inputs are summed over.
    fn weights_ahead(&self, blocks: Range<usize>, inputs: usize) -> Ahead {
        let Some(first) = self.reaches.get(blocks.start) else {
            return Ahead::new(self.weights.floats().as_ptr(), 0, inputs);
        };
        let next = self.weights.floats().as_ptr().wrapping_add(first.start);
        let floats = self.reaches[blocks].iter().map(Reach::weights).sum();
        Ahead::new(next, floats, inputs)
    }

    /// # Safety
    /// As [`Packed::run`].
    unsafe fn panel(
        &self,
        kernels: &[TileKernel],
        chunks: &[Chunk],
        row: &Row,
        block: usize,
        ahead: &mut Ahead,
    ) {
        let reach = self.reaches[block];
        let chunks = &chunks[..self.chunks_of(&reach)];
        let tiles = row.tiles(kernels.len());
        for index in 0..tiles {
            let (start, end) = (index * row.width / tiles, (index + 1) * row.width / tiles);
            let residual = if row.residual.is_nowhere() {
                row.residual
            } else {
                row.residual
                    .plus(block * row.residual_block + start * BLOCK)
            };
            let (ahead, ahead_step) = ahead.take(reach.depth);
            let (pixels, second) = match row.twin {
                Some(twin) => (2 * row.width, twin),
                None => (end - start, Second::in_row(end - start, row.step)),
            };
            let tile = Tile {
                chunks,
                input: row
                    .input
                    .plus(reach.first * row.input_block + start * row.step),
                step: row.step,
                second,
                weights: self.weights.floats().plus(reach.start),
                weights_block: reach.weights(),
                bias: self.bias(block),
                output: row.output.plus(block * row.output_block + start * BLOCK),
                output_block: row.output_block,
                residual,
                residual_block: row.residual_block,
                finish: self.finish,
                ahead,
                ahead_step,
            };
            // SAFETY: pixels and blocks lie within what the caller vouches for.
            unsafe { kernels[pixels - 1](&tile) };
        }
    }
}

/// Packs the weights `[inputs][taps]` of one output among sixteen into `[taps][16 inputs][16]`.
fn pack_output(weights: &[f32], taps: usize, lane: usize, packed: &mut [f32]) {
    #[inline(always)]
    fn pack(weights: &[f32], taps: usize, lane: usize, packed: &mut [f32]) {
        for (tap, packed) in packed.chunks_mut(BLOCK * BLOCK).enumerate() {
            let (cells, _) = packed.as_chunks_mut::<BLOCK>();
            for (cell, kernel) in cells.iter_mut().zip(weights.chunks_exact(taps)) {
                cell[lane % BLOCK] = kernel[tap];
            }
        }
    }
    // Written for the kernels that most weights are in, whose loops then have no tests in them.
    match taps {
        1 => pack(weights, 1, lane, packed),
        9 => pack(weights, 9, lane, packed),
        _ => pack(weights, taps, lane, packed),
    }
}

/// What every block of outputs is made of.
fn reaches(convolution: &Convolution, lanes: usize) -> Vec<Reach> {
    let Convolution {
        inputs,
        outputs,
        window: Window { kernel, .. },
        groups,
        ..
    } = *convolution;
    let (group_inputs, group_outputs) = (inputs / groups, outputs / groups);
    let mut start = 0;
    let reach = |block: usize| {
        let last = ((block + 1) * BLOCK).min(outputs) - 1;
        let first = block * BLOCK / group_outputs * group_inputs / lanes;
        let end = ((last / group_outputs + 1) * group_inputs).div_ceil(lanes);
        let blocks = end - first;
        let depth = if kernel == 1 {
            inputs.min(blocks * lanes)
        } else {
            blocks * lanes * kernel * kernel
        };
        let reach = Reach {
            first,
            blocks,
            depth,
            start,
        };
        start += reach.weights();
        reach
    };
    (0..outputs.div_ceil(BLOCK)).map(reach).collect()
}

/// The most pixels of a tile.
pub fn most_pixels(kernels: &Kernels) -> usize {
    kernels.tiles[0][0].len()
}

/// Weights that are fetched into the cache while others are in use, evenly.
pub struct Ahead {
    next: *const f32,
    step: usize,
}

impl Ahead {
    /// `len` floats from `next` on, while `inputs` inputs are summed over.
    pub const fn new(next: *const f32, len: usize, inputs: usize) -> Self {
        let step = len.div_ceil(if inputs == 0 { 1 } else { inputs });
        Self { next, step }
    }

    /// What a tile that sums over `depth` inputs fetches, and how far it moves on each time.
    pub const fn take(&mut self, depth: usize) -> (*const f32, usize) {
        let from = self.next;
        self.next = from.wrapping_add(depth * self.step);
        (from, self.step)
    }
}

/// The kernels for pixels so many floats apart.
fn tiles_for(kernels: &Kernels, step: usize) -> &'static [&'static [TileKernel]] {
    let known = STEPS.iter().position(|known| *known == step);
    kernels.tiles[known.unwrap_or(STEPS.len())]
}
