//! Writes a snapshot beside the current one and switches to it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::layout::{ALIGNMENT, Header, MAGIC, PREFIX, Section};
use super::{CURRENT, snapshot_name};
use crate::error::{Error, Result};

/// Room for the header, so that the sections can be written before their checksums are known.
const HEADER_ROOM: u64 = 4096;

/// A snapshot file being written.
pub struct SnapshotWriter {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
}

/// A section being written.
pub struct SectionWriter<'a> {
    writer: &'a mut SnapshotWriter,
    hasher: blake3::Hasher,
    offset: u64,
}

impl SnapshotWriter {
    /// Begins a file under a temporary name in the gallery's folder.
    pub fn create(dir: &Path) -> Result<Self> {
        let path = dir.join("snapshot.new");
        let open = || -> io::Result<File> {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)?;
            file.seek(SeekFrom::Start(HEADER_ROOM))?;
            Ok(file)
        };
        let file = open().map_err(|source| Error::Write {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            at: HEADER_ROOM,
        })
    }

    /// Begins a section behind the last.
    pub fn section(&mut self) -> Result<SectionWriter<'_>> {
        let padding = self.at.next_multiple_of(ALIGNMENT as u64) - self.at;
        self.put(&[0; ALIGNMENT][..padding as usize])?;
        let offset = self.at;
        Ok(SectionWriter {
            writer: self,
            hasher: blake3::Hasher::new(),
            offset,
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        written.map_err(|source| Error::Write {
            path: self.path.clone(),
            source,
        })
    }

    /// Writes the header, makes the file durable and makes it the current snapshot.
    pub fn finish(self, dir: &Path, header: &Header) -> Result<()> {
        let failed = |source| Error::Write {
            path: self.path.clone(),
            source,
        };
        let json = serde_json::to_vec(header).expect("plain fields are always JSON");
        let file = self
            .file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let write = |mut file: File| -> io::Result<()> {
            if json.len() + PREFIX > HEADER_ROOM as usize {
                return Err(io::Error::other("the header is too long"));
            }
            file.seek(SeekFrom::Start(0))?;
            file.write_all(MAGIC)?;
            file.write_all(&(json.len() as u64).to_le_bytes())?;
            file.write_all(blake3::hash(&json).as_bytes())?;
            file.write_all(&json)?;
            file.sync_all()
        };
        write(file).map_err(failed)?;
        let name = snapshot_name(header.generation);
        fs::rename(&self.path, dir.join(&name)).map_err(failed)?;
        switch_to(dir, &name)?;
        remove_others(dir, &name);
        Ok(())
    }
}

impl SectionWriter<'_> {
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
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

/// Lets `current` name the snapshot; whoever reads it sees the old name or the new one.
fn switch_to(dir: &Path, name: &str) -> Result<()> {
    let (new, current) = (dir.join("current.new"), dir.join(CURRENT));
    let switch = || -> io::Result<()> {
        let mut file = File::create(&new)?;
        file.write_all(name.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &current)?;
        File::open(dir)?.sync_all()
    };
    switch().map_err(|source| Error::Write {
        path: current.clone(),
        source,
    })
}

/// Old snapshots only cost space: readers that have one open keep it. Left over is harmless.
fn remove_others(dir: &Path, current: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snapshot-") && name != current {
            let _ = fs::remove_file(entry.path());
        }
    }
}
