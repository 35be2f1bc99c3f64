//! Older records and descriptors, in files that never change.
//!
//! `records-N`: a table of records by key, and `by_hash`, for each record the first eight bytes of its
//! content's hash, sorted, and its number, u32. A record says in which file its vector lies and where.
//! `vectors-N`: `rows`, f32, and `hashes`, the content of each, 32 bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::about::RecordsRef;
use crate::descriptor::Fingerprint;
use crate::error::{FileError, GalleryError, Result};
use crate::gallery::blocks::{BlockWriter, Blocks, Section, damaged};
use crate::gallery::encoding::Encoding;
use crate::gallery::graph::to_shorts;
use crate::gallery::record::{RowPlace, Stored};
use crate::gallery::table::{Entry, Table, TableWriter};
use crate::photo::ContentHash;

/// A file of records.
pub struct Records {
    /// Said in each, so that a lost `about` is no lost store.
    pub fingerprint: Fingerprint,
    file: Blocks,
    table: Table,
    prefixes: Section,
    numbers: Section,
}

#[derive(Serialize, Deserialize)]
struct AboutRecords {
    #[serde(rename = "provenance")]
    fingerprint: Fingerprint,
}

fn records_path(store: &Path, number: u64) -> PathBuf {
    store.join(format!("records-{number}"))
}

fn vectors_path(store: &Path, number: u64) -> PathBuf {
    store.join(format!("vectors-{number}"))
}

fn prefix(hash: &ContentHash) -> u64 {
    let [first, ..] = hash.as_bytes().as_chunks().0 else {
        return 0;
    };
    u64::from_be_bytes(*first)
}

impl Records {
    /// Opens one that the store names.
    pub fn open(store: &Path, wanted: RecordsRef) -> Result<Self> {
        let path = records_path(store, wanted.number);
        let (file, about) = Blocks::open(&path)?;
        if file.stamp() != wanted.stamp {
            return Err(damaged(&path, "it belongs to another store").into());
        }
        Ok(Self::of(about, file))
    }

    /// Opens one whatever the store says.
    pub fn open_any(store: &Path, number: u64) -> Result<Self> {
        let (file, about) = Blocks::open(&records_path(store, number))?;
        Ok(Self::of(about, file))
    }

    fn of(about: AboutRecords, file: Blocks) -> Self {
        for name in ["by_hash", "by_hash_numbers"] {
            file.read_scattered(file.section(name));
        }
        Self {
            fingerprint: about.fingerprint,
            table: Table::of(&file),
            prefixes: file.section("by_hash"),
            numbers: file.section("by_hash_numbers"),
            file,
        }
    }

    /// Whether something that was read is damaged.
    pub fn is_damaged(&self) -> bool {
        self.file.is_damaged()
    }

    /// The record under a key.
    pub fn stored(&self, key: &[u8]) -> Option<Stored> {
        let index = self.table.find(&self.file, key)?;
        self.table.stored(&self.file, index)
    }

    /// The records from a key on.
    pub fn entries_from(&self, key: &[u8]) -> impl Iterator<Item = Entry> + use<'_> {
        // Where halving ends at damage, every one is looked at.
        let from = self.table.lower_bound(&self.file, key).unwrap_or(0);
        let entries = self.table.entries(&self.file, from);
        let key = key.to_vec();
        entries.skip_while(move |(other, _)| *other < key)
    }

    /// Where the vector of a content lies.
    pub fn row_of(&self, hash: &ContentHash) -> Option<RowPlace> {
        self.of_content(hash)?.row
    }

    /// A photo with this content whose vector is there.
    pub fn of_content(&self, hash: &ContentHash) -> Option<Stored> {
        let mut photos = self.all_of_content(hash).map(|(_, stored)| stored);
        photos.find(|stored| stored.row.is_some())
    }

    /// The keys of all photos with this content whose vector is there, be they removed.
    pub fn keys_of_content(&self, hash: &ContentHash) -> impl Iterator<Item = Vec<u8>> {
        let numbers = self.all_of_content(hash).map(|(number, _)| number);
        numbers.filter_map(|number| Some(self.table.entry(&self.file, number)?.0.to_vec()))
    }

    /// All records with this content that are found by it, each with its number.
    fn all_of_content(
        &self,
        hash: &ContentHash,
    ) -> impl Iterator<Item = (usize, Stored)> + use<'_> {
        let (hash, wanted) = (*hash, prefix(hash));
        let count = (self.prefixes.len / 8) as usize;
        // Damage ends the search.
        let first = self.first_from(wanted).unwrap_or(count);
        let found = (first..count).map_while(move |place| {
            let prefix: u64 = self.file.number(self.prefixes, place)?;
            if prefix != wanted {
                return None;
            }
            let number: u32 = self.file.number(self.numbers, place)?;
            let stored = self.table.stored(&self.file, number as usize)?;
            Some((number as usize, stored))
        });
        found.filter(move |(_, stored)| stored.hash == hash)
    }

    /// The place of the first prefix that is not less.
    fn first_from(&self, wanted: u64) -> Option<usize> {
        let (mut low, mut high) = (0, (self.prefixes.len / 8) as usize);
        while low < high {
            let middle = low.midpoint(high);
            if self.file.number::<u64>(self.prefixes, middle)? < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// Looks at all of it.
    pub fn verify(&self) -> Result<(), GalleryError> {
        self.file.verify()
    }
}

/// Writes a file of records, by key.
pub fn write_records(
    store: &Path,
    number: u64,
    made_with: &Fingerprint,
    entries: impl Iterator<Item = Result<Entry, GalleryError>>,
) -> Result<RecordsRef> {
    let mut file = BlockWriter::create(&records_path(store, number))?;
    let mut table = TableWriter::begin(&mut file)?;
    let mut by_hash: Vec<(u64, u32)> = Vec::new();
    for entry in entries {
        let (key, stored) = entry?;
        if stored.row.is_some() {
            by_hash.push((prefix(&stored.hash), by_hash.len() as u32));
        } else {
            // It keeps its number, and is not found by its content.
            by_hash.push((u64::MAX, by_hash.len() as u32));
        }
        table.put(&mut file, &key, &stored)?;
    }
    let len = table.finish(&mut file)? as u64;
    by_hash.sort_unstable();
    let (prefixes, numbers): (Vec<u64>, Vec<u32>) = by_hash.into_iter().unzip();
    file.whole_section("by_hash", bytemuck::cast_slice(&prefixes))?;
    file.whole_section("by_hash_numbers", bytemuck::cast_slice(&numbers))?;
    let fingerprint = made_with.clone();
    let stamp = file.finish(&AboutRecords { fingerprint })?.stamp;
    Ok(RecordsRef { number, stamp, len })
}

/// A file of vectors.
pub struct VectorFile {
    file: Blocks,
    rows: Section,
    /// Of 16-bit rows.
    steps: Section,
    hashes: Section,
    about: AboutVectors,
}

#[derive(Serialize, Deserialize)]
struct AboutVectors {
    dimension: usize,
    #[serde(default)]
    encoding: Encoding,
}

impl VectorFile {
    pub fn open(store: &Path, number: u64) -> Result<Self> {
        let path = vectors_path(store, number);
        let (file, about): (Blocks, AboutVectors) = Blocks::open(&path)?;
        let (rows, hashes) = (file.section("rows"), file.section("hashes"));
        let (values, bytes) = (about.dimension as u64, about.encoding.bytes() as u64);
        let is_one_each = rows.holds(hashes.len / 32, values, bytes);
        if about.dimension == 0 || !is_one_each {
            return Err(damaged(&path, "its counts do not fit its sections").into());
        }
        Ok(Self {
            rows,
            steps: file.section("steps"),
            hashes,
            about,
            file,
        })
    }

    /// The vector in a row, if it is that of this content and whole.
    pub fn row(&self, row: u32, hash: &ContentHash) -> Option<Vec<f32>> {
        let row = row as usize;
        let of = self.file.bytes(self.hashes, row.checked_mul(32)?, 32)?;
        if of != hash.as_bytes() {
            return None;
        }
        let dimension = self.about.dimension;
        let first = row.checked_mul(dimension)?;
        match self.about.encoding {
            Encoding::F32 => {
                let values: &[f32] = self.file.numbers(self.rows, first, dimension)?;
                Some(values.to_vec())
            }
            Encoding::F16 => {
                let values: &[i16] = self.file.numbers(self.rows, first, dimension)?;
                let step: f32 = self.file.number(self.steps, row)?;
                Some(
                    values
                        .iter()
                        .map(|value| f32::from(*value) * step)
                        .collect(),
                )
            }
        }
    }

    /// Looks at all of it.
    pub fn verify(&self) -> Result<(), GalleryError> {
        self.file.verify()
    }
}

/// Writes a file of vectors; the row of each.
pub fn write_vectors(
    store: &Path,
    number: u64,
    (dimension, encoding): (usize, Encoding),
    vectors: &BTreeMap<ContentHash, Vec<f32>>,
) -> Result<(), FileError> {
    let mut file = BlockWriter::create(&vectors_path(store, number))?;
    let mut all_steps: Vec<f32> = Vec::new();
    file.section("rows")?;
    for values in vectors.values() {
        match encoding {
            Encoding::F32 => file.put(bytemuck::cast_slice(values))?,
            Encoding::F16 => {
                let (shorts, steps) = to_shorts(values, dimension);
                file.put(bytemuck::cast_slice(&shorts))?;
                all_steps.extend(steps);
            }
        }
    }
    file.whole_section("steps", bytemuck::cast_slice(&all_steps))?;
    file.section("hashes")?;
    for hash in vectors.keys() {
        file.put(hash.as_bytes())?;
    }
    file.finish(&AboutVectors {
        dimension,
        encoding,
    })?;
    Ok(())
}
