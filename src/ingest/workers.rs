//! What the worker threads do with a photo: read, hash, decode, describe. Each content once.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crossbeam_channel::Sender;

use super::copies::{Copies, Turn};
use super::threads::{Work, work_through};
use crate::caught::caught;
use crate::descriptor::Descriptor;
use crate::error::{Error, NetworkError, PhotoError, Result};
use crate::extract::Extractor;
use crate::gallery::Record;
use crate::photo::{ContentHash, Found, Photo, Pixels};

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
    /// Photos by content whose descriptors exist.
    known: HashMap<ContentHash, &'a Record>,
    extractor: &'a Extractor,
    /// Those of this run. Of one that is done, the picture's width and height.
    copies: Copies<(u32, u32), Record>,
}

/// A photo on its way through the network.
pub(super) struct InHand {
    record: Record,
    pixels: Pixels,
    present: f32,
}

impl<'a> Workers<'a> {
    pub fn new(
        to_do: &'a [Found],
        known: HashMap<ContentHash, &'a Record>,
        extractor: &'a Extractor,
    ) -> Self {
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
        };
        let known = self
            .known
            .get(&hash)
            .map(|known| (known.width, known.height));
        let record = match known {
            Some(size) => return Ok(Looked::Known(sized(record, size))),
            None => match self.copies.turn(hash, record) {
                Turn::First(record) => record,
                Turn::Waits => return Ok(Looked::Waits),
                Turn::Known(record, size) => return Ok(Looked::Known(sized(record, size))),
            },
        };
        let pixels = caught(|| self.pixels_of(&photo));
        let gave_up = |reason| Err(PhotoError::gave_up(photo.path(), reason).into());
        match pixels.unwrap_or_else(gave_up) {
            Ok((size, pixels, present)) => Ok(Looked::New(InHand {
                record: sized(record, size),
                pixels,
                present,
            })),
            Err(reason) => {
                self.fail(&hash, &reason, sender);
                Err(reason)
            }
        }
    }

    /// Width and height of the picture, what the network takes of it, and how much of it is there.
    fn pixels_of(&self, photo: &Photo) -> Result<((u32, u32), Pixels, f32)> {
        let picture = self.extractor.decode(photo)?;
        let pixels = self.extractor.pixels(&picture)?;
        Ok(((picture.width, picture.height), pixels, picture.present))
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

fn sized(record: Record, (width, height): (u32, u32)) -> Record {
    Record {
        width,
        height,
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
            let size = (record.width, record.height);
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
            for copy in self.copies.done(&hash, size) {
                let path = copy.path.clone();
                let record = Ok((sized(copy, size), None));
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
