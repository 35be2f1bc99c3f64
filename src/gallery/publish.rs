//! From the store to the next snapshot: what has changed becomes a segment, and segments that are no larger
//! than what is newer become one.
//!
//! So a photo's vector is written a logarithmic number of times, and a change costs work in proportion to
//! itself: O'Neil et al., "The log-structured merge-tree", 1996; the order of merging is Bentley & Saxe's
//! logarithmic method, "Decomposable searching problems", 1980.

mod axes;

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use self::axes::{Axes, is_outgrown, reduced};
use super::blocks::BlockWriter;
use super::hnsw::GraphBuilder;
use super::index::OnProgress;
use super::listing::{GONE, Relisting};
use super::neighbors::ListKind;
use super::record::Stored;
use super::segment::{Row, SegmentRef, SegmentWriter};
use super::snapshot::{self, Manifest, Piece, Snapshot};
use super::store::{Settings, Store, first_to_merge};
use super::table::{Entry, merged};
use crate::descriptor::Fingerprint;
use crate::error::{GalleryError, Result};

/// When segments get a graph, and when they are written anew.
#[derive(Clone, Copy, Debug)]
pub struct IndexPolicy {
    /// From this many different vectors on a segment has a graph; smaller ones are searched exactly.
    pub graph_from: usize,
    /// A segment is written anew when removed and changed photos are more than this share of it.
    pub worn_share: f32,
    /// From this many photos on that were written last they are moved from sled to files of their own.
    pub sealed_from: usize,
    /// From this many photos on a gallery that shall be reduced is: axes of fewer are no good for those that
    /// come, and there is nothing to be saved.
    pub reduced_from: usize,
    /// Who builds graphs.
    pub builder: GraphBuilder,
}

impl Default for IndexPolicy {
    fn default() -> Self {
        Self {
            graph_from: 4096,
            worn_share: 0.2,
            sealed_from: 1024,
            reduced_from: 1024,
            builder: GraphBuilder::Own,
        }
    }
}

/// What a publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Photos in the snapshot.
    pub photos: usize,
    /// Whether a graph was built.
    pub built_graph: bool,
}

/// The next snapshot in the making.
pub struct Publishing<'a> {
    pub dir: &'a Path,
    pub store: &'a Store,
    pub fingerprint: &'a Fingerprint,
    /// What the snapshot says as the store does.
    pub settings: Settings,
    pub policy: IndexPolicy,
    /// The snapshot before, of this format.
    pub old: Option<&'a Snapshot>,
    /// What of it is used again.
    pub parts: Parts<'a>,
}

/// What of the snapshot before is used again.
pub struct Parts<'a> {
    /// Of its pieces, those that are whole.
    pub whole: &'a dyn Fn(usize) -> bool,
    /// Whether a piece's neighbour lists are whole, if it has some.
    pub whole_lists: &'a dyn Fn(usize) -> bool,
    /// The most photos that become one segment now.
    pub most_merged: usize,
}

impl Parts<'_> {
    /// All that is there, while nothing is known to be damaged.
    pub const fn all(most_merged: usize) -> Self {
        Self {
            whole: &|_| true,
            whole_lists: &|_| true,
            most_merged,
        }
    }
}

/// What comes of it.
pub struct Outcome {
    pub published: Published,
    /// Keys of photos of which there is no descriptor: the snapshot lacks them.
    pub lost: Vec<Vec<u8>>,
}

impl Publishing<'_> {
    /// Publishes what the store says of these photos, sorted by key, which is all that it says otherwise
    /// than the snapshot before.
    pub fn run(&self, changes: Vec<Entry>, on_progress: OnProgress<'_>) -> Result<Outcome> {
        let mut next = self
            .old
            .and_then(Snapshot::manifest)
            .map_or_else(|| snapshot::next_number(self.dir), |manifest| manifest.next);
        let mut segments = self.old_segments();
        let mut photos = self.photos_before();
        let changes = self.counted(changes, &mut segments, &mut photos);
        let mut lost = Vec::new();
        let mut moved = Vec::new();
        let mut built_graph = false;
        let axes = self.axes(photos, &mut next)?;
        let first = if axes.are_new {
            0
        } else {
            self.first_to_merge(&segments, changes.len())
        };
        if first < segments.len() || !changes.is_empty() {
            let merged = self.merge(
                (next, &axes),
                changes,
                &segments[first..],
                first > 0,
                &mut *on_progress,
            );
            let Merged {
                kept: new,
                lost: without,
                moved: rows,
            } = merged?;
            moved = rows;
            next += 1;
            segments.truncate(first);
            built_graph = new.segment.graph;
            photos -= without.len() as u64;
            lost = without;
            if new.segment.entries > 0 {
                segments.push(new);
            }
        }
        self.switch((segments, axes), &moved, (photos, next), on_progress)?;
        let photos = photos as usize;
        let published = Published {
            photos,
            built_graph,
        };
        Ok(Outcome { published, lost })
    }

    fn pieces(&self) -> impl Iterator<Item = (usize, &Piece)> {
        let pieces = self.old.map(Snapshot::pieces).unwrap_or_default();
        pieces
            .iter()
            .enumerate()
            .filter(|(number, _)| (self.parts.whole)(*number))
    }

    fn old_segments(&self) -> Vec<Kept> {
        let refs = self.old.and_then(Snapshot::manifest);
        let refs = refs
            .map(|manifest| &manifest.segments[..])
            .unwrap_or_default();
        let kept = self.pieces().map(|(piece, _)| Kept {
            segment: refs[piece].clone(),
            piece: Some(piece),
        });
        kept.collect()
    }

    /// Where pieces are left out, nobody knows how many they had.
    fn photos_before(&self) -> u64 {
        let Some(old) = self.old else {
            return 0;
        };
        if self.pieces().count() == old.pieces().len() {
            return old.len() as u64;
        }
        let known = old.entries_of(&|piece| (self.parts.whole)(piece));
        known.filter(|(_, (_, stored))| !stored.is_removed).count() as u64
    }

    /// The changes without removals of what was never there, with what they make of earlier entries
    /// noted.
    fn counted(&self, changes: Vec<Entry>, segments: &mut [Kept], photos: &mut u64) -> Vec<Entry> {
        let mut counted = Vec::with_capacity(changes.len());
        for (key, stored) in changes {
            let before = self
                .old
                .and_then(|old| old.stored_in(&key, &|piece| (self.parts.whole)(piece)));
            if let Some((piece, before)) = &before {
                if let Some(kept) = segments.iter_mut().find(|kept| kept.piece == Some(*piece)) {
                    kept.segment.dead += 1;
                }
                *photos -= u64::from(!before.is_removed);
            } else if stored.is_removed {
                continue;
            }
            *photos += u64::from(!stored.is_removed);
            counted.push((key, stored));
        }
        counted
    }

    /// From which of the segments on all become one with the changes.
    fn first_to_merge(&self, segments: &[Kept], changes: usize) -> usize {
        let mut entries: Vec<u64> = segments.iter().map(|kept| kept.segment.entries).collect();
        entries.push(changes as u64);
        let by_size = first_to_merge(&entries);
        let most = self.parts.most_merged as u64;
        let sums = entries.iter().rev().scan(0, |sum, len| {
            *sum += len;
            Some(*sum)
        });
        let fit = sums.take_while(|sum| *sum <= most).count().max(1);
        let by_size = by_size.max(entries.len() - fit);
        if self.parts.most_merged < usize::MAX {
            return by_size.min(segments.len());
        }
        let is_due = |kept: &Kept| {
            let most = kept.segment.entries as f32 * self.policy.worn_share;
            kept.segment.dead as f32 > most || self.policy.is_graph_missed_by(&kept.segment)
        };
        let due = segments.iter().position(is_due);
        due.map_or(by_size, |due| due.min(by_size))
            .min(segments.len())
    }

    /// The axes of the next snapshot: those of the one before, unless they are outgrown or others are wanted.
    fn axes(&self, photos: u64, next: &mut u64) -> Result<Axes> {
        let kept = Axes::of(self.old);
        let fitted = kept.reference.as_ref();
        let least = (photos, self.policy.reduced_from);
        let wanted = reduced(self.settings.axes, self.fingerprint, least, fitted);
        let is_last = self.parts.most_merged == usize::MAX;
        if is_last && is_outgrown(fitted, wanted, photos) {
            return kept.instead(wanted, self.store, photos, (self.dir, next));
        }
        Ok(kept)
    }

    /// The vector of a photo that has none yet, or had one along other axes: from its descriptor. What the
    /// store has lost of that is what the vector told.
    fn described(
        &self,
        piece: Option<&Piece>,
        stored: &Stored,
        axes: &Axes,
    ) -> Result<Option<Vec<f32>>> {
        let values = match piece {
            None => self.store.descriptor_of(stored)?,
            Some(_) => self.store.descriptor(&stored.hash)?,
        };
        let told = || {
            let vector = piece.filter(|_| axes.are_new)?.vector(stored.row?.row)?;
            Some(self.old?.whole(vector))
        };
        let fits = |values: &Vec<f32>| values.len() == self.fingerprint.dimension();
        let values = values.or_else(told).filter(fits);
        Ok(values.map(|values| axes.applied(values)))
    }

    /// Writes a segment of the changes and of some segments, the oldest of those first. Removals are kept
    /// if there are `earlier` segments.
    fn merge(
        &self,
        (number, axes): (u64, &Axes),
        changes: Vec<Entry>,
        segments: &[Kept],
        earlier: bool,
        on_progress: OnProgress<'_>,
    ) -> Result<Merged> {
        let merged_pieces: Vec<usize> = segments
            .iter()
            .rev()
            .filter_map(|kept| kept.piece)
            .collect();
        let pieces = self.old.map(Snapshot::pieces).unwrap_or_default();
        let before = |key: &[u8]| {
            let first = merged_pieces.last().copied().unwrap_or(pieces.len());
            self.pieces()
                .any(|(piece, it)| piece < first && it.has(key))
        };
        for piece in &merged_pieces {
            if let Piece::Segment(segment) = &pieces[*piece] {
                segment.read_in_order();
            }
        }
        let lists = merged_pieces.iter().map(|piece| pieces[*piece].entries());
        let changes: Box<dyn Iterator<Item = Entry>> = Box::new(changes.into_iter());
        let lists = std::iter::once(changes).chain(lists).collect();
        let values = axes.values(self.fingerprint.dimension());
        let mut writer = SegmentWriter::create(self.dir, number, values)?;
        let mut lost = Vec::new();
        let vectors = |piece: &usize| vec![GONE; pieces[*piece].vectors() as usize];
        let mut moved: Vec<(usize, Vec<u32>)> = merged_pieces
            .iter()
            .map(|piece| (*piece, vectors(piece)))
            .collect();
        for (list, (key, stored)) in merged(lists) {
            if stored.is_removed {
                if earlier && before(&key) {
                    writer.put(key, &stored, None)?;
                }
                continue;
            }
            let piece = list.checked_sub(1).map(|list| &pieces[merged_pieces[list]]);
            let again = piece.filter(|_| !axes.are_new);
            if let Some((values, step)) = again.and_then(|piece| shorts(piece, &stored)) {
                let new = writer.put(key, &stored, Some(&Row::Shorts(values, step)))?;
                let rows = list.checked_sub(1).and_then(|list| moved.get_mut(list));
                let row = stored.row.zip(rows);
                let place = row.and_then(|(old, (_, rows))| rows.get_mut(old.row as usize));
                if let Some((place, new)) = place.zip(new) {
                    *place = new;
                }
                continue;
            }
            if let Some(values) = self.described(piece, &stored, axes)? {
                writer.put(key, &stored, Some(&Row::Floats(&values)))?;
                continue;
            }
            if earlier && before(&key) {
                writer.put(key.clone(), &stored.removed(stored.generation), None)?;
            }
            lost.push(key);
        }
        // What is damaged was passed over.
        let damage = merged_pieces
            .iter()
            .find_map(|piece| pieces[*piece].damage());
        if let Some(damage) = damage {
            return Err(damage.into());
        }
        let segment = writer.finish(self.policy.graph_from, self.policy.builder, on_progress)?;
        let kept = Kept {
            segment,
            piece: None,
        };
        Ok(Merged { kept, lost, moved })
    }

    /// Writes the snapshot of these segments and makes it the current one.
    fn switch(
        &self,
        (segments, axes): (Vec<Kept>, Axes),
        moved: &[(usize, Vec<u32>)],
        (photos, next): (u64, u64),
        on_progress: OnProgress<'_>,
    ) -> Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut manifest = Manifest {
            generation: self.store.generation()?,
            created: now.map_or(0, |now| now.as_secs()),
            fingerprint: self.fingerprint.clone(),
            ranking: self.settings.ranking,
            precisions: self.settings.precisions.clone(),
            roots: self.settings.roots.clone(),
            photos,
            segments: Vec::new(),
            next,
            reduction: axes.reference,
            neighbors: ListKind::of(&self.settings.ranking),
        };
        let old = self.old.filter(|_| !axes.are_new);
        let relisting = Relisting {
            dir: self.dir,
            old: old.filter(|old| self.pieces().count() == old.pieces().len()),
            whole_lists: self.parts.whole_lists,
            moved,
        };
        let segments = segments.into_iter().map(|kept| (kept.segment, kept.piece));
        let centre = relisting.run(&mut manifest, segments.collect(), on_progress)?;
        let name = format!("snapshot-{}", manifest.next);
        manifest.next += 1;
        let path = self.dir.join(&name);
        let mut file = BlockWriter::create(&path)?;
        if let Some(centre) = &centre {
            file.whole_section("mean", bytemuck::cast_slice(&centre.mean))?;
        }
        file.finish(&manifest)?;
        snapshot::switch_to(self.dir, &name)?;
        let mut kept: HashSet<String> = manifest.files().collect();
        kept.insert(name);
        snapshot::remove_others(self.dir, |file| kept.contains(file));
        Ok(())
    }
}

/// What merging gave.
struct Merged {
    kept: Kept,
    /// Keys of photos without a descriptor.
    lost: Vec<Vec<u8>>,
    /// For each of the merged pieces where its rows are now.
    moved: Vec<(usize, Vec<u32>)>,
}

/// A segment of the next snapshot.
struct Kept {
    segment: SegmentRef,
    /// Which of the old pieces it is.
    piece: Option<usize>,
}

fn shorts<'a>(piece: &'a Piece, stored: &Stored) -> Option<(&'a [i16], f32)> {
    match piece {
        Piece::Segment(segment) => segment.shorts(stored.row?.row),
        Piece::Earlier(_) => None,
    }
}

impl IndexPolicy {
    /// Whether a snapshot's vectors shall be along other axes.
    pub(super) fn reduces_otherwise(&self, snapshot: &Snapshot, wanted: Option<usize>) -> bool {
        let photos = snapshot.len() as u64;
        snapshot.manifest().is_some_and(|manifest| {
            let fitted = manifest.reduction.as_ref();
            let least = (photos, self.reduced_from);
            let wanted = reduced(wanted, &manifest.fingerprint, least, fitted);
            is_outgrown(fitted, wanted, photos)
        })
    }

    /// Whether a segment lacks the graph that it should have.
    const fn is_graph_missed_by(&self, segment: &SegmentRef) -> bool {
        !segment.graph && segment.vectors > 0 && segment.vectors as usize >= self.graph_from
    }

    /// Whether a snapshot lacks a graph that it should have, because its making was interrupted, or has
    /// segments that were left to be merged.
    pub(super) fn is_missed_by(&self, snapshot: &Snapshot) -> bool {
        let are_many = |segments: &[SegmentRef]| {
            let entries: Vec<u64> = segments.iter().map(|it| it.entries).collect();
            first_to_merge(&entries) + 1 < entries.len()
        };
        snapshot.manifest().is_some_and(|manifest| {
            manifest
                .segments
                .iter()
                .any(|it| self.is_graph_missed_by(it))
                || are_many(&manifest.segments)
                || manifest.neighbors != ListKind::of(&manifest.ranking)
                || manifest.neighbors.is_some() && !snapshot.has_all_lists()
        })
    }
}

/// All that store and snapshot say differently, as the store has it, by key; of the snapshot's pieces the
/// whole ones count.
pub fn differences(
    store: &Store,
    snapshot: &Snapshot,
    whole: &dyn Fn(usize) -> bool,
) -> Result<Vec<Entry>, GalleryError> {
    let mut shown = snapshot
        .entries_of(whole)
        .map(|(_, entry)| entry)
        .peekable();
    let mut changes = Vec::new();
    let generation = store.generation()?;
    for entry in store.entries() {
        let (key, stored) = entry?;
        while let Some((unknown, before)) = shown.next_if(|(shown, _)| *shown < key) {
            changes.extend((!before.is_removed).then(|| (unknown, before.removed(generation))));
        }
        let before = shown.next_if(|(shown, _)| *shown == key);
        if before.is_none_or(|(_, before)| !before.is_same_photo(&stored)) {
            changes.push((key, stored));
        }
    }
    let unknown = shown.filter(|(_, before)| !before.is_removed);
    changes.extend(unknown.map(|(key, before)| (key, before.removed(generation))));
    Ok(changes)
}

/// What the store says of photos since a state, by key.
pub fn changes_since(store: &Store, generation: u64) -> Result<Vec<Entry>, GalleryError> {
    let entries = store.entries();
    let is_new = |entry: &Result<Entry, GalleryError>| {
        entry
            .as_ref()
            .map_or(true, |(_, stored)| stored.generation > generation)
    };
    entries.filter(is_new).collect()
}
