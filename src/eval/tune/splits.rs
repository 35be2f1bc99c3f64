//! Which groups are searched on, and which measured.

use serde::Serialize;

use super::super::ground_truth::GroundTruth;

/// What the photos that a search looks at and those that it is measured on have not in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Groups: what is sought may be new.
    #[default]
    Groups,
    /// Photos: what is sought are these groups, in new photos.
    Photos,
}

/// Fewer groups than these are split in every way.
const MANY_GROUPS: usize = 8;

/// Fewer groups than these say nothing of others.
const FEWEST_GROUPS: usize = 4;

/// Groups that somebody asks for.
fn asked(truth: &GroundTruth) -> Vec<u32> {
    let mut asked: Vec<u32> = truth.queries.iter().map(|query| query.group).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Whether half of a set's groups are enough to judge by folds of their own: what is fitted in the folds of a
/// tuning is fitted on all of it, and nothing else is.
pub fn can_be_split_twice(truth: &GroundTruth, split: Split) -> bool {
    split == Split::Photos || asked(truth).len() / 2 >= FEWEST_GROUPS
}

/// Folds within what a search looks at: which items are fitted on, the others being measured.
pub fn inner(truth: &GroundTruth, split: Split, seed: u64) -> Vec<Vec<bool>> {
    let is_many = split == Split::Photos || asked(truth).len() >= MANY_GROUPS;
    if !is_many {
        return splits(truth, split, seed);
    }
    let seeds = [seed, seed.wrapping_add(1)].into_iter();
    seeds.flat_map(|seed| halves(truth, split, seed)).collect()
}

fn halves(truth: &GroundTruth, split: Split, seed: u64) -> [Vec<bool>; 2] {
    match split {
        Split::Groups => truth.half_items(seed),
        Split::Photos => truth.half_photos(seed),
    }
}

/// For each fold which items are searched on: two halves of photos or of many groups, each once; of few groups
/// every half.
pub fn splits(truth: &GroundTruth, split: Split, seed: u64) -> Vec<Vec<bool>> {
    let asked = asked(truth);
    let halves = halves(truth, split, seed);
    let is_many = asked.len() >= MANY_GROUPS || asked.len() < FEWEST_GROUPS;
    if is_many || split == Split::Photos {
        return halves.into();
    }
    let sets = 0u32..1 << asked.len();
    let few = asked.len() as u32 / 2;
    let sizes = [few, asked.len() as u32 - few];
    let sets = sets.filter(|set| sizes.contains(&set.count_ones()));
    // What is in no group stays where the halves have it.
    let items = |set: u32| -> Vec<bool> {
        let in_set = |group: u32| {
            asked
                .binary_search(&group)
                .is_ok_and(|place| set >> place & 1 == 1)
        };
        let items = truth.items.iter().zip(&halves[0]);
        items
            .map(|(item, first)| item.group.map_or(*first, in_set))
            .collect()
    };
    sets.map(items).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::ground_truth::{Item, Query};
    use super::*;

    /// Groups of so many photos, each of which asks for the others of its own.
    fn set(sizes: &[u32]) -> GroundTruth {
        let mut truth = GroundTruth::default();
        for (group, size) in (0u32..).zip(sizes) {
            let first = truth.items.len() as u32;
            let members: Vec<u32> = (first..first + size).collect();
            for item in members.clone() {
                truth.items.push(Item {
                    path: Path::new(&format!("/{item}.jpg")).into(),
                    region: None,
                    in_gallery: true,
                    group: Some(group),
                });
                truth.queries.push(Query {
                    item,
                    relevant: members.clone().into(),
                    ignored: vec![item],
                    group,
                });
            }
            truth.groups.push(group.to_string());
        }
        truth
    }

    #[test]
    fn photos_are_split_so_that_every_group_is_in_both_halves() {
        let truth = set(&[4, 5, 2]);
        let [first, second] = <[_; 2]>::try_from(splits(&truth, Split::Photos, 3)).unwrap();
        for group in 0..3 {
            for half in [&first, &second] {
                let members = truth.items.iter().zip(half);
                let own = members.filter(|(item, is_in)| item.group == Some(group) && **is_in);
                assert!(own.count() >= 1, "{group}");
            }
        }
        assert!(first.iter().zip(&second).all(|(a, b)| a != b));
    }

    #[test]
    fn few_groups_are_split_in_every_way_and_judged_by_folds_only_where_halves_of_halves_say_something()
     {
        assert_eq!(splits(&set(&[2; 5]), Split::Groups, 0).len(), 20);
        assert_eq!(splits(&set(&[2; 9]), Split::Groups, 0).len(), 2);
        assert_eq!(inner(&set(&[2; 5]), Split::Groups, 0).len(), 20);
        assert_eq!(inner(&set(&[2; 9]), Split::Groups, 0).len(), 4);
        assert!(!can_be_split_twice(&set(&[2; 7]), Split::Groups));
        assert!(can_be_split_twice(&set(&[2; 8]), Split::Groups));
        assert!(can_be_split_twice(&set(&[2; 2]), Split::Photos));
    }
}
