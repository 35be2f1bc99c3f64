//! The revisited Oxford and Paris: `gnd_roxford5k.pkl` and `gnd_rparis6k.pkl`, or the same as JSON:
//! `{imlist: [name], qimlist: [name], gnd: [{bbx: [left, top, right, bottom], easy: [index],
//! hard: [index], junk: [index]}]}`.
//!
//! Radenović et al., "Revisiting Oxford and Paris: Large-Scale Image Retrieval Benchmarking", 2018.
//! Queries are cut out by their boxes; their photos are not in the gallery.

use std::path::Path;

use super::super::metrics::Metric;
use super::judgements::{self, Judgement};
use super::labelled::by_stem;
use super::set::{GroundTruth, Item, Query, Region};
use crate::error::{EvalError, Result};
use crate::photo::Found;

/// Which of the answers count; the paper's three setups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Difficulty {
    /// The easy ones count, the hard ones are ignored.
    Easy,
    /// Both count.
    #[default]
    Medium,
    /// The hard ones count, the easy ones are ignored.
    Hard,
}

pub fn read(path: &Path, difficulty: Difficulty, found: &[Found]) -> Result<GroundTruth> {
    let invalid = EvalError::ground_truth_at(path, None);
    let truth = judgements::read(path)?;
    if truth.qimlist.len() != truth.gnd.len() {
        return Err(invalid("not as many judgements as queries").into());
    }
    let photos = by_stem(found);
    let place = |name: &String| {
        let photo = photos
            .get(name.as_str())
            .map(|index| &found[*index as usize]);
        photo.ok_or_else(|| invalid("a photo that it names is not there"))
    };
    let mut items = Vec::new();
    for name in &truth.imlist {
        let path = place(name)?.path.clone();
        items.push(Item {
            path,
            region: None,
            in_gallery: true,
            group: None,
        });
    }
    let mut queries = Vec::new();
    for (group, (name, judgement)) in (0u32..).zip(truth.qimlist.iter().zip(&truth.gnd)) {
        let (relevant, ignored) = judgement.lists(difficulty);
        let known = |item: &u32| (*item as usize) < truth.imlist.len();
        if !relevant.iter().chain(&ignored).all(known) {
            return Err(invalid("a judgement is of a photo that is not in its list").into());
        }
        for item in judgement.easy.iter().chain(&judgement.hard) {
            items[*item as usize].group = Some(group);
        }
        let item = items.len() as u32;
        let region = judgement.region().map_err(invalid)?;
        let path = place(name)?.path.clone();
        items.push(Item {
            path,
            region,
            in_gallery: false,
            group: Some(group),
        });
        if !relevant.is_empty() {
            queries.push(Query {
                item,
                relevant: relevant.into(),
                ignored,
                group,
            });
        }
    }
    Ok(GroundTruth {
        items,
        queries,
        groups: truth.qimlist,
        measure: Metric::OxfordMap,
    })
}

impl Judgement {
    /// What is relevant and what is ignored, sorted.
    fn lists(&self, difficulty: Difficulty) -> (Vec<u32>, Vec<u32>) {
        let join = |lists: &[&Vec<u32>]| {
            let mut joined: Vec<u32> = lists.iter().flat_map(|list| list.iter().copied()).collect();
            joined.sort_unstable();
            joined
        };
        match difficulty {
            Difficulty::Easy => (join(&[&self.easy]), join(&[&self.junk, &self.hard])),
            Difficulty::Medium => (join(&[&self.easy, &self.hard]), join(&[&self.junk])),
            Difficulty::Hard => (join(&[&self.hard]), join(&[&self.junk, &self.easy])),
        }
    }

    fn region(&self) -> Result<Option<Region>, &'static str> {
        match self.bbx.as_deref() {
            None => Ok(None),
            Some(&[left, top, right, bottom]) if left < right && top < bottom => Ok(Some(Region {
                left,
                top,
                right,
                bottom,
            })),
            Some(_) => Err("a box is not left, top, right, bottom"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Error;

    const JSON: &str = r#"{"imlist": ["a", "b", "c", "d"], "qimlist": ["q"],
        "gnd": [{"bbx": [1, 2, 30, 40], "easy": [2], "hard": [0], "junk": [3]}]}"#;

    /// The same, as Python's `pickle.dump(…, protocol=2)` writes it.
    const PICKLE: &[u8] = include_bytes!("../../../data/goldens/revisited.pkl");

    fn found() -> Vec<Found> {
        let one = |name: &str| Found {
            path: format!("/set/{name}.jpg").into(),
            size: 1,
            modified: 0,
        };
        ["a", "b", "c", "d", "q"].map(one).to_vec()
    }

    fn truth(name: &str, bytes: &[u8], difficulty: Difficulty) -> Result<GroundTruth> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        read(&path, difficulty, &found())
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "what was read is what was written")]
    fn the_three_difficulties_count_what_the_paper_says() {
        for (difficulty, relevant, ignored) in [
            (Difficulty::Easy, vec![2], vec![0, 3]),
            (Difficulty::Medium, vec![0, 2], vec![3]),
            (Difficulty::Hard, vec![0], vec![2, 3]),
        ] {
            let truth = truth("gnd.json", JSON.as_bytes(), difficulty).unwrap();
            let query = &truth.queries[0];
            assert_eq!(query.relevant_items().collect::<Vec<_>>(), relevant);
            assert_eq!(query.ignored, ignored);
            assert_eq!(truth.items[4].region.unwrap().bottom, 40.0);
        }
    }

    #[test]
    fn pythons_pickle_says_the_same_as_json() {
        let json = truth("gnd.json", JSON.as_bytes(), Difficulty::Medium).unwrap();
        assert_eq!(truth("gnd.pkl", PICKLE, Difficulty::Medium).unwrap(), json);
    }

    #[test]
    fn malformed_files_are_errors() {
        for text in [
            "[]",
            r#"{"imlist": ["a"], "qimlist": ["q"], "gnd": []}"#,
            r#"{"imlist": ["a"], "qimlist": ["q"], "gnd": [{"easy": [7]}]}"#,
            r#"{"imlist": ["nowhere"], "qimlist": [], "gnd": []}"#,
        ] {
            let read = truth("gnd.json", text.as_bytes(), Difficulty::Medium);
            assert!(
                matches!(read, Err(Error::Eval(EvalError::GroundTruth { .. }))),
                "{text}"
            );
        }
    }
}
