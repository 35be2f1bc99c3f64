//! Photos to descriptors without a gallery: what a whitening is fitted on.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::workers::{Taken, Workers, is_lost_device};
use super::{Incomplete, IngestEvent, IngestOptions, Skipped, pass_over};
use crate::descriptor::{Descriptor, Matrix};
use crate::error::{Error, PhotoError, Result};
use crate::extract::Extractor;
use crate::gallery::Record;
use crate::photo::{ContentHash, walk};

/// The descriptors of photos, in memory.
#[derive(Debug)]
pub struct Descriptors {
    /// The descriptors in the order of the walk; of equal files the first's.
    pub rows: Matrix,
    /// Files that have none, since they could not be read.
    pub skipped: Vec<Skipped>,
    /// Whether the caller stopped it before the end.
    pub interrupted: bool,
}

/// The descriptors of the photos at `paths`; nothing is kept on disk. Takes memory for all of them once.
///
/// # Errors
/// [`DescriptorError::ZeroDescriptor`](crate::error::DescriptorError) if the extractor's descriptors
/// have no values; [`NetworkError::DeviceLost`](crate::error::NetworkError).
pub fn descriptors_of(
    paths: &[PathBuf],
    extractor: &Extractor,
    options: &IngestOptions,
    on_event: &mut dyn FnMut(IngestEvent<'_>) -> ControlFlow<()>,
) -> Result<Descriptors> {
    let walked = walk(paths, &options.exclude);
    let dimension = extractor.fingerprint().dimension();
    let mut descriptors = Descriptors {
        rows: Matrix::zeros(0, dimension)?,
        skipped: Vec::new(),
        interrupted: false,
    };
    let event = IngestEvent::Walked {
        to_do: walked.found.len(),
        unchanged: 0,
        others: &walked.others,
    };
    descriptors.interrupted = on_event(event).is_break();
    for (path, problem) in walked.problems {
        let reason = problem.into();
        let skipped = Skipped { path, reason };
        descriptors.interrupted |= pass_over(&mut descriptors.skipped, skipped, on_event);
    }
    if descriptors.interrupted {
        return Ok(descriptors);
    }
    let paths = walked.found.iter().map(|found| found.path.as_path());
    let mut rows = Rows {
        matrix: Matrix::zeros(walked.found.len(), dimension)?,
        first: HashMap::new(),
        places: paths.zip(0..).collect(),
    };
    let workers = Workers::new(&walked.found, None, extractor);
    let mut lost = None;
    let worked = workers.all(options.jobs, &mut |taken| {
        match taken {
            None => {
                let answer = on_event(IngestEvent::Waiting);
                descriptors.interrupted |= answer.is_break();
            }
            Some(Taken {
                path,
                record,
                present,
            }) => match record {
                Ok(described) => {
                    rows.put(&path, described);
                    if let Some(incomplete) = Incomplete::of(path, present) {
                        let event = IngestEvent::Incomplete(&incomplete);
                        descriptors.interrupted |= on_event(event).is_break();
                    }
                    let event = IngestEvent::Stored { photos: 1 };
                    descriptors.interrupted |= on_event(event).is_break();
                }
                Err(reason) if is_lost_device(&reason) => {
                    lost.get_or_insert(reason);
                }
                Err(Error::Photo(PhotoError::Stopped { .. })) => {}
                Err(reason) => {
                    let skipped = Skipped { path, reason };
                    let is_over = pass_over(&mut descriptors.skipped, skipped, on_event);
                    descriptors.interrupted |= is_over;
                }
            },
        }
        if descriptors.interrupted || lost.is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    worked?;
    descriptors.rows = rows.compact();
    lost.map_or(Ok(descriptors), Err)
}

/// A place for every photo, so that the order in which they are done makes no difference.
struct Rows<'a> {
    matrix: Matrix,
    /// Where the descriptor of each content stands: at the first of the equal files, whichever of them
    /// went through the network.
    first: HashMap<ContentHash, usize>,
    places: HashMap<&'a Path, usize>,
}

impl Rows<'_> {
    fn put(&mut self, path: &Path, (record, descriptor): (Record, Option<Descriptor>)) {
        let Some(&place) = self.places.get(path) else {
            return;
        };
        let before = self.first.get(&record.hash).copied();
        let row = match (descriptor, before) {
            (Some(descriptor), None) => descriptor.as_slice().to_vec(),
            (_, Some(before)) if place < before => self.matrix.row_mut(before).to_vec(),
            _ => return,
        };
        self.matrix.row_mut(place).copy_from_slice(&row);
        self.first.insert(record.hash, place);
    }

    /// The rows that were put, moved together.
    fn compact(mut self) -> Matrix {
        let first: HashSet<usize> = self.first.into_values().collect();
        self.matrix.retain(|place| first.contains(&place));
        self.matrix
    }
}
