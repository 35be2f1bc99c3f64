//! Depthwise convolution together with the convolution before it and the pointwise one behind it,
//! the inverted residual of `MobileNet`s: what lies between them is six times as wide as what goes
//! in and out, and never leaves the cache.
//!
//! Rows are made as they are needed. A few channels are expanded and at once convolved, while they
//! are in the innermost cache; the results of a band of rows are collected and projected. Rows that
//! the next band needs too stay in a ring.

use std::ops::Range;
use std::sync::Arc;

use super::conv::{Packed, Row, before};
use super::depthwise::Depthwise;
use super::elementwise::Norm;
use super::layout::{Halo, Layout};
use super::map::{Map, Operands};
use super::memory::Pictures;
use super::team::Member;
use crate::kernels::BLOCK;
use crate::kernels::Floats;
use crate::kernels::{Cells, Chunk, Kernels, Strip};

/// Bytes that a band's maps may take: they are to stay in a core's second cache.
const BAND_BYTES: usize = 640 << 10;
/// Blocks of channels that are expanded and convolved together: as wide as the widest tile.
const GROUP: usize = 2;
/// Rows of output convolved by one call of the kernel.
const STRIP: usize = 8;

/// What it is made of: the convolutions' weights.
#[derive(Clone)]
pub struct Stages {
    /// Makes the rows that are convolved; none if the source holds them.
    pub expand: Option<Arc<Packed>>,
    /// The middle.
    pub depthwise: Arc<Depthwise>,
    /// What is done to each cell of what is convolved.
    pub norm: Option<Arc<Norm>>,
    /// Makes the output of what is convolved; none if that is the output.
    pub project: Option<Arc<Packed>>,
}

/// An inverted residual of maps of one size.
pub struct InvertedResidual {
    stages: Stages,
    /// The map that is convolved, with the halo it needs.
    expanded: Layout,
    /// Rows and columns of the result.
    height: usize,
    width: usize,
    /// Rows of output made at a time.
    band: usize,
    /// Rows of the expanded map that are kept; all blocks of them, unless one band is all.
    ring: usize,
    expand_chunks: Vec<Chunk>,
    project_chunks: Vec<Chunk>,
}

impl InvertedResidual {
    /// Of maps laid out as `source`, which the first of the stages reads.
    pub fn plan(stages: Stages, source: &Layout) -> Self {
        let window = stages.depthwise.window;
        let place = |side| match &stages.expand {
            Some(expand) => expand.window.place(side).1,
            None => side,
        };
        let (height, width) = (place(source.height), place(source.width));
        let expanded = Layout {
            channels: stages.depthwise.channels,
            lanes: BLOCK,
            height,
            width,
            halo: Halo::of(&window, height, width),
        };
        let (_, rows) = window.place(height);
        let (_, columns) = window.place(width);
        let mut plan = Self {
            expanded,
            height: rows,
            width: columns,
            band: rows,
            ring: height,
            expand_chunks: Vec::new(),
            project_chunks: Vec::new(),
            stages,
        };
        if let Some(expand) = &plan.stages.expand {
            plan.expand_chunks = expand.chunks_in(source);
        }
        plan.choose_band();
        if let Some(project) = &plan.stages.project {
            plan.project_chunks = project.chunks(0, plan.collected_block());
        }
        plan
    }

    fn choose_band(&mut self) {
        let window = self.stages.depthwise.window;
        let fits = |plan: &Self| plan.scratch() <= BAND_BYTES / size_of::<f32>();
        while !fits(self) && self.band > 1 {
            self.band -= 1;
            self.ring = ((self.band - 1) * window.stride + window.kernel).min(self.expanded.height);
        }
    }

    const fn is_one_band(&self) -> bool {
        self.band >= self.height
    }

    /// Floats of a block of the ring: its rows, and one of zeros for what lies outside the map.
    const fn ring_block(&self) -> usize {
        (self.ring + 1) * self.expanded.row()
    }

    /// Floats of the ring of one thread.
    fn expanded_len(&self) -> usize {
        let blocks = if self.is_one_band() {
            GROUP
        } else {
            self.stages.depthwise.blocks()
        };
        match self.stages.expand {
            Some(_) => blocks * self.ring_block(),
            None => 0,
        }
    }

    /// Floats of a block of a band's results.
    const fn collected_block(&self) -> usize {
        self.band * self.width * BLOCK
    }

    fn collected_len(&self) -> usize {
        match self.stages.project {
            Some(_) => self.stages.depthwise.blocks() * self.collected_block(),
            None => 0,
        }
    }

    /// Floats of working memory that each thread needs.
    pub fn scratch(&self) -> usize {
        self.expanded_len() + self.collected_len()
    }

    /// What it is made of.
    pub const fn stages(&self) -> &Stages {
        &self.stages
    }

    /// The map between the first stage and the second, which is kept in part.
    pub const fn expanded(&self) -> &Layout {
        &self.expanded
    }

    /// Whether the rows that a band needs are kept as long as it needs them.
    pub fn keeps_what_a_band_needs(&self) -> bool {
        let window = self.stages.depthwise.window;
        let needed = (self.band - 1) * window.stride + window.kernel;
        self.band >= 1 && self.ring >= needed.min(self.expanded.height)
    }

    /// Runs it with the other members of the team.
    ///
    /// # Safety
    /// The machine has the kernels' instructions; [`bounds`](super::bounds) holds for the pictures'
    /// maps, and no one else uses them.
    pub unsafe fn run(&self, kernels: &Kernels, pictures: &Pictures, member: &Member) {
        for (maps, memory) in pictures.maps() {
            let running = |index: usize| {
                let scratch = memory.scratch(index);
                let expanded = self.expanded_len();
                BandRunner {
                    plan: self,
                    kernels,
                    maps,
                    ring: scratch.within(expanded),
                    collected: scratch.plus(expanded).within(self.collected_len()),
                }
            };
            let mine = running(member.index);
            // SAFETY: every member has its own rows, or its own channels and then its own pixels.
            unsafe {
                mine.clear_halo();
                if self.is_one_band() && member.count > 1 {
                    let all = BandRunner {
                        collected: running(0).collected,
                        ..mine
                    };
                    all.by_channels(member);
                } else {
                    member.share(member.count, |part| {
                        let row = |part: usize| part * self.height / member.count;
                        mine.rows(row(part)..row(part + 1));
                    });
                }
            }
        }
    }
}

/// A thread at work.
#[derive(Clone, Copy)]
struct BandRunner<'a> {
    plan: &'a InvertedResidual,
    kernels: &'a Kernels,
    maps: Operands<Map>,
    ring: Floats,
    collected: Floats,
}

impl BandRunner<'_> {
    const fn stages(&self) -> &Stages {
        &self.plan.stages
    }

    /// Zeros around the rows of the ring, and its row of zeros: the memory has had other uses.
    ///
    /// # Safety
    /// As [`InvertedResidual::run`]; the same holds for all that follow.
    unsafe fn clear_halo(&self) {
        let (plan, layout) = (self.plan, self.plan.expanded);
        if self.stages().expand.is_none() {
            return;
        }
        let blocks = plan.expanded_len() / plan.ring_block();
        let (left, right) = (layout.halo.left * BLOCK, layout.halo.right * BLOCK);
        for row in 0..blocks * (plan.ring + 1) {
            let start = self.ring.plus(row * layout.row());
            // SAFETY: the ring has so many rows.
            unsafe {
                if row % (plan.ring + 1) == plan.ring {
                    start.fill_with_zeros(layout.row());
                } else {
                    start.fill_with_zeros(left);
                    start.plus(layout.row() - right).fill_with_zeros(right);
                }
            }
        }
    }

    /// Band by band, all channels.
    unsafe fn rows(&self, rows: Range<usize>) {
        let mut expanded = self.inputs_of(&rows).start;
        let mut start = rows.start;
        while start < rows.end {
            let band = start..(start + self.plan.band).min(rows.end);
            let needed = self.inputs_of(&band);
            let new = expanded.max(needed.start)..needed.end;
            expanded = needed.end;
            let blocks = self.stages().depthwise.blocks();
            for block in (0..blocks).step_by(GROUP) {
                let group = block..(block + GROUP).min(blocks);
                // SAFETY: the caller's promise.
                unsafe { self.group(group, &band, new.clone()) };
            }
            if let Some(project) = &self.stages().project {
                let pixels = 0..band.len() * self.plan.width;
                // SAFETY: the caller's promise; the band's results are complete.
                unsafe {
                    self.normalize(&pixels);
                    self.project(project, band.start, pixels, 0..project.blocks());
                }
            }
            start = band.end;
        }
    }

    /// The one band, each member some of the channels and then some of the pixels.
    unsafe fn by_channels(&self, member: &Member) {
        let band = 0..self.plan.height;
        let needed = self.inputs_of(&band);
        let blocks = self.stages().depthwise.blocks();
        member.share(blocks.div_ceil(GROUP), |group| {
            let group = group * GROUP..((group + 1) * GROUP).min(blocks);
            // SAFETY: the caller's promise; the channels are this member's.
            unsafe { self.group(group, &band, needed.clone()) };
        });
        let Some(project) = &self.stages().project else {
            return;
        };
        if self.stages().norm.is_some() {
            let pixels = self.plan.height * self.plan.width;
            member.share(member.count, |part| {
                let pixel = |part: usize| part * pixels / member.count;
                // SAFETY: all channels are collected; the pixels are this member's.
                unsafe { self.normalize(&(pixel(part)..pixel(part + 1))) };
            });
        }
        // Every member gets as many of the pixels, or rows where pixels do not follow each other.
        let panels = project.blocks().div_ceil(GROUP);
        let (unit, units) = if self.is_one_row() {
            (1, self.plan.height * self.plan.width)
        } else {
            (self.plan.width, self.plan.height)
        };
        let parts = member.count.min(units);
        member.share(panels * parts, |job| {
            let (panel, part) = (job / parts, job % parts);
            let blocks = panel * GROUP..((panel + 1) * GROUP).min(project.blocks());
            let pixels = part * units / parts * unit..(part + 1) * units / parts * unit;
            // SAFETY: all channels are collected; the panel's pixels are this member's.
            unsafe { self.project(project, 0, pixels, blocks) };
        });
    }

    /// Whether pixels of the output and of what is added to it follow each other from row to row.
    fn is_one_row(&self) -> bool {
        let residual = self.maps.second.as_ref();
        self.maps.output.layout.is_one_row() && residual.is_none_or(|map| map.layout.is_one_row())
    }

    /// The rows of the expanded map that these rows of the result need.
    fn inputs_of(&self, rows: &Range<usize>) -> Range<usize> {
        let (window, top) = (self.stages().depthwise.window, self.plan.expanded.halo.top);
        let start = (rows.start * window.stride).saturating_sub(top);
        let end = (rows.end - 1) * window.stride + window.kernel;
        start..end.saturating_sub(top).min(self.plan.expanded.height)
    }

    /// Where a row that the windows cover lies, from the block's first float. Row 0 is the first
    /// that the window of output row 0 covers, be it outside the map.
    const fn offset(&self, row: usize) -> usize {
        let (plan, halo) = (self.plan, self.plan.expanded.halo);
        if self.stages().expand.is_none() {
            let source = &self.maps.input.layout;
            return (source.halo.top + row - halo.top) * source.row()
                + (source.halo.left - halo.left) * BLOCK;
        }
        let is_inside = row >= halo.top && row - halo.top < plan.expanded.height;
        let slot = if is_inside {
            (row - halo.top) % plan.ring
        } else {
            plan.ring
        };
        slot * plan.expanded.row()
    }

    /// Expands the `new` rows of a few blocks of channels and convolves the band.
    unsafe fn group(&self, group: Range<usize>, band: &Range<usize>, new: Range<usize>) {
        let kept = if self.plan.is_one_band() {
            group.start
        } else {
            0
        };
        // SAFETY: the ring and the source hold these blocks, the results have room for them.
        unsafe {
            if let Some(expand) = &self.stages().expand {
                for row in new {
                    self.expand(expand, row, group.clone(), kept);
                }
            }
            for block in group {
                let input = if self.stages().expand.is_some() {
                    self.ring.plus((block - kept) * self.plan.ring_block())
                } else {
                    let source = &self.maps.input;
                    source.first.plus(block * source.layout.block())
                };
                for start in band.clone().step_by(STRIP) {
                    let rows = start..(start + STRIP).min(band.end);
                    self.convolve(block, input, band.start, rows);
                }
            }
        }
    }

    /// Convolves a few rows of the band that begins at row `first`.
    unsafe fn convolve(&self, block: usize, input: Floats, first: usize, rows: Range<usize>) {
        let depthwise = &self.stages().depthwise;
        let window = depthwise.window;
        let taps = window.kernel * window.kernel;
        let mut offsets = [0; (STRIP - 1) * 2 + 7];
        let covered = (rows.len() - 1) * window.stride + window.kernel;
        for (row, offset) in offsets[..covered].iter_mut().enumerate() {
            *offset = self.offset(rows.start * window.stride + row);
        }
        let (output, output_row) = self.result_of(block, first, rows.start);
        let strip = Strip {
            input,
            rows: &offsets[..covered],
            weights: depthwise.weights.floats().plus(block * taps * BLOCK),
            bias: depthwise.bias.floats().plus(block * BLOCK),
            output,
            output_row,
            height: rows.len(),
            width: self.plan.width,
            finish: depthwise.finish,
        };
        // SAFETY: the caller's promise.
        unsafe { (self.kernels.depthwise)(depthwise.kernel(), &strip) };
    }

    /// Where a row of the result goes, in the band that begins at row `first`; and the next row.
    fn result_of(&self, block: usize, first: usize, row: usize) -> (Floats, usize) {
        let plan = self.plan;
        if self.stages().project.is_some() {
            let pitch = plan.width * BLOCK;
            let start = block * plan.collected_block() + (row - first) * pitch;
            return (self.collected.plus(start), pitch);
        }
        let output = &self.maps.output;
        (output.cell(block, row, 0), output.layout.row())
    }

    /// Makes one row of the expanded map.
    unsafe fn expand(&self, expand: &Packed, row: usize, group: Range<usize>, kept: usize) {
        let (plan, source) = (self.plan, &self.maps.input);
        let window = expand.window;
        let before = before(&window, &source.layout);
        let slot = row % plan.ring * plan.expanded.row() + plan.expanded.halo.left * BLOCK;
        let row = Row {
            input: source.window((row, 0), window.stride, before),
            input_block: source.layout.block(),
            step: window.stride * source.layout.lanes,
            width: plan.expanded.width,
            // Blocks are counted from the first that is kept.
            output: self.ring.plus(slot).minus(kept * plan.ring_block()),
            output_block: plan.ring_block(),
            residual: Floats::NOWHERE,
            residual_block: 0,
            twin: None,
        };
        let (kernels, chunks) = (self.kernels, &plan.expand_chunks);
        // SAFETY: the source's halo is large enough, and the ring has a place for the row: `bounds`.
        unsafe { expand.run(kernels, chunks, &std::iter::once(row), group) };
    }

    /// Brings some pixels of a band's results into the form in which they are projected.
    unsafe fn normalize(&self, pixels: &Range<usize>) {
        let Some(norm) = &self.stages().norm else {
            return;
        };
        let cells = Cells {
            first: self.collected.plus(pixels.start * BLOCK),
            block: self.plan.collected_block(),
        };
        // SAFETY: the caller's promise: these results are complete.
        unsafe { norm.run(self.kernels, cells, pixels.len(), cells, None) };
    }

    /// Projects some pixels of the band that begins at row `first`.
    unsafe fn project(
        &self,
        project: &Packed,
        first: usize,
        pixels: Range<usize>,
        blocks: Range<usize>,
    ) {
        let output = &self.maps.output;
        let residual = self.maps.second.as_ref();
        let width = if self.is_one_row() {
            pixels.len()
        } else {
            self.plan.width
        };
        let row = |start: usize| {
            let (row, column) = (first + start / self.plan.width, start % self.plan.width);
            Row {
                input: self.collected.plus(start * BLOCK),
                input_block: self.plan.collected_block(),
                step: BLOCK,
                width,
                output: output.cell(0, row, column),
                output_block: output.layout.block(),
                residual: residual.map_or(Floats::NOWHERE, |map| map.cell(0, row, column)),
                residual_block: residual.map_or(0, |map| map.layout.block()),
                twin: None,
            }
        };
        let rows = pixels.step_by(width).map(row);
        // SAFETY: the rows lie within the maps, and the pixels within the results: `bounds`.
        unsafe { project.run(self.kernels, &self.plan.project_chunks, &rows, blocks) };
    }
}
