//! The looser view: photos that look alike, as bursts and scenes do, by their descriptors alone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::candidates::neighbours;
use super::collection::Collection;
use super::options::Options;
use super::report::{Similar, SimilarGroup};
use crate::error::Result;
use crate::gallery::{Match, Snapshot};

/// Neighbours of each that are looked at.
const NEIGHBOURS: usize = 48;

/// Groups of photos with at least this cosine to the first of them, which is the one that
/// [`Keep`](super::Keep) says; each photo in one group at most. Nothing where `on_step` (photos done, of
/// all) broke.
///
/// # Errors
/// As [`Snapshot::nearest_vectors`].
pub fn similar(
    snapshot: &Snapshot,
    options: &Options,
    min_similarity: f32,
    on_step: &mut (dyn FnMut(usize, usize) -> ControlFlow<()> + Send),
) -> Result<Option<Similar>> {
    let collection = Collection::of(snapshot, options);
    let all = collection.contents.len();
    let progress = Mutex::new((0, on_step));
    let told = |steps: usize| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.0 += steps;
        let done = progress.0;
        (progress.1)(done, all).is_continue()
    };
    let Some(pairs) = neighbours(&collection, snapshot, NEIGHBOURS, false, &told)? else {
        return Ok(None);
    };
    let mut near: BTreeMap<u32, BTreeMap<u32, f32>> = BTreeMap::new();
    for pair in pairs {
        let (a, b) = (pair.first, pair.second);
        let similarity = pair.similarity.unwrap_or(-1.0);
        if similarity >= min_similarity {
            near.entry(a).or_default().insert(b, similarity);
            near.entry(b).or_default().insert(a, similarity);
        }
    }
    let mut report = Similar {
        groups: Vec::new(),
        photos: collection.records.len(),
        min_similarity,
    };
    let mut is_taken = vec![false; all];
    for number in 0..all as u32 {
        if is_taken[number as usize] {
            continue;
        }
        let others = near.get(&number).into_iter().flatten();
        let others: Vec<(u32, f32)> = others
            .filter(|(other, _)| !is_taken[**other as usize])
            .map(|(other, similarity)| (*other, *similarity))
            .collect();
        let group = group(&collection, number, &others);
        if !group.others.is_empty() {
            for (other, _) in &others {
                is_taken[*other as usize] = true;
            }
            is_taken[number as usize] = true;
            report.groups.push(group);
        }
    }
    report.groups.sort_by(|a, b| {
        let size = b.others.len().cmp(&a.others.len());
        size.then_with(|| a.first.path.cmp(&b.first.path))
    });
    Ok(Some(report))
}

fn group(collection: &Collection, number: u32, others: &[(u32, f32)]) -> SimilarGroup {
    let record = |photo: &u32| collection.records[*photo as usize].clone();
    let content = |number: u32| &collection.contents[number as usize].photos;
    let own = content(number);
    let copies = own[1..].iter().map(|photo| (1.0, photo));
    let near = others
        .iter()
        .flat_map(|(other, similarity)| content(*other).iter().map(move |it| (*similarity, it)));
    let found = copies.chain(near).map(|(similarity, photo)| Match {
        expected: None,
        similarity: similarity.min(1.0),
        record: record(photo),
    });
    let mut others: Vec<Match> = found.collect();
    others.sort_by(|a, b| {
        let order = b.similarity.total_cmp(&a.similarity);
        order.then_with(|| a.record.path.cmp(&b.record.path))
    });
    SimilarGroup {
        first: record(&own[0]),
        others,
    }
}
