//! The gallery's own copy of the whitening that its descriptors went through.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::folder;
use crate::descriptor::{Fingerprint, Whitening};
use crate::error::{DescriptorError, Error, FileError, GalleryError, Result};

/// The copy's name in the gallery's folder.
const COPY: &str = "whitening.safetensors";

/// Keeps a copy in the gallery's folder, durable on return; a whole one is left alone.
pub(super) fn keep(dir: &Path, whitening: &Whitening) -> Result<(), FileError> {
    let (copy, new) = (dir.join(COPY), dir.join("whitening.new"));
    if Whitening::load(&copy).is_ok_and(|kept| kept == *whitening) {
        return Ok(());
    }
    folder::vacate(&new).map_err(FileError::write_at(&new))?;
    whitening.save(&new)?;
    let switch = || -> io::Result<()> {
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &copy)?;
        File::open(dir)?.sync_all()
    };
    switch().map_err(FileError::write_at(&copy))
}

/// The whitening that the descriptors of the gallery in `dir` went through, if they did.
///
/// # Errors
/// [`GalleryError::LostWhitening`] if its copy is missing, damaged or another one.
pub fn whitening_of(dir: &Path, gallery: &Fingerprint) -> Result<Option<Whitening>, GalleryError> {
    let Some(digest) = gallery.projection() else {
        return Ok(None);
    };
    let copy = dir.join(COPY);
    let loaded = Whitening::load(&copy).and_then(|whitening| {
        if whitening.digest() == digest {
            Ok(whitening)
        } else {
            let damaged = DescriptorError::damaged_whitening_at(&copy);
            Err(damaged("it is another one").into())
        }
    });
    let lost = |source: Error| GalleryError::LostWhitening {
        digest: digest.to_owned(),
        source: source.into(),
    };
    loaded.map(Some).map_err(lost)
}
