//! New photos held against a gallery: which of them it has already. Nothing is added.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::candidates::{Pair, among, correlated};
use super::collection::Collection;
use super::decide::Verdict;
use super::find::{Event, Finder};
use super::options::Options;
use super::report::{Against, Known, Level, New, Skipped};
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::extract::Extractor;
use crate::gallery::{Record, Snapshot};
use crate::photo::{Exclude, Found, Photo, walk};
use crate::search::Searcher;

/// Photos that are described between two questions whether to stop.
const AT_ONCE: usize = 64;

/// Holds the photos at and beneath these paths against a gallery. What it has is told by the photo that
/// is kept first. Nothing where `on_event` broke.
///
/// # Errors
/// As [`Searcher::extractor`] and [`Snapshot::nearest_vectors`]. What is wrong with a single photo is in
/// the report.
pub fn against(
    searcher: &Searcher,
    paths: &[PathBuf],
    options: &Options,
    on_event: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<Option<Against>> {
    let snapshot = searcher.snapshot();
    let walked = walk(paths, &Exclude::default());
    let mut report = Against::default();
    let problems = walked.problems.into_iter();
    report.skipped = problems
        .map(|(path, error)| skipped(path, &error.into()))
        .collect();
    let Some(described) = described(searcher, &walked.found, &mut report, on_event)? else {
        return Ok(None);
    };
    let (collection, descriptors) = together(&snapshot, options, described);
    let news = NewContents {
        collection: &collection,
        first_new: (collection.records.len() - descriptors.len()) as u32,
    };
    let pairs = news.pairs(&snapshot, &descriptors)?;
    let Some(pairs) = correlated(&collection, pairs, &|_| true) else {
        return Ok(None);
    };
    let mut finder = Finder::new(&collection, options.fast);
    if finder.decide_all(&pairs, on_event).is_break() {
        return Ok(None);
    }
    news.report(&finder, &mut report);
    Ok(Some(report))
}

/// A new photo with what is needed to compare it.
type Described = (Record, Option<Descriptor>);

fn described(
    searcher: &Searcher,
    found: &[Found],
    report: &mut Against,
    on_event: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<Option<Vec<Described>>> {
    let mut all = Vec::new();
    if found.is_empty() {
        return Ok(Some(all));
    }
    let extractor = searcher.extractor()?;
    for (round, some) in found.chunks(AT_ONCE).enumerate() {
        if on_event(Event::Searching(round * AT_ONCE, found.len())).is_break() {
            return Ok(None);
        }
        let described: Vec<_> = some
            .par_iter()
            .map(|it| describe(&extractor, &it.path))
            .collect();
        for (found, described) in some.iter().zip(described) {
            match described {
                Ok(described) => all.push(described),
                Err(error) => report.skipped.push(skipped(found.path.clone(), &error)),
            }
        }
    }
    Ok(Some(all))
}

fn describe(extractor: &Extractor, path: &Path) -> Result<Described> {
    let photo = Photo::read(path)?;
    let (picture, facts) = extractor.decode_with_facts(&photo)?;
    // A picture in which the network sees nothing is compared by what else is known of it.
    let descriptor = extractor.describe_picture(&picture).ok();
    let record = Record {
        path: path.to_owned(),
        size: photo.size(),
        modified: photo.modified(),
        hash: photo.hash(),
        width: facts.width,
        height: facts.height,
        facts: Some(facts),
        tags: Vec::new(),
    };
    Ok((record, descriptor))
}

/// The gallery's photos, in the order in which they are kept, and the new ones behind them; and of those
/// the descriptors.
fn together(
    snapshot: &Snapshot,
    options: &Options,
    described: Vec<Described>,
) -> (Collection, Vec<Option<Descriptor>>) {
    let mut known: Vec<(Record, Option<usize>)> = snapshot.photos().collect();
    known.sort_by(|(a, _), (b, _)| options.keep.order(a, b));
    let mut descriptors = Vec::new();
    for (record, descriptor) in described {
        known.push((record, None));
        descriptors.push(descriptor);
    }
    (Collection::of_records(known), descriptors)
}

struct NewContents<'a> {
    collection: &'a Collection,
    /// The number of the first photo that is new.
    first_new: u32,
}

impl NewContents<'_> {
    /// Whether the gallery has no photo with these bytes.
    fn is_new(&self, content: u32) -> bool {
        self.collection.contents[content as usize].photos[0] >= self.first_new
    }

    fn pairs(&self, snapshot: &Snapshot, descriptors: &[Option<Descriptor>]) -> Result<Vec<Pair>> {
        let numbers: Vec<u32> = (0..self.collection.contents.len() as u32)
            .filter(|number| self.is_new(*number))
            .collect();
        let vectors = numbers.iter().filter_map(|content| {
            let photo = self.collection.contents[*content as usize].photos[0];
            let descriptor = descriptors.get((photo - self.first_new) as usize)?;
            Some((*content, snapshot.asked(descriptor.as_ref()?).ok()?))
        });
        let vectors: Vec<(u32, Vec<f32>)> = vectors.collect();
        let mut pairs = among(self.collection, snapshot, &numbers, &vectors)?;
        // Both may be new: then nothing is known of either.
        pairs.retain(|pair| !self.is_new(pair.first));
        Ok(pairs)
    }

    fn report(&self, finder: &Finder<'_>, report: &mut Against) {
        for number in self.first_new as usize..self.collection.records.len() {
            let record = &self.collection.records[number];
            let known = self.known(finder, self.collection.content_of[number]);
            report.known += usize::from(known.is_some());
            report.missing += usize::from(known.is_none());
            report.photos.push(New {
                path: record.path.clone(),
                hash: record.hash,
                known,
            });
        }
        report.photos.sort_by(|a, b| a.path.cmp(&b.path));
        let failed = finder.failed();
        let failed = failed
            .into_iter()
            .map(|(path, reason)| Skipped { path, reason });
        report.skipped.extend(failed);
    }

    fn known(&self, finder: &Finder<'_>, content: u32) -> Option<Known> {
        let record = |content: u32| {
            let photo = self.collection.contents[content as usize].photos[0];
            self.collection.records[photo as usize].clone()
        };
        if !self.is_new(content) {
            return Some(Known {
                record: record(content),
                level: Level::Bytes,
                change: None,
            });
        }
        let unit = finder.unit(content);
        if !self.is_new(unit) {
            return Some(Known {
                record: record(unit),
                level: Level::Pixels,
                change: None,
            });
        }
        let same = finder.same(unit).find(|(other, _)| !self.is_new(*other));
        same.map(|(other, verdict)| Known {
            record: record(other),
            level: Level::Near,
            change: match verdict {
                Verdict::Same(change) => Some(change),
                Verdict::Other => None,
            },
        })
    }
}

fn skipped(path: PathBuf, error: &Error) -> Skipped {
    Skipped {
        path,
        reason: error.to_string(),
    }
}
