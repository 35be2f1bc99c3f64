//! 3×3 convolution at stride 1 by Winograd's method: tiles of the input are transformed, every
//! transformed value is a matrix product of its own, and the sums are transformed back.
//!
//! Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016. With tiles of 4×4
//! outputs a quarter of the products remains; rounding errors grow to about 1e-6 of the largest
//! value for each layer.

use std::ops::Range;
use std::sync::Arc;

use super::conv::{Ahead, PAIR, Packed, Transformed, VALUES, before};
use super::layout::{Halo, Layout};
use super::map::{Map, Operands};
use super::memory::Pictures;
use super::team::Member;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::{CELLS, Chunk, Finish, Gathered, Kernels, STEPS, Scattered, Second, Tile};
use crate::network::Window;

/// Bytes that the transformed input of a few tiles may take, and the sums of a group of channels:
/// both are to stay in a core's second cache.
const HELD_BYTES: usize = 512 << 10;
/// At least so many tiles are transformed together, so that the weights are not read too often.
const FEWEST_TILES: usize = 48;

/// The halo that the tiles of a map reach into: the window's, and what the last tiles have left
/// over.
pub fn halo(window: &Window, height: usize, width: usize) -> Halo {
    let (top, _) = window.around(height);
    let (left, _) = window.around(width);
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

/// A convolution by this method, of maps of one size.
pub struct Winograd {
    packed: Arc<Packed>,
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

impl Winograd {
    /// For outputs of `height` × `width` of as many `pictures` at once, on a team of `members`.
    pub fn plan(
        packed: Arc<Packed>,
        &Layout { height, width, .. }: &Layout,
        members: usize,
        pictures: usize,
    ) -> Self {
        // Here rather than in the first picture, where the other threads would wait.
        packed.transformed();
        let across = width.div_ceil(CELLS);
        let tiles = across * height.div_ceil(CELLS);
        let all = pictures * tiles;
        let inputs = packed.inputs.div_ceil(BLOCK);
        let outputs = packed.blocks();
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
            packed,
        }
    }

    /// The convolution's weights.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// Whether the working memory of a thread has room for so many pictures' tiles, and the weights
    /// are as many as are read.
    pub fn fits(&self, pictures: usize) -> bool {
        let parts = (self.tiles * pictures).div_ceil(self.held);
        let pairs = self.outputs.div_ceil(PAIR);
        let weights = pairs * PAIR * VALUES * self.inputs * BLOCK * BLOCK;
        let groups = self.outputs.div_ceil(self.group);
        let is_paired = self.group.is_multiple_of(PAIR) || groups == 1;
        parts >= 1
            && is_paired
            && self.packed.transformed().len() >= weights
            && self.outputs == self.packed.blocks()
            && self.inputs == self.packed.inputs.div_ceil(BLOCK)
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
    /// The machine has the kernels' instructions; [`bounds`](super::bounds) holds for the pictures'
    /// maps, and no one else uses them.
    pub unsafe fn run(&self, kernels: &Kernels, pictures: &Pictures, member: &Member) {
        let gathered_len = self.gathered_len();
        let sums_len = self.scratch() - gathered_len;
        let mine = pictures.scratch(member.index);
        let mine = TileRunner {
            plan: self,
            kernels,
            transformed: self.packed.transformed(),
            pictures,
            gathered: mine.within(gathered_len),
            sums: mine.plus(gathered_len).within(sums_len),
        };
        let groups = self.outputs.div_ceil(self.group);
        let tiles = self.tiles * pictures.count();
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
                let all = TileRunner {
                    gathered: pictures.scratch(0).within(gathered_len),
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
struct TileRunner<'a> {
    plan: &'a Winograd,
    kernels: &'a Kernels,
    transformed: &'a Transformed,
    pictures: &'a Pictures<'a>,
    gathered: Floats,
    sums: Floats,
}

impl TileRunner<'_> {
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
    ) -> impl Iterator<Item = (Operands<Map>, impl Iterator<Item = (usize, usize)>)> {
        let (first, end, each) = (tiles.start, tiles.end, self.plan.tiles);
        self.pictures
            .maps()
            .enumerate()
            .map(move |(index, (maps, _))| {
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
            for (Operands { input, .. }, tiles) in self.pictures(tiles) {
                let before = before(&plan.packed.window, &input.layout);
                for (tile, place) in tiles {
                    let from = input.window(self.place(tile), 1, before);
                    let to = block * plan.held + place;
                    let gathered = Gathered {
                        input: from.plus(block * input.layout.block()),
                        row: input.layout.row(),
                        output: self.gathered.plus(to * BLOCK),
                        step: plan.inputs * plan.held * BLOCK,
                    };
                    // SAFETY: the halo holds what a tile reaches over, the working memory the
                    // result: `bounds`.
                    unsafe { (self.kernels.gather)(&gathered) };
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
                    unsafe { self.scatter(&maps, tile, block, self.sums.plus(from * BLOCK)) };
                }
            }
        }
    }

    /// One transformed value's matrix product.
    unsafe fn products(&self, value: usize, tiles: usize, blocks: &Range<usize>) {
        static ZEROS: [f32; 4 * BLOCK] = [0.0; 4 * BLOCK];
        let plan = self.plan;
        let kernels = self.kernels.tiles[0];
        const { assert!(STEPS[0] == BLOCK) };
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
            let mut ahead = Ahead::new(next.as_ptr(), wide * depth * BLOCK, rows * depth);
            for row in 0..rows {
                let (start, end) = (row * tiles / rows, (row + 1) * tiles / rows);
                let (ahead, ahead_step) = ahead.take(depth);
                let to = (value * plan.group + block - blocks.start) * plan.held + start;
                let from = value * plan.inputs * plan.held + start;
                let tile = Tile {
                    chunks: &plan.chunks,
                    input: self.gathered.plus(from * BLOCK),
                    step: BLOCK,
                    second: Second::in_row(end - start, BLOCK),
                    weights: self.weights(value, block),
                    weights_block: depth * BLOCK,
                    bias: Floats::of(&ZEROS),
                    output: self.sums.plus(to * BLOCK),
                    output_block: plan.held * BLOCK,
                    residual: Floats::NOWHERE,
                    residual_block: 0,
                    finish: Finish::NOTHING,
                    ahead,
                    ahead_step,
                };
                // SAFETY: tiles and blocks lie within the working memory and the weights: `bounds`.
                unsafe { kernels[end - start - 1](&tile) };
            }
            block += wide;
        }
    }

    fn weights(&self, value: usize, block: usize) -> Floats {
        let depth = self.plan.inputs * BLOCK;
        self.transformed.weights(value, block, depth)
    }

    /// Transforms the sums of a tile back; of one that reaches over the edge only what lies inside
    /// is written.
    unsafe fn scatter(&self, maps: &Operands<Map>, tile: usize, block: usize, sums: Floats) {
        const ROW: usize = CELLS * BLOCK;
        let (row, column) = self.place(tile);
        let output = &maps.output;
        let Layout { height, width, .. } = output.layout;
        let at = |map: &Map| (map.cell(block, row, column), map.layout.row());
        let (to, to_row) = at(output);
        let residual = maps.second.as_ref().map(at);
        let mut scattered = Scattered {
            input: sums,
            step: self.plan.group * self.plan.held * BLOCK,
            bias: self.plan.packed.bias(block),
            output: to,
            row: to_row,
            residual,
            finish: self.plan.packed.finish,
        };
        let (rows, columns) = ((height - row).min(CELLS), (width - column).min(CELLS));
        // SAFETY: a whole tile lies within the maps; of another one, only its rows and columns are
        // copied from and to the maps.
        unsafe {
            if rows == CELLS && columns == CELLS {
                (self.kernels.scatter)(&scattered);
                return;
            }
            let mut whole = [0.0f32; CELLS * ROW];
            let mut added = [0.0f32; CELLS * ROW];
            if let Some((cell, pitch)) = residual {
                let added = Floats::of_mut(&mut added);
                for y in 0..rows {
                    let row = added.plus(y * ROW);
                    row.copy_from(cell.plus(y * pitch), columns * BLOCK);
                }
                scattered.residual = Some((added, ROW));
            }
            let whole = Floats::of_mut(&mut whole);
            scattered.output = whole;
            scattered.row = ROW;
            (self.kernels.scatter)(&scattered);
            for y in 0..rows {
                let row = whole.plus(y * ROW);
                to.plus(y * to_row).copy_from(row, columns * BLOCK);
            }
        }
    }
}
