//! Which photos show the same: what an evaluation measures answers against.
//!
//! Every form in which labelled sets come (folders, a table, the files of Oxford and Paris, names
//! that count) becomes the same [`GroundTruth`]: items, and queries with their relevant items.

mod folders;
mod names;
mod oxford;
mod revisited;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::revisited::Difficulty;
use super::metrics::Metric;
use crate::error::{Error, Result};
use crate::photo::{Found, Walk};

/// A part of a picture, in pixels of the upright picture: half-open, left and top included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// First column.
    pub left: f32,
    /// First row.
    pub top: f32,
    /// Behind the last column.
    pub right: f32,
    /// Behind the last row.
    pub bottom: f32,
}

/// A picture, or a part of one, that is described once.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The photo.
    pub path: PathBuf,
    /// The part of it that is looked at; all of it where there is none.
    pub region: Option<Region>,
    /// Whether it can be an answer. Otherwise it is a query only.
    pub in_gallery: bool,
    /// What it shows, as a number; `None` for distractors.
    pub group: Option<u32>,
}

/// A query and what should be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The item that is the query.
    pub item: u32,
    /// Items that should come first, in ascending order. They are shared by all queries of a group,
    /// so the query itself may be among them; what is ignored does not count.
    pub relevant: Arc<[u32]>,
    /// Items that neither help nor harm, in ascending order: junk, and the query itself.
    pub ignored: Vec<u32>,
    /// What it shows.
    pub group: u32,
}

impl Query {
    /// Number of relevant items that are not ignored.
    #[must_use]
    pub fn relevant_count(&self) -> usize {
        self.relevant_items().count()
    }

    /// The relevant items that are not ignored.
    pub fn relevant_items(&self) -> impl Iterator<Item = u32> {
        let counts = |item: &u32| self.ignored.binary_search(item).is_err();
        self.relevant.iter().copied().filter(counts)
    }
}

/// A labelled set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroundTruth {
    /// Everything that is described.
    pub items: Vec<Item>,
    /// The queries, each with at least one relevant item.
    pub queries: Vec<Query>,
    /// What the groups are called.
    pub groups: Vec<String>,
    /// The measure that papers report for it.
    pub measure: Metric,
}

/// The form of a labelled set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One folder per class or object.
    Folders,
    /// A table: a `.csv` file with the columns `path,group[,role][,junk]`.
    Table(PathBuf),
    /// A folder with Oxford's and Paris' `*_query.txt`, `*_good.txt`, `*_ok.txt`, `*_junk.txt`.
    Oxford(PathBuf),
    /// The revisited sets' `gnd_*.pkl`, or the same as JSON.
    Revisited(PathBuf, Difficulty),
    /// INRIA Holidays: numbers whose last two digits are the place in the group.
    Holidays,
    /// UKBench: groups of four, numbered through.
    Ukbench,
}

impl Form {
    /// The form that is meant: `folders`, `holidays`, `ukbench`, or the path of a table, of a folder
    /// of ground-truth files, or of a revisited set's file.
    ///
    /// # Errors
    /// [`Error::GroundTruth`] if it is none of them.
    pub fn parse(text: &str, difficulty: Difficulty) -> Result<Self> {
        let path = Path::new(text);
        let ending = path.extension().and_then(|ending| ending.to_str());
        match (text, ending) {
            ("folders", _) => Ok(Self::Folders),
            ("holidays", _) => Ok(Self::Holidays),
            ("ukbench", _) => Ok(Self::Ukbench),
            (_, Some("csv")) => Ok(Self::Table(path.to_owned())),
            (_, Some("pkl" | "json")) => Ok(Self::Revisited(path.to_owned(), difficulty)),
            _ if oxford::is_folder_of_queries(path) => Ok(Self::Oxford(path.to_owned())),
            _ => Err(Error::GroundTruth {
                path: path.to_owned(),
                line: None,
                reason: "neither folders, holidays or ukbench, nor a .csv, .pkl or .json file, nor a \
                         folder with *_query.txt files",
            }),
        }
    }

    /// What the photos of a set look like: the ground-truth files of Oxford among them, names that
    /// only UKBench or Holidays have, or folders.
    #[must_use]
    pub fn guess(dataset: &Path, walk: &Walk) -> Self {
        if oxford::is_folder_of_queries(dataset) {
            return Self::Oxford(dataset.to_owned());
        }
        if names::are_ukbenchs(&walk.found) {
            return Self::Ukbench;
        }
        if names::are_holidays(&walk.found) {
            return Self::Holidays;
        }
        Self::Folders
    }
}

impl GroundTruth {
    /// Reads the ground truth of the photos that a walk of `dataset` found.
    ///
    /// # Errors
    /// [`Error::GroundTruth`] for what is malformed, names photos that are not there, or has no
    /// query with an answer; [`Error::Read`].
    pub fn read(form: &Form, dataset: &Path, walk: &Walk) -> Result<Self> {
        let root = walk.roots.first().map_or(dataset, PathBuf::as_path);
        let truth = match form {
            Form::Folders => folders::read(root, &walk.found),
            Form::Table(file) => table::read(file, root)?,
            Form::Oxford(folder) => oxford::read(folder, &walk.found)?,
            Form::Revisited(file, difficulty) => revisited::read(file, *difficulty, &walk.found)?,
            Form::Holidays => names::holidays(&walk.found),
            Form::Ukbench => names::ukbench(&walk.found),
        };
        if truth.queries.is_empty() {
            return Err(Error::GroundTruth {
                path: dataset.to_owned(),
                line: None,
                reason: "no photo has another of its group to find",
            });
        }
        Ok(truth)
    }

    /// Items with the names of their groups; every one whose role says so is a query for the others
    /// of its group.
    fn of_groups(labelled: &[Labelled]) -> Self {
        let names: BTreeMap<String, u32> = {
            let named = labelled.iter().filter_map(|item| item.group.clone());
            let mut names: Vec<String> = named.collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().zip(0..).collect()
        };
        let group = |item: &Labelled| item.group.as_ref().map(|name| names[name]);
        let (mut members, mut junk) =
            (vec![Vec::new(); names.len()], vec![Vec::new(); names.len()]);
        for (index, item) in (0u32..).zip(labelled) {
            if let Some(group) = group(item).filter(|_| item.in_gallery) {
                let list = if item.is_junk {
                    &mut junk
                } else {
                    &mut members
                };
                list[group as usize].push(index);
            }
        }
        let members: Vec<Arc<[u32]>> = members.into_iter().map(Arc::from).collect();
        let query = |(index, item): (u32, &Labelled)| {
            let group = group(item).filter(|_| item.is_query && !item.is_junk)?;
            let mut ignored = junk[group as usize].clone();
            if let Err(place) = ignored.binary_search(&index) {
                ignored.insert(place, index);
            }
            let query = Query {
                item: index,
                relevant: members[group as usize].clone(),
                ignored,
                group,
            };
            (query.relevant_count() > 0).then_some(query)
        };
        let queries = (0u32..).zip(labelled).filter_map(query).collect();
        let item = |labelled: &Labelled| Item {
            path: labelled.path.clone(),
            region: None,
            in_gallery: labelled.in_gallery,
            group: group(labelled),
        };
        Self {
            items: labelled.iter().map(item).collect(),
            queries,
            groups: names.into_keys().collect(),
            measure: Metric::default(),
        }
    }

    /// Only the items for which `keep` says so, and the queries that are left with an answer.
    #[must_use]
    pub fn restrict(&self, keep: &[bool]) -> Self {
        let mut places = vec![None; self.items.len()];
        let mut items = Vec::new();
        for (index, item) in self
            .items
            .iter()
            .enumerate()
            .filter(|(index, _)| keep[*index])
        {
            places[index] = Some(items.len() as u32);
            items.push(item.clone());
        }
        let moved = |list: &[u32]| -> Vec<u32> {
            list.iter()
                .filter_map(|item| places[*item as usize])
                .collect()
        };
        // Queries of a group share one list; so do they afterwards.
        let mut shared: HashMap<*const u32, Arc<[u32]>> = HashMap::new();
        let mut relevant = |list: &Arc<[u32]>| {
            let moved = || moved(list).into();
            Arc::clone(shared.entry(list.as_ptr()).or_insert_with(moved))
        };
        let mut query = |query: &Query| {
            let item = places[query.item as usize]?;
            let (relevant, ignored) = (relevant(&query.relevant), moved(&query.ignored));
            let query = Query {
                item,
                relevant,
                ignored,
                group: query.group,
            };
            (query.relevant_count() > 0).then_some(query)
        };
        Self {
            queries: self.queries.iter().filter_map(&mut query).collect(),
            items,
            groups: self.groups.clone(),
            measure: self.measure,
        }
    }

    /// The same with so many of its queries, chosen at random but always the same for a seed.
    #[must_use]
    pub fn sample(mut self, queries: usize, seed: u64) -> Self {
        if queries < self.queries.len() {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut chosen = random.choose_multiple(0..self.queries.len(), queries);
            chosen.sort_unstable();
            self.queries = chosen
                .into_iter()
                .map(|index| self.queries[index].clone())
                .collect();
        }
        self
    }

    /// Two halves that have no group in common, of about as many queries each; what is in no group
    /// is shared out by chance.
    #[must_use]
    pub fn halves(&self, seed: u64) -> (Self, Self) {
        let [first, second] = self.half_items(seed);
        (self.restrict(&first), self.restrict(&second))
    }

    /// Which items are in the first of [`GroundTruth::halves`], and which in the second.
    #[must_use]
    pub fn half_items(&self, seed: u64) -> [Vec<bool>; 2] {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut groups: Vec<usize> = (0..self.groups.len()).collect();
        random.shuffle(&mut groups);
        let mut sizes = vec![0usize; self.groups.len()];
        self.queries
            .iter()
            .for_each(|query| sizes[query.group as usize] += 1);
        let (mut in_first, mut counts) = (vec![false; self.groups.len()], [0usize; 2]);
        for group in groups {
            let half = usize::from(counts[1] < counts[0]);
            in_first[group] = half == 0;
            counts[half] += sizes[group];
        }
        let first: Vec<bool> = self
            .items
            .iter()
            .map(|item| {
                item.group
                    .map_or_else(|| random.bool(), |group| in_first[group as usize])
            })
            .collect();
        let second = first.iter().map(|first| !first).collect();
        [first, second]
    }
}

/// A photo and what a label says of it.
struct Labelled {
    path: PathBuf,
    group: Option<String>,
    is_query: bool,
    in_gallery: bool,
    is_junk: bool,
}

impl Labelled {
    /// A photo that is a query and in the gallery.
    fn both(path: &Path, group: Option<String>) -> Self {
        Self {
            path: path.to_owned(),
            group,
            is_query: true,
            in_gallery: true,
            is_junk: false,
        }
    }
}

/// Photos by the stem of their names, as ground-truth files name them.
fn by_stem(found: &[Found]) -> BTreeMap<&str, u32> {
    let stems = found.iter().map(|found| found.path.file_stem()?.to_str());
    stems
        .zip(0u32..)
        .filter_map(|(stem, index)| Some((stem?, index)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(groups: &[&str]) -> GroundTruth {
        let item = |(index, group): (usize, &&str)| {
            let group = (!group.is_empty()).then(|| (*group).to_owned());
            Labelled::both(Path::new(&format!("/{index}.jpg")), group)
        };
        GroundTruth::of_groups(&groups.iter().enumerate().map(item).collect::<Vec<_>>())
    }

    #[test]
    fn a_query_is_not_its_own_answer_and_a_lone_photo_is_no_query() {
        let truth = truth(&["a", "b", "a", "c", ""]);
        let of = |query: &Query| (query.item, query.relevant_items().collect::<Vec<_>>());
        assert_eq!(
            truth.queries.iter().map(of).collect::<Vec<_>>(),
            [(0, vec![2]), (2, vec![0])]
        );
        assert_eq!(truth.items[4].group, None);
    }

    #[test]
    fn restricting_keeps_the_answers_that_are_left() {
        let truth = truth(&["a", "b", "a", "b", "a"]);
        let less = truth.restrict(&[false, true, true, false, true]);
        assert_eq!(less.items.len(), 3);
        let items: Vec<u32> = less.queries.iter().map(|query| query.item).collect();
        assert_eq!(items, [1, 2]);
        assert_eq!(less.queries[0].relevant_items().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn halves_have_no_group_in_common_and_nothing_is_lost() {
        let names: Vec<String> = (0..60).map(|index| format!("g{}", index % 10)).collect();
        let truth = truth(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let (first, second) = truth.halves(7);
        assert_eq!(first.queries.len() + second.queries.len(), 60);
        assert_eq!(first.queries.len(), 30);
        let groups = |half: &GroundTruth| -> std::collections::BTreeSet<u32> {
            half.queries.iter().map(|query| query.group).collect()
        };
        assert!(groups(&first).is_disjoint(&groups(&second)));
        assert_eq!(truth.halves(7).0, first);
        assert_ne!(truth.halves(8).0, first);
    }

    #[test]
    fn a_sample_is_the_same_for_the_same_seed() {
        let truth = truth(&["a"; 40]);
        let chosen = |seed| truth.clone().sample(5, seed).queries;
        assert_eq!(chosen(1).len(), 5);
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
        assert_eq!(truth.clone().sample(99, 1).queries.len(), 40);
    }
}
