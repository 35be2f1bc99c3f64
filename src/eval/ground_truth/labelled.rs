//! Photos with labels become a labelled set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::set::{GroundTruth, Item, Query};
use crate::eval::metrics::Metric;
use crate::photo::Found;

/// A photo and what a label says of it.
pub struct Labelled {
    pub path: PathBuf,
    pub group: Option<String>,
    pub is_query: bool,
    pub in_gallery: bool,
    pub is_junk: bool,
}

impl Labelled {
    /// A photo that is a query and in the gallery.
    pub fn both(path: &Path, group: Option<String>) -> Self {
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
pub fn by_stem(found: &[Found]) -> BTreeMap<&str, u32> {
    let stems = found.iter().map(|found| found.path.file_stem()?.to_str());
    stems
        .zip(0u32..)
        .filter_map(|(stem, index)| Some((stem?, index)))
        .collect()
}

impl GroundTruth {
    /// Items with the names of their groups; every one whose role says so is a query for the others
    /// of its group.
    pub(super) fn of_groups(labelled: &[Labelled]) -> Self {
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
