//! The contents that a gallery has descriptors of, asked by many threads while it is written.

use std::collections::HashMap;

use super::sealed::Records;
use crate::gallery::record::Stored;
use crate::photo::{ContentHash, Facts};

/// As they were when they were asked for; of photos that are in the gallery no more too.
pub struct Contents {
    recent: HashMap<ContentHash, Stored>,
    records: Vec<Records>,
}

impl Contents {
    pub(super) const fn new(recent: HashMap<ContentHash, Stored>, records: Vec<Records>) -> Self {
        Self { recent, records }
    }

    /// Whether there is a descriptor of this content, and what is known of it besides.
    #[must_use]
    pub fn known(&self, hash: &ContentHash) -> Option<Option<Facts>> {
        let recent = self.recent.get(hash).map(|stored| stored.facts.clone());
        recent.or_else(|| {
            let records = self.records.iter().rev();
            let mut known = records.filter_map(|records| records.of_content(hash));
            Some(known.next()?.facts)
        })
    }
}
