//! Convolution as an implicit matrix product: pixels by output channels, summed over the window.

use std::ops::Range;

use rayon::prelude::*;

use super::activate::Finish;
use super::buffer::Buffer;
use super::kernels::{Kernels, STEPS, TileKernel};
use super::layout::{BLOCK, Layout};
use super::tile::{Chunk, Second, Tile};
use crate::backbone::network::{Convolution, Window};
use crate::backbone::parameters::Folded;

/// A convolution's weights in the order in which the kernel reads them.
pub struct Direct {
    /// Kernel, stride, padding.
    pub window: Window,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Channels per cell of the input: [`BLOCK`], or 1 for pixels.
    pub lanes: usize,
    /// `[block of outputs][depth][16]`.
    weights: Buffer,
    /// `[outputs]`, zeros behind.
    bias: Buffer,
    /// The activation.
    pub finish: Finish,
}

/// Pixels of one row of output, or of two narrow ones, and what they are made of.
#[derive(Clone, Copy)]
pub struct Row {
    /// The first pixel's window.
    pub input: *const f32,
    /// Floats from a pixel's window to the next one's.
    pub step: usize,
    /// Pixels.
    pub width: usize,
    /// The first pixel of the first block of the output.
    pub output: *mut f32,
    /// Floats from a block of the output to the next.
    pub output_block: usize,
    /// The first pixel of the first block of the residual, or null.
    pub residual: *const f32,
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

impl Direct {
    /// Packs `folded`. The input has `lanes` channels per cell. Groups are laid out as one dense
    /// convolution whose other weights are zero.
    pub fn pack(convolution: &Convolution, folded: &Folded, lanes: usize) -> Self {
        let Convolution {
            inputs,
            outputs,
            window,
            groups,
            ..
        } = *convolution;
        let mut direct = Self {
            window,
            inputs,
            outputs,
            lanes,
            weights: Buffer::new(0),
            bias: Buffer::new(outputs.next_multiple_of(BLOCK)),
            finish: convolution.activation.into(),
        };
        direct.bias.as_mut_slice()[..outputs].copy_from_slice(&folded.bias);
        let mut weights = Buffer::new(direct.len());
        weights
            .as_mut_slice()
            .par_chunks_exact_mut(direct.depth() * BLOCK)
            .enumerate()
            .for_each(|(block, packed)| direct.pack_block(groups, folded, block, packed));
        direct.weights = weights;
        direct
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
        for first in (0..group_inputs).step_by(BLOCK) {
            let inputs = first..(first + BLOCK).min(group_inputs);
            for output in outputs.clone() {
                let start = output / group_outputs * group_inputs;
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
    pub const fn len(&self) -> usize {
        self.blocks() * self.depth() * BLOCK
    }

    /// Blocks of output channels.
    pub const fn blocks(&self) -> usize {
        self.outputs.div_ceil(BLOCK)
    }

    /// Products summed for an output, zeros that fill up blocks among them.
    pub const fn depth(&self) -> usize {
        let kernel = self.window.kernel;
        if kernel == 1 || self.lanes == 1 {
            self.inputs * kernel * kernel
        } else {
            self.inputs.next_multiple_of(BLOCK) * kernel * kernel
        }
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

    /// The weight of `input` at `tap` for a block of outputs: sixteen floats.
    pub fn weights_of(&self, block: usize, input: usize, tap: usize) -> &[f32; BLOCK] {
        let (weights, _) = self.weights.as_slice().as_chunks();
        &weights[block * self.depth() + self.place(input, tap)]
    }

    /// Sixteen biases of a block of outputs, and those behind.
    pub fn bias(&self, block: usize) -> *const f32 {
        self.bias.as_slice()[block * BLOCK..].as_ptr()
    }

    /// What is summed over in a window of a map laid out so.
    pub fn chunks(&self, row: usize, block: usize) -> Vec<Chunk> {
        let kernel = self.window.kernel;
        let mut chunks = Vec::new();
        for index in 0..self.inputs.div_ceil(self.lanes) {
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
        rows: impl Iterator<Item = Row> + Clone,
        blocks: Range<usize>,
    ) {
        let Some(step) = rows.clone().next().map(|row| row.step) else {
            return;
        };
        let tiles = tiles_for(kernels, step);
        let mut block = blocks.start;
        while block < blocks.end {
            let wide = (blocks.end - block).min(tiles.len());
            let next = block + wide..(block + 2 * wide).min(blocks.end);
            let pixels = tiles[wide - 1].len();
            let count = rows.clone().map(|row| row.tiles(pixels)).sum();
            let mut ahead = self.weights_ahead(next, count);
            for row in rows.clone() {
                // SAFETY: the caller's promise, for these blocks.
                unsafe { self.panel(tiles[wide - 1], chunks, &row, block, &mut ahead) };
            }
            block += wide;
        }
    }

    /// The weights of `blocks`, to be fetched while those before them are in use.
    fn weights_ahead(&self, blocks: Range<usize>, tiles: usize) -> Ahead {
        let block = self.depth() * BLOCK;
        let next = self.weights.as_ptr().wrapping_add(blocks.start * block);
        Ahead::new(next, blocks.len() * block, tiles * self.depth())
    }

    /// # Safety
    /// As [`Direct::run`].
    unsafe fn panel(
        &self,
        kernels: &[TileKernel],
        chunks: &[Chunk],
        row: &Row,
        block: usize,
        ahead: &mut Ahead,
    ) {
        let depth = self.depth();
        let tiles = row.tiles(kernels.len());
        for index in 0..tiles {
            let (start, end) = (index * row.width / tiles, (index + 1) * row.width / tiles);
            let residual = if row.residual.is_null() {
                row.residual
            } else {
                row.residual
                    .wrapping_add(block * row.residual_block + start * BLOCK)
            };
            let (ahead, ahead_step) = ahead.take(depth);
            let (pixels, second) = match row.twin {
                Some(twin) => (2 * row.width, twin),
                None => (end - start, Second::in_row(end - start, row.step)),
            };
            // SAFETY: pixels and blocks lie within what the caller vouches for.
            unsafe {
                let tile = Tile {
                    chunks,
                    input: row.input.add(start * row.step),
                    step: row.step,
                    second,
                    weights: self.weights.as_ptr().add(block * depth * BLOCK),
                    weights_block: depth * BLOCK,
                    bias: self.bias(block),
                    output: row
                        .output
                        .wrapping_add(block * row.output_block + start * BLOCK),
                    output_block: row.output_block,
                    residual,
                    residual_block: row.residual_block,
                    finish: self.finish,
                    ahead,
                    ahead_step,
                };
                kernels[pixels - 1](&tile);
            }
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
