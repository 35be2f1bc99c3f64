//! The photos that are looked at, in the order in which they are kept, and their contents.

use std::collections::HashMap;

use super::options::Options;
use super::windows::Seen;
use crate::gallery::{Record, Snapshot};
use crate::photo::{ContentHash, Signature};

/// All photos.
pub struct Collection {
    /// What is kept first comes first.
    pub records: Vec<Record>,
    /// By the first of their photos.
    pub contents: Vec<Content>,
    /// Of each photo.
    pub content_of: Vec<u32>,
    /// Contents by the number of their vector.
    pub of_vector: HashMap<usize, u32>,
}

/// What photos with equal bytes have in common.
pub struct Content {
    /// Numbers of the photos.
    pub photos: Vec<u32>,
    pub hash: ContentHash,
    pub vector: Option<usize>,
    pub signature: Option<Signature>,
    pub size: (u32, u32),
    /// Nothing where the picture is flat, or its signature is not known.
    pub seen: Option<Seen>,
}

impl Collection {
    /// Those of a snapshot that are asked for.
    pub fn of(snapshot: &Snapshot, options: &Options) -> Self {
        let known = snapshot
            .photos()
            .filter(|(record, _)| options.has(&record.path));
        let known = known.map(|(record, vector)| {
            let last = !options.is_protected(&record.path);
            (last, record, vector)
        });
        let mut known: Vec<(bool, Record, Option<usize>)> = known.collect();
        known.sort_by(|(last, a, _), (other_last, b, _)| {
            let first = last.cmp(other_last);
            first.then_with(|| options.keep.order(a, b))
        });
        let known = known
            .into_iter()
            .map(|(_, record, vector)| (record, vector));
        Self::of_records(known.collect())
    }

    /// Those, in this order, each with its vector's number.
    pub fn of_records(known: Vec<(Record, Option<usize>)>) -> Self {
        let mut collection = Self {
            records: Vec::with_capacity(known.len()),
            contents: Vec::new(),
            content_of: Vec::with_capacity(known.len()),
            of_vector: HashMap::new(),
        };
        let mut numbers: HashMap<ContentHash, u32> = HashMap::new();
        for (number, (record, vector)) in (0..).zip(known) {
            let next = collection.contents.len() as u32;
            let content = *numbers.entry(record.hash).or_insert(next);
            if content == next {
                collection.contents.push(Content::of(&record, vector));
                if let Some(vector) = vector {
                    collection.of_vector.entry(vector).or_insert(content);
                }
            }
            collection.contents[content as usize].photos.push(number);
            collection.content_of.push(content);
            collection.records.push(record);
        }
        collection
    }
}

impl Content {
    fn of(record: &Record, vector: Option<usize>) -> Self {
        let signature = record.facts.as_ref().map(|facts| facts.signature);
        let size = (record.width, record.height);
        let shown = signature.filter(|it| !it.is_flat());
        Self {
            photos: Vec::new(),
            hash: record.hash,
            vector,
            signature,
            size,
            seen: shown.map(|it| seen(&it, size)),
        }
    }
}

/// As it is compared.
pub fn seen(signature: &Signature, (width, height): (u32, u32)) -> Seen {
    Seen::of(signature.as_bytes(), width as f32 / height.max(1) as f32)
}
