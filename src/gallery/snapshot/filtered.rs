//! The photos that may be found, kept for the next query with the same filter.

use std::sync::{Arc, Mutex, PoisonError};

use crate::gallery::filter::{Filter, Test};
use crate::gallery::graph::RowSet;
use crate::gallery::outline::Outline;
use crate::gallery::table::Entry;

/// Filters whose photos are kept: of a million photos, each takes 125 KB.
const KEPT: usize = 16;

/// The photos that pass a filter.
pub struct Allowed {
    pub test: Test,
    /// For each piece the rows that one of them owns.
    pub rows: Vec<RowSet>,
}

/// Those of the filters that were asked with last, the last first.
#[derive(Default)]
pub struct Filtered(Mutex<Vec<(Filter, Arc<Allowed>)>>);

impl Filtered {
    pub fn kept(&self, filter: &Filter) -> Option<Arc<Allowed>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == filter)?;
        kept[..=place].rotate_right(1);
        Some(Arc::clone(&kept[0].1))
    }

    pub fn keep(&self, filter: &Filter, allowed: &Arc<Allowed>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(0, (filter.clone(), Arc::clone(allowed)));
        kept.truncate(KEPT);
    }
}

impl Allowed {
    /// Whether the photo of this entry is one of them.
    pub fn has(&self, (key, stored): &Entry) -> bool {
        let bytes = stored.to_bytes();
        Outline::of(&bytes).is_some_and(|photo| self.test.passes(key, &photo))
    }
}
