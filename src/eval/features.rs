//! Every item of a labelled set through the network once, all layers and poolings together.
//!
//! What is pooled goes into a cache on disk, so memory does not grow with the number of specs, and
//! the next evaluation of the same photos runs no network at all.

use std::ops::ControlFlow;

use crossbeam_channel::Sender;
use image::imageops;

use super::ground_truth::{Form, Item, Region};
use crate::caught::caught;
use crate::descriptor::{DescriptorSpec, Matrix, Part, normalize_in_place};
use crate::error::{DescriptorError, Error, EvalError, PhotoError, Result};
use crate::extract::Extractor;
use crate::gallery::{PartKey, PooledCache};
use crate::ingest::{Copies, Skipped, Turn, Work, is_lost_device, work_through};
use crate::photo::{ContentHash, Photo, Pixels};

/// What is going on.
pub enum EvalEvent<'a> {
    /// The names of files say what belongs together.
    Recognized(&'a Form),
    /// So many items are to be looked at.
    Started {
        /// How many.
        items: usize,
    },
    /// The features of one more item are there, pooled now or before.
    Pooled,
    /// A photo was skipped.
    Skipped(&'a Skipped),
    /// Nothing new: somebody is at work on a large photo. Sent several times a second.
    Waiting,
    /// The device fails, and the CPU goes on, since any device was asked for.
    DeviceLost {
        /// Why.
        reason: &'a str,
    },
    /// So many of the specs are evaluated.
    Evaluated {
        /// Specs done.
        done: usize,
        /// Specs in all.
        total: usize,
    },
}

/// Told what happens; when it breaks, the work stops and what is done is kept.
pub type OnEvent<'a> = &'a mut dyn FnMut(EvalEvent<'_>) -> ControlFlow<()>;

/// The features of a set's items: of each the vectors that were pooled from the layers.
pub struct Features<'a> {
    cache: &'a PooledCache,
    parts: Vec<Part>,
    source: String,
    /// What each item is known by in the cache; nothing for those that were skipped.
    hashes: Vec<Option<ContentHash>>,
    /// Items that have none, since they could not be read.
    pub skipped: Vec<Skipped>,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

impl<'a> Features<'a> {
    /// Pools all parts of the extractor's spec for `items`.
    ///
    /// # Errors
    /// Only what concerns all items, such as a full disk or a lost device.
    pub fn new(
        items: &[Item],
        extractor: &Extractor,
        cache: &'a PooledCache,
        jobs: usize,
        on_event: OnEvent<'_>,
    ) -> Result<Self> {
        let mut features = Self {
            cache,
            source: source_of(extractor),
            hashes: vec![None; items.len()],
            skipped: Vec::new(),
            interrupted: on_event(EvalEvent::Started { items: items.len() }).is_break(),
            parts: extractor.spec().parts.clone(),
        };
        let parts = &extractor.spec().parts;
        let workers = Workers {
            items,
            extractor,
            cache,
            keys: parts.iter().map(|part| features.key(part)).collect(),
            copies: Copies::default(),
        };
        if !features.interrupted {
            let size = (items.len(), extractor.batch());
            features.take_all(&workers, size, jobs, on_event)?;
        }
        cache.flush()?;
        Ok(features)
    }

    fn take_all(
        &mut self,
        workers: &Workers<'_>,
        size: (usize, usize),
        jobs: usize,
        on_event: OnEvent<'_>,
    ) -> Result<()> {
        let (mut result, mut told) = (Ok(()), false);
        let worked = work_through(workers, size, jobs, &mut |taken| {
            if let Some(reason) = workers.extractor.lost_device().filter(|_| !told) {
                told = true;
                self.interrupted |= on_event(EvalEvent::DeviceLost { reason }).is_break();
            }
            if result.is_ok() {
                result = self.take(taken, workers, on_event);
            }
            if result.is_err() || self.interrupted {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        worked?;
        result
    }

    fn take(
        &mut self,
        taken: Option<Taken>,
        workers: &Workers<'_>,
        on_event: OnEvent<'_>,
    ) -> Result<()> {
        let event = match taken {
            None => on_event(EvalEvent::Waiting),
            Some(Taken { item, outcome }) => match outcome {
                Ok((hash, pooled)) => {
                    if let Some(pooled) = pooled {
                        let pooled = pooled.iter().map(Vec::as_slice);
                        self.cache.put(&hash, workers.keys.iter().zip(pooled))?;
                    }
                    self.hashes[item] = Some(hash);
                    on_event(EvalEvent::Pooled)
                }
                Err(reason) if is_lost_device(&reason) => return Err(reason),
                Err(Error::Photo(PhotoError::Stopped { .. })) => ControlFlow::Continue(()),
                Err(reason) => {
                    let path = workers.items[item].path.clone();
                    let skipped = Skipped { path, reason };
                    let answer = on_event(EvalEvent::Skipped(&skipped));
                    self.skipped.push(skipped);
                    answer
                }
            },
        };
        self.interrupted |= event.is_break();
        Ok(())
    }

    /// Which items have features.
    #[must_use]
    pub fn kept(&self) -> Vec<bool> {
        self.hashes.iter().map(Option::is_some).collect()
    }

    /// Leaves only those of the items for which `keep` says so.
    pub fn restrict(&mut self, keep: &[bool]) {
        for (hash, keep) in self.hashes.iter_mut().zip(keep) {
            *hash = hash.filter(|_| *keep);
        }
    }

    /// The vectors of a part for the items that have features, in their order. Vectors have length
    /// 1; one that was zero is zero, and like nothing.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`](crate::error::GalleryError),
    /// [`GalleryError::Store`](crate::error::GalleryError) if the cache fails;
    /// [`EvalError::TooFewQueries`] if no item has features.
    pub fn matrix(&self, part: &Part) -> Result<Matrix> {
        let key = self.key(part);
        let mut matrix: Option<Matrix> = None;
        for hash in self.hashes.iter().flatten() {
            let row = self.cache.get(&key, hash)?.unwrap_or_default();
            match &mut matrix {
                Some(matrix) => matrix.push(&row)?,
                None => matrix = Some(Matrix::new(row.clone(), row.len())?),
            }
        }
        let nothing = EvalError::TooFewQueries {
            queries: 0,
            needed: 1,
            what: "an evaluation",
        };
        Ok(matrix.ok_or(nothing)?)
    }

    /// The parts that were pooled.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The vectors of each of a spec's parts.
    ///
    /// # Errors
    /// As [`Features::matrix`].
    pub fn matrices(&self, spec: &DescriptorSpec) -> Result<Vec<Matrix>> {
        spec.parts.iter().map(|part| self.matrix(part)).collect()
    }

    /// The descriptors themselves: the parts weighted and joined, of length 1 (a little less where a
    /// part is zero).
    ///
    /// # Errors
    /// As [`Features::matrix`].
    pub fn joined(&self, spec: &DescriptorSpec) -> Result<Matrix> {
        let matrices = self.matrices(spec)?;
        let square: f32 = spec.sums().map(|sum| sum[0].weight.powi(2)).sum();
        let rows = matrices.first().map_or(0, |first| first.as_vectors().len());
        let mut values = Vec::new();
        for row in 0..rows {
            let mut matrices = matrices.iter();
            for sum in spec.sums() {
                let mut total: Vec<f32> = Vec::new();
                for (part, matrix) in sum.iter().zip(&mut matrices) {
                    let row = matrix.as_vectors().row(row);
                    let weight = if part.added { part.weight } else { 1.0 };
                    total.resize(row.len(), 0.0);
                    for (total, value) in total.iter_mut().zip(row) {
                        *total += weight * value;
                    }
                }
                if sum.len() > 1 {
                    // What is zero stays it.
                    let _ = normalize_in_place(&mut total);
                }
                let share = sum[0].weight / square.sqrt();
                values.extend(total.iter().map(|value| value * share));
            }
        }
        let dimension = values.len() / rows.max(1);
        Ok(Matrix::new(values, dimension)?)
    }

    fn key(&self, part: &Part) -> PartKey {
        let text = format!("{}|{part}", self.source);
        let digest = blake3::hash(text.as_bytes());
        let mut key = PartKey::default();
        let length = key.len();
        key.copy_from_slice(&digest.as_bytes()[..length]);
        key
    }
}

/// All that a part's vectors depend on but the part itself.
fn source_of(extractor: &Extractor) -> String {
    let fingerprint = extractor.fingerprint();
    format!(
        "{}|{}|{}",
        fingerprint.weights(),
        extractor.spec().model,
        fingerprint.recipe().preprocess
    )
}

/// What a worker made of an item: what it is known by, and what was pooled unless it was known.
struct Taken {
    item: usize,
    outcome: Result<(ContentHash, Option<Vec<Vec<f32>>>)>,
}

struct Workers<'a> {
    items: &'a [Item],
    extractor: &'a Extractor,
    cache: &'a PooledCache,
    keys: Vec<PartKey>,
    /// Items with the content of others of this run.
    copies: Copies<(), usize>,
}

/// What an item needs.
enum Looked {
    /// Its vectors are to be pooled from these.
    New(ContentHash, Pixels),
    /// They are in the cache.
    Known(ContentHash),
    /// One with the same content is in hand, and answers for it.
    Waits,
}

/// An item whose vectors are to be pooled.
struct InHand {
    item: usize,
    hash: ContentHash,
    pixels: Pixels,
}

impl Work for Workers<'_> {
    type Photo = InHand;
    type Taken = Taken;

    fn prepare(&self, item: usize, sender: &Sender<Taken>) -> Option<InHand> {
        let of_item = &self.items[item];
        let outcome = match caught(|| self.look_at(item, sender)) {
            Ok(Ok(Looked::New(hash, pixels))) => return Some(InHand { item, hash, pixels }),
            Ok(Ok(Looked::Known(hash))) => Ok((hash, None)),
            Ok(Ok(Looked::Waits)) => return None,
            Ok(Err(error)) => Err(error),
            Err(reason) => Err(PhotoError::gave_up(&of_item.path, reason).into()),
        };
        // The receiver hangs up only after an error that ends everything.
        let _ = sender.send(Taken { item, outcome });
        None
    }

    fn size(photo: &InHand) -> (usize, usize) {
        (photo.pixels.height, photo.pixels.width)
    }

    fn describe(&self, photos: Vec<InHand>, sender: &Sender<Taken>) {
        let (items, pixels): (Vec<(usize, ContentHash)>, Vec<Pixels>) = photos
            .into_iter()
            .map(|photo| ((photo.item, photo.hash), photo.pixels))
            .unzip();
        let threads = self.extractor.threads_of_a_worker();
        let pooled = self.extractor.pool_all_in(&pixels, threads);
        for ((item, hash), pooled) in items.into_iter().zip(pooled) {
            let pooled = pooled.map_err(Error::from);
            let outcome = pooled.and_then(|pooled| Ok((hash, Some(scaled(pooled)?))));
            if let Err(reason) = &outcome {
                self.fail(&hash, reason, sender);
            }
            let is_done = outcome.is_ok();
            let _ = sender.send(Taken { item, outcome });
            let copies = if is_done {
                self.copies.done(&hash, ())
            } else {
                Vec::new()
            };
            for item in copies {
                let outcome = Ok((hash, None));
                let _ = sender.send(Taken { item, outcome });
            }
        }
    }
}

impl Workers<'_> {
    /// What an item is known by, and its pixels unless its vectors are in the cache, or will be soon.
    fn look_at(&self, place: usize, sender: &Sender<Taken>) -> Result<Looked> {
        let item = &self.items[place];
        let photo = Photo::read(&item.path)?;
        let hash = item
            .region
            .map_or(photo.hash(), |region| hash_of(&photo, region));
        if self.cache.has_all(&self.keys, &hash)? {
            return Ok(Looked::Known(hash));
        }
        match self.copies.turn(hash, place) {
            Turn::First(_) => {}
            Turn::Waits => return Ok(Looked::Waits),
            Turn::Known(..) => return Ok(Looked::Known(hash)),
        }
        let pixels = caught(|| self.pixels_of(&photo, item.region));
        let gave_up = |reason| Err(PhotoError::gave_up(&item.path, reason).into());
        let pixels = pixels.unwrap_or_else(gave_up);
        let pixels = pixels.inspect_err(|reason| self.fail(&hash, reason, sender))?;
        Ok(Looked::New(hash, pixels))
    }

    fn pixels_of(&self, photo: &Photo, region: Option<Region>) -> Result<Pixels> {
        match region {
            None => Ok(self.extractor.pixels(&self.extractor.decode(photo)?)?),
            Some(region) => Ok(self.cut_out(photo, region)?),
        }
    }

    /// Items that waited for one of which nothing comes fail as it does, under their own names.
    fn fail(&self, content: &ContentHash, reason: &Error, sender: &Sender<Taken>) {
        let waiting = self.copies.failed(content);
        if is_lost_device(reason) {
            return;
        }
        for item in waiting {
            let outcome = Err(reason.of_copy(&self.items[item].path));
            let _ = sender.send(Taken { item, outcome });
        }
    }

    fn cut_out(&self, photo: &Photo, region: Region) -> Result<Pixels, PhotoError> {
        let whole = self.extractor.preprocess().rendering().in_full();
        let mut picture = photo.decode_for(&whole)?.image;
        let (width, height) = picture.dimensions();
        let left = (region.left.max(0.0) as u32).min(width - 1);
        let top = (region.top.max(0.0) as u32).min(height - 1);
        let right = (region.right.ceil() as u32).clamp(left + 1, width);
        let bottom = (region.bottom.ceil() as u32).clamp(top + 1, height);
        let cut = imageops::crop(&mut picture, left, top, right - left, bottom - top).to_image();
        self.extractor.preprocess().apply(&cut)
    }
}

fn hash_of(photo: &Photo, region: Region) -> ContentHash {
    let Region {
        left,
        top,
        right,
        bottom,
    } = region;
    let sides = [left, top, right, bottom].map(f32::to_le_bytes);
    let bytes = [&photo.hash().as_bytes()[..], sides.as_flattened()].concat();
    ContentHash::of(&bytes)
}

/// Each vector brought to length 1; zero stays zero.
fn scaled(mut pooled: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, DescriptorError> {
    for vector in &mut pooled {
        match normalize_in_place(vector) {
            Err(DescriptorError::ZeroDescriptor) => vector.fill(0.0),
            other => other?,
        }
    }
    Ok(pooled)
}
