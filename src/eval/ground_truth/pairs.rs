//! Pairs of photos that show the same, a line each: `a,b`, or with a tab between them.
//!
//! A photo's answers are those that it is paired with, in either order. Who is paired with whom says nothing of
//! a third: photos that are connected only through others are neither right nor wrong answers to each other.
//! Whatever is connected is one group, so that no pair lies across two halves.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::set::{GroundTruth, Item, Query};
use crate::bounded;
use crate::error::{EvalError, FileError, Result};
use crate::eval::metrics::Metric;
use crate::photo::{Found, absolute};

/// The largest file that is read: some millions of pairs.
const MOST: u64 = 256 << 20;

/// Paths are relative to the file's folder, or to `root`, the photos'. Photos that were found and are in no
/// pair are in the gallery, and nobody asks for them.
pub fn read(file: &Path, root: &Path, found: &[Found]) -> Result<GroundTruth> {
    let mut photos = Photos::of(found);
    let here = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let bases = [here.unwrap_or(Path::new(".")), root];
    let text = bounded::read(file, MOST).map_err(FileError::read_at(file))?;
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for (line, row) in rows(file, &text)? {
        let invalid = EvalError::ground_truth_at(file, Some(line));
        let named = [row.get(0), row.get(1)].map(|name| name.filter(|name| !name.is_empty()));
        let [Some(a), Some(b)] = named else {
            return Err(invalid("a line is no pair of photos").into());
        };
        if row.len() > 2 {
            return Err(invalid("a line has more than two columns").into());
        }
        let is_title = line == 1
            && [(a, "a"), (b, "b")]
                .iter()
                .all(|(name, title)| name == title);
        let ends = [a, b].map(|name| photos.number(name, bases));
        match ends {
            [Some(a), Some(b)] if a == b => {
                return Err(invalid("a photo is paired with itself").into());
            }
            [Some(a), Some(b)] => pairs.push((a, b)),
            _ if is_title => {}
            _ => return Err(invalid("there is no such photo").into()),
        }
    }
    Ok(truth(photos.paths, &pairs))
}

/// The lines with their numbers, counted from 1; empty ones are left out.
fn rows(file: &Path, text: &[u8]) -> Result<Vec<(u64, csv::StringRecord)>> {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_tabbed = file.extension().is_some_and(|ending| ending == "tsv")
        || (first.contains(&b'\t') && !first.contains(&b','));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if is_tabbed { b'\t' } else { b',' })
        .trim(csv::Trim::All)
        .has_headers(false)
        .flexible(true)
        .from_reader(text);
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| {
            let line = error.position().map(csv::Position::line);
            EvalError::ground_truth_at(file, line)("not pairs of photos, a line each")
        })?;
        let line = row.position().map_or(0, csv::Position::line);
        rows.push((line, row));
    }
    Ok(rows)
}

/// Photos by number: those that were found, and those that are named besides.
struct Photos {
    paths: Vec<PathBuf>,
    numbers: HashMap<PathBuf, u32>,
}

impl Photos {
    fn of(found: &[Found]) -> Self {
        let mut photos = Self {
            paths: Vec::new(),
            numbers: HashMap::new(),
        };
        for one in found {
            photos.add(one.path.clone());
        }
        photos
    }

    fn add(&mut self, path: PathBuf) -> u32 {
        // By what it is: a name may lead through links.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let next = self.paths.len() as u32;
        let number = *self.numbers.entry(real).or_insert(next);
        if number == next {
            self.paths.push(path);
        }
        number
    }

    fn number(&mut self, name: &str, bases: [&Path; 2]) -> Option<u32> {
        let paths = bases
            .into_iter()
            .filter_map(|base| absolute(&base.join(name)).ok());
        let path = paths.into_iter().find(|path| path.is_file())?;
        Some(self.add(path))
    }
}

fn truth(paths: Vec<PathBuf>, pairs: &[(u32, u32)]) -> GroundTruth {
    let mut paired: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); paths.len()];
    for (a, b) in pairs {
        paired[*a as usize].insert(*b);
        paired[*b as usize].insert(*a);
    }
    let components = components(&paired);
    let name = |group: &Vec<u32>| {
        let first = group.first().map(|item| &paths[*item as usize]);
        let name = first.and_then(|path| path.file_name()).unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let groups = components.iter().map(name).collect();
    let mut groups_of = vec![None; paths.len()];
    for (group, members) in (0u32..).zip(&components) {
        for item in members {
            groups_of[*item as usize] = Some(group);
        }
    }
    let query = |item: u32| {
        let group = groups_of[item as usize]?;
        let relevant = &paired[item as usize];
        let others = components[group as usize].iter();
        Some(Query {
            item,
            relevant: relevant.iter().copied().collect(),
            ignored: others
                .filter(|it| !relevant.contains(it))
                .copied()
                .collect(),
            group,
        })
    };
    let item = |(path, group): (PathBuf, Option<u32>)| Item {
        path,
        region: None,
        in_gallery: true,
        group,
    };
    GroundTruth {
        queries: (0..paths.len() as u32).filter_map(query).collect(),
        items: paths
            .into_iter()
            .zip(groups_of.iter().copied())
            .map(item)
            .collect(),
        groups,
        measure: Metric::default(),
    }
}

/// What is connected, each in ascending order; what is paired with nothing is left out.
fn components(paired: &[BTreeSet<u32>]) -> Vec<Vec<u32>> {
    let mut seen = vec![false; paired.len()];
    let mut components = Vec::new();
    for start in (0..paired.len()).filter(|item| !paired[*item].is_empty()) {
        let mut members = Vec::new();
        let mut open = vec![start as u32];
        while let Some(item) = open.pop() {
            if !std::mem::replace(&mut seen[item as usize], true) {
                members.push(item);
                open.extend(&paired[item as usize]);
            }
        }
        if !members.is_empty() {
            members.sort_unstable();
            components.push(members);
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Error;

    /// Pairs in a file of this name, beside a folder with seven photos.
    fn pairs(name: &str, text: &str) -> Result<GroundTruth> {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir(&photos).unwrap();
        let found = ["a", "b", "c", "d", "e", "f", "g"].map(|name| {
            let path = photos.join(format!("{name}.jpg"));
            fs::write(&path, "x").unwrap();
            Found {
                path,
                size: 1,
                modified: 0,
            }
        });
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        read(&file, &photos, &found)
    }

    fn relevant(truth: &GroundTruth) -> Vec<(u32, Vec<u32>, Vec<u32>)> {
        let queries = truth.queries.iter();
        let told = queries.map(|it| (it.item, it.relevant_items().collect(), it.ignored.clone()));
        told.collect()
    }

    #[test]
    fn the_others_of_a_pair_are_right_and_those_connected_through_others_neither_right_nor_wrong() {
        // a – b – c, and d – e named from the other folder, once more the other way round.
        let truth = pairs(
            "pairs.csv",
            "a,b\na.jpg,b.jpg\nc.jpg, b.jpg\nphotos/d.jpg,photos/e.jpg\n\ne.jpg,d.jpg\n",
        )
        .unwrap();
        let expected = [
            (0, vec![1], vec![0, 2]),
            (1, vec![0, 2], vec![1]),
            (2, vec![1], vec![0, 2]),
            (3, vec![4], vec![3]),
            (4, vec![3], vec![4]),
        ];
        assert_eq!(relevant(&truth), expected);
        let groups: Vec<Option<u32>> = truth.items.iter().map(|item| item.group).collect();
        assert_eq!(groups[..5], [Some(0), Some(0), Some(0), Some(1), Some(1)]);
        // Of the others nobody asks, and they are in the gallery.
        assert_eq!(groups[5..], [None, None]);
        assert!(truth.items.iter().all(|item| item.in_gallery));
    }

    #[test]
    fn tabs_do_as_well_and_no_pair_lies_across_two_halves() {
        let text = "a.jpg\tb.jpg\nb.jpg\tc.jpg\nd.jpg\te.jpg\nf.jpg\tg.jpg\n";
        for name in ["pairs.tsv", "pairs.txt"] {
            let truth = pairs(name, text).unwrap();
            for seed in 0..5 {
                let [first, _] = truth.half_items(seed);
                for query in &truth.queries {
                    let side = first[query.item as usize];
                    assert!(query.relevant_items().all(|it| first[it as usize] == side));
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line) in [
            ("a.jpg,b.jpg\na.jpg,missing.jpg\n", 2),
            ("a.jpg,b.jpg\nc.jpg\n", 2),
            ("a.jpg,a.jpg\n", 1),
            ("a.jpg,b.jpg,c.jpg\n", 1),
        ] {
            match pairs("pairs.csv", text) {
                Err(Error::Eval(EvalError::GroundTruth {
                    line: Some(found), ..
                })) => assert_eq!(found, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
