//! 3×3 convolution at stride 1 by Winograd's method: tiles of the input are transformed, every
//! transformed value is a matrix product of its own, and the sums are transformed back.
//!
//! Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016. With tiles of 4×4
//! outputs a quarter of the products remains; rounding errors grow to about 1e-6 of the largest
//! value for each layer.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::conv::{Ahead, Direct};
use super::epilogue::Finish;
use super::kernels::{Kernels, STEPS};
use super::layout::{BLOCK, Halo, Layout, around};
use super::lowering::before;
use super::map::Map;
use super::team::Member;
use super::tile::{Chunk, Second, Tile};
use super::transform::{CELLS, Gathered, SIDE, Scattered};
use crate::network::Window;

/// Values of a transformed tile.
const VALUES: usize = SIDE * SIDE;
/// Blocks of output channels whose weights lie together: as wide as the widest tile.
const PAIR: usize = 2;
/// Bytes that the transformed input of a few tiles may take, and the sums of a group of channels:
/// both are to stay in a core's second cache.
const HELD_BYTES: usize = 512 << 10;
/// At least so many tiles are transformed together, so that the weights are not read too often.
const FEWEST_TILES: usize = 48;

/// The transformed weights of a convolution.
pub struct Transformed {
    /// `[pair of blocks of outputs][value][block][inputs][16]`: what is read together lies together.
    weights: Buffer,
}

impl Transformed {
    /// Transforms the weights of a 3×3 convolution.
    pub fn new(direct: &Direct) -> Self {
        let depth = direct.inputs.next_multiple_of(BLOCK);
        let pair = PAIR * VALUES * depth * BLOCK;
        let mut weights = Buffer::new(direct.blocks().div_ceil(PAIR) * pair);
        let pairs = weights.as_mut_slice().par_chunks_exact_mut(pair);
        pairs.enumerate().for_each(|(pair, transformed)| {
            let blocks = pair * PAIR..((pair + 1) * PAIR).min(direct.blocks());
            for (index, block) in blocks.enumerate() {
                for input in 0..direct.inputs {
                    transform(direct, block, input, |value, sixteen| {
                        let place = ((value * PAIR + index) * depth + input) * BLOCK;
                        transformed[place..place + BLOCK].copy_from_slice(sixteen);
                    });
                }
            }
        });
        Self { weights }
    }
}

/// Sixteen numbers, one for each output of a block.
type Sixteen = [f32; BLOCK];

/// G·g·Gᵀ for the sixteen kernels between one input and a block of outputs.
fn transform(direct: &Direct, block: usize, input: usize, mut put: impl FnMut(usize, &Sixteen)) {
    let columns = [0, 1, 2].map(|column| {
        to_values([0, 3, 6].map(|row| direct.weights_of(block, input, row + column)))
    });
    for row in 0..SIDE {
        let halves = columns.each_ref().map(|values| &values[row]);
        for (column, sums) in to_values(halves).iter().enumerate() {
            put(row * SIDE + column, sums);
        }
    }
}

/// G·g. What its rows have in common is computed once.
#[inline(always)]
fn to_values(taps: [&Sixteen; 3]) -> [Sixteen; SIDE] {
    let mut values = [[0.0; BLOCK]; SIDE];
    for lane in 0..BLOCK {
        let [first, second, third] = taps.map(|tap| tap[lane]);
        let (even, odd) = ((first + third) * (-1.0 / 6.0), second * (-1.0 / 6.0));
        let (far, far_odd) = (
            first * (1.0 / 24.0) + third * (1.0 / 6.0),
            second * (1.0 / 12.0),
        );
        values[0][lane] = first * 0.25;
        values[1][lane] = even + odd;
        values[2][lane] = even - odd;
        values[3][lane] = far + far_odd;
        values[4][lane] = far - far_odd;
        values[5][lane] = third;
    }
    values
}

/// The halo that the tiles of a map reach into: the window's, and what the last tiles have left
/// over.
pub fn halo(window: &Window, height: usize, width: usize) -> Halo {
    let (top, _) = around(window, height);
    let (left, _) = around(window, width);
    let reach = |size, before| {
        let (_, cells) = window.place(size);
        (cells.next_multiple_of(CELLS) + 2).saturating_sub(size + before)
    };
    Halo {
        top,
        bottom: reach(height, top),
        left,
        right: reach(width, left),
    }
}

/// How it is run on maps of one size.
pub struct Winograd {
    /// Tiles in a row of a picture's map, and in all of it.
    across: usize,
    tiles: usize,
    /// Tiles transformed together.
    held: usize,
    /// Blocks of output channels summed together.
    group: usize,
    inputs: usize,
    outputs: usize,
    chunks: Vec<Chunk>,
}

/// What it is run on.
#[derive(Clone, Copy)]
pub struct Maps {
    /// The input.
    pub input: Map,
    /// The result.
    pub output: Map,
    /// Added to the result before its activation.
    pub residual: Option<Map>,
}

impl Winograd {
    /// For outputs of `height` × `width` of as many `pictures` at once, on a team of `members`.
    pub fn plan(
        direct: &Direct,
        (height, width): (usize, usize),
        members: usize,
        pictures: usize,
    ) -> Self {
        let across = width.div_ceil(CELLS);
        let tiles = across * height.div_ceil(CELLS);
        let all = pictures * tiles;
        let inputs = direct.inputs.div_ceil(BLOCK);
        let outputs = direct.blocks();
        let bytes = VALUES * BLOCK * size_of::<f32>();
        let most = (HELD_BYTES / (inputs * bytes)).max(FEWEST_TILES);
        let mut parts = all.div_ceil(most);
        if parts > 1 {
            parts = parts.next_multiple_of(members);
        }
        let held = all.div_ceil(parts);
        let most = (HELD_BYTES / (held * bytes)).next_multiple_of(2).max(2);
        let mut groups = outputs.div_ceil(most);
        if parts == 1 {
            groups = groups.max(members).next_multiple_of(members);
        }
        let chunk = |block| Chunk {
            offset: block * held * BLOCK,
            length: BLOCK,
        };
        Self {
            across,
            tiles,
            held,
            group: outputs.div_ceil(groups).next_multiple_of(2).min(outputs),
            inputs,
            outputs,
            chunks: (0..inputs).map(chunk).collect(),
        }
    }

    const fn gathered_len(&self) -> usize {
        VALUES * self.inputs * self.held * BLOCK
    }

    /// Floats of working memory that each thread needs.
    pub const fn scratch(&self) -> usize {
        self.gathered_len() + VALUES * self.group * self.held * BLOCK
    }

    /// Runs it with the other members of the team, on several pictures at once: the weights are read
    /// once for all of their tiles that are held.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; the maps have the layouts that the plan was made
    /// for, the input with a halo as [`halo`] says, and no one else uses them; `scratch` points to
    /// the working memory of every member.
    pub unsafe fn run(
        &self,
        kernels: &Kernels,
        (direct, transformed): (&Direct, &Transformed),
        maps: &(impl Iterator<Item = Maps> + Clone + Sync),
        scratch: &[*mut f32],
        member: &Member,
    ) {
        let mine = Running {
            plan: self,
            kernels,
            direct,
            transformed,
            maps,
            gathered: scratch[member.index],
            sums: scratch[member.index].wrapping_add(self.gathered_len()),
        };
        let groups = self.outputs.div_ceil(self.group);
        let tiles = self.tiles * maps.clone().count();
        let parts = tiles.div_ceil(self.held);
        // SAFETY: every member has its own tiles, or gathers its own channels and then sums its own.
        unsafe {
            if parts > 1 {
                member.share(parts, |part| {
                    let tiles = part * self.held..((part + 1) * self.held).min(tiles);
                    mine.gather(&tiles, 0..self.inputs);
                    for group in 0..groups {
                        mine.multiply(&tiles, group);
                    }
                });
            } else {
                let all = Running {
                    gathered: scratch[0],
                    ..mine
                };
                let tiles = 0..tiles;
                member.share(self.inputs, |block| all.gather(&tiles, block..block + 1));
                member.share(groups, |group| all.multiply(&tiles, group));
            }
        }
    }
}

/// A thread at work.
#[derive(Clone, Copy)]
struct Running<'a, M> {
    plan: &'a Winograd,
    kernels: &'a Kernels,
    direct: &'a Direct,
    transformed: &'a Transformed,
    maps: &'a M,
    gathered: *mut f32,
    sums: *mut f32,
}

impl<M: Iterator<Item = Maps> + Clone> Running<'_, M> {
    /// The first row and column of a tile of the output.
    const fn place(&self, tile: usize) -> (usize, usize) {
        let across = self.plan.across;
        (tile / across * CELLS, tile % across * CELLS)
    }

    /// Of some of the tiles of all pictures, each with its place among them: those of each picture,
    /// counted within it.
    fn pictures(
        &self,
        tiles: &Range<usize>,
    ) -> impl Iterator<Item = (Maps, impl Iterator<Item = (usize, usize)>)> {
        let (first, end, each) = (tiles.start, tiles.end, self.plan.tiles);
        self.maps.clone().enumerate().map(move |(index, maps)| {
            let start = index * each;
            let own = first.max(start)..end.min(start + each);
            (maps, own.map(move |tile| (tile - start, tile - first)))
        })
    }

    /// Transforms tiles of some blocks of the input.
    ///
    /// # Safety
    /// As [`Winograd::run`]; the same holds for what follows.
    unsafe fn gather(&self, tiles: &Range<usize>, blocks: Range<usize>) {
        let plan = self.plan;
        for block in blocks {
            for (Maps { input, .. }, tiles) in self.pictures(tiles) {
                let window = self.direct.window;
                let before = before(&window, input.layout.height, input.layout.width);
                for (tile, place) in tiles {
                    // SAFETY: the halo holds what a tile reaches over, the working memory the result.
                    unsafe {
                        let from = input.window(self.place(tile), 1, before);
                        let to = block * plan.held + place;
                        let gathered = Gathered {
                            input: from.add(block * input.layout.block()),
                            row: input.layout.row(),
                            output: self.gathered.add(to * BLOCK),
                            step: plan.inputs * plan.held * BLOCK,
                        };
                        (self.kernels.gather)(&gathered);
                    }
                }
            }
        }
    }

    /// Sums up a group of output channels, and transforms them back.
    unsafe fn multiply(&self, tiles: &Range<usize>, group: usize) {
        let plan = self.plan;
        let blocks = group * plan.group..((group + 1) * plan.group).min(plan.outputs);
        for value in 0..VALUES {
            // SAFETY: as above.
            unsafe { self.products(value, tiles.len(), &blocks) };
        }
        for block in blocks.clone() {
            for (maps, tiles) in self.pictures(tiles) {
                for (tile, place) in tiles {
                    let from = (block - blocks.start) * plan.held + place;
                    // SAFETY: the sums of this tile are complete.
                    unsafe { self.scatter(&maps, tile, block, self.sums.add(from * BLOCK)) };
                }
            }
        }
    }

    /// One transformed value's matrix product.
    unsafe fn products(&self, value: usize, tiles: usize, blocks: &Range<usize>) {
        static ZEROS: [f32; 4 * BLOCK] = [0.0; 4 * BLOCK];
        let plan = self.plan;
        let kernels = self.kernels.tiles[0];
        debug_assert_eq!(STEPS[0], BLOCK);
        let depth = plan.inputs * BLOCK;
        let mut block = blocks.start;
        while block < blocks.end {
            let wide = (blocks.end - block).min(kernels.len());
            let kernels = kernels[wide - 1];
            let next = if block + wide < blocks.end {
                self.weights(value, block + wide)
            } else {
                self.weights((value + 1) % VALUES, blocks.start)
            };
            let rows = tiles.div_ceil(kernels.len());
            let mut ahead = Ahead::new(next, wide * depth * BLOCK, rows * depth);
            for row in 0..rows {
                let (start, end) = (row * tiles / rows, (row + 1) * tiles / rows);
                let (ahead, ahead_step) = ahead.take(depth);
                // SAFETY: tiles and blocks lie within the working memory and the weights.
                unsafe {
                    let to = (value * plan.group + block - blocks.start) * plan.held + start;
                    let from = value * plan.inputs * plan.held + start;
                    let tile = Tile {
                        chunks: &plan.chunks,
                        input: self.gathered.add(from * BLOCK),
                        step: BLOCK,
                        second: Second::in_row(end - start, BLOCK),
                        weights: self.weights(value, block),
                        weights_block: depth * BLOCK,
                        bias: ZEROS.as_ptr(),
                        output: self.sums.add(to * BLOCK),
                        output_block: plan.held * BLOCK,
                        residual: std::ptr::null(),
                        residual_block: 0,
                        finish: Finish::NOTHING,
                        ahead,
                        ahead_step,
                    };
                    kernels[end - start - 1](&tile);
                }
            }
            block += wide;
        }
    }

    /// The weights of one transformed value for a block of outputs and the other of its pair.
    const fn weights(&self, value: usize, block: usize) -> *const f32 {
        let depth = self.plan.inputs * BLOCK;
        let pair = block / PAIR * VALUES * PAIR + value * PAIR;
        let start = (pair + block % PAIR) * depth * BLOCK;
        self.transformed.weights.as_ptr().wrapping_add(start)
    }

    /// Transforms the sums of a tile back; of one that reaches over the edge only what lies inside
    /// is written.
    unsafe fn scatter(&self, maps: &Maps, tile: usize, block: usize, sums: *const f32) {
        let (row, column) = self.place(tile);
        let output = &maps.output;
        let Layout { height, width, .. } = output.layout;
        let at = |map: &Map| {
            // SAFETY: the tile begins within the map.
            let cell = unsafe { map.cell(row, column).add(block * map.layout.block()) };
            (cell, map.layout.row())
        };
        let (to, to_row) = at(output);
        let residual = maps.residual.as_ref().map(at);
        let mut scattered = Scattered {
            input: sums,
            step: self.plan.group * self.plan.held * BLOCK,
            bias: self.direct.bias(block),
            output: to,
            row: to_row,
            residual: residual.map(|(cell, row)| (cell.cast_const(), row)),
            finish: self.direct.finish,
        };
        let (rows, columns) = ((height - row).min(CELLS), (width - column).min(CELLS));
        // SAFETY: a whole tile lies within the maps; of another one, only its rows and columns are
        // copied from and to the maps.
        unsafe {
            if rows == CELLS && columns == CELLS {
                (self.kernels.scatter)(&scattered);
                return;
            }
            let mut whole = [[0.0f32; CELLS * BLOCK]; CELLS];
            let mut added = [[0.0f32; CELLS * BLOCK]; CELLS];
            if let Some((cell, pitch)) = residual {
                for (y, row) in added.iter_mut().take(rows).enumerate() {
                    let from = cell.add(y * pitch);
                    row.as_mut_ptr()
                        .copy_from_nonoverlapping(from, columns * BLOCK);
                }
                scattered.residual = Some((added.as_ptr().cast(), CELLS * BLOCK));
            }
            scattered.output = whole.as_mut_ptr().cast();
            scattered.row = CELLS * BLOCK;
            (self.kernels.scatter)(&scattered);
            for (y, row) in whole.iter().take(rows).enumerate() {
                to.add(y * to_row)
                    .copy_from_nonoverlapping(row.as_ptr(), columns * BLOCK);
            }
        }
    }
}
