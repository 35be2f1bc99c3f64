//! What a decoder is given, and what it asks before it takes memory.

use std::path::Path;
use std::sync::Arc;

use super::framing::Framing;
use super::memory::{Budget, Share};
use crate::error::{PhotoError, Result, Source as Cause, bounded};

/// The most pixels a picture may have: 200 megapixels, 600 MB as RGB.
pub const MAX_PIXELS: u64 = 200_000_000;

/// The bytes of one picture, and how much of it is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Where they come from, for messages.
    pub path: &'a Path,
    /// The whole file.
    pub bytes: &'a [u8],
    /// The pixels that the short side should have at least; none where all are wanted.
    pub wanted: Option<u32>,
    /// What is looked at of it, upright; none where all of it is.
    pub seen: Option<Framing>,
}

impl<'a> Source<'a> {
    /// The same file with other bytes: a picture that lies within it.
    pub const fn within(self, bytes: &'a [u8]) -> Self {
        Self { bytes, ..self }
    }

    /// The error of a file that is broken.
    pub fn damaged(&self, why: impl Into<Cause>) -> PhotoError {
        let (path, source) = (self.path.to_owned(), bounded(why.into()));
        PhotoError::DamagedPhoto { path, source }
    }

    /// The error of a sound file that is not read here.
    pub fn not_supported(&self, what: impl Into<String>) -> PhotoError {
        let (path, what) = (self.path.to_owned(), what.into());
        PhotoError::NotSupported { path, what }
    }

    /// # Errors
    /// [`PhotoError::DamagedPhoto`] without pixels, [`PhotoError::TooManyPixels`] above
    /// [`MAX_PIXELS`].
    pub fn check_size(&self, width: u32, height: u32) -> Result<(), PhotoError> {
        if width == 0 || height == 0 {
            return Err(self.damaged(format!("it has {width}×{height} pixels")));
        }
        if u64::from(width) * u64::from(height) <= MAX_PIXELS {
            return Ok(());
        }
        let (path, limit) = (self.path.to_owned(), MAX_PIXELS);
        Err(PhotoError::TooManyPixels {
            path,
            width,
            height,
            limit,
        })
    }

    /// Waits until there is memory for the file and for `needed` bytes that it becomes.
    ///
    /// # Errors
    /// [`PhotoError::TooMuchMemory`] where there never will be.
    pub fn share(&self, needed: u64) -> Result<Arc<Share>, PhotoError> {
        let budget = Budget::of_machine();
        let needed = needed.saturating_add(self.bytes.len() as u64);
        budget
            .take(needed)
            .ok_or_else(|| PhotoError::TooMuchMemory {
                path: self.path.to_owned(),
                needed,
                budget: budget.total(),
            })
    }
}
