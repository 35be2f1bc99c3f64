//! A file of checksummed sections behind a JSON header, as formats 1 to 3 have it: only read.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::descriptor::Vectors;
use crate::error::{Error, FileError, GalleryError, Result};
use crate::gallery::blocks::damaged;
use crate::gallery::version::VERSION;

/// Magic, length and checksum before the header's JSON.
const PREFIX: usize = 48;
/// Sections begin at multiples of this, so that vectors are aligned for any instruction.
const ALIGNMENT: u64 = 64;
/// The largest header that is believed.
const MAX_HEADER: u64 = 1 << 20;

/// Where a section lies.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Section {
    pub offset: u64,
    pub length: u64,
    /// BLAKE3, hexadecimal.
    pub checksum: String,
}

/// A header that knows its file's sections.
pub trait ContainerHeader: DeserializeOwned {
    /// The file's first bytes.
    const MAGIC: &'static [u8; 8];

    fn sections(&self) -> Vec<&Section>;

    /// Whether the sections have the lengths that the counts say.
    fn is_consistent(&self) -> bool;
}

/// A mapped file.
pub struct Container<H> {
    path: PathBuf,
    map: Mmap,
    header: H,
    stamp: String,
}

impl<H: ContainerHeader> Container<H> {
    /// Opens the file, however large it is, in milliseconds: its header is checked here, its
    /// sections by [`Container::verify`].
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`]; [`GalleryError::GalleryTooNew`]; [`FileError::Read`].
    pub fn open(path: PathBuf) -> Result<Self> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => damaged(&path, "it is missing").into(),
            _ => Error::from(FileError::read_at(&path)(source)),
        };
        let file = File::open(&path).map_err(unreadable)?;
        let map = map(&file).map_err(unreadable)?;
        let json = header_json(*H::MAGIC, &map).map_err(|reason| damaged(&path, reason))?;
        check_version(json, &path)?;
        let header: H = serde_json::from_slice(json).map_err(|_| unlike_ours(json, &path))?;
        let stamp = blake3::hash(json).to_hex().to_string();
        let end = map.len() as u64;
        let is_within = |section: &&Section| {
            let last = section.offset.checked_add(section.length);
            last.is_some_and(|last| last <= end) && section.offset.is_multiple_of(ALIGNMENT)
        };
        if !header.sections().iter().all(is_within) {
            return Err(damaged(&path, "it is cut off").into());
        }
        if !header.is_consistent() {
            return Err(damaged(&path, "its counts do not fit its sections").into());
        }
        Ok(Self {
            path,
            map,
            header,
            stamp,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub const fn header(&self) -> &H {
        &self.header
    }

    /// BLAKE3 of the header, and so of the checksums of all sections, hexadecimal.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.map.len() as u64
    }

    /// A section's bytes; none where it does not lie in this file.
    pub fn bytes(&self, section: &Section) -> &[u8] {
        slice(&self.map, section)
    }

    /// A section's numbers.
    pub fn numbers<T: bytemuck::Pod>(&self, section: &Section) -> &[T] {
        bytemuck::try_cast_slice(self.bytes(section)).unwrap_or_default()
    }

    /// A section's vectors, of as many values as the header says.
    pub fn vectors(&self, section: &Section, dimension: usize) -> Vectors<'_> {
        Vectors::new(self.numbers(section), dimension)
            .expect("the header's counts fitted its sections when the file was opened")
    }

    /// Compares every section with its checksum.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`].
    pub fn verify(&self) -> Result<(), GalleryError> {
        let is_whole = |section: &&Section| {
            let mut hasher = blake3::Hasher::new();
            hasher.update_rayon(self.bytes(section));
            hasher.finalize().to_hex().as_str() == section.checksum
        };
        if self.header.sections().iter().all(is_whole) {
            return Ok(());
        }
        let reason = "its contents do not match their checksums";
        Err(damaged(&self.path, reason))
    }
}

fn slice<'a>(bytes: &'a [u8], section: &Section) -> &'a [u8] {
    let (start, length) = (section.offset as usize, section.length as usize);
    bytes
        .get(start..)
        .and_then(|rest| rest.get(..length))
        .unwrap_or_default()
}

#[allow(unsafe_code, reason = "a file is mapped; see below")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: files are written under another name, renamed when complete and never changed;
    // sections are mapped only after they are written; removing a file leaves the mapping intact.
    // A user who overwrites one in place can at worst end this process, as with every tool that
    // maps files.
    unsafe { Mmap::map(file) }
}

fn header_json(magic: [u8; 8], bytes: &[u8]) -> Result<&[u8], &'static str> {
    let prefix = bytes.get(..PREFIX).ok_or("it is cut off")?;
    if prefix[..8] != magic {
        return Err("it is no snapshot");
    }
    let length = u64::from_le_bytes(prefix[8..16].try_into().map_err(|_| "it is cut off")?);
    if length > MAX_HEADER {
        return Err("its header is damaged");
    }
    let json = bytes
        .get(PREFIX..PREFIX + length as usize)
        .ok_or("it is cut off")?;
    if blake3::hash(json).as_bytes() != &prefix[16..48] {
        return Err("its header is damaged");
    }
    Ok(json)
}

/// What is wrong with a header that does not look like ours: that of an earlier version need not.
fn unlike_ours(json: &[u8], path: &Path) -> GalleryError {
    let is_earlier = |Version { version }| version < VERSION;
    match serde_json::from_slice(json).map(is_earlier) {
        Ok(true) => damaged(path, "it is of an earlier format"),
        _ => damaged(path, "its header is damaged"),
    }
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// Asked first: the rest of a newer version's header need not look like ours.
fn check_version(json: &[u8], path: &Path) -> Result<(), GalleryError> {
    match serde_json::from_slice(json) {
        Ok(Version { version }) if version > VERSION => Err(GalleryError::GalleryTooNew {
            dir: path.parent().unwrap_or(path).to_owned(),
            found: version,
            known: VERSION,
        }),
        _ => Ok(()),
    }
}
