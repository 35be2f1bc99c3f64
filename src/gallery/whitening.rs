//! The gallery's own copy of the whitening that its descriptors went through.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::descriptor::{Provenance, Whitening};
use crate::error::{Error, Result};

/// The copy's name in the gallery's folder.
const COPY: &str = "whitening.safetensors";

/// Keeps a copy in the gallery's folder, durable on return; a whole one is left alone.
pub(super) fn keep(dir: &Path, whitening: &Whitening) -> Result<()> {
    let (copy, new) = (dir.join(COPY), dir.join("whitening.new"));
    if Whitening::load(&copy).is_ok_and(|kept| kept == *whitening) {
        return Ok(());
    }
    whitening.save(&new)?;
    let switch = || -> io::Result<()> {
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &copy)?;
        File::open(dir)?.sync_all()
    };
    switch().map_err(|source| Error::Write { path: copy, source })
}

/// The whitening that the descriptors of the gallery in `dir` went through, if they did.
///
/// # Errors
/// [`Error::LostWhitening`] if its copy is missing, damaged or another one.
pub fn whitening_of(dir: &Path, gallery: &Provenance) -> Result<Option<Whitening>> {
    let Some(digest) = &gallery.whitening else {
        return Ok(None);
    };
    let copy = dir.join(COPY);
    let loaded = Whitening::load(&copy).and_then(|whitening| {
        if whitening.digest() == *digest {
            Ok(whitening)
        } else {
            Err(Error::DamagedWhitening {
                path: copy,
                reason: "it is another one",
            })
        }
    });
    let lost = |source| Error::LostWhitening {
        digest: digest.clone(),
        source: Box::new(source),
    };
    loaded.map(Some).map_err(lost)
}
