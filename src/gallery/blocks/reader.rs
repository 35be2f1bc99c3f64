//! Reading a file of blocks where it lies.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memmap2::Mmap;
use serde::de::DeserializeOwned;

use super::{ALIGNMENT, BLOCK, Description, HEADER, MOST_OF_JSON, Section, kind_of};
use crate::error::{Error, FileError, GalleryError, Result};
use crate::gallery::version::VERSION;

/// A mapped file. What is damaged in it is read as nothing, and the file remembers that.
pub struct Blocks {
    path: PathBuf,
    map: Mmap,
    sections: BTreeMap<String, Section>,
    data_end: usize,
    tops_at: usize,
    stamp: u32,
    /// A bit for each block of the data that was found whole, and for each of the sums.
    whole: Vec<AtomicU64>,
    whole_sums: Vec<AtomicU64>,
    is_damaged: AtomicBool,
}

impl Blocks {
    /// Opens the file and reads what it says of itself. The checks of its header are made here, those of
    /// its blocks when they are touched.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`]; [`GalleryError::GalleryTooNew`]; [`FileError::Read`].
    pub fn open<A: DeserializeOwned>(path: &Path) -> Result<(Self, A)> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => damaged(path, "it is missing").into(),
            _ => Error::from(FileError::read_at(path)(source)),
        };
        let map = File::open(path).and_then(|file| map(&file));
        let map = map.map_err(unreadable)?;
        let header = Header::of(&map, path)?;
        let end = map.get(header.tops_at..header.end());
        let end = end.ok_or_else(|| damaged(path, "it is cut off"))?;
        if crc32fast::hash(end) != header.stamp {
            return Err(damaged(path, "its header is damaged").into());
        }
        let json = &map[header.json_at..header.end()];
        let described: Description<A> =
            serde_json::from_slice(json).map_err(|_| damaged(path, "its header is damaged"))?;
        let is_within = |section: &Section| {
            let end = section.at.checked_add(section.len);
            let is_within = end.is_some_and(|end| end <= header.data_end as u64);
            is_within && section.at >= BLOCK as u64 && section.at.is_multiple_of(ALIGNMENT)
        };
        if !described.sections.values().all(is_within) {
            return Err(damaged(path, "its sections lie outside of it").into());
        }
        let bits = |blocks: usize| {
            (0..blocks.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect()
        };
        let blocks = header.data_end / BLOCK;
        let file = Self {
            path: path.to_owned(),
            sections: described.sections,
            data_end: header.data_end,
            tops_at: header.tops_at,
            stamp: header.stamp,
            whole: bits(blocks),
            whole_sums: bits((header.tops_at - header.data_end) / BLOCK),
            is_damaged: AtomicBool::new(false),
            map,
        };
        Ok((file, described.about))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its writing gave.
    pub const fn stamp(&self) -> u32 {
        self.stamp
    }

    /// Its bytes.
    pub fn len(&self) -> u64 {
        self.map.len() as u64
    }

    /// A section; an empty one where there is none of that name.
    pub fn section(&self, name: &str) -> Section {
        self.sections.get(name).copied().unwrap_or_default()
    }

    /// Whether something that was touched was found damaged.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// That it is; nothing where all that was touched is whole.
    pub fn damage(&self) -> Option<GalleryError> {
        let reason = "its contents do not match their checksums";
        self.is_damaged().then(|| damaged(&self.path, reason))
    }

    /// Remembers that what it says makes no sense.
    pub fn note_damage(&self) {
        self.is_damaged.store(true, Ordering::Relaxed);
    }

    /// `len` bytes of a section from its byte `from` on; nothing where they are damaged or not there.
    #[inline]
    pub fn bytes(&self, section: Section, from: usize, len: usize) -> Option<&[u8]> {
        let place = section.place(from, len)?;
        self.is_whole(place.clone())
            .then(|| self.map.get(place))
            .flatten()
    }

    /// All of a section.
    pub fn all(&self, section: Section) -> Option<&[u8]> {
        self.bytes(section, 0, section.len as usize)
    }

    /// Numbers of a section, from number `from` on.
    #[inline]
    pub fn numbers<T: bytemuck::Pod>(
        &self,
        section: Section,
        from: usize,
        count: usize,
    ) -> Option<&[T]> {
        let size = size_of::<T>();
        let bytes = self.bytes(section, from.checked_mul(size)?, count.checked_mul(size)?)?;
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// One number.
    #[inline]
    pub fn number<T: bytemuck::Pod>(&self, section: Section, at: usize) -> Option<T> {
        self.numbers(section, at, 1)?.first().copied()
    }

    /// A section's bytes, none of them checked: for who checks each with [`Blocks::is_whole_at`] before
    /// what it says counts.
    pub fn unchecked(&self, section: Section) -> &[u8] {
        let place = section.place(0, section.len as usize);
        place
            .and_then(|place| self.map.get(place))
            .unwrap_or_default()
    }

    /// Says that a section is read here and there: reading ahead of each place would fetch thirty times as
    /// many bytes. What the system makes of it changes no answer.
    pub fn read_scattered(&self, section: Section) {
        #[cfg(unix)]
        self.advise(section, memmap2::Advice::Random);
        #[cfg(not(unix))]
        let _ = section;
    }

    /// Says that all of a section is about to be read, from its beginning on.
    pub fn read_in_order(&self, section: Section) {
        #[cfg(unix)]
        self.advise(section, memmap2::Advice::Sequential);
        #[cfg(not(unix))]
        let _ = section;
    }

    /// Says that some bytes of a section are read next, and nothing of what comes after them.
    pub fn read_soon(&self, section: Section, from: usize, len: usize) {
        let len = len.min((section.len as usize).saturating_sub(from));
        #[cfg(unix)]
        if let Some(place) = section.place(from, len).filter(|place| !place.is_empty()) {
            // An advice that is not taken is no failure.
            let advice = memmap2::Advice::WillNeed;
            let _ = self.map.advise_range(advice, place.start, place.len());
        }
        #[cfg(not(unix))]
        let _ = (section, from, len);
    }

    #[cfg(unix)]
    fn advise(&self, section: Section, advice: memmap2::Advice) {
        // An advice that is not taken is no failure.
        let _ = self
            .map
            .advise_range(advice, section.at as usize, section.len as usize);
    }

    /// Whether these bytes of a section are there and whole.
    #[inline]
    pub fn is_whole_at(&self, section: Section, from: usize, len: usize) -> bool {
        let place = section.place(from, len);
        place.is_some_and(|place| self.is_whole(place))
    }

    /// Whether the blocks of these bytes are, each looked at once.
    #[inline]
    fn is_whole(&self, place: Range<usize>) -> bool {
        if place.is_empty() {
            return true;
        }
        (place.start / BLOCK..=(place.end - 1) / BLOCK).all(|block| {
            let seen = self.whole[block / 64].load(Ordering::Relaxed);
            seen >> (block % 64) & 1 == 1 || self.check(block)
        })
    }

    #[cold]
    fn check(&self, block: usize) -> bool {
        let is_whole = self.sum_of(block).is_some_and(|sum| {
            let bytes = &self.map[block * BLOCK..(block + 1) * BLOCK];
            crc32fast::hash(bytes) == sum
        });
        if is_whole {
            self.whole[block / 64].fetch_or(1 << (block % 64), Ordering::Relaxed);
        } else {
            self.note_damage();
        }
        is_whole
    }

    /// What the block's checksum should be: the first block is the header's.
    fn sum_of(&self, block: usize) -> Option<u32> {
        let place = 4 * block.checked_sub(1)?;
        let of_sums = place / BLOCK;
        let at = self.data_end + of_sums * BLOCK;
        let sums = self.map.get(at..at + BLOCK)?;
        if self.whole_sums[of_sums / 64].load(Ordering::Relaxed) >> (of_sums % 64) & 1 == 0 {
            let top = self.map.get(self.tops_at + 4 * of_sums..)?.first_chunk()?;
            if crc32fast::hash(sums) != u32::from_le_bytes(*top) {
                return None;
            }
            self.whole_sums[of_sums / 64].fetch_or(1 << (of_sums % 64), Ordering::Relaxed);
        }
        let sum = sums.get(place % BLOCK..)?.first_chunk()?;
        Some(u32::from_le_bytes(*sum))
    }

    /// Looks at every block.
    ///
    /// # Errors
    /// [`GalleryError::DamagedSnapshot`].
    pub fn verify(&self) -> Result<(), GalleryError> {
        use rayon::prelude::*;
        #[cfg(unix)]
        let _ = self.map.advise(memmap2::Advice::Sequential);
        let blocks = 1..self.data_end / BLOCK;
        blocks.into_par_iter().for_each(|block| {
            self.check(block);
        });
        self.damage().map_or(Ok(()), Err)
    }

    /// How many blocks this process has looked at.
    pub fn touched(&self) -> usize {
        let ones = |bits: &AtomicU64| bits.load(Ordering::Relaxed).count_ones() as usize;
        self.whole.iter().map(ones).sum()
    }
}

pub fn damaged(path: &Path, reason: &'static str) -> GalleryError {
    GalleryError::DamagedSnapshot {
        path: path.to_owned(),
        reason,
    }
}

#[allow(unsafe_code, reason = "a file is mapped; see below")]
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: files are written under another name, renamed when complete and never changed; what is read
    // back while more is written lies before that; removing a file leaves the mapping intact. A user who overwrites one in place can at worst end this process,
    // as with every tool that maps files.
    unsafe { Mmap::map(file) }
}

struct Header {
    json_len: usize,
    data_end: usize,
    json_at: usize,
    tops_at: usize,
    stamp: u32,
}

impl Header {
    const fn end(&self) -> usize {
        self.json_at + self.json_len
    }

    fn of(bytes: &[u8], path: &Path) -> Result<Self, GalleryError> {
        let cut_off = || damaged(path, "it is cut off");
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or_else(cut_off)?;
        if header[..8] != kind_of(path) {
            return Err(damaged(path, "it is no such file"));
        }
        let small = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let large = |at: usize| u64::from(small(at)) | u64::from(small(at + 4)) << 32;
        if crc32fast::hash(&header[..36]) != small(36) {
            return Err(damaged(path, "its header is damaged"));
        }
        let version = u64::from(small(8));
        if version > VERSION {
            return Err(GalleryError::GalleryTooNew {
                dir: path.parent().unwrap_or(path).to_owned(),
                found: version,
                known: VERSION,
            });
        }
        let (json_len, data_end, json_at) = (small(12) as usize, large(16), large(24));
        let file = bytes.len() as u64;
        let ends = json_at.checked_add(json_len as u64) == Some(file) && json_len <= MOST_OF_JSON;
        if !ends || data_end < BLOCK as u64 || !data_end.is_multiple_of(BLOCK as u64) {
            return Err(cut_off());
        }
        let sums = (4 * (data_end / BLOCK as u64 - 1)).next_multiple_of(BLOCK as u64);
        let tops = sums / BLOCK as u64 * 4;
        if data_end.checked_add(sums + tops) != Some(json_at) {
            return Err(damaged(path, "its header is damaged"));
        }
        Ok(Self {
            json_len,
            data_end: data_end as usize,
            json_at: json_at as usize,
            tops_at: (data_end + sums) as usize,
            stamp: small(32),
        })
    }
}
