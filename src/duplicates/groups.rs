//! Groups as stars around the photo that is kept: every member is a duplicate of it, nothing chains.

use std::collections::HashMap;

use super::collection::Collection;
use super::files::{Files, siblings};
use super::known::Known;
use super::not_duplicates::NotDuplicates;
use super::options::Options;
use super::report::{Duplicate, Duplicates, Group, Kept, Level, RawPair, SameFile};
use crate::gallery::Record;

/// The groups, each photo in one at most.
pub fn groups(
    collection: &Collection,
    known: &Known,
    not_duplicates: &NotDuplicates,
    options: &Options,
) -> Duplicates {
    let stars = Stars {
        collection,
        known,
        not_duplicates,
        files: Files::default(),
        of_unit: of_units(collection, known),
    };
    let mut report = stars.report(options);
    report.photos = collection.records.len();
    report.count();
    report
}

/// The photos of each unit in the order in which they are kept.
fn of_units(collection: &Collection, known: &Known) -> HashMap<u32, Vec<u32>> {
    let mut photos: HashMap<u32, Vec<u32>> = HashMap::new();
    for (number, content) in (0..).zip(&collection.content_of) {
        photos.entry(known.unit(*content)).or_default().push(number);
    }
    photos
}

struct Stars<'a> {
    collection: &'a Collection,
    known: &'a Known,
    not_duplicates: &'a NotDuplicates,
    files: Files,
    of_unit: HashMap<u32, Vec<u32>>,
}

impl Stars<'_> {
    fn report(mut self, options: &Options) -> Duplicates {
        let mut report = Duplicates::default();
        let mut is_taken = vec![false; self.collection.records.len()];
        for keeper in 0..self.collection.records.len() as u32 {
            if is_taken[keeper as usize] {
                continue;
            }
            let members = self.members(keeper, &is_taken);
            if members.is_empty() {
                continue;
            }
            // Only what is grouped is looked for on the disk.
            self.own_names(keeper, members, &mut is_taken, &mut report, options);
        }
        report
    }

    /// Photos not taken yet that are the keeper's photograph, in the order in which they are kept.
    fn members(&self, keeper: u32, is_taken: &[bool]) -> Vec<u32> {
        let unit = self.unit_of(keeper);
        let same = self.known.same(unit).map(|(other, _)| other);
        let units = std::iter::once(unit).chain(same);
        let photos = units.flat_map(|it| &self.of_unit[&it]);
        let mut members: Vec<u32> = photos
            .filter(|it| **it > keeper && !is_taken[**it as usize])
            .copied()
            .collect();
        members.sort_unstable();
        members
    }

    fn unit_of(&self, photo: u32) -> u32 {
        self.known.unit(self.collection.content_of[photo as usize])
    }

    fn own_names(
        &mut self,
        keeper: u32,
        members: Vec<u32>,
        is_taken: &mut [bool],
        report: &mut Duplicates,
        options: &Options,
    ) {
        let record = |number: u32| &self.collection.records[number as usize];
        let kept = record(keeper);
        let mut of_file = HashMap::new();
        if let Some(file) = self.files.of(&kept.path) {
            of_file.insert(file, keeper);
        }
        let mut duplicates = Vec::new();
        for member in members {
            let other = record(member);
            if let Some(file) = self.files.of(&other.path) {
                let first = *of_file.entry(file).or_insert(member);
                if first != member {
                    is_taken[member as usize] = true;
                    report.same_files.push(SameFile {
                        file: record(first).path.clone(),
                        also: other.path.clone(),
                    });
                    continue;
                }
            }
            if let Some((raw, beside)) = siblings(&kept.path, &other.path) {
                let (raw, beside) = (raw.to_owned(), beside.to_owned());
                report.raw.push(RawPair { raw, beside });
                continue;
            }
            if self.not_duplicates.has(kept, other) {
                continue;
            }
            is_taken[member as usize] = true;
            duplicates.push(self.duplicate(keeper, member, options));
        }
        if duplicates.is_empty() {
            return;
        }
        let reason = reason(kept, &duplicates, options);
        duplicates.sort_by(|a, b| a.record.path.cmp(&b.record.path));
        let freed = duplicates.iter().filter(|it| !it.protected);
        report.groups.push(Group {
            freed: freed.map(|it| it.freed).sum(),
            keep: Kept {
                taken: kept.facts.as_ref().and_then(|facts| facts.taken),
                record: kept.clone(),
                reason,
            },
            duplicates,
        });
    }

    fn duplicate(&self, keeper: u32, member: u32, options: &Options) -> Duplicate {
        let content = |number: u32| self.collection.content_of[number as usize];
        let record = &self.collection.records[member as usize];
        let units = (self.unit_of(keeper), self.unit_of(member));
        let level = if content(keeper) == content(member) {
            Level::Bytes
        } else if units.0 == units.1 {
            Level::Pixels
        } else {
            Level::Near
        };
        Duplicate {
            taken: record.facts.as_ref().and_then(|facts| facts.taken),
            change: self.known.change(units.0, units.1),
            level,
            protected: options.is_protected(&record.path),
            freed: self.files.freed(record),
            record: record.clone(),
        }
    }
}

/// Why it is kept and not the next best.
fn reason(kept: &Record, duplicates: &[Duplicate], options: &Options) -> String {
    let is_protected = options.is_protected(&kept.path);
    match duplicates.first() {
        Some(next) if is_protected && !next.protected => "protected".to_owned(),
        Some(next) => options.keep.reason(kept, &next.record),
        None => String::new(),
    }
}
