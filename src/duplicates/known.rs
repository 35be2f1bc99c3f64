//! What is known of pairs of contents.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::decide::{Change, Verdict};

/// What is known of pairs of contents so far. A unit is the first of those with the same pixels.
#[derive(Default)]
pub struct Known {
    units: HashMap<u32, u32>,
    verdicts: HashMap<(u32, u32), Verdict>,
    /// For each unit those that are the same photograph.
    same: BTreeMap<u32, BTreeSet<u32>>,
    /// Contents that may have the pixels of another and were not looked at.
    pub unlooked: usize,
}

impl Known {
    /// The unit that a content is of.
    pub fn unit(&self, content: u32) -> u32 {
        self.units.get(&content).copied().unwrap_or(content)
    }

    /// That a content has the pixels of an earlier one.
    pub fn join(&mut self, content: u32, first: u32) {
        if content != first {
            self.units.insert(content, first);
        }
    }

    /// What was decided of two units.
    pub fn verdict(&self, (a, b): (u32, u32)) -> Option<Verdict> {
        self.verdicts.get(&(a.min(b), a.max(b))).copied()
    }

    pub fn insert(&mut self, (a, b): (u32, u32), verdict: Verdict) {
        self.verdicts.insert((a.min(b), a.max(b)), verdict);
        if let Verdict::Same(_) = verdict {
            self.same.entry(a).or_default().insert(b);
            self.same.entry(b).or_default().insert(a);
        }
    }

    /// Units that are the same photograph as this one, by number.
    pub fn same(&self, unit: u32) -> impl Iterator<Item = (u32, Verdict)> {
        let same = self.same.get(&unit).into_iter().flatten();
        same.filter_map(move |other| {
            let verdict = self.verdicts.get(&(unit.min(*other), unit.max(*other)))?;
            Some((*other, *verdict))
        })
    }

    /// What was done to one of two that are the same photograph.
    pub fn change(&self, a: u32, b: u32) -> Option<Change> {
        match self.verdicts.get(&(a.min(b), a.max(b))) {
            Some(Verdict::Same(change)) => Some(*change),
            _ => None,
        }
    }
}
