//! Records sorted by key within a file of blocks: found by halving, read in order.
//!
//! Sections: `entries`, one behind the other (the key's length as a varint, the key, the record), and
//! `starts`, where each begins, u64, and the end.

use std::cmp::Ordering;

use super::blocks::{BlockWriter, Blocks, Section};
use super::fields::{put_varint, varint};
use super::record::Stored;
use crate::error::{FileError, Result};

/// Entries that are asked for before they are read in order.
const AHEAD: usize = 4096;

/// A record under its key.
pub type Entry = (Vec<u8>, Stored);

/// The table of a file.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    entries: Section,
    starts: Section,
}

/// Writes a table; entries must come in the order of their keys.
pub struct TableWriter {
    starts: Vec<u64>,
    end: u64,
}

impl TableWriter {
    /// Begins it in `file`, in which nothing else may be put until it is finished.
    pub fn begin(file: &mut BlockWriter) -> Result<Self, FileError> {
        file.section("entries")?;
        Ok(Self {
            starts: vec![0],
            end: 0,
        })
    }

    pub fn put(
        &mut self,
        file: &mut BlockWriter,
        key: &[u8],
        stored: &Stored,
    ) -> Result<(), FileError> {
        let mut entry = Vec::with_capacity(key.len() + 96);
        put_varint(&mut entry, key.len() as u64);
        entry.extend(key);
        entry.extend(stored.to_bytes());
        self.end += entry.len() as u64;
        self.starts.push(self.end);
        file.put(&entry)
    }

    /// Ends it; how many entries it has.
    pub fn finish(self, file: &mut BlockWriter) -> Result<usize, FileError> {
        file.whole_section("starts", bytemuck::cast_slice(&self.starts))?;
        Ok(self.starts.len() - 1)
    }
}

impl Table {
    /// That of a file. Entries are looked for here and there: where they are read in order, that is said.
    pub fn of(file: &Blocks) -> Self {
        let table = Self {
            entries: file.section("entries"),
            starts: file.section("starts"),
        };
        file.read_scattered(table.entries);
        file.read_scattered(table.starts);
        table
    }

    /// Says that these entries are read next.
    pub fn read_soon(&self, file: &Blocks, from: usize, count: usize) {
        let end = (from + count).min(self.len());
        file.read_soon(self.starts, from * 8, (end.saturating_sub(from) + 1) * 8);
        let at = |index| file.number::<u64>(self.starts, index);
        if let (Some(start), Some(end)) = (at(from), at(end)) {
            let len = end.saturating_sub(start) as usize;
            file.read_soon(self.entries, start as usize, len);
        }
    }

    /// How many entries it has.
    pub const fn len(&self) -> usize {
        (self.starts.len / 8).saturating_sub(1) as usize
    }

    /// Entry number `index`: its key and its record's bytes. Nothing where it is damaged.
    pub fn entry<'a>(&self, file: &'a Blocks, index: usize) -> Option<(&'a [u8], &'a [u8])> {
        let found = self.entry_or_damage(file, index);
        if found.is_none() && index < self.len() {
            file.note_damage();
        }
        found
    }

    fn entry_or_damage<'a>(&self, file: &'a Blocks, index: usize) -> Option<(&'a [u8], &'a [u8])> {
        let bounds: &[u64] = file.numbers(self.starts, index, 2)?;
        let (start, end) = (bounds[0] as usize, bounds[1] as usize);
        let entry = file.bytes(self.entries, start, end.checked_sub(start)?)?;
        let (len, rest) = varint(entry)?;
        rest.split_at_checked(usize::try_from(len).ok()?)
    }

    /// The record of entry number `index`.
    pub fn stored(&self, file: &Blocks, index: usize) -> Option<Stored> {
        let stored = Stored::from_bytes(self.entry(file, index)?.1);
        if stored.is_none() {
            file.note_damage();
        }
        stored
    }

    /// The number of the first entry whose key is not less. Damage ends the search.
    pub fn lower_bound(&self, file: &Blocks, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.entry(file, middle)?.0.cmp(key) {
                Ordering::Less => low = middle + 1,
                _ => high = middle,
            }
        }
        Some(low)
    }

    /// The number of the entry under this key.
    pub fn find(&self, file: &Blocks, key: &[u8]) -> Option<usize> {
        let index = self.lower_bound(file, key)?;
        let is_found = index < self.len() && self.entry(file, index)?.0 == key;
        is_found.then_some(index)
    }

    /// The entries from number `from` on, in order, without those that are damaged.
    pub fn entries<'a>(
        &self,
        file: &'a Blocks,
        from: usize,
    ) -> impl Iterator<Item = Entry> + use<'a> {
        let table = *self;
        (from..table.len()).filter_map(move |index| {
            if (index - from).is_multiple_of(AHEAD) {
                table.read_soon(file, index, 2 * AHEAD);
            }
            let key = table.entry(file, index)?.0.to_vec();
            Some((key, table.stored(file, index)?))
        })
    }
}

/// Several sorted lists as one, each entry with the number of its list: of a key that several have the
/// newest counts, of equally new ones the first list's.
pub fn merged<'a>(
    lists: Vec<Box<dyn Iterator<Item = Entry> + 'a>>,
) -> impl Iterator<Item = (usize, Entry)> + 'a {
    let mut lists: Vec<_> = lists.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let mut least: Option<Vec<u8>> = None;
        for list in &mut lists {
            if let Some((key, _)) = list.peek()
                && least.as_ref().is_none_or(|least| key < least)
            {
                least = Some(key.clone());
            }
        }
        let least = least?;
        let mut found: Option<(usize, Entry)> = None;
        for (number, list) in lists.iter_mut().enumerate() {
            let Some(entry) = list.next_if(|(key, _)| *key == least) else {
                continue;
            };
            let is_newer =
                |(_, (_, before)): &(usize, Entry)| entry.1.generation > before.generation;
            if found.as_ref().is_none_or(is_newer) {
                found = Some((number, entry));
            }
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::gallery::record::Record;
    use crate::photo::ContentHash;

    fn stored(number: u64) -> Stored {
        let record = Record {
            path: "x".into(),
            size: number,
            modified: 0,
            hash: ContentHash::of(b"x"),
            width: 1,
            height: 1,
            facts: None,
            tags: Vec::new(),
        };
        Stored::new(&record, number)
    }

    proptest! {
        #[test]
        fn every_key_is_found_and_no_other(
            keys in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..5), 0..40),
            others in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 9),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("records-1");
            let mut file = BlockWriter::create(&path).unwrap();
            let mut table = TableWriter::begin(&mut file).unwrap();
            for (number, key) in keys.iter().enumerate() {
                table.put(&mut file, key, &stored(number as u64)).unwrap();
            }
            prop_assert_eq!(table.finish(&mut file).unwrap(), keys.len());
            file.finish(&()).unwrap();
            let (file, ()) = Blocks::open(&path).unwrap();
            let table = Table::of(&file);
            for (number, key) in keys.iter().enumerate() {
                prop_assert_eq!(table.find(&file, key), Some(number));
                prop_assert_eq!(table.stored(&file, number).unwrap().size, number as u64);
            }
            for key in others {
                prop_assert_eq!(table.find(&file, &key).is_some(), keys.contains(&key));
                let from = table.lower_bound(&file, &key).unwrap();
                let rest: Vec<_> = table.entries(&file, from).map(|(key, _)| key).collect();
                prop_assert_eq!(rest, keys.range(key..).cloned().collect::<Vec<_>>());
            }
        }

        #[test]
        fn of_lists_that_have_the_same_key_the_newest_counts(
            lists in prop::collection::vec(prop::collection::btree_map(any::<u8>(), 0..9u64, 0..20), 0..5),
        ) {
            let mut expected: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for (key, value) in lists.iter().flatten() {
                let newest = expected.entry(vec![*key]).or_default();
                *newest = (*value).max(*newest);
            }
            let entries = lists.iter().map(|list| {
                let entries = list.iter().map(|(key, value)| (vec![*key], stored(*value)));
                Box::new(entries) as Box<dyn Iterator<Item = Entry>>
            });
            let found = merged(entries.collect()).map(|(_, (key, stored))| (key, stored.size));
            prop_assert_eq!(found.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
