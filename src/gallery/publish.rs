//! From the store to the next snapshot: equal vectors collapsed, the graph kept or built anew.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::SystemTime;

use super::hnsw::{self, Graph};
use super::record::{Record, path_to_bytes};
use super::snapshot::writer::SnapshotWriter;
use super::snapshot::{Header, Sections, Snapshot};
use super::store::Store;
use super::{IndexPolicy, VERSION};
use crate::descriptor::Provenance;
use crate::error::Result;
use crate::photo::ContentHash;

/// What a publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Photos in the snapshot.
    pub photos: usize,
    /// Whether the graph was built anew.
    pub built_graph: bool,
}

/// The vectors of the next snapshot and whose they are.
#[derive(Default)]
struct Contents {
    vectors: Vec<f32>,
    owners: Vec<Vec<Record>>,
    /// How many of the vectors, from the first, the old graph covers.
    in_old_graph: usize,
}

pub fn publish(
    dir: &Path,
    store: &Store,
    provenance: &Provenance,
    policy: IndexPolicy,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Published> {
    let generation = store.generation()?;
    let old = Snapshot::open(dir)
        .ok()
        .filter(|old| old.provenance() == provenance);
    let old = old.filter(|old| old.verify().is_ok());
    let mut contents = Contents::start_from(old.as_ref(), provenance.dimension);
    contents.gather(store, provenance.dimension)?;

    let dead = contents
        .owners
        .iter()
        .filter(|owners| owners.is_empty())
        .count();
    let tail = contents.owners.len() - contents.in_old_graph;
    let is_worn = dead + tail > policy.rebuild_share(contents.in_old_graph);
    let wants_graph = contents.owners.len() - dead >= policy.graph_from;
    let (graph, points, built_graph) = if contents.in_old_graph > 0 && !is_worn {
        (
            old.as_ref().and_then(copy_graph),
            contents.in_old_graph,
            false,
        )
    } else {
        contents.drop_dead(provenance.dimension);
        let build = || hnsw::build(&contents.vectors, provenance.dimension, on_progress);
        let graph = wants_graph.then(build).flatten();
        let points = graph.as_ref().map_or(0, |_| contents.owners.len());
        let built = graph.is_some();
        (graph, points, built)
    };
    let photos = contents.owners.iter().map(Vec::len).sum();
    write(
        dir,
        generation,
        provenance,
        &contents,
        graph.as_ref(),
        points,
    )?;
    let wanted: std::collections::HashSet<ContentHash> = contents
        .owners
        .iter()
        .flatten()
        .map(|record| record.hash)
        .collect();
    store.retain_descriptors(|hash| wanted.contains(hash))?;
    Ok(Published {
        photos,
        built_graph,
    })
}

fn copy_graph(old: &Snapshot) -> Option<Graph> {
    let flat = old.graph(1)?;
    Some(Graph {
        lowest: flat.lowest.to_vec(),
        upper_starts: flat.upper_starts.to_vec(),
        upper: flat.upper.to_vec(),
        entry: flat.entry,
    })
}

impl Contents {
    /// The vectors of the old graph keep their places, so that the graph stays right.
    fn start_from(old: Option<&Snapshot>, dimension: usize) -> Self {
        let Some(old) = old.filter(|old| old.header().graph_points > 0) else {
            return Self::default();
        };
        let points = old.header().graph_points as usize;
        Self {
            vectors: old.vectors()[..points * dimension].to_vec(),
            owners: vec![Vec::new(); points],
            in_old_graph: points,
        }
    }

    /// Gives every record of the store its vector. Equal vectors are kept once: thousands of equal
    /// ones would wreck the graph.
    fn gather(&mut self, store: &Store, dimension: usize) -> Result<()> {
        let key = |vector: &[f32]| *blake3::hash(bytemuck::cast_slice(vector)).as_bytes();
        let rows = self.vectors.chunks_exact(dimension).map(key);
        let mut places: HashMap<[u8; 32], usize> = rows.zip(0..).collect();
        let mut known: HashMap<ContentHash, usize> = HashMap::new();
        for record in store.records() {
            let record = record?;
            if let Some(place) = known.get(&record.hash) {
                self.owners[*place].push(record);
                continue;
            }
            // A record whose descriptor was lost is done again by the next `index`.
            let Some(vector) = store
                .descriptor(&record.hash)?
                .filter(|v| v.len() == dimension)
            else {
                continue;
            };
            let place = *places.entry(key(&vector)).or_insert_with(|| {
                self.vectors.extend(&vector);
                self.owners.push(Vec::new());
                self.owners.len() - 1
            });
            known.insert(record.hash, place);
            self.owners[place].push(record);
        }
        Ok(())
    }

    /// Before a new graph is built, vectors that are no photo's any more go.
    fn drop_dead(&mut self, dimension: usize) {
        let mut kept = 0;
        for place in 0..self.owners.len() {
            if self.owners[place].is_empty() {
                continue;
            }
            self.owners.swap(kept, place);
            self.vectors
                .copy_within(place * dimension..(place + 1) * dimension, kept * dimension);
            kept += 1;
        }
        self.owners.truncate(kept);
        self.vectors.truncate(kept * dimension);
        self.in_old_graph = 0;
    }
}

fn write(
    dir: &Path,
    generation: u64,
    provenance: &Provenance,
    contents: &Contents,
    graph: Option<&Graph>,
    points: usize,
) -> Result<()> {
    let mut writer = SnapshotWriter::create(dir)?;
    let mut section = |bytes: &[u8]| -> Result<_> {
        let mut section = writer.section()?;
        section.put(bytes)?;
        Ok(section.finish())
    };
    let records = || contents.owners.iter().flatten();
    let mut starts = vec![0u32];
    starts.extend(contents.owners.iter().scan(0u32, |end, owners| {
        *end += owners.len() as u32;
        Some(*end)
    }));
    let (mut stored, mut paths) = (Vec::new(), Vec::new());
    for record in records() {
        paths.extend(path_to_bytes(&record.path));
        stored.extend(record.to_stored());
        stored.extend((paths.len() as u64).to_le_bytes());
    }
    let empty = Graph::default();
    let graph = graph.unwrap_or(&empty);
    let sections = Sections {
        vectors: section(bytemuck::cast_slice(&contents.vectors))?,
        owners: section(bytemuck::cast_slice(&starts))?,
        records: section(&stored)?,
        paths: section(&paths)?,
        lowest: section(bytemuck::cast_slice(&graph.lowest))?,
        upper_starts: section(bytemuck::cast_slice(&graph.upper_starts))?,
        upper: section(bytemuck::cast_slice(&graph.upper))?,
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let header = Header {
        version: VERSION,
        generation,
        created: now.map_or(0, |now| now.as_secs()),
        provenance: provenance.clone(),
        vectors: contents.owners.len() as u64,
        records: records().count() as u64,
        graph_points: points as u64,
        graph_entry: graph.entry,
        sections,
    };
    writer.finish(dir, &header)
}
