//! A convolution of a whole map by its definition, in bands that stay in the cache.

use std::ops::Range;

use super::direct::{Direct, Row, most_pixels};
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
}

impl Dense {
    /// For maps laid out so, on a team of `members`.
    pub fn plan(
        direct: &Direct,
        input: &Layout,
        output: &Layout,
        residual: Option<&Layout>,
        members: usize,
    ) -> Self {
        let window = direct.window;
        let is_flat = window.kernel == 1
            && window.stride == 1
            && input.lanes == BLOCK
            && [Some(input), Some(output), residual]
                .into_iter()
                .flatten()
                .all(Layout::is_one_row);
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
            groups = jobs.div_ceil(bands).min(panels);
            bands = bands.max((jobs / groups).min(units.div_ceil(if is_flat { 28 } else { 1 })));
        }
        Self {
            chunks: direct.chunks_in(input),
            is_flat,
            width,
            rows,
            band: units.div_ceil(bands),
            group: panels.div_ceil(groups) * PANEL,
            before: before(&window, input.height, input.width),
        }
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
        direct: &Direct,
        maps: &(impl Iterator<Item = Maps> + Clone),
        member: &Member,
    ) {
        let units = if self.is_flat { self.width } else { self.rows };
        let (bands, groups) = (
            units.div_ceil(self.band),
            direct.blocks().div_ceil(self.group),
        );
        member.share(bands * groups, |job| {
            let (band, group) = (job % bands, job / bands);
            let units = band * self.band..((band + 1) * self.band).min(units);
            let blocks = group * self.group..((group + 1) * self.group).min(direct.blocks());
            // SAFETY: no two jobs share a pixel and a block.
            unsafe {
                if self.is_flat {
                    let rows = maps.clone().map(|maps| self.pixels(direct, &maps, &units));
                    direct.run(kernels, &self.chunks, rows, blocks);
                } else {
                    let pairs = 2 * self.width <= most_pixels(kernels);
                    let end = units.end;
                    let rows = maps.clone().flat_map(|maps| {
                        let starts = units.clone().step_by(if pairs { 2 } else { 1 });
                        starts.map(move |row| Row {
                            twin: (pairs && row + 1 < end).then(|| next_row(direct, &maps)),
                            ..self.row(direct, &maps, row)
                        })
                    });
                    direct.run(kernels, &self.chunks, rows, blocks);
                }
            }
        });
    }

    /// Some pixels of a map that is read as one row.
    ///
    /// # Safety
    /// As [`Dense::run`].
    unsafe fn pixels(&self, direct: &Direct, maps: &Maps, pixels: &Range<usize>) -> Row {
        // SAFETY: the caller's promise.
        let row = unsafe { self.row(direct, maps, 0) };
        let start = pixels.start * BLOCK;
        Row {
            width: pixels.len(),
            input: row.input.wrapping_add(start),
            output: row.output.wrapping_add(start),
            residual: if row.residual.is_null() {
                row.residual
            } else {
                row.residual.wrapping_add(start)
            },
            ..row
        }
    }

    /// # Safety
    /// As [`Dense::run`]; the maps have such a row.
    unsafe fn row(&self, direct: &Direct, maps: &Maps, row: usize) -> Row {
        let stride = direct.window.stride;
        let residual = maps.residual.as_ref();
        // SAFETY: the caller's promise.
        unsafe {
            Row {
                input: maps.input.window((row, 0), stride, self.before),
                input_block: maps.input.layout.block(),
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
}

/// Where the next row of output and of what it is made begins, from a row.
fn next_row(direct: &Direct, maps: &Maps) -> Second {
    Second {
        input: direct.window.stride * maps.input.layout.row(),
        output: maps.output.layout.row(),
        residual: maps.residual.as_ref().map_or(0, |map| map.layout.row()),
    }
}
