//! From the store to the next snapshot: the base kept or built anew, the rest written behind it.
//!
//! Vectors go from file to file one at a time; what memory holds grows with the number of photos
//! (their records and the graph being built), not with the length of their descriptors.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::augment::PlainVectors;
use super::folder;
use super::hnsw::{self, Graph};
use super::index::{DEFAULT_EF_SEARCH, OnProgress};
use super::precisions::Precisions;
use super::record::{Record, path_to_bytes};
use super::snapshot::{
    self, Augmented, Base, BaseHeader, BaseRef, BaseSections, ContainerWriter, Header, Section,
    Sections, Snapshot,
};
use super::store::Store;
use super::version::VERSION;
use crate::descriptor::{Fingerprint, Vectors};
use crate::error::{FileError, GalleryError, Result};
use crate::photo::ContentHash;
use crate::ranking::{Expansion, Ranking};

/// Bytes of a header without its fingerprint, generously.
const HEADER: usize = 2048;

/// When a gallery gets a graph, and when it gets a new one.
#[derive(Clone, Copy, Debug)]
pub struct IndexPolicy {
    /// From this many different vectors on there is a graph; fewer are searched exactly.
    pub graph_from: usize,
    /// The graph is built anew when added and removed vectors are more than this share of it.
    pub worn_share: f32,
}

impl Default for IndexPolicy {
    fn default() -> Self {
        Self {
            graph_from: 20_000,
            worn_share: 0.2,
        }
    }
}

impl IndexPolicy {
    fn rebuild_share(&self, points: usize) -> usize {
        (points as f32 * self.worn_share) as usize
    }
}

/// What a publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Photos in the snapshot.
    pub photos: usize,
    /// Whether the graph was built anew.
    pub built_graph: bool,
}

/// Where the vector of each content is.
type Places = HashMap<ContentHash, u32>;

/// The next snapshot in the making.
pub struct Publishing<'a> {
    pub dir: &'a Path,
    pub store: &'a Store,
    pub fingerprint: &'a Fingerprint,
    pub generation: u64,
    pub ranking: Ranking,
    pub precisions: &'a Precisions,
    /// A whole snapshot of an earlier state, from which what has not changed is taken.
    pub old: Option<Snapshot>,
}

impl Publishing<'_> {
    /// Publishes the store, and drops those of the `stale` descriptors that are no photo's any
    /// more. Returns the photos too of which there is no descriptor: the snapshot lacks them.
    pub fn run(
        &self,
        policy: IndexPolicy,
        stale: &HashSet<ContentHash>,
        on_progress: OnProgress<'_>,
    ) -> Result<(Published, Vec<PathBuf>)> {
        let mut records = self.store.records().collect::<Result<Vec<Record>, _>>()?;
        let hashes: HashSet<ContentHash> = records.iter().map(|record| record.hash).collect();
        let old_places = self.old.as_ref().map(Snapshot::places).unwrap_or_default();
        let keeps_base = |old: &&Snapshot| policy.keeps_base(old, &hashes, &old_places);
        let (base, mut places, built_graph) = match self.old.as_ref().filter(keeps_base) {
            Some(old) => {
                let points = old.base().map_or(0, |base| base.points() as u32);
                let in_base = old_places.iter().filter(|(_, place)| **place < points);
                let places = in_base.map(|(hash, place)| (*hash, *place)).collect();
                (old.base_ref().cloned(), places, false)
            }
            None if hashes.len() >= policy.graph_from => {
                let (base, places, built) = self.write_base(&hashes, &mut *on_progress)?;
                (Some(base), places, built)
            }
            None => (None, Places::new(), false),
        };
        let name = format!("snapshot-{}", self.generation);
        let mut writer = self.begin_snapshot()?;
        let (tail, vectors) = self.write_tail(
            &mut writer,
            &records,
            base.as_ref(),
            &mut places,
            &old_places,
        )?;
        let is_lost = |record: &mut Record| !places.contains_key(&record.hash);
        let lost: Vec<PathBuf> = records
            .extract_if(.., is_lost)
            .map(|lost| lost.path)
            .collect();
        let mut sections = write_records(&mut writer, tail, &records, &places, vectors)?;
        if let Some(expansion) = &self.ranking.augment {
            let tail = &sections.tail;
            let places = records.iter().map(|record| places[&record.hash]);
            let alive = living(places, vectors);
            let base = base.as_ref();
            sections.augmented =
                self.write_augmented(&mut writer, expansion, base, tail, &alive, on_progress)?;
        }
        let header = self.header(vectors, records.len(), base.clone(), sections);
        writer.finish(&header, &self.dir.join(&name))?;
        snapshot::switch_to(self.dir, &name)?;
        snapshot::remove_others(
            self.dir,
            &name,
            base.as_ref().map(|base| base.name.as_str()),
        );
        self.store.remove_descriptors(stale.difference(&hashes))?;
        let photos = records.len();
        Ok((
            Published {
                photos,
                built_graph,
            },
            lost,
        ))
    }
}

impl IndexPolicy {
    /// Whether the old base is still good: it has a graph, and not too much was added or removed.
    fn keeps_base(&self, old: &Snapshot, hashes: &HashSet<ContentHash>, places: &Places) -> bool {
        let points = old.graph_points();
        let in_base = |hash: &&ContentHash| {
            places
                .get(*hash)
                .is_some_and(|place| (*place as usize) < points)
        };
        let living: HashSet<u32> = hashes
            .iter()
            .filter(in_base)
            .map(|hash| places[hash])
            .collect();
        let tail = hashes.iter().filter(|hash| !in_base(hash)).count();
        points > 0 && points - living.len() + tail <= self.rebuild_share(points)
    }

    /// Whether a snapshot lacks the graph that it should have, because its making was interrupted.
    pub(super) fn is_missed_by(&self, snapshot: &Snapshot) -> bool {
        snapshot.graph_points() == 0 && snapshot.vector_count() >= self.graph_from
    }
}

impl Publishing<'_> {
    /// Writes the vectors of `hashes`, equal ones once (thousands of equal ones would wreck the
    /// graph), and builds their graph from where they lie.
    fn write_base(
        &self,
        hashes: &HashSet<ContentHash>,
        on_progress: OnProgress<'_>,
    ) -> Result<(BaseRef, Places, bool)> {
        let dimension = self.fingerprint.dimension();
        let mut writer = ContainerWriter::create(self.dir.join("base.new"), HEADER)?;
        let (mut places, mut known) = (Places::new(), HashMap::new());
        let mut section = writer.section()?;
        for entry in self.store.descriptors() {
            let (hash, bytes) = entry?;
            if !hashes.contains(&hash) {
                // Left behind by a process that was killed.
                self.store.remove_descriptors(std::iter::once(&hash))?;
                continue;
            }
            if bytes.len() != dimension * 4 {
                continue;
            }
            let next = known.len() as u32;
            let place = *known
                .entry(*blake3::hash(&bytes).as_bytes())
                .or_insert(next);
            if place == next {
                section.put(&bytes)?;
            }
            places.insert(hash, place);
        }
        let (vectors, points) = (section.finish(), known.len());
        drop(known);
        let mapped = writer.map(&vectors)?;
        let graph = hnsw::build(mapped.vectors(dimension)?, on_progress);
        let built = graph.is_some();
        let graph = graph.unwrap_or_default();
        let sections = BaseSections {
            vectors,
            lowest: writer.whole_section(&graph.lowest)?,
            upper_starts: writer.whole_section(&graph.upper_starts)?,
            upper: writer.whole_section(&graph.upper)?,
        };
        let Graph { entry, .. } = graph;
        let points = points as u64;
        let header = BaseHeader {
            version: VERSION,
            dimension,
            points,
            entry,
            sections,
        };
        let name = self.unused_name();
        let stamp = writer.finish(&header, &self.dir.join(&name))?;
        let base = BaseRef {
            name,
            stamp,
            points,
        };
        Ok((base, places, built))
    }

    /// A snapshot in use may name a base of this generation: it must stay as it is.
    fn unused_name(&self) -> String {
        let mut name = format!("base-{}", self.generation);
        let mut number = 1;
        while folder::is_taken(&self.dir.join(&name)) {
            number += 1;
            name = format!("base-{}-{number}", self.generation);
        }
        name
    }

    fn begin_snapshot(&self) -> Result<ContainerWriter, FileError> {
        // In JSON a character may become six.
        let room = HEADER + 6 * self.fingerprint.recipe().to_string().len();
        ContainerWriter::create(self.dir.join("snapshot.new"), room)
    }

    /// Writes the vectors that are not in the base, and gives the number of vectors in all.
    fn write_tail(
        &self,
        writer: &mut ContainerWriter,
        records: &[Record],
        base: Option<&BaseRef>,
        places: &mut Places,
        old_places: &Places,
    ) -> Result<(Section, u32)> {
        let mut vectors = base.map_or(0, |base| base.points as u32);
        let mut known = HashMap::new();
        let mut section = writer.section()?;
        for record in records {
            if places.contains_key(&record.hash) {
                continue;
            }
            let Some(bytes) = self.vector(&record.hash, old_places)? else {
                continue;
            };
            let key = *blake3::hash(&bytes).as_bytes();
            let place = *known.entry(key).or_insert(vectors);
            if place == vectors {
                section.put(&bytes)?;
                vectors += 1;
            }
            places.insert(record.hash, place);
        }
        Ok((section.finish(), vectors))
    }

    /// Writes what each vector is moved towards; nothing where the finding of it was interrupted.
    fn write_augmented(
        &self,
        writer: &mut ContainerWriter,
        expansion: &Expansion,
        base: Option<&BaseRef>,
        tail: &Section,
        alive: &[bool],
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Augmented>> {
        let dimension = self.fingerprint.dimension();
        let open = |base| Base::open(self.dir, base, dimension);
        let base = base.map(open).transpose()?;
        // An empty section may lie where the file ends.
        let tail = (tail.length > 0).then(|| writer.map(tail)).transpose()?;
        let none = Vectors::new(&[], dimension)?;
        let tail = tail.as_ref().map(|tail| tail.vectors(dimension));
        let vectors = PlainVectors {
            base: base.as_ref().map_or(none, Base::vectors),
            tail: tail.transpose()?.unwrap_or(none),
            graph: base.as_ref().and_then(|base| base.graph(DEFAULT_EF_SEARCH)),
            alive,
        };
        let Some(found) = vectors.neighborhoods(expansion, on_progress) else {
            return Ok(None);
        };
        Ok(Some(Augmented {
            expansion: *expansion,
            neighbors: writer.whole_section(&found.neighbors)?,
            weights: writer.whole_section(&found.weights)?,
        }))
    }

    /// The bytes of a descriptor, from the old snapshot or from the store.
    fn vector(
        &self,
        hash: &ContentHash,
        old_places: &Places,
    ) -> Result<Option<Vec<u8>>, GalleryError> {
        let place = old_places.get(hash).map(|place| *place as usize);
        let from_old = self.old.as_ref().zip(place);
        if let Some(vector) = from_old.and_then(|(old, place)| old.vector(place)) {
            return Ok(Some(bytemuck::cast_slice(vector).to_vec()));
        }
        let stored = self.store.descriptor_bytes(hash)?;
        Ok(stored.filter(|bytes| bytes.len() == self.fingerprint.dimension() * 4))
    }

    fn header(
        &self,
        vectors: u32,
        records: usize,
        base: Option<BaseRef>,
        sections: Sections,
    ) -> Header {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Header {
            version: VERSION,
            generation: self.generation,
            created: now.map_or(0, |now| now.as_secs()),
            fingerprint: self.fingerprint.clone(),
            vectors: u64::from(vectors),
            records: records as u64,
            base,
            ranking: self.ranking,
            precisions: self.precisions.clone(),
            sections,
        }
    }
}

/// Writes all that is known of the photos, those of each vector together.
fn write_records(
    writer: &mut ContainerWriter,
    tail: Section,
    records: &[Record],
    places: &Places,
    vectors: u32,
) -> Result<Sections, FileError> {
    let (starts, order) = owners(records, places, vectors);
    let owners = writer.whole_section(&starts)?;
    let mut section = writer.section()?;
    let mut end = 0u64;
    for index in &order {
        let record = &records[*index];
        end += record.path.as_os_str().len() as u64;
        section.put(&record.to_stored())?;
        section.put(&end.to_le_bytes())?;
    }
    let stored = section.finish();
    let mut section = writer.section()?;
    for index in &order {
        section.put(&path_to_bytes(&records[*index].path))?;
    }
    Ok(Sections {
        tail,
        owners,
        records: stored,
        paths: section.finish(),
        augmented: None,
    })
}

/// For every vector whether some photo has it.
fn living(places: impl Iterator<Item = u32>, vectors: u32) -> Vec<bool> {
    let mut alive = vec![false; vectors as usize];
    for place in places {
        alive[place as usize] = true;
    }
    alive
}

/// For every vector where its records begin, and the end; and the records in that order.
fn owners(records: &[Record], places: &Places, vectors: u32) -> (Vec<u32>, Vec<usize>) {
    let place = |index: &usize| places[&records[*index].hash];
    let mut order: Vec<usize> = (0..records.len()).collect();
    // Stable, so that the records of a vector stay sorted by path.
    order.sort_by_key(place);
    let mut starts = vec![0u32; vectors as usize + 1];
    for index in 0..records.len() {
        starts[place(&index) as usize + 1] += 1;
    }
    for vector in 0..vectors as usize {
        starts[vector + 1] += starts[vector];
    }
    (starts, order)
}
