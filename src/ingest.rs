//! Photos on disk into the gallery: only what is new or changed goes through the network.
//!
//! Resumable, because every batch is durable before it is counted; cancellable at any moment; and
//! no photo stops the others. Knows no terminal: whoever calls is told what happens and may stop it.

mod changes;
mod copies;
mod descriptors;
mod kept;
mod report;
mod threads;
mod twins;
mod workers;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::changes::Changes;
pub(crate) use self::copies::{Copies, Turn};
pub use self::descriptors::{Descriptors, descriptors_of};
pub use self::kept::{Kept, KeptBecause};
pub use self::report::{Incomplete, IngestReport, Skipped, WhiteningReport};
pub(crate) use self::threads::{Work, work_through};
pub(crate) use self::workers::is_lost_device;
use self::workers::{Taken, Workers};
use crate::descriptor::Descriptor;
use crate::error::{Error, PhotoError, Result};
use crate::extract::Extractor;
use crate::gallery::{Gallery, Record, check_same};
use crate::model::FetchEvent;
use crate::photo::{ContentHash, Exclude, walk};
use crate::resolve::{self, Overrides};

/// Photos written to the store at once, and the longest that one waits for others.
const WRITTEN_AT_ONCE: usize = 64;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long photos wait to be found while more are taken in: the first of a run, and then.
const FIRST_PUBLISHED: Duration = Duration::from_secs(10);
const PUBLISHED_EACH: Duration = Duration::from_secs(30);

/// How to ingest.
#[derive(Clone, Debug, Default)]
pub struct IngestOptions {
    /// Threads that decode and describe; 0 means one per core.
    pub jobs: usize,
    /// Files and folders to pass over.
    pub exclude: Exclude,
    /// Take out photos that are gone from disk even if they are more than half of those beneath a
    /// path, or all: as it looks too where a disk is not mounted. Otherwise they stay, and
    /// [`IngestReport::kept`] says which.
    pub remove_many: bool,
}

/// An ingestion that has not begun: [`Indexing::run`] does it.
#[must_use = "nothing happens before `run`"]
pub struct Indexing<'a> {
    gallery: &'a mut Gallery,
    paths: Vec<PathBuf>,
    options: IngestOptions,
    extractor: Option<&'a Extractor>,
}

/// What is going on.
pub enum IngestEvent<'a> {
    /// The weights are being fetched.
    Fetching(FetchEvent),
    /// The walk is over: so many photos are new or changed, so many are as they were.
    Walked {
        /// Photos to look at.
        to_do: usize,
        /// Photos whose size and time have not changed.
        unchanged: usize,
        /// Files that were passed over because they are no photos, by kind, as
        /// [`IngestReport::others`] has them.
        others: &'a BTreeMap<String, usize>,
    },
    /// So many more photos are durable.
    Stored {
        /// How many.
        photos: usize,
    },
    /// A photo was skipped.
    Skipped(&'a Skipped),
    /// A photo is taken of which a part is missing.
    Incomplete(&'a Incomplete),
    /// Nothing new: somebody is at work on a large photo. Sent several times a second, so that there is
    /// always an answer soon.
    Waiting,
    /// The device fails, and the CPU goes on, since any device was asked for.
    DeviceLost {
        /// Why.
        reason: &'a str,
    },
    /// The graph is being built, or the augmentation.
    Publishing {
        /// Vectors in it.
        done: usize,
        /// Vectors in all.
        total: usize,
    },
}

impl Gallery {
    /// Takes the photos at `paths`, files and folders, into the gallery, and out of it those that are
    /// gone from there: new, changed and moved ones only, in [`Indexing::run`]. Where most of a folder
    /// is gone, nothing is taken out unless [`IngestOptions::remove_many`] says so.
    pub fn index<P: Into<PathBuf>>(&mut self, paths: impl IntoIterator<Item = P>) -> Indexing<'_> {
        Indexing {
            gallery: self,
            paths: paths.into_iter().map(Into::into).collect(),
            options: IngestOptions::default(),
            extractor: None,
        }
    }
}

impl<'a> Indexing<'a> {
    /// With so many threads, or passing over some files.
    pub fn options(self, options: IngestOptions) -> Self {
        Self { options, ..self }
    }

    /// With this extractor instead of one loaded for what the gallery was made with.
    pub fn with(self, extractor: &'a Extractor) -> Self {
        Self {
            extractor: Some(extractor),
            ..self
        }
    }

    /// Does it. What `on_event` is told it may answer with a break: what is durable by then stays.
    ///
    /// # Errors
    /// [`GalleryError::SpecMismatch`](crate::error::GalleryError) for an extractor that makes other
    /// descriptors than the gallery's, before anything is read; else only what concerns all photos,
    /// such as a full disk. What was stored before stays.
    pub fn run(
        self,
        mut on_event: impl FnMut(IngestEvent<'_>) -> ControlFlow<()>,
    ) -> Result<IngestReport> {
        let loaded;
        let extractor = if let Some(extractor) = self.extractor {
            extractor
        } else {
            let mut on_fetch = |event| on_event(IngestEvent::Fetching(event));
            let (dir, made_with) = (self.gallery.dir(), self.gallery.fingerprint());
            let as_made = Overrides::default();
            loaded = resolve::extractor_of(dir, made_with, &as_made, &mut on_fetch)?;
            &loaded
        };
        check_same(self.gallery.fingerprint(), extractor.fingerprint())?;
        let (paths, options) = (&self.paths, &self.options);
        ingest(paths, extractor, self.gallery, options, &mut on_event)
    }
}

fn ingest(
    paths: &[PathBuf],
    extractor: &Extractor,
    gallery: &mut Gallery,
    options: &IngestOptions,
    on_event: &mut dyn FnMut(IngestEvent<'_>) -> ControlFlow<()>,
) -> Result<IngestReport> {
    let begun = Instant::now();
    let mut walked = walk(paths, &options.exclude);
    let changes = Changes::make(paths, &mut walked, gallery)?;
    let mut report = IngestReport {
        unchanged: changes.unchanged,
        others: walked.others,
        ..IngestReport::default()
    };
    let event = IngestEvent::Walked {
        to_do: changes.to_do.len(),
        unchanged: changes.unchanged,
        others: &report.others,
    };
    report.interrupted = on_event(event).is_break();
    for (path, problem) in walked.problems {
        let reason = problem.into();
        let skipped = Skipped { path, reason };
        report.interrupted |= pass_over(&mut report.skipped, skipped, on_event);
    }
    let mut lost = None;
    if !report.interrupted {
        if !changes.to_do.is_empty() {
            gallery.add_precision(extractor.placement().precision())?;
        }
        lost = take_all(
            &changes,
            extractor,
            gallery,
            options.jobs,
            &mut report,
            on_event,
        )?;
        report.interrupted |= lost.is_some();
    }
    changes.take_out_overwritten(gallery, &mut report)?;
    if !report.interrupted {
        changes.take_out_gone(gallery, options.remove_many, &mut report)?;
    }
    let mut publishing = |done, total| on_event(IngestEvent::Publishing { done, total });
    let published = if report.interrupted {
        gallery.publish_soon(&mut publishing)?
    } else {
        gallery.publish(&mut publishing)?
    };
    report.photos = published.photos;
    report.repairs = gallery.repairs().to_vec();
    report.seconds = begun.elapsed().as_secs_f64();
    report.device_lost = extractor.lost_device().map(str::to_owned);
    lost.map_or(Ok(report), Err)
}

/// Notes a photo that is passed over, and tells; whether whoever is told stops it.
fn pass_over(list: &mut Vec<Skipped>, skipped: Skipped, on_event: OnIngest<'_>) -> bool {
    let is_over = on_event(IngestEvent::Skipped(&skipped)).is_break();
    list.push(skipped);
    is_over
}

/// Runs the workers over all photos to do, and stores what they find. Returns the error of a device
/// that was lost, after which no photo can be described: what was described before is stored.
fn take_all(
    changes: &Changes,
    extractor: &Extractor,
    gallery: &mut Gallery,
    jobs: usize,
    report: &mut IngestReport,
    on_event: &mut dyn FnMut(IngestEvent<'_>) -> ControlFlow<()>,
) -> Result<Option<Error>> {
    let workers = Workers::new(&changes.to_do, Some(gallery.contents()?), extractor);
    let mut told = false;
    let mut on_event = |event: IngestEvent<'_>| {
        let lost = extractor.lost_device().filter(|_| !told);
        let answer = lost.map(|reason| on_event(IngestEvent::DeviceLost { reason }));
        told |= answer.is_some();
        match answer {
            Some(ControlFlow::Break(())) => ControlFlow::Break(()),
            _ => on_event(event),
        }
    };
    let mut storing = Storing {
        changes,
        gallery,
        report,
        gone: changes.gone.values().copied().collect(),
        batch: Vec::new(),
        last_write: Instant::now(),
        published: Instant::now(),
        until_published: FIRST_PUBLISHED,
        lost: None,
    };
    let mut result = Ok(());
    let worked = workers.all(jobs, &mut |taken| {
        if result.is_ok() {
            result = storing.take(taken, &mut on_event);
        }
        if result.is_err() || storing.is_over() {
            // What the workers have in hand still arrives and is stored.
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    result?;
    worked?;
    storing.write(&mut on_event)?;
    Ok(storing.lost)
}

type OnIngest<'a> = &'a mut dyn FnMut(IngestEvent<'_>) -> ControlFlow<()>;

/// Stores what arrives, in batches, and counts it when it is durable.
struct Storing<'a> {
    changes: &'a Changes,
    gallery: &'a mut Gallery,
    report: &'a mut IngestReport,
    /// Contents of photos that are gone and were not found at another place yet.
    gone: Vec<ContentHash>,
    batch: Vec<(Record, Option<Descriptor>)>,
    last_write: Instant,
    published: Instant,
    until_published: Duration,
    lost: Option<Error>,
}

impl Storing<'_> {
    fn take(&mut self, taken: Option<Taken>, on_event: OnIngest<'_>) -> Result<()> {
        match taken {
            None => {
                let answer = on_event(IngestEvent::Waiting);
                self.report.interrupted |= answer.is_break();
            }
            Some(Taken {
                path,
                record,
                present,
            }) => match record {
                Ok(new) => {
                    self.batch.push(new);
                    if let Some(incomplete) = Incomplete::of(path, present) {
                        let answer = on_event(IngestEvent::Incomplete(&incomplete));
                        self.report.interrupted |= answer.is_break();
                        self.report.incomplete.push(incomplete);
                    }
                }
                Err(reason) if is_lost_device(&reason) => {
                    self.lost.get_or_insert(reason);
                }
                Err(Error::Photo(PhotoError::Stopped { .. })) => {}
                Err(reason) => {
                    let skipped = Skipped { path, reason };
                    self.report.interrupted |=
                        pass_over(&mut self.report.skipped, skipped, on_event);
                }
            },
        }
        let is_due = self.last_write.elapsed() >= LONGEST_WAIT;
        if is_due || self.batch.len() >= WRITTEN_AT_ONCE {
            self.write(on_event)?;
        }
        Ok(())
    }

    fn write(&mut self, on_event: OnIngest<'_>) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        for (record, _) in &mut self.batch {
            self.changes.give_tags(record);
        }
        self.gallery.write(&self.batch, &[])?;
        self.last_write = Instant::now();
        for (record, descriptor) in &self.batch {
            let is_copy = descriptor.is_none();
            self.report
                .count(record, is_copy, self.changes, &mut self.gone);
        }
        let photos = self.batch.len();
        self.batch.clear();
        let answer = on_event(IngestEvent::Stored { photos });
        self.report.interrupted |= answer.is_break();
        if self.published.elapsed() >= self.until_published && !self.is_over() {
            let mut go_on = |_, _| on_event(IngestEvent::Waiting);
            self.gallery.publish_soon(&mut go_on)?;
            self.published = Instant::now();
            self.until_published = PUBLISHED_EACH;
        }
        Ok(())
    }

    const fn is_over(&self) -> bool {
        self.report.interrupted || self.lost.is_some()
    }
}

impl IngestReport {
    fn count(
        &mut self,
        record: &Record,
        is_copy: bool,
        changes: &Changes,
        gone: &mut Vec<ContentHash>,
    ) {
        let is_copy = usize::from(is_copy);
        match changes.known.get(&record.path) {
            Some(known) if known.hash == record.hash => self.unchanged += 1,
            Some(_) => {
                self.changed += 1;
                self.copies += is_copy;
            }
            None => {
                let is_moved = gone.iter().position(|hash| *hash == record.hash);
                if let Some(place) = is_moved {
                    gone.swap_remove(place);
                    self.moved += 1;
                } else {
                    self.added += 1;
                    self.copies += is_copy;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
