//! What the worker threads do with a photo: read, hash, decode, describe. Each content once.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crossbeam_channel::Sender;

use super::copies::{Copies, Turn};
use super::threads::{Work, work_through};
use crate::caught::caught;
use crate::descriptor::Descriptor;
use crate::error::{Error, NetworkError, PhotoError, Result};
use crate::extract::Extractor;
use crate::gallery::{Contents, Record};
use crate::photo::{ContentHash, Facts, Found, Photo, Pixels};

/// What a worker found out about a photo.
pub(super) struct Taken {
    pub path: PathBuf,
    pub record: Result<(Record, Option<Descriptor>)>,
    /// The part of the picture that its file has.
    pub present: f32,
}

impl Taken {
    /// All of the picture, or nothing of it.
    const fn new(path: PathBuf, record: Result<(Record, Option<Descriptor>)>) -> Self {
        Self {
            path,
            record,
            present: 1.0,
        }
    }
}

/// What the worker threads share.
pub(super) struct Workers<'a> {
    to_do: &'a [Found],
    /// Contents whose descriptors exist; none where there is no gallery.
    known: Option<Contents>,
    extractor: &'a Extractor,
    /// Those of this run. Of one that is done, what is known of it.
    copies: Copies<Facts, Record>,
}

/// A photo on its way through the network.
pub(super) struct InHand {
    record: Record,
    pixels: Pixels,
    present: f32,
}

impl<'a> Workers<'a> {
    pub fn new(to_do: &'a [Found], known: Option<Contents>, extractor: &'a Extractor) -> Self {
        Self {
            to_do,
            known,
            extractor,
            copies: Copies::default(),
        }
    }

    /// Runs `jobs` workers as [`work_through`] does.
    pub fn all(
        &self,
        jobs: usize,
        take: &mut dyn FnMut(Option<Taken>) -> ControlFlow<()>,
    ) -> Result<(), NetworkError> {
        let size = (self.to_do.len(), self.extractor.batch());
        work_through(self, size, jobs, take)
    }

    fn look_at(&self, path: &Path, sender: &Sender<Taken>) -> Result<Looked> {
        let photo = Photo::read(path)?;
        let (path, size, modified) = (path.to_owned(), photo.size(), photo.modified());
        let hash = photo.hash();
        let record = Record {
            path,
            size,
            modified,
            hash,
            width: 0,
            height: 0,
            facts: None,
            tags: Vec::new(),
        };
        let record = match self.known.as_ref().and_then(|known| known.known(&hash)) {
            Some(Some(facts)) => return Ok(Looked::Known(with_facts(record, facts))),
            // An earlier version described it.
            Some(None) => return Ok(Looked::Known(with_facts(record, photo.facts()?))),
            None => match self.copies.turn(hash, record) {
                Turn::First(record) => record,
                Turn::Waits => return Ok(Looked::Waits),
                Turn::Known(record, facts) => return Ok(Looked::Known(with_facts(record, facts))),
            },
        };
        let pixels = caught(|| self.pixels_of(&photo));
        let gave_up = |reason| Err(PhotoError::gave_up(photo.path(), reason).into());
        match pixels.unwrap_or_else(gave_up) {
            Ok((facts, pixels, present)) => Ok(Looked::New(InHand {
                record: with_facts(record, facts),
                pixels,
                present,
            })),
            Err(reason) => {
                self.fail(&hash, &reason, sender);
                Err(reason)
            }
        }
    }

    /// What is known of the picture, what the network takes of it, and how much of it is there.
    fn pixels_of(&self, photo: &Photo) -> Result<(Facts, Pixels, f32)> {
        let (picture, facts) = self.extractor.decode_with_facts(photo)?;
        let pixels = self.extractor.pixels(&picture)?;
        Ok((facts, pixels, picture.present))
    }

    /// Those that waited for a photo of which nothing comes fail as it does, under their own names.
    fn fail(&self, content: &ContentHash, reason: &Error, sender: &Sender<Taken>) {
        let waiting = self.copies.failed(content);
        if is_lost_device(reason) {
            // That ends all of them, and is no fault of theirs.
            return;
        }
        for Record { path, .. } in waiting {
            let record = Err(reason.of_copy(&path));
            let _ = sender.send(Taken::new(path, record));
        }
    }
}

fn with_facts(record: Record, facts: Facts) -> Record {
    Record {
        width: facts.width,
        height: facts.height,
        facts: Some(facts),
        ..record
    }
}

impl Work for Workers<'_> {
    type Photo = InHand;
    type Taken = Taken;

    fn prepare(&self, place: usize, sender: &Sender<Taken>) -> Option<InHand> {
        let path = &self.to_do[place].path;
        let looked = caught(|| self.look_at(path, sender));
        let path = path.clone();
        let record = match looked {
            Ok(Ok(Looked::New(photo))) => return Some(photo),
            Ok(Ok(Looked::Known(record))) => Ok((record, None)),
            Ok(Ok(Looked::Waits)) => return None,
            Ok(Err(reason)) => Err(reason),
            Err(reason) => Err(PhotoError::gave_up(&path, reason).into()),
        };
        // The receiver hangs up only after an error that ends everything.
        let _ = sender.send(Taken::new(path, record));
        None
    }

    fn size(photo: &InHand) -> (usize, usize) {
        (photo.pixels.height, photo.pixels.width)
    }

    fn describe(&self, photos: Vec<InHand>, sender: &Sender<Taken>) {
        let (records, pixels): (Vec<_>, Vec<Pixels>) = photos
            .into_iter()
            .map(|photo| ((photo.record, photo.present), photo.pixels))
            .unzip();
        let threads = self.extractor.threads_of_a_worker();
        let descriptors = self.extractor.describe_all_in(&pixels, threads);
        for ((record, present), descriptor) in records.into_iter().zip(descriptors) {
            let (path, hash) = (record.path.clone(), record.hash);
            let facts = record.facts.clone();
            let descriptor = match descriptor {
                Ok(descriptor) => descriptor,
                Err(reason) => {
                    self.fail(&hash, &reason, sender);
                    let record = Err(reason);
                    let _ = sender.send(Taken::new(path, record));
                    continue;
                }
            };
            // The first of all, since the descriptor is stored with it.
            let record = Ok((record, Some(descriptor)));
            let _ = sender.send(Taken {
                path,
                record,
                present,
            });
            let Some(facts) = facts else {
                continue;
            };
            for copy in self.copies.done(&hash, facts.clone()) {
                let path = copy.path.clone();
                let record = Ok((with_facts(copy, facts.clone()), None));
                let _ = sender.send(Taken::new(path, record));
            }
        }
    }
}

enum Looked {
    /// Its descriptor is to be made.
    New(InHand),
    /// Its content is known; only the record is new.
    Known(Record),
    /// One with the same content is in hand, and answers for it.
    Waits,
}

/// Whether it ends all photos, not one.
pub(crate) const fn is_lost_device(error: &Error) -> bool {
    matches!(error, Error::Network(NetworkError::DeviceLost { .. }))
}
