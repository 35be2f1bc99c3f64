//! What a store is made of: the file that says so, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::descriptor::Fingerprint;
use crate::error::{FileError, GalleryError, Result};
use crate::gallery::encoding::Encoding;
use crate::gallery::folder;
use crate::gallery::precisions::Precisions;
use crate::gallery::roots::StoredRoots;
use crate::gallery::version::VERSION;
use crate::ranking::Ranking;

/// The file's name in the store's folder.
pub const ABOUT: &str = "about";
/// More bytes than one has.
const MOST: u64 = 64 << 20;

/// What it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub version: u64,
    #[serde(rename = "provenance")]
    pub fingerprint: Fingerprint,
    #[serde(default)]
    pub ranking: Ranking,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axes: Option<usize>,
    #[serde(default)]
    pub precisions: Precisions,
    #[serde(default)]
    pub roots: StoredRoots,
    /// In which numbers the next files of vectors are.
    #[serde(default)]
    pub encoding: Encoding,
    /// The number of the database of what is newest.
    pub recent: u64,
    /// Files of older records, the oldest first.
    pub records: Vec<RecordsRef>,
    /// The number of the next file.
    pub next: u64,
}

/// What a store says beside its photos and what their descriptors are made with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub ranking: Ranking,
    /// Values of a vector along axes of the gallery, if it shall have fewer than a descriptor.
    pub axes: Option<usize>,
    pub precisions: Precisions,
    pub roots: StoredRoots,
}

/// A file of records, `records-N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsRef {
    pub number: u64,
    /// What its writing gave.
    pub stamp: u32,
    /// Records in it.
    pub len: u64,
}

#[derive(Deserialize)]
struct OfVersion {
    version: u64,
}

impl About {
    /// Of a new store.
    pub fn new(fingerprint: &Fingerprint) -> Self {
        Self {
            version: VERSION,
            fingerprint: fingerprint.clone(),
            ranking: Ranking::NONE,
            axes: None,
            precisions: Precisions::NONE,
            roots: StoredRoots::default(),
            encoding: Encoding::F32,
            recent: 1,
            records: Vec::new(),
            next: 2,
        }
    }

    /// What it says beside.
    pub fn settings(&self) -> Settings {
        Settings {
            ranking: self.ranking,
            axes: self.axes,
            precisions: self.precisions.clone(),
            roots: self.roots.clone(),
        }
    }

    /// Reads that of the store in the folder `path`; nothing where there is none.
    ///
    /// # Errors
    /// [`GalleryError::DamagedStore`]; [`GalleryError::GalleryTooNew`]; [`GalleryError::Store`].
    pub fn read(path: &Path) -> Result<Option<Self>, GalleryError> {
        let text = match bounded::read(&path.join(ABOUT), MOST) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                let path = path.to_owned();
                return Err(GalleryError::Store { path, source });
            }
            Err(_) => return Err(damaged(path)),
        };
        let json = checked(&text).ok_or_else(|| damaged(path))?;
        if let Ok(OfVersion { version }) = serde_json::from_slice(json)
            && version > VERSION
        {
            return Err(GalleryError::GalleryTooNew {
                dir: path.parent().unwrap_or(path).to_owned(),
                found: version,
                known: VERSION,
            });
        }
        let about = serde_json::from_slice(json).map_err(|_| damaged(path))?;
        Ok(Some(about))
    }

    /// Puts it in the place of the one before; durable on return.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let (new, about) = (path.join("about.new"), path.join(ABOUT));
        let switch = || -> io::Result<()> {
            let json = serde_json::to_vec(self)?;
            let mut file = folder::create(&new)?;
            writeln!(file, "{:08x}", crc32fast::hash(&json))?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&new, &about)?;
            File::open(path)?.sync_all()
        };
        switch().map_err(FileError::write_at(&about))
    }
}

fn damaged(path: &Path) -> GalleryError {
    GalleryError::DamagedStore {
        path: path.to_owned(),
    }
}

/// The JSON behind its checksum.
fn checked(text: &[u8]) -> Option<&[u8]> {
    let (sum, json) = text.split_at_checked(9)?;
    let sum = str::from_utf8(sum).ok()?.strip_suffix('\n')?;
    let is_lower = sum.bytes().all(|byte| !byte.is_ascii_uppercase());
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (is_lower && crc32fast::hash(json) == sum).then_some(json)
}
