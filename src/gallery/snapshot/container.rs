//! A file of checksummed sections behind a JSON header, written once, then only mapped.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::descriptor::Vectors;
use crate::error::{DescriptorError, Error, FileError, GalleryError, Result};
use crate::gallery::folder;
use crate::gallery::version::VERSION;

/// Magic, length and checksum before the header's JSON.
const PREFIX: usize = 48;
/// Sections begin at multiples of this, so that vectors are aligned for any instruction.
const ALIGNMENT: u64 = 64;
/// The largest header that is believed.
const MAX_HEADER: u64 = 1 << 20;

/// Where a section lies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Section {
    pub offset: u64,
    pub length: u64,
    /// BLAKE3, hexadecimal.
    pub checksum: String,
}

/// A header that knows its file's sections.
pub trait ContainerHeader: Serialize + DeserializeOwned {
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

pub fn damaged(path: &Path, reason: &'static str) -> GalleryError {
    GalleryError::DamagedSnapshot {
        path: path.to_owned(),
        reason,
    }
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

/// A file being written, under a temporary name. Dropped before it is finished, it is removed, so
/// that a full disk is not kept full.
pub struct ContainerWriter {
    temporary: PathBuf,
    file: BufWriter<File>,
    at: u64,
    room: u64,
    is_finished: bool,
}

/// A section being written.
pub struct SectionWriter<'a> {
    writer: &'a mut ContainerWriter,
    hasher: blake3::Hasher,
    offset: u64,
}

/// A section that is written, though its file is not yet.
pub struct MappedSection {
    map: Mmap,
    section: Section,
}

impl MappedSection {
    /// The vectors that were written, of so many values.
    ///
    /// # Errors
    /// As [`Vectors::new`].
    pub fn vectors(&self, dimension: usize) -> Result<Vectors<'_>, DescriptorError> {
        let bytes = slice(&self.map, &self.section);
        Vectors::new(
            bytemuck::try_cast_slice(bytes).unwrap_or_default(),
            dimension,
        )
    }
}

impl ContainerWriter {
    /// Begins a file with room for a header of `header` bytes, so that the sections can be written
    /// before their checksums are known.
    pub fn create(temporary: PathBuf, header: usize) -> Result<Self, FileError> {
        let room = (PREFIX as u64 + header as u64).next_multiple_of(4096);
        let open = || -> io::Result<File> {
            let mut file = folder::create(&temporary)?;
            file.seek(SeekFrom::Start(room))?;
            Ok(file)
        };
        let file = open().map_err(FileError::write_at(&temporary))?;
        Ok(Self {
            temporary,
            file: BufWriter::with_capacity(1 << 20, file),
            at: room,
            room,
            is_finished: false,
        })
    }

    /// Begins a section behind the last.
    pub fn section(&mut self) -> Result<SectionWriter<'_>, FileError> {
        let padding = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.put(&[0; ALIGNMENT as usize][..padding as usize])?;
        let offset = self.at;
        Ok(SectionWriter {
            writer: self,
            hasher: blake3::Hasher::new(),
            offset,
        })
    }

    /// A section from what is at hand.
    pub fn whole_section<T: bytemuck::Pod>(&mut self, values: &[T]) -> Result<Section, FileError> {
        let mut section = self.section()?;
        section.put(bytemuck::cast_slice(values))?;
        Ok(section.finish())
    }

    /// The numbers of a section written before, to be read while more are written.
    pub fn map(&mut self, section: &Section) -> Result<MappedSection, FileError> {
        let flushed = self.file.flush().and_then(|()| map(self.file.get_ref()));
        let map = flushed.map_err(FileError::write_at(&self.temporary))?;
        let section = section.clone();
        Ok(MappedSection { map, section })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.at += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        written.map_err(FileError::write_at(&self.temporary))
    }

    /// Writes the header, makes the file durable and gives it its name; returns its stamp.
    pub fn finish<H: ContainerHeader>(
        mut self,
        header: &H,
        path: &Path,
    ) -> Result<String, FileError> {
        let failed = FileError::write_at(path);
        let json = serde_json::to_vec(header).map_err(|error| failed(error.into()))?;
        let hash = blake3::hash(&json);
        let room = self.room as usize;
        let mut write = || -> io::Result<()> {
            if json.len() + PREFIX > room {
                return Err(io::Error::other("the header is too long"));
            }
            let file = &mut self.file;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(H::MAGIC)?;
            file.write_all(&(json.len() as u64).to_le_bytes())?;
            file.write_all(hash.as_bytes())?;
            file.write_all(&json)?;
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&self.temporary, path)
        };
        write().map_err(failed)?;
        self.is_finished = true;
        Ok(hash.to_hex().to_string())
    }
}

impl Drop for ContainerWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed is overwritten by the next attempt.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl SectionWriter<'_> {
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.hasher.update(bytes);
        self.writer.put(bytes)
    }

    pub fn finish(self) -> Section {
        Section {
            offset: self.offset,
            length: self.writer.at - self.offset,
            checksum: self.hasher.finalize().to_hex().to_string(),
        }
    }
}
