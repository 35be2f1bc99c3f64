//! Writing a segment.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use super::{About, SegmentRef, segment_path};
use crate::error::{FileError, Result};
use crate::gallery::blocks::{BlockWriter, Section};
use crate::gallery::graph::{Axes, CODE, to_shorts};
use crate::gallery::hnsw::{GraphBuilder, build};
use crate::gallery::index::OnProgress;
use crate::gallery::record::{RowPlace, Stored};
use crate::gallery::table::{Entry, TableWriter};

/// Rows that axes are fitted on.
const SAMPLE: usize = 10_000;
/// Rows whose codes are computed at once.
const AT_ONCE: usize = 4096;

/// A vector on its way into a segment.
pub enum Row<'a> {
    Floats(&'a [f32]),
    /// From another segment, with its step.
    Shorts(&'a [i16], f32),
}

/// A segment in the making. Vectors go to the disk one at a time; what memory holds are the records.
pub struct SegmentWriter {
    file: BlockWriter,
    number: u64,
    dimension: usize,
    entries: Vec<Entry>,
    steps: Vec<f32>,
    /// Rows by their content: thousands of equal ones would wreck a graph.
    known: HashMap<[u8; 16], u32>,
}

impl SegmentWriter {
    /// Begins segment `number` of the gallery in `dir`.
    pub fn create(dir: &Path, number: u64, dimension: usize) -> Result<Self, FileError> {
        let mut file = BlockWriter::create(&segment_path(dir, number))?;
        file.section("rows")?;
        Ok(Self {
            file,
            number,
            dimension,
            entries: Vec::new(),
            steps: Vec::new(),
            known: HashMap::new(),
        })
    }

    /// The next entry, with its vector unless it is that of a removed photo; by key. Says in which row
    /// that lies.
    pub fn put(
        &mut self,
        key: Vec<u8>,
        stored: &Stored,
        row: Option<&Row<'_>>,
    ) -> Result<Option<u32>, FileError> {
        let place = match row {
            None => None,
            Some(Row::Shorts(values, step)) => Some(self.put_row(values, *step)?),
            Some(Row::Floats(values)) => {
                let (values, steps) = to_shorts(values, self.dimension);
                Some(self.put_row(&values, steps.first().copied().unwrap_or(0.0))?)
            }
        };
        let row = place.map(|row| RowPlace { file: 0, row });
        self.entries.push((key, stored.at(row)));
        Ok(place)
    }

    fn put_row(&mut self, values: &[i16], step: f32) -> Result<u32, FileError> {
        let bytes = bytemuck::cast_slice(values);
        let mut hasher = blake3::Hasher::new();
        hasher.update(bytes).update(&step.to_le_bytes());
        let mut content = [0; 16];
        content.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let next = self.steps.len() as u32;
        let row = *self.known.entry(content).or_insert(next);
        if row == next {
            self.file.put(bytes)?;
            self.steps.push(step);
        }
        Ok(row)
    }

    /// Ends it, with a graph if it has so many vectors; durable on return. `on_progress` is told how many
    /// of them the graph has, and when it breaks there is none.
    pub fn finish(
        mut self,
        graph_from: usize,
        builder: GraphBuilder,
        on_progress: OnProgress<'_>,
    ) -> Result<SegmentRef> {
        drop(std::mem::take(&mut self.known));
        let vectors = self.steps.len();
        self.file
            .whole_section("steps", bytemuck::cast_slice(&self.steps))?;
        let rows = self.file.written("rows");
        let entry = if vectors >= graph_from.max(1) {
            self.write_graph(rows, builder, on_progress)?
        } else {
            None
        };
        self.write_owners()?;
        let mut table = TableWriter::begin(&mut self.file)?;
        for (key, stored) in &self.entries {
            table.put(&mut self.file, key, stored)?;
        }
        table.finish(&mut self.file)?;
        let about = About {
            dimension: self.dimension,
            vectors: vectors as u32,
            entry,
        };
        let written = self.file.finish(&about)?;
        Ok(SegmentRef {
            number: self.number,
            stamp: written.stamp,
            vectors: vectors as u32,
            entries: self.entries.len() as u64,
            dead: 0,
            graph: entry.is_some(),
            bytes: written.len,
            lists: None,
        })
    }

    fn write_graph(
        &mut self,
        rows: Section,
        builder: GraphBuilder,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<u32>> {
        let map = self.file.read_back()?;
        let bytes = map.get(rows.at as usize..(rows.at + rows.len) as usize);
        let values: &[i16] = bytes
            .and_then(|bytes| bytemuck::try_cast_slice(bytes).ok())
            .unwrap_or_default();
        let count = self.steps.len();
        if on_progress(0, count).is_break() {
            return Ok(None);
        }
        let (dimension, steps) = (self.dimension, &self.steps[..]);
        let floats = |row: usize| {
            let values = &values[row * dimension..(row + 1) * dimension];
            values
                .iter()
                .map(move |value| f32::from(*value) * steps[row])
        };
        let sampled = count.min(SAMPLE);
        let sample: Vec<f32> = (0..sampled)
            .flat_map(|i| floats(i * count / sampled))
            .collect();
        let Some(axes) = Axes::fit(&sample, self.dimension) else {
            return Ok(None);
        };
        drop(sample);
        let mut codes: Vec<i8> = Vec::with_capacity(count * CODE);
        for start in (0..count).step_by(AT_ONCE) {
            let rows: Vec<f32> = (start..count.min(start + AT_ONCE))
                .into_par_iter()
                .flat_map_iter(floats)
                .collect();
            codes.extend(axes.codes(&rows));
        }
        let Some(graph) = build(builder, &codes, on_progress) else {
            return Ok(None);
        };
        self.file.whole_section("axes", &axes.to_bytes())?;
        self.file
            .whole_section("codes", bytemuck::cast_slice(&codes))?;
        self.file
            .whole_section("lowest", bytemuck::cast_slice(&graph.lowest))?;
        self.file
            .whole_section("upper_starts", bytemuck::cast_slice(&graph.upper_starts))?;
        self.file
            .whole_section("upper", bytemuck::cast_slice(&graph.upper))?;
        Ok(Some(graph.entry))
    }

    fn write_owners(&mut self) -> Result<(), FileError> {
        let mut starts = vec![0u32; self.steps.len() + 1];
        let rows = || {
            self.entries
                .iter()
                .map(|(_, stored)| stored.row.map(|it| it.row))
        };
        for row in rows().flatten() {
            starts[row as usize + 1] += 1;
        }
        for row in 1..starts.len() {
            starts[row] += starts[row - 1];
        }
        let mut next = starts.clone();
        let mut owned = vec![0u32; starts.last().map_or(0, |end| *end as usize)];
        for (index, row) in rows().enumerate() {
            if let Some(row) = row {
                let place = &mut next[row as usize];
                owned[*place as usize] = index as u32;
                *place += 1;
            }
        }
        self.file
            .whole_section("owners", bytemuck::cast_slice(&starts))?;
        self.file
            .whole_section("owned", bytemuck::cast_slice(&owned))
    }
}
