//! Pictures decoded once more, as many as fit into a bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::collection::{Collection, seen};
use super::decide::READABLE;
use super::grey::Grey;
use super::lay::{Look, OWN};
use crate::error::{Error, PhotoError};
use crate::photo::{ContentHash, Photo, Picture, Rendering, Signature};

/// Bytes of pictures that are held.
const MOST_BYTES: usize = 256 << 20;

/// Pictures that are held to be read, of up to 10 MB.
const MOST_READ: usize = 40;

/// Pictures of contents by their numbers, those that were asked for last.
pub struct Looks<'a> {
    collection: &'a Collection,
    held: HashMap<u32, (u64, Option<Arc<Look>>)>,
    bytes: usize,
    clock: u64,
    decoded: usize,
    read: Mutex<HashMap<u32, Arc<Grey>>>,
    failed: Mutex<HashMap<u32, Error>>,
}

impl<'a> Looks<'a> {
    pub fn of(collection: &'a Collection) -> Self {
        Self {
            collection,
            held: HashMap::new(),
            bytes: 0,
            clock: 0,
            decoded: 0,
            read: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Pictures that were decoded so far.
    pub const fn decoded(&self) -> usize {
        self.decoded
    }

    /// So many more were decoded.
    pub const fn count(&mut self, pictures: usize) {
        self.decoded += pictures;
    }

    /// What could not be read, each content once.
    pub fn failed(&self) -> Vec<(u32, String)> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed: Vec<_> = failed.iter().map(|it| (*it.0, it.1.to_string())).collect();
        failed.sort_unstable();
        failed
    }

    /// Decodes what is not held of these.
    pub fn prepare(&mut self, numbers: &[u32]) {
        self.clock += 1;
        for number in numbers {
            if let Some(held) = self.held.get_mut(number) {
                held.0 = self.clock;
            }
        }
        let missing: Vec<u32> = numbers
            .iter()
            .filter(|number| !self.held.contains_key(number))
            .copied()
            .collect();
        self.decoded += missing.len();
        let looks: Vec<(u32, Option<Arc<Look>>)> = missing
            .into_par_iter()
            .map(|number| (number, self.look(number).map(Arc::new)))
            .collect();
        for (number, look) in looks {
            self.bytes += look.as_ref().map_or(0, |look| look.bytes());
            self.held.insert(number, (self.clock, look));
        }
        self.forget();
    }

    /// Those that were asked for longest ago, until the rest fits.
    fn forget(&mut self) {
        if self.bytes <= MOST_BYTES {
            return;
        }
        let mut old: Vec<(u64, u32)> = self
            .held
            .iter()
            .map(|(number, it)| (it.0, *number))
            .collect();
        old.sort_unstable();
        for (clock, number) in old {
            if self.bytes <= MOST_BYTES / 2 || clock == self.clock {
                return;
            }
            if let Some((_, Some(look))) = self.held.remove(&number) {
                self.bytes -= look.bytes();
            }
        }
    }

    /// One that was prepared.
    pub fn get(&self, number: u32) -> Option<Arc<Look>> {
        self.held.get(&number)?.1.clone()
    }

    fn look(&self, number: u32) -> Option<Look> {
        let content = &self.collection.contents[number as usize];
        let picture = self.decode(number, &Rendering::of_side(OWN as u32 / 2))?;
        let seen = content.seen.clone().unwrap_or_else(|| {
            let signature = Signature::of(&picture);
            seen(&signature, content.size)
        });
        Some(Look::new(seen, content.size, &grey(&picture)))
    }

    /// Large enough for text to be read.
    pub fn readable(&self, number: u32) -> Option<Arc<Grey>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(&number) {
            return Some(Arc::clone(known));
        }
        drop(read);
        let picture = self.decode(number, &Rendering::of_side(READABLE as u32 / 2))?;
        let grey = Arc::new(grey(&picture).within(READABLE));
        read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= MOST_READ {
            read.clear();
        }
        read.insert(number, Arc::clone(&grey));
        Some(grey)
    }

    /// A digest of all pixels as one sees them.
    pub fn pixels(&self, number: u32) -> Option<ContentHash> {
        let picture = self.decode(number, &Rendering::WHOLE)?;
        Some(ContentHash::of(picture.image.as_raw()))
    }

    /// By the first of its photos that still has this content.
    fn decode(&self, number: u32, rendering: &Rendering) -> Option<Picture> {
        let content = &self.collection.contents[number as usize];
        let mut failed = None;
        for photo in &content.photos {
            let path = &self.collection.records[*photo as usize].path;
            match read(path, content.hash).and_then(|it| Ok(it.decode_for(rendering)?)) {
                Ok(picture) => return Some(picture),
                Err(error) => failed = Some(error),
            }
        }
        let mut all = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failed {
            all.entry(number).or_insert(error);
        }
        None
    }
}

fn grey(picture: &Picture) -> Grey {
    let (width, height) = picture.image.dimensions();
    Grey::of_rgb(picture.image.as_raw(), width as usize, height as usize)
}

/// The photo at a path, if it is still this one.
pub fn read(path: &std::path::Path, hash: ContentHash) -> Result<Photo, Error> {
    let photo = Photo::read(path)?;
    if photo.hash() != hash {
        let path = path.to_owned();
        return Err(PhotoError::Changed { path }.into());
    }
    Ok(photo)
}
