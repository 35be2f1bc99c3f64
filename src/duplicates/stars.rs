//! Who is kept, as far as it is known: so that nobody is compared who need not be.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::Verdict;
use super::known::Known;

/// Units and those that they may be the same photograph as; what is kept first has the smaller number.
#[derive(Default)]
pub struct Growing {
    partners: BTreeMap<u32, BTreeSet<u32>>,
    settled: BTreeMap<u32, Role>,
}

/// The first unit of a component, as far as it is known; every unit on the way is brought nearer to it.
fn top(above: &mut BTreeMap<u32, u32>, unit: u32) -> u32 {
    let mut top = unit;
    while let Some(next) = above.get(&top).filter(|next| **next != top) {
        top = *next;
    }
    let mut at = unit;
    while at != top {
        at = above.insert(at, top).unwrap_or(top);
    }
    top
}

/// The components of pairs, by their first units; small ones together, until there are so many pairs.
pub fn components(pairs: Vec<(u32, u32)>, at_once: usize) -> Vec<Growing> {
    let mut above: BTreeMap<u32, u32> = BTreeMap::new();
    for (a, b) in &pairs {
        let (a, b) = (top(&mut above, *a), top(&mut above, *b));
        above.insert(a.max(b), a.min(b));
    }
    let mut of_top: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
    for pair in pairs {
        of_top
            .entry(top(&mut above, pair.0))
            .or_default()
            .push(pair);
    }
    let mut all = Vec::new();
    let (mut stars, mut count) = (Growing::default(), 0);
    for pairs in of_top.into_values() {
        count += pairs.len();
        for pair in pairs {
            stars.add(pair);
        }
        if count >= at_once {
            all.push(std::mem::take(&mut stars));
            count = 0;
        }
    }
    all.push(stars);
    all
}

/// What a unit is.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Keeper,
    /// By this keeper.
    Taken(u32),
}

impl Growing {
    /// These may be the same.
    pub fn add(&mut self, (a, b): (u32, u32)) {
        self.partners.entry(a).or_default().insert(b);
        self.partners.entry(b).or_default().insert(a);
    }

    /// Pairs that have to be known next, in order; none where all is settled. What is the same photograph
    /// as a keeper is compared with nobody more, and who may be the same as it may be the same as its
    /// keeper.
    pub fn grow(&mut self, known: &Known) -> Vec<(u32, u32)> {
        let mut open = BTreeSet::new();
        let units: Vec<u32> = self.partners.keys().copied().collect();
        for unit in units {
            match self.settled.get(&unit) {
                None => self.settle(unit, known, &mut open),
                Some(Role::Keeper) => self.ask(unit, known, &mut open),
                Some(Role::Taken(_)) => {}
            }
        }
        open.into_iter().collect()
    }

    fn settle(&mut self, unit: u32, known: &Known, open: &mut BTreeSet<(u32, u32)>) {
        let mut waits = false;
        let before: Vec<u32> = self.partners[&unit].range(..unit).copied().collect();
        for other in before {
            let verdict = known.verdict((other, unit));
            match self.settled.get(&other) {
                Some(Role::Taken(_)) => {}
                Some(Role::Keeper) if verdict == Some(Verdict::Other) => {}
                Some(Role::Keeper) if verdict.is_some() => {
                    return self.take(unit, other, known, open);
                }
                _ => waits = true,
            }
        }
        if !waits {
            self.settled.insert(unit, Role::Keeper);
            self.ask(unit, known, open);
        }
    }

    /// Its partners may be its keeper's, those too that were thought to be kept, whose duplicates are open
    /// again.
    fn take(&mut self, unit: u32, keeper: u32, known: &Known, open: &mut BTreeSet<(u32, u32)>) {
        self.settled.insert(unit, Role::Taken(keeper));
        let after: Vec<u32> = self.partners[&unit].range(keeper + 1..).copied().collect();
        for other in after {
            let role = self.settled.get(&other);
            let is_kept = role == Some(&Role::Keeper);
            if other == unit
                || matches!(role, Some(Role::Taken(_)))
                || (is_kept && known.verdict((keeper, other)).is_some())
            {
                continue;
            }
            if is_kept {
                let stays = |role: &Role| *role != Role::Taken(other);
                self.settled.retain(|it, role| *it != other && stays(role));
            }
            self.add((keeper, other));
        }
        // The keeper may have been asked for already.
        self.ask(keeper, known, open);
    }

    fn ask(&self, keeper: u32, known: &Known, open: &mut BTreeSet<(u32, u32)>) {
        let after = self.partners[&keeper].range(keeper + 1..);
        let unsettled = after.filter(|other| !self.settled.contains_key(other));
        let unknown = unsettled.filter(|other| known.verdict((keeper, **other)).is_none());
        open.extend(unknown.map(|other| (keeper, *other)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::decide::Change;

    /// Decides pairs by whether their numbers differ by a multiple of 10; who is taken, and how many pairs
    /// were asked for.
    fn grown(pairs: &[(u32, u32)]) -> (Known, Vec<(u32, u32)>) {
        let (mut known, mut stars) = (Known::default(), Growing::default());
        for pair in pairs {
            stars.add(*pair);
        }
        let mut asked = Vec::new();
        loop {
            let open = stars.grow(&known);
            if open.is_empty() {
                return (known, asked);
            }
            for (a, b) in open {
                assert!(known.verdict((a, b)).is_none() && a < b);
                asked.push((a, b));
                let verdict = if (b - a) % 10 == 0 {
                    Verdict::Same(Change::default())
                } else {
                    Verdict::Other
                };
                known.insert((a, b), verdict);
            }
        }
    }

    #[test]
    fn what_is_taken_is_asked_for_no_more_and_what_it_led_to_is_asked_of_its_keeper() {
        // 1, 11, 21 and 31 are one photograph, of which no search brought all together; 2 is another.
        let (known, asked) = grown(&[(1, 11), (11, 21), (21, 31), (11, 31), (2, 11), (2, 31)]);
        let of_first: Vec<u32> = known.same(1).map(|it| it.0).collect();
        assert_eq!(of_first, [11, 21, 31]);
        assert!(known.same(11).all(|it| it.0 == 1));
        assert!(asked.len() <= 6, "{asked:?}");
    }

    #[test]
    fn what_was_thought_to_be_kept_is_asked_of_the_keeper_that_its_duplicate_leads_to() {
        // 11 is kept first for all that is known of it, until 21 is found to be 1's.
        let (known, _) = grown(&[(1, 21), (11, 21), (11, 31), (2, 11)]);
        let of_first: Vec<u32> = known.same(1).map(|it| it.0).collect();
        assert_eq!(of_first, [11, 21, 31]);
    }

    #[test]
    fn many_copies_of_one_are_each_compared_once() {
        let all: Vec<u32> = (0..60).map(|it| it * 10).collect();
        let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b)));
        let pairs: Vec<(u32, u32)> = pairs.filter(|(a, b)| a < b).collect();
        assert_eq!(grown(&pairs).1.len(), 59);
    }
}
