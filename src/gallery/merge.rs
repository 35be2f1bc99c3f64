//! Several galleries into one, without a look at a photo: how the work of several machines comes home.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Serialize, Serializer};

use super::find::{DEFAULT_NAME, is_gallery};
use super::record::{Record, Stored};
use super::{Gallery, Snapshot, check_same, whitening_of};
use crate::descriptor::{Descriptor, UnitVector};
use crate::document::{Document, place};
use crate::error::{Error, GalleryError, Result};

/// Photos written at once.
const AT_ONCE: usize = 256;

/// What came of a gallery's photos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Its folder.
    #[serde(flatten, serialize_with = "place")]
    pub gallery: PathBuf,
    /// Photos that were not known.
    pub added: usize,
    /// Photos of which it knew a newer state.
    pub updated: usize,
    /// Photos that stay as they were known.
    pub unchanged: usize,
    /// Photos that were left out because it has lost their descriptors.
    pub lost: usize,
}

/// A gallery that was not taken in, or not to its end.
#[derive(Debug, Serialize)]
pub struct Unmerged {
    /// Its folder.
    #[serde(flatten, serialize_with = "place")]
    pub gallery: PathBuf,
    /// Why.
    #[serde(flatten, serialize_with = "kind_and_reason")]
    pub reason: Error,
}

/// What a merge did.
#[derive(Debug, Serialize)]
pub struct MergeReport {
    /// The galleries that were taken in, in their order; of an interrupted merge the last may be so in part.
    pub merged: Vec<Merged>,
    /// Those that were not.
    pub failed: Vec<Unmerged>,
    /// Photos in the gallery now.
    pub photos: usize,
    /// Whether it was stopped; the next merge goes on.
    pub interrupted: bool,
    /// How long it took.
    pub seconds: f64,
}

impl Document for MergeReport {
    const KIND: &'static str = "merging";
}

/// What is going on.
pub enum MergeEvent<'a> {
    /// A gallery is open, of so many photos.
    Begun {
        /// Its folder.
        gallery: &'a Path,
        /// Photos in it, as far as its snapshot knows.
        photos: usize,
    },
    /// So many more photos were looked at, and are durable.
    Taken {
        /// How many.
        photos: usize,
    },
    /// A gallery is passed over.
    Failed(&'a Unmerged),
    /// The graph is being built, or the augmentation.
    Publishing {
        /// Vectors in it.
        done: usize,
        /// Vectors in all.
        total: usize,
    },
}

type OnMerge<'a> = &'a mut dyn FnMut(MergeEvent<'_>) -> ControlFlow<()>;

/// The gallery in a folder, or in the `.imgsearch` within.
fn meant(dir: &Path) -> PathBuf {
    let within = dir.join(DEFAULT_NAME);
    if !is_gallery(dir) && is_gallery(&within) {
        within
    } else {
        dir.to_owned()
    }
}

impl Gallery {
    /// Opens the gallery in `dir`; where there is none, makes one like the first of `others` that can be
    /// opened.
    ///
    /// # Errors
    /// As [`Gallery::open`]: where there is none, the error of the first of the others if none can be opened.
    pub fn open_or_create_like(dir: &Path, others: &[PathBuf]) -> Result<Self> {
        if is_gallery(dir) {
            return Self::open(dir);
        }
        let mut failed = None;
        for other in others {
            match Self::open(&meant(other)) {
                Ok(other) => {
                    let whitening = whitening_of(other.dir(), other.fingerprint());
                    let whitening = whitening.ok().flatten();
                    let made_with = other.fingerprint();
                    let mut new =
                        Self::open_or_create_whitened(dir, made_with, whitening.as_ref())?;
                    new.set_ranking(*other.ranking())?;
                    return Ok(new);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let none = || super::no_gallery(dir);
        Err(failed.unwrap_or_else(none))
    }

    /// Takes in the photos of other galleries whose descriptors were made as its own, and publishes. Of a
    /// photo that both know the newer state counts, by the file's last change, with the tags of both. The
    /// others stay as they are. What `on_event` is told it may answer with a break: what was taken by then
    /// stays, and the next merge goes on.
    ///
    /// One that cannot be opened, or was made otherwise, is passed over: [`MergeReport::failed`] says why.
    ///
    /// # Errors
    /// As [`Gallery::write`] and [`Gallery::publish`].
    pub fn merge(
        &mut self,
        others: &[PathBuf],
        mut on_event: impl FnMut(MergeEvent<'_>) -> ControlFlow<()>,
    ) -> Result<MergeReport> {
        let begun = Instant::now();
        let mut report = MergeReport {
            merged: Vec::new(),
            failed: Vec::new(),
            photos: 0,
            interrupted: false,
            seconds: 0.0,
        };
        for dir in others {
            let dir = meant(dir);
            let mut merging = Merging {
                into: self,
                merged: Merged {
                    gallery: dir.clone(),
                    added: 0,
                    updated: 0,
                    unchanged: 0,
                    lost: 0,
                },
                batch: Vec::new(),
                waiting: 0,
                interrupted: false,
                on_event: &mut on_event,
            };
            let taken = merging.open(&dir).map(|other| merging.take_all(&other));
            let failed = match taken {
                Err(reason) => Some(reason),
                Ok(taken) => taken?,
            };
            let is_begun = merging.merged.photos() > 0;
            report.interrupted = merging.interrupted;
            if failed.is_none() || is_begun {
                report.merged.push(merging.merged);
            }
            if let Some(reason) = failed {
                let failed = Unmerged {
                    gallery: dir,
                    reason,
                };
                report.interrupted |= on_event(MergeEvent::Failed(&failed)).is_break();
                report.failed.push(failed);
            }
            if report.interrupted {
                break;
            }
        }
        let mut publishing = |done, total| on_event(MergeEvent::Publishing { done, total });
        let published = if report.interrupted {
            self.publish_soon(&mut publishing)?
        } else {
            self.publish(&mut publishing)?
        };
        report.photos = published.photos;
        report.seconds = begun.elapsed().as_secs_f64();
        Ok(report)
    }
}

impl Merged {
    /// Photos that were looked at.
    #[must_use]
    pub const fn photos(&self) -> usize {
        self.added + self.updated + self.unchanged + self.lost
    }
}

/// One gallery on its way into another.
struct Merging<'a> {
    into: &'a mut Gallery,
    merged: Merged,
    batch: Vec<(Record, Option<Descriptor>)>,
    /// Photos looked at that nobody was told of yet.
    waiting: usize,
    interrupted: bool,
    on_event: OnMerge<'a>,
}

impl Merging<'_> {
    fn open(&self, dir: &Path) -> Result<Gallery> {
        let whole = |dir: &Path| fs::canonicalize(dir).ok();
        if whole(dir).is_some_and(|own| Some(own) == whole(&self.into.dir)) {
            let dir = dir.to_owned();
            return Err(GalleryError::MergedWithItself { dir }.into());
        }
        let other = Gallery::open(dir)?;
        check_same(&self.into.fingerprint, &other.fingerprint)?;
        Ok(other)
    }

    /// Takes what it has; what the other cannot be read for is returned, and what was read is kept.
    fn take_all(&mut self, other: &Gallery) -> Result<Option<Error>> {
        self.take_what_belongs_to_all(other)?;
        let photos = Snapshot::open(&other.dir).map_or(0, |snapshot| snapshot.len());
        let gallery = &other.dir;
        self.interrupted |= (self.on_event)(MergeEvent::Begun { gallery, photos }).is_break();
        let mut failed = None;
        for entry in other.store.entries() {
            if self.interrupted {
                break;
            }
            let read = entry.map_err(Error::from).and_then(|(key, stored)| {
                let Some(record) = other.living(&key, &stored) else {
                    return Ok(None);
                };
                let descriptor = descriptor_of(other, &stored)?;
                Ok(Some((record, descriptor)))
            });
            match read {
                Ok(None) => {}
                Ok(Some((record, descriptor))) => self.take(record, descriptor)?,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        self.write()?;
        Ok(failed)
    }

    fn take_what_belongs_to_all(&mut self, other: &Gallery) -> Result<()> {
        if let Ok(Some(whitening)) = whitening_of(&other.dir, &other.fingerprint) {
            self.into.restore_whitening(&whitening)?;
        }
        for precision in other.precisions().iter() {
            self.into.add_precision(precision)?;
        }
        let roots = other.roots().filter(|root| root.is_absolute());
        roots
            .into_iter()
            .try_for_each(|root| self.into.add_root(root))
    }

    fn take(&mut self, mut record: Record, descriptor: Option<Descriptor>) -> Result<()> {
        self.waiting += 1;
        let Some(descriptor) = descriptor else {
            self.merged.lost += 1;
            return Ok(());
        };
        let own = self.into.record(&record.path)?;
        if let Some(own) = &own
            && !is_newer(&record, own)
        {
            self.merged.unchanged += 1;
            let is_known = |tag: &String| own.tags.contains(tag);
            if !record.tags.iter().all(is_known) {
                // Writing adds the tags to those that it has.
                let tags = std::mem::take(&mut record.tags);
                self.batch.push((
                    Record {
                        tags,
                        ..own.clone()
                    },
                    None,
                ));
            }
            return self.write_if_many();
        }
        match own {
            Some(_) => self.merged.updated += 1,
            None => self.merged.added += 1,
        }
        let is_known = self.into.has_descriptor(&record.hash)?;
        self.batch.push((record, (!is_known).then_some(descriptor)));
        self.write_if_many()
    }

    fn write_if_many(&mut self) -> Result<()> {
        if self.waiting < AT_ONCE {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        self.into.write(&self.batch, &[])?;
        self.batch.clear();
        let photos = std::mem::take(&mut self.waiting);
        self.interrupted |= (self.on_event)(MergeEvent::Taken { photos }).is_break();
        Ok(())
    }
}

/// Whether another gallery knows a newer state of a photo; or more of the same, which an earlier version
/// described.
fn is_newer(other: &Record, own: &Record) -> bool {
    let knows_more = own.hash == other.hash && own.facts.is_none() && other.facts.is_some();
    other.modified > own.modified || (other.modified == own.modified && knows_more)
}

fn descriptor_of(gallery: &Gallery, stored: &Stored) -> Result<Option<Descriptor>> {
    let Some(values) = gallery.store.descriptor_of(stored)? else {
        return Ok(None);
    };
    let vector = UnitVector::from_unit(values)?;
    Ok(Some(Descriptor::new(vector, &gallery.fingerprint)?))
}

fn kind_and_reason<S: Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Told {
        kind: &'static str,
        reason: String,
    }
    let told = Told {
        kind: error.kind(),
        reason: error.to_string(),
    };
    told.serialize(serializer)
}
