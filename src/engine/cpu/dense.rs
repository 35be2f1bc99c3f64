//! A convolution of a whole map by its definition, in bands that stay in the cache.

use std::ops::Range;

use super::conv::{Direct, Row, most_pixels};
use super::elementwise::{Cells, Elementwise, Norm, cells_of, runs};
use super::kernels::Kernels;
use super::layout::{BLOCK, Layout};
use super::lowering::before;
use super::map::Map;
use super::team::Member;
use super::tile::{Chunk, Second};

/// Bytes of input that are read again for every panel of weights: they are to stay in a core's
/// second cache.
const BAND_BYTES: usize = 256 << 10;
/// Blocks of output channels that are one job at the least.
const PANEL: usize = 2;
/// Jobs for each member of a team, so that they end together.
const JOBS_EACH: usize = 4;

/// What it is run on.
#[derive(Clone, Copy)]
pub struct Maps {
    /// The input.
    pub input: Map,
    /// The result.
    pub output: Map,
    /// Added to the result before its activation.
    pub residual: Option<Map>,
    /// What the channels of the input are multiplied by, if they are.
    pub factors: Option<Map>,
    /// Where a job's part of the input is prepared, if it is.
    pub prepared: *mut f32,
}

/// What is run.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// The convolution.
    pub direct: &'a Direct,
    /// What is done before to the cells of a pointwise convolution's input: a band of them is copied
    /// while it is read for the first time.
    pub prepare: Option<&'a Norm>,
}

/// How it is run on maps of one size.
pub struct Dense {
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

impl Dense {
    /// For maps laid out so, on a team of `members`.
    pub fn plan(
        layer: &Layer,
        input: &Layout,
        output: &Layout,
        residual: Option<&Layout>,
        members: usize,
    ) -> Self {
        let direct = layer.direct;
        let window = direct.window;
        let is_prepared = layer.prepare.is_some();
        let is_flat = window.kernel == 1
            && window.stride == 1
            && input.lanes == BLOCK
            && (is_prepared || input.is_one_row())
            && output.is_one_row()
            && residual.is_none_or(Layout::is_one_row);
        let (rows, width) = if is_flat {
            (1, output.height * output.width)
        } else {
            (output.height, output.width)
        };
        // In the one row a unit is a pixel, else a row.
        let (units, unit) = if is_flat { (width, 1) } else { (rows, width) };
        let bytes = direct.reach() * window.stride * window.stride * size_of::<f32>();
        let fit = (BAND_BYTES / (bytes * unit)).max(if is_flat { 4 * BLOCK } else { 1 });
        let mut bands = units.div_ceil(fit);
        let panels = direct.blocks().div_ceil(PANEL);
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
            chunks: match is_prepared {
                true => direct.chunks(0, prepared_block),
                false => direct.chunks_in(input),
            },
            is_flat,
            width,
            rows,
            band,
            group: panels.div_ceil(groups) * PANEL,
            before: before(&window, input.height, input.width),
            prepared_block,
            input_blocks: input.blocks(),
        }
    }

    /// Floats of working memory that each thread needs for each picture.
    pub const fn scratch(&self) -> usize {
        self.prepared_block * self.input_blocks
    }

    /// Runs it with the other members of the team, on several pictures at once: the weights are read
    /// once for all of them.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; the maps have the layouts that the plan was made
    /// for, with the halo that the window needs, and no one else uses them.
    pub unsafe fn run(
        &self,
        kernels: &Kernels,
        layer: &Layer,
        maps: &(impl Iterator<Item = Maps> + Clone),
        member: &Member,
    ) {
        let direct = layer.direct;
        let units = if self.is_flat { self.width } else { self.rows };
        let (bands, groups) = (
            units.div_ceil(self.band),
            direct.blocks().div_ceil(self.group),
        );
        member.share(bands * groups, |job| {
            let (band, group) = (job % bands, job / bands);
            let units = band * self.band..((band + 1) * self.band).min(units);
            let blocks = group * self.group..((group + 1) * self.group).min(direct.blocks());
            // SAFETY: no two jobs share a pixel and a block, and a member does one at a time.
            unsafe {
                if let Some(norm) = layer.prepare {
                    maps.clone()
                        .for_each(|maps| self.prepare(kernels, norm, &maps, &units));
                }
                if self.is_flat {
                    let rows = maps.clone().map(|maps| self.pixels(direct, &maps, &units));
                    direct.run(kernels, &self.chunks, rows, blocks);
                } else {
                    let pairs = 2 * self.width <= most_pixels(kernels);
                    let end = units.end;
                    let rows = maps.clone().flat_map(|maps| {
                        let starts = units.clone().step_by(if pairs { 2 } else { 1 });
                        let first = units.start;
                        starts.map(move |row| Row {
                            twin: (pairs && row + 1 < end).then(|| self.next_row(direct, &maps)),
                            ..self.row(direct, &maps, row, first)
                        })
                    });
                    direct.run(kernels, &self.chunks, rows, blocks);
                }
            }
        });
    }

    /// Prepares the input of some pixels or rows.
    ///
    /// # Safety
    /// As [`Dense::run`].
    unsafe fn prepare(&self, kernels: &Kernels, norm: &Norm, maps: &Maps, units: &Range<usize>) {
        let Layout { width, .. } = maps.input.layout;
        let unit = if self.is_flat { 1 } else { self.width };
        let cells = units.start * unit..units.end * unit;
        let factors = maps.factors;
        let elementwise = Elementwise { norm, factors };
        for run in runs(cells.clone(), width, maps.input.layout.is_one_row()) {
            // SAFETY: the input has these cells, and there is room for a band of them.
            unsafe {
                let from = cells_of(&maps.input, (run.start / width, run.start % width));
                let to = Cells {
                    first: maps.prepared.add((run.start - cells.start) * BLOCK),
                    block: self.prepared_block,
                };
                elementwise.run(kernels, from, run.len(), to);
            }
        }
    }

    /// Some pixels of a map that is read as one row.
    ///
    /// # Safety
    /// As [`Dense::run`].
    unsafe fn pixels(&self, direct: &Direct, maps: &Maps, pixels: &Range<usize>) -> Row {
        // SAFETY: the caller's promise.
        let row = unsafe { self.row(direct, maps, 0, 0) };
        let start = pixels.start * BLOCK;
        Row {
            width: pixels.len(),
            input: match self.prepared_block {
                0 => row.input.wrapping_add(start),
                _ => row.input,
            },
            output: row.output.wrapping_add(start),
            residual: if row.residual.is_null() {
                row.residual
            } else {
                row.residual.wrapping_add(start)
            },
            ..row
        }
    }

    /// A row of a band that begins at row `first`.
    ///
    /// # Safety
    /// As [`Dense::run`]; the maps have such a row.
    unsafe fn row(&self, direct: &Direct, maps: &Maps, row: usize, first: usize) -> Row {
        let stride = direct.window.stride;
        let residual = maps.residual.as_ref();
        // SAFETY: the caller's promise.
        unsafe {
            let (input, input_block) = match self.prepared_block {
                0 => (
                    maps.input.window((row, 0), stride, self.before),
                    maps.input.layout.block(),
                ),
                block => {
                    let start = (row - first) * self.width * BLOCK;
                    (maps.prepared.wrapping_add(start).cast_const(), block)
                }
            };
            Row {
                input,
                input_block,
                step: stride * maps.input.layout.lanes,
                width: self.width,
                output: maps.output.cell(row, 0),
                output_block: maps.output.layout.block(),
                residual: residual.map_or(std::ptr::null(), |map| map.cell(row, 0).cast_const()),
                residual_block: residual.map_or(0, |map| map.layout.block()),
                twin: None,
            }
        }
    }

    /// Where the next row of output and of what it is made begins, from a row.
    fn next_row(&self, direct: &Direct, maps: &Maps) -> Second {
        Second {
            input: match self.prepared_block {
                0 => direct.window.stride * maps.input.layout.row(),
                _ => self.width * BLOCK,
            },
            output: maps.output.layout.row(),
            residual: maps.residual.as_ref().map_or(0, |map| map.layout.row()),
        }
    }
}
