//! From one snapshot's neighbour lists to those of the next: a photo that is added is looked for once, and
//! those that it is near to have it in their lists from then on.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::index::{Neighbor, OnProgress};
use super::neighbors::{List, ListKind, ListsRef, write};
use super::segment::SegmentRef;
use super::snapshot::{Around, Asking, Manifest, Piece, SearchOptions, Snapshot};
use crate::error::Result;
use crate::ranking::{Centre, Ranking};

/// Photos that are looked for at once.
const BLOCK: usize = 256;
/// Neighbours looked at beyond twice a list, to find whose list a photo belongs in.
const BEYOND: usize = 16;
/// Below so many photos the mean that descriptors are centred by is always that of all.
const MEAN_OF_ALL: u64 = 4096;
/// Marks a row that a merge left out.
pub const GONE: u32 = u32::MAX;

/// The neighbour lists of the next snapshot in the making.
pub struct Relisting<'a> {
    pub dir: &'a Path,
    /// The snapshot before, if all of its pieces are used again.
    pub old: Option<&'a Snapshot>,
    /// Whether a piece's lists are whole, if it has some.
    pub whole_lists: &'a dyn Fn(usize) -> bool,
    /// Where the rows of merged pieces are now.
    pub moved: &'a [(usize, Vec<u32>)],
}

impl Relisting<'_> {
    /// Adds segments to a manifest, each with its lists, as far as they are wanted and their making is not
    /// interrupted; of each is said which of the old pieces it is. Returns what similarities are without.
    pub fn run(
        &self,
        manifest: &mut Manifest,
        segments: Vec<(SegmentRef, Option<usize>)>,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Arc<Centre>>> {
        let without = |segment| SegmentRef {
            lists: None,
            ..segment
        };
        let Some(kind) = manifest.neighbors else {
            manifest.segments = segments.into_iter().map(|it| without(it.0)).collect();
            return Ok(None);
        };
        let old = self.old.filter(|old| old.list_kind() == Some(&kind));
        let centre = match kind.centre {
            Some(share) => {
                let kept = old.and_then(|old| mean_kept(old, manifest.photos));
                let mean = match kept {
                    Some(mean) => mean,
                    None => self.mean_of(manifest, &segments)?,
                };
                Some(Arc::new(Centre { share, mean }))
            }
            None => None,
        };
        // By another mean all lists are others.
        let old = old.filter(|old| {
            let mean = centre.as_ref().map(|it| &it.mean[..]);
            mean.is_none() || old.mean_of_lists() == mean
        });
        let (mut is_kept, mut goes_on) = (true, true);
        for (number, (segment, piece)) in segments.into_iter().enumerate() {
            is_kept &= piece == Some(number)
                && (self.whole_lists)(number)
                && old.is_some_and(|old| old.has_lists(number));
            if is_kept {
                manifest.segments.push(segment);
                continue;
            }
            let rows = segment.vectors;
            manifest.segments.push(without(segment));
            if !goes_on {
                continue;
            }
            let carried = old.filter(|old| piece.is_none() && old.has_all_lists());
            let carried = carried.map(|old| Carried::from(old, self.moved, rows));
            let listing = Listing {
                dir: self.dir,
                snapshot: &Snapshot::of_segments(self.dir, manifest)?,
                kind,
                centre: centre.clone(),
            };
            let carried = carried.unwrap_or_default();
            let lists = listing.write(manifest.next, carried, &mut *on_progress)?;
            manifest.next += 1;
            goes_on = lists.is_some();
            if let Some(last) = manifest.segments.last_mut() {
                last.lists = lists;
            }
        }
        Ok(centre)
    }

    fn mean_of(
        &self,
        manifest: &Manifest,
        segments: &[(SegmentRef, Option<usize>)],
    ) -> Result<Vec<f32>> {
        let segments = segments.iter().map(|(segment, _)| SegmentRef {
            lists: None,
            ..segment.clone()
        });
        let all = Manifest {
            segments: segments.collect(),
            ..manifest.clone()
        };
        Ok(Snapshot::of_segments(self.dir, &all)?.mean_now())
    }
}

/// The mean of the lists before, while it is nearly that of the photos that there are.
fn mean_kept(old: &Snapshot, photos: u64) -> Option<Vec<f32>> {
    let before = old.len() as u64;
    let is_near = photos >= MEAN_OF_ALL && photos.abs_diff(before) * 10 <= before;
    let mean = old.mean_of_lists().filter(|_| is_near)?;
    Some(mean.to_vec())
}

/// Lists of a segment that was merged from others, as far as they are known.
#[derive(Default)]
struct Carried {
    /// Of its rows; nothing of those to be looked for.
    own: Vec<Option<List>>,
    /// Of earlier segments' vectors.
    earlier: BTreeMap<u32, List>,
    /// Of those the ones to be looked for.
    lost: Vec<u32>,
}

impl Carried {
    /// Those of a new segment with so many rows, whose merged pieces, of a snapshot with all of its lists,
    /// went to these rows, each by its number.
    fn from(old: &Snapshot, moved: &[(usize, Vec<u32>)], rows: u32) -> Self {
        let mut carried = Self {
            own: vec![None; rows as usize],
            ..Self::default()
        };
        let Some(first) = moved.iter().map(|(piece, _)| old.first_of(*piece)).min() else {
            return carried;
        };
        let translate = |vector: u32| -> Option<u32> {
            if vector < first {
                return old.is_alive(vector).then_some(vector);
            }
            let (piece, row) = old.place(vector)?;
            let (_, rows) = moved.iter().find(|(moved, _)| *moved == piece)?;
            let row = *rows.get(row as usize)?;
            (row != GONE).then(|| first + row)
        };
        let translated = |list: List, of: u32| {
            let all = list.near.len();
            let mut near: Vec<Neighbor> = Vec::with_capacity(all);
            for one in list.near {
                let index = translate(one.index).filter(|index| *index != of);
                let is_new = |index: &u32| near.iter().all(|it| it.index != *index);
                if let Some(index) = index.filter(is_new) {
                    near.push(Neighbor { index, ..one });
                }
            }
            // One that lost some may lack what comes next.
            let sum = list.sum;
            (near.len() == all).then_some(List { near, sum })
        };
        for (piece, new_rows) in moved {
            for (row, new) in (0u32..).zip(new_rows) {
                let place = carried.own.get_mut(*new as usize);
                let known = old.list(old.first_of(*piece) + row);
                if let Some((place, known)) = place.zip(known) {
                    *place = translated(known, first + new);
                }
            }
            for vector in old.changed_by(*piece).filter(|vector| *vector < first) {
                match old.list(vector).and_then(|list| translated(list, vector)) {
                    Some(list) => drop(carried.earlier.insert(vector, list)),
                    None => carried.lost.push(vector),
                }
            }
        }
        carried.lost.sort_unstable();
        carried.lost.dedup();
        carried
    }
}

/// The lists of a snapshot's last segment in the making.
struct Listing<'a> {
    dir: &'a Path,
    /// With the lists of all segments but the last.
    snapshot: &'a Snapshot,
    kind: ListKind,
    centre: Option<Arc<Centre>>,
}

impl Listing<'_> {
    /// Writes the file `neighbours-N`; nothing where it was interrupted.
    fn write(
        &self,
        number: u64,
        carried: Carried,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<ListsRef>> {
        let snapshot = self.snapshot;
        let rows = snapshot.pieces().last().map_or(0, Piece::vectors);
        let first = snapshot.vector_count() as u32 - rows;
        let Carried {
            mut own,
            earlier,
            lost,
        } = carried;
        own.resize(rows as usize, None);
        let fresh = (first..).zip(&own).filter(|(_, list)| list.is_none());
        let mut fresh: Vec<u32> = fresh.map(|(vector, _)| vector).collect();
        fresh.extend(lost);
        let mut book = Book {
            snapshot,
            first,
            length: self.kind.length,
            own,
            earlier,
            least: HashMap::new(),
        };
        for (done, block) in fresh.chunks(BLOCK).enumerate() {
            if on_progress(done * BLOCK, fresh.len()).is_break() {
                return Ok(None);
            }
            let found = block.par_iter().map(|vector| self.near(*vector));
            for (vector, found) in block.iter().zip(found.collect::<Vec<_>>()) {
                book.add(*vector, found);
            }
        }
        let mut own: Vec<List> = book.own.into_iter().flatten().collect();
        let mut earlier: Vec<(u32, List)> = book.earlier.into_iter().collect();
        let own_lists = own.par_iter_mut().enumerate();
        self.sum(own_lists.map(|(row, list)| (list, first + row as u32)));
        self.sum(earlier.par_iter_mut().map(|(vector, list)| (list, *vector)));
        // What is damaged was not found.
        if let Some(damage) = snapshot.damage() {
            return Err(damage.into());
        }
        let own = own.into_iter();
        Ok(Some(write((self.dir, number), self.kind, own, &earlier)?))
    }

    fn around<'s>(&'s self, options: &'s SearchOptions) -> Around<'s> {
        let ranking = Ranking {
            centre: self.kind.centre,
            ..Ranking::NONE
        };
        let asking = Asking::of_everything(ranking, options);
        let query = vec![0.0; self.snapshot.dimension()];
        Around::new(self.snapshot, &asking, query, self.centre.clone())
    }

    /// The nearest others of a vector: so many that those whose list it belongs in are among them, all where
    /// that costs little.
    fn near(&self, vector: u32) -> Vec<Neighbor> {
        let all = self.snapshot.vector_count();
        let is_small = self.snapshot.graph_points() == 0;
        let beyond = 2 * self.kind.length + BEYOND;
        let options = SearchOptions::default();
        let around = self.around(&options);
        around.found(vector, if is_small { all } else { beyond })
    }

    /// Computes the lengths of augmented sums that are not known.
    fn sum<'l>(&self, lists: impl ParallelIterator<Item = (&'l mut List, u32)>) {
        let Some(augment) = &self.kind.augment else {
            return;
        };
        lists.for_each(|(list, vector)| {
            if list.sum.is_none() {
                let options = SearchOptions::default();
                let terms = augment.terms(vector, &list.near);
                list.sum = Some(self.around(&options).length_now(&terms));
            }
        });
    }
}

/// The lists while photos are added.
struct Book<'a> {
    snapshot: &'a Snapshot,
    /// The first vector of the segment.
    first: u32,
    length: usize,
    /// Nothing of what is still to be looked for.
    own: Vec<Option<List>>,
    earlier: BTreeMap<u32, List>,
    /// Similarities from which on earlier vectors' lists take something in.
    least: HashMap<u32, f32>,
}

impl Book<'_> {
    /// A vector and what is near it.
    fn add(&mut self, vector: u32, found: Vec<Neighbor>) {
        for one in &found {
            self.take_in(one.index, vector, one.similarity);
        }
        let mut near = found;
        near.truncate(self.length);
        let list = List { near, sum: None };
        if let Some(row) = vector.checked_sub(self.first) {
            self.own[row as usize] = Some(list);
        } else {
            self.least.remove(&vector);
            self.earlier.insert(vector, list);
        }
    }

    fn take_in(&mut self, of: u32, vector: u32, similarity: f32) {
        let new = Neighbor {
            index: vector,
            similarity,
        };
        if let Some(row) = of.checked_sub(self.first) {
            if let Some(list) = &mut self.own[row as usize] {
                insert(list, new, self.length);
            }
            return;
        }
        // An earlier vector knows the other.
        if vector < self.first {
            return;
        }
        let (snapshot, length) = (self.snapshot, self.length);
        let known = &self.earlier;
        let before = snapshot.pieces().len() - 1;
        let least = *self.least.entry(of).or_insert_with(|| {
            let list = known
                .get(&of)
                .cloned()
                .or_else(|| snapshot.list_of(of, before));
            list.map_or(f32::NEG_INFINITY, |list| least_of(&list, length))
        });
        if similarity <= least {
            return;
        }
        let list = self.earlier.entry(of).or_insert_with(|| {
            snapshot.list_of(of, before).unwrap_or_else(|| List {
                near: Vec::new(),
                sum: None,
            })
        });
        insert(list, new, length);
        self.least.insert(of, least_of(list, length));
    }
}

fn least_of(list: &List, length: usize) -> f32 {
    let last = list.near.last().filter(|_| list.near.len() >= length);
    last.map_or(f32::NEG_INFINITY, |last| last.similarity)
}

fn insert(list: &mut List, new: Neighbor, length: usize) {
    let is_before = |it: &Neighbor| {
        let order = new.similarity.total_cmp(&it.similarity);
        order.then(it.index.cmp(&new.index)).is_lt()
    };
    if list.near.iter().any(|it| it.index == new.index) {
        return;
    }
    let place = list.near.partition_point(is_before);
    if place < length {
        list.near.insert(place, new);
        list.near.truncate(length);
        list.sum = None;
    }
}
