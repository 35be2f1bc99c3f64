//! A convolution of a whole map by its definition, in bands that stay in the cache.

use std::ops::Range;

mod packed;
mod transformed;

use std::sync::Arc;

use self::packed::most_pixels;
pub use self::packed::{Ahead, Packed, Row};
pub use self::transformed::{PAIR, Transformed, VALUES};
use super::elementwise::{Norm, cells_of, runs};
use super::layout::Layout;
use super::map::{Map, Operands};
use super::memory::Pictures;
use super::team::Member;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::{Cells, Chunk, Kernels, Second};
use crate::network::Window;

/// Bytes of input that are read again for every panel of weights: they are to stay in a core's
/// second cache.
const BAND_BYTES: usize = 256 << 10;
/// Blocks of output channels that are one job at the least.
const PANEL: usize = 2;
/// Jobs for each member of a team, so that they end together.
const JOBS_EACH: usize = 4;

/// A convolution of maps of one size.
pub struct Conv {
    packed: Arc<Packed>,
    /// What is done before to the cells of a pointwise convolution's input: a band of them is copied
    /// while it is read for the first time.
    prepare: Option<Arc<Norm>>,
    chunks: Vec<Chunk>,
    /// Whether the maps are read as one long row.
    is_flat: bool,
    /// Pixels in a row of output.
    width: usize,
    rows: usize,
    /// Rows, or pixels of the one row, that are one job.
    band: usize,
    /// Blocks of output channels that are one job.
    group: usize,
    before: (usize, usize),
    /// Floats of a block of a band that is prepared; 0 where none is.
    prepared_block: usize,
    input_blocks: usize,
}

impl Conv {
    /// For maps laid out so, on a team of `members`.
    pub fn plan(
        packed: Arc<Packed>,
        prepare: Option<Arc<Norm>>,
        layouts: &Operands<Layout>,
        members: usize,
    ) -> Self {
        let (input, output) = (layouts.input, layouts.output);
        let window = packed.window;
        let is_prepared = prepare.is_some();
        let is_flat = window.kernel == 1
            && window.stride == 1
            && input.lanes == BLOCK
            && (is_prepared || input.is_one_row())
            && output.is_one_row()
            && layouts.second.is_none_or(|layout| layout.is_one_row());
        let (rows, width) = if is_flat {
            (1, output.height * output.width)
        } else {
            (output.height, output.width)
        };
        // In the one row a unit is a pixel, else a row.
        let (units, unit) = if is_flat { (width, 1) } else { (rows, width) };
        let bytes = packed.reach() * window.stride * window.stride * size_of::<f32>();
        let fit = (BAND_BYTES / (bytes * unit)).max(if is_flat { 4 * BLOCK } else { 1 });
        let mut bands = units.div_ceil(fit);
        let panels = packed.blocks().div_ceil(PANEL);
        let mut groups = 1;
        if members > 1 {
            let jobs = JOBS_EACH * members;
            // Each group prepares the band for itself.
            let most = if is_prepared {
                panels.div_ceil(4)
            } else {
                panels
            };
            groups = jobs.div_ceil(bands).min(most);
            bands = bands.max((jobs / groups).min(units.div_ceil(if is_flat { 28 } else { 1 })));
        }
        let band = units.div_ceil(bands);
        let prepared_block = if is_prepared { band * unit * BLOCK } else { 0 };
        Self {
            chunks: if is_prepared {
                packed.chunks(0, prepared_block)
            } else {
                packed.chunks_in(&input)
            },
            is_flat,
            width,
            rows,
            band,
            group: panels.div_ceil(groups) * PANEL,
            before: before(&window, &input),
            prepared_block,
            input_blocks: input.blocks(),
            packed,
            prepare,
        }
    }

    /// Floats of working memory that each thread needs for each picture.
    pub const fn scratch(&self) -> usize {
        self.prepared_block * self.input_blocks
    }

    /// The convolution's weights.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// What is done before, if something is.
    pub fn prepare(&self) -> Option<&Norm> {
        self.prepare.as_deref()
    }

    /// Runs it with the other members of the team, on several pictures at once: the weights are read
    /// once for all of them.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; [`bounds`](super::bounds) holds for the pictures'
    /// maps, and no one else uses them.
    pub unsafe fn run(&self, kernels: &Kernels, pictures: &Pictures, member: &Member) {
        let packed = &self.packed;
        let units = if self.is_flat { self.width } else { self.rows };
        let (bands, groups) = (
            units.div_ceil(self.band),
            packed.blocks().div_ceil(self.group),
        );
        let maps = pictures.maps().map(|(maps, memory)| Maps {
            maps,
            prepared: memory.scratch(member.index),
        });
        member.share(bands * groups, |job| {
            let (band, group) = (job % bands, job / bands);
            let units = band * self.band..((band + 1) * self.band).min(units);
            let blocks = group * self.group..((group + 1) * self.group).min(packed.blocks());
            // SAFETY: no two jobs share a pixel and a block, and a member does one at a time; that
            // all of them lie within the maps is proven in `bounds`.
            unsafe {
                if let Some(norm) = &self.prepare {
                    maps.clone()
                        .for_each(|maps| self.prepare_band(kernels, norm, &maps, &units));
                }
                if self.is_flat {
                    let rows = maps.clone().map(|maps| self.pixels(&maps, &units));
                    packed.run(kernels, &self.chunks, &rows, blocks);
                } else {
                    let pairs = 2 * self.width <= most_pixels(kernels);
                    let end = units.end;
                    let rows = maps.clone().flat_map(|maps| {
                        let starts = units.clone().step_by(if pairs { 2 } else { 1 });
                        let first = units.start;
                        starts.map(move |row| Row {
                            twin: (pairs && row + 1 < end).then(|| self.next_row(&maps)),
                            ..self.row(&maps, row, first)
                        })
                    });
                    packed.run(kernels, &self.chunks, &rows, blocks);
                }
            }
        });
    }

    /// Prepares the input of some pixels or rows.
    ///
    /// # Safety
    /// As [`Conv::run`].
    unsafe fn prepare_band(
        &self,
        kernels: &Kernels,
        norm: &Norm,
        Maps { maps, prepared }: &Maps,
        units: &Range<usize>,
    ) {
        let Layout { width, .. } = maps.input.layout;
        let unit = if self.is_flat { 1 } else { self.width };
        let cells = units.start * unit..units.end * unit;
        for run in runs(cells.clone(), width, maps.input.layout.is_one_row()) {
            let from = cells_of(&maps.input, (run.start / width, run.start % width));
            let to = Cells {
                first: prepared.plus((run.start - cells.start) * BLOCK),
                block: self.prepared_block,
            };
            // SAFETY: the input has these cells, and there is room for a band of them: `bounds`.
            unsafe { norm.run(kernels, from, run.len(), to, maps.factors.as_ref()) };
        }
    }

    /// Some pixels of a map that is read as one row.
    fn pixels(&self, maps: &Maps, pixels: &Range<usize>) -> Row {
        let row = self.row(maps, 0, 0);
        let start = pixels.start * BLOCK;
        Row {
            width: pixels.len(),
            input: match self.prepared_block {
                0 => row.input.plus(start),
                _ => row.input,
            },
            output: row.output.plus(start),
            residual: if row.residual.is_nowhere() {
                row.residual
            } else {
                row.residual.plus(start)
            },
            ..row
        }
    }

    /// A row of a band that begins at row `first`.
    fn row(&self, Maps { maps, prepared }: &Maps, row: usize, first: usize) -> Row {
        let stride = self.packed.window.stride;
        let residual = maps.second.as_ref();
        let (input, input_block) = match self.prepared_block {
            0 => (
                maps.input.window((row, 0), stride, self.before),
                maps.input.layout.block(),
            ),
            block => (prepared.plus((row - first) * self.width * BLOCK), block),
        };
        Row {
            input,
            input_block,
            step: stride * maps.input.layout.lanes,
            width: self.width,
            output: maps.output.cell(0, row, 0),
            output_block: maps.output.layout.block(),
            residual: residual.map_or(Floats::NOWHERE, |map| map.cell(0, row, 0)),
            residual_block: residual.map_or(0, |map| map.layout.block()),
            twin: None,
        }
    }

    /// Where the next row of output and of what it is made begins, from a row.
    fn next_row(&self, Maps { maps, .. }: &Maps) -> Second {
        Second {
            input: match self.prepared_block {
                0 => self.packed.window.stride * maps.input.layout.row(),
                _ => self.width * BLOCK,
            },
            output: maps.output.layout.row(),
            residual: maps.second.as_ref().map_or(0, |map| map.layout.row()),
        }
    }
}

/// What it is run on.
#[derive(Clone, Copy)]
struct Maps {
    maps: Operands<Map>,
    /// Where a job's part of the input is prepared, if it is.
    prepared: Floats,
}

/// Rows and columns that a window begins before a map.
pub fn before(window: &Window, input: &Layout) -> (usize, usize) {
    (window.around(input.height).0, window.around(input.width).0)
}
