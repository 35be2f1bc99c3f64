//! Which groups are searched on, and which measured.

use super::super::ground_truth::GroundTruth;

/// Fewer groups than these are split in every way.
const MANY_GROUPS: usize = 8;

/// For each fold which items are searched on: two halves of many groups, each once; of few groups every half.
pub fn splits(truth: &GroundTruth, seed: u64) -> Vec<Vec<bool>> {
    let mut asked: Vec<u32> = truth.queries.iter().map(|query| query.group).collect();
    asked.sort_unstable();
    asked.dedup();
    let halves = truth.half_items(seed);
    if asked.len() >= MANY_GROUPS || asked.len() < 4 {
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
