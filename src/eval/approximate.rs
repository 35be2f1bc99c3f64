//! The approximate index held against the exact ranking, at several `ef_search`.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::ground_truth::GroundTruth;
use crate::descriptor::{Descriptor, Fingerprint, UnitVector, Vectors};
use crate::error::{DescriptorError, Result};
use crate::gallery::{Gallery, IndexPolicy, Record, SearchOptions, Snapshot};
use crate::photo::ContentHash;

/// The candidates kept that are tried.
pub const EF_SEARCH: [usize; 6] = [10, 20, 40, 80, 160, 320];
/// Neighbours asked for.
pub const NEIGHBORS: usize = 10;

/// How the index does with one `ef_search`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Approximation {
    /// Candidates kept; nothing for the exact search.
    pub ef_search: Option<usize>,
    /// The share of the [`NEIGHBORS`] nearest that it finds.
    pub recall: f64,
    /// Queries answered in a second by one thread.
    pub queries_per_second: f64,
}

/// Indexes the gallery's items in the folder `dir` and asks every query, exactly and approximately.
///
/// # Errors
/// Those of writing and publishing a gallery.
pub fn compare(
    truth: &GroundTruth,
    descriptors: Vectors<'_>,
    fingerprint: &Fingerprint,
    dir: &Path,
) -> Result<Vec<Approximation>> {
    let fingerprint = fingerprint.clone().with_dimension(descriptors.dimension());
    let policy = IndexPolicy {
        graph_from: 2,
        ..IndexPolicy::default()
    };
    let mut gallery = Gallery::open_or_create(dir, &fingerprint)?.with_policy(policy);
    let made_with = Arc::clone(gallery.fingerprint());
    let descriptor = |row: usize| {
        let vector = UnitVector::normalize(descriptors.row(row).to_vec())?;
        Descriptor::new(vector, &made_with)
    };
    let in_gallery = truth
        .items
        .iter()
        .enumerate()
        .filter(|(_, item)| item.in_gallery);
    let record = |(index, item): (usize, &super::ground_truth::Item)| {
        // Each item is a photo of its own here, whatever its content.
        let hash = ContentHash::of(&(index as u64).to_le_bytes());
        let path = item.path.clone();
        let record = Record {
            path,
            size: 0,
            modified: 0,
            hash,
            width: 0,
            height: 0,
            facts: None,
            tags: Vec::new(),
        };
        Ok((record, Some(descriptor(index)?)))
    };
    let records = in_gallery.map(record).collect::<Result<Vec<_>>>()?;
    gallery.write(&records, &[])?;
    gallery.publish(&mut |_, _| ControlFlow::Continue(()))?;
    let snapshot = Snapshot::open(dir)?;
    let query = |query: &super::ground_truth::Query| descriptor(query.item as usize);
    let queries = truth
        .queries
        .iter()
        .map(query)
        .collect::<Result<Vec<_>, DescriptorError>>()?;
    let (exact, speed) = ask(&snapshot, &queries, None)?;
    let mut compared = vec![Approximation {
        ef_search: None,
        recall: 1.0,
        queries_per_second: speed,
    }];
    for ef_search in EF_SEARCH {
        let (found, queries_per_second) = ask(&snapshot, &queries, Some(ef_search))?;
        let shared = |(exact, found): (&HashSet<_>, &HashSet<_>)| exact.intersection(found).count();
        let hits: usize = exact.iter().zip(&found).map(shared).sum();
        let all: usize = exact.iter().map(HashSet::len).sum();
        let recall = hits as f64 / all.max(1) as f64;
        compared.push(Approximation {
            ef_search: Some(ef_search),
            recall,
            queries_per_second,
        });
    }
    Ok(compared)
}

type Answers = Vec<HashSet<ContentHash>>;

fn ask(
    snapshot: &Snapshot,
    queries: &[Descriptor],
    ef_search: Option<usize>,
) -> Result<(Answers, f64)> {
    let options = SearchOptions {
        k: NEIGHBORS,
        exact: ef_search.is_none(),
        ef_search,
        ..SearchOptions::default()
    };
    let begun = Instant::now();
    let mut answers = Vec::with_capacity(queries.len());
    for query in queries {
        let found = snapshot.search(query, &options)?;
        answers.push(found.into_iter().map(|found| found.record.hash).collect());
    }
    let speed = queries.len() as f64 / begun.elapsed().as_secs_f64();
    Ok((answers, speed))
}
