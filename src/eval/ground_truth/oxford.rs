//! The ground truth of Oxford Buildings and Paris: for each query four files, `NAME_query.txt` (the
//! photo and the box of the building in it), `NAME_good.txt`, `NAME_ok.txt` and `NAME_junk.txt`.
//!
//! Philbin et al., "Object retrieval with large vocabularies and fast spatial matching", 2007. As
//! there, good and ok are relevant, junk is ignored, the query is the box cut out of its photo, and
//! the whole photo stays in the gallery, where it is one of the good.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::metrics::Metric;
use super::labelled::by_stem;
use super::set::{GroundTruth, Item, Query, Region};
use crate::bounded;
use crate::error::{EvalError, FileError, Result};
use crate::photo::Found;

/// The largest file that is read: those of the papers have a few kilobytes.
const MOST: u64 = 16 << 20;

/// What Oxford's queries have before the name of their photo.
const PREFIX: &str = "oxc1_";

/// Whether a folder has files of queries.
pub fn is_folder_of_queries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().ends_with("_query.txt"))
    })
}

pub fn read(folder: &Path, found: &[Found]) -> Result<GroundTruth> {
    let photos = by_stem(found);
    let whole = |found: &Found| Item {
        path: found.path.clone(),
        region: None,
        in_gallery: true,
        group: None,
    };
    let mut truth = GroundTruth {
        items: found.iter().map(whole).collect(),
        measure: Metric::OxfordMap,
        ..GroundTruth::default()
    };
    let mut groups = BTreeMap::new();
    for name in names_of_queries(folder)? {
        let file = |kind: &str| folder.join(format!("{name}_{kind}.txt"));
        let (photo, region) = read_query(&file("query"), &photos)?;
        let mut relevant = read_list(&file("good"), &photos)?;
        relevant.extend(read_list(&file("ok"), &photos)?);
        relevant.sort_unstable();
        let mut ignored = read_list(&file("junk"), &photos)?;
        ignored.sort_unstable();
        if relevant.is_empty() {
            continue;
        }
        // `all_souls_3` is the third query for the building `all_souls`.
        let building = name
            .rsplit_once('_')
            .map_or(name.as_str(), |(building, _)| building);
        let next = groups.len() as u32;
        let group = *groups.entry(building.to_owned()).or_insert(next);
        let of_group = relevant
            .iter()
            .chain(&ignored)
            .chain(std::iter::once(&photo));
        of_group.for_each(|item| truth.items[*item as usize].group = Some(group));
        let path = truth.items[photo as usize].path.clone();
        let item = truth.items.len() as u32;
        truth.items.push(Item {
            path,
            region: Some(region),
            in_gallery: false,
            group: Some(group),
        });
        truth.queries.push(Query {
            item,
            relevant: relevant.into(),
            ignored,
            group,
        });
    }
    let mut names: Vec<(String, u32)> = groups.into_iter().collect();
    names.sort_unstable_by_key(|(_, group)| *group);
    truth.groups = names.into_iter().map(|(name, _)| name).collect();
    Ok(truth)
}

fn names_of_queries(folder: &Path) -> Result<Vec<String>, FileError> {
    let failed = FileError::read_at(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.extend(
            name.to_str()
                .and_then(|name| name.strip_suffix("_query.txt"))
                .map(str::to_owned),
        );
    }
    names.sort_unstable();
    Ok(names)
}

fn read_text(file: &Path) -> Result<String, FileError> {
    bounded::read_text(file, MOST).map_err(FileError::read_at(file))
}

/// `NAME left top right bottom`.
fn read_query(file: &Path, photos: &BTreeMap<&str, u32>) -> Result<(u32, Region)> {
    let invalid = EvalError::ground_truth_at(file, Some(1));
    let text = read_text(file)?;
    let mut words = text.split_whitespace();
    let name = words
        .next()
        .ok_or_else(|| invalid("the query's photo is missing"))?;
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    let photo = *photos
        .get(name)
        .ok_or_else(|| invalid("the query's photo is not there"))?;
    let numbers: Vec<f32> = words.filter_map(|word| word.parse().ok()).collect();
    let [left, top, right, bottom] = numbers[..] else {
        return Err(invalid("not four numbers behind the photo").into());
    };
    if !(left < right && top < bottom) {
        return Err(invalid("the box is empty").into());
    }
    Ok((
        photo,
        Region {
            left,
            top,
            right,
            bottom,
        },
    ))
}

/// One name a line. Photos that are not there (the sets have a few damaged ones) count as never
/// found, so that numbers stay comparable: but nothing can be said of them, so they are left out.
fn read_list(file: &Path, photos: &BTreeMap<&str, u32>) -> Result<Vec<u32>, FileError> {
    let path: PathBuf = file.to_owned();
    let text = read_text(&path)?;
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(names.filter_map(|name| photos.get(name).copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn set(query: &str) -> Result<GroundTruth> {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("query", query),
            ("good", "a\nb\n"),
            ("ok", "c\n"),
            ("junk", "d\n"),
        ];
        for (kind, text) in files {
            fs::write(folder.path().join(format!("hall_1_{kind}.txt")), text).unwrap();
        }
        let found = ["a", "b", "c", "d", "e"].map(|name| Found {
            path: format!("/set/{name}.jpg").into(),
            size: 1,
            modified: 0,
        });
        assert!(is_folder_of_queries(folder.path()));
        read(folder.path(), &found)
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "what was read is what was written")]
    fn good_and_ok_are_relevant_junk_is_ignored_and_the_query_is_a_part_of_its_photo() {
        let truth = set("oxc1_a 136.5 34.1 648.5 955.7").unwrap();
        let query = &truth.queries[0];
        assert_eq!(query.relevant_items().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(query.ignored, [3]);
        let item = &truth.items[query.item as usize];
        assert_eq!(item.path, Path::new("/set/a.jpg"));
        assert_eq!(item.region.unwrap().right, 648.5);
        assert!(!item.in_gallery);
        assert_eq!(truth.items[4].group, None);
        assert_eq!(truth.groups, ["hall"]);
    }

    #[test]
    fn a_malformed_query_is_told_with_its_file() {
        for text in ["", "nowhere 1 2 3 4", "a 1 2 3", "a 5 5 5 9"] {
            assert!(
                matches!(set(text), Err(Error::Eval(EvalError::GroundTruth { .. }))),
                "{text}"
            );
        }
    }
}
