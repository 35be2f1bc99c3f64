//! Writing a file of blocks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::Serialize;

use super::reader::map;
use super::{ALIGNMENT, BLOCK, Description, HEADER, Section, kind_of};
use crate::error::{FileError, Result};
use crate::gallery::folder;
use crate::gallery::version::VERSION;

/// A file in the making, under another name. Dropped before it is finished, it is removed, so that a full
/// disk is not kept full.
pub struct BlockWriter {
    temporary: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    /// Of the block that is being filled.
    sum: crc32fast::Hasher,
    sums: Vec<u32>,
    sections: BTreeMap<String, Section>,
    begun: Option<(String, u64)>,
    is_finished: bool,
}

/// A file that is written and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// CRC-32 of its tops and its JSON, and so of all that it has.
    pub stamp: u32,
    /// Its bytes.
    pub len: u64,
}

impl BlockWriter {
    /// Begins the file that shall lie at `path`.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        let open = || -> io::Result<File> {
            let mut file = folder::create(&temporary)?;
            file.seek(SeekFrom::Start(BLOCK as u64))?;
            Ok(file)
        };
        let file = open().map_err(FileError::write_at(&temporary))?;
        Ok(Self {
            temporary,
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 18, file),
            at: BLOCK as u64,
            sum: crc32fast::Hasher::new(),
            sums: Vec::new(),
            sections: BTreeMap::new(),
            begun: None,
            is_finished: false,
        })
    }

    /// Begins a section behind the last, which ends here.
    pub fn section(&mut self, name: &str) -> Result<(), FileError> {
        self.end_section();
        self.pad(ALIGNMENT)?;
        self.begun = Some((name.to_owned(), self.at));
        Ok(())
    }

    /// A section of what is at hand.
    pub fn whole_section(&mut self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.section(name)?;
        self.put(bytes)
    }

    /// Where a section lies that was ended.
    pub fn written(&self, name: &str) -> Section {
        self.sections.get(name).copied().unwrap_or_default()
    }

    /// What was written so far, to be read while more is written.
    pub fn read_back(&mut self) -> Result<Mmap, FileError> {
        let flushed = self.file.flush().and_then(|()| map(self.file.get_ref()));
        flushed.map_err(FileError::write_at(&self.temporary))
    }

    /// Bytes of the section that was begun.
    pub fn put(&mut self, mut bytes: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all(bytes)
            .map_err(FileError::write_at(&self.temporary))?;
        while !bytes.is_empty() {
            let room = BLOCK - (self.at % BLOCK as u64) as usize;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.sum.update(now);
            self.at += now.len() as u64;
            if now.len() == room {
                let full = std::mem::take(&mut self.sum);
                self.sums.push(full.finalize());
            }
            bytes = rest;
        }
        Ok(())
    }

    fn end_section(&mut self) {
        if let Some((name, at)) = self.begun.take() {
            let len = self.at - at;
            self.sections.insert(name, Section { at, len });
        }
    }

    fn pad(&mut self, to: u64) -> Result<(), FileError> {
        let padding = self.at.next_multiple_of(to) - self.at;
        self.put(&[0; BLOCK][..padding as usize])
    }

    /// Writes what the file is, makes it durable and gives it its name. Its folder is made durable by
    /// whoever names it.
    pub fn finish<A: Serialize>(mut self, about: &A) -> Result<Written, FileError> {
        self.end_section();
        self.pad(BLOCK as u64)?;
        let failed = FileError::write_at(&self.path);
        let data_end = self.at;
        let mut sums: Vec<u8> = self.sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        sums.resize(sums.len().next_multiple_of(BLOCK), 0);
        let tops = sums.chunks(BLOCK).map(crc32fast::hash);
        let mut end: Vec<u8> = tops.flat_map(u32::to_le_bytes).collect();
        let description = Description {
            sections: std::mem::take(&mut self.sections),
            about,
        };
        let json = serde_json::to_vec(&description).map_err(|error| failed(error.into()))?;
        let json_at = data_end + (sums.len() + end.len()) as u64;
        end.extend(&json);
        let stamp = crc32fast::hash(&end);
        let numbers = [VERSION as u32, json.len() as u32].map(u32::to_le_bytes);
        let places = [data_end, json_at].map(u64::to_le_bytes);
        let kind = kind_of(&self.path);
        let mut header = [&kind[..], &numbers.concat(), &places.concat()].concat();
        header.extend(stamp.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        debug_assert_eq!(header.len(), HEADER);
        let mut write = || -> io::Result<()> {
            let file = &mut self.file;
            file.write_all(&sums)?;
            file.write_all(&end)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&self.temporary, &self.path)
        };
        write().map_err(failed)?;
        self.is_finished = true;
        let len = json_at + json.len() as u64;
        Ok(Written { stamp, len })
    }
}

impl Drop for BlockWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed is overwritten by the next attempt.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
