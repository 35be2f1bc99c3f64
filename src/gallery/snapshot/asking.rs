//! What is asked of a snapshot.

use super::filtered::Allowed;
use crate::gallery::filter::Filter;
use crate::gallery::index::DEFAULT_EF_SEARCH;
use crate::photo::ContentHash;
use crate::ranking::Ranking;

/// How to search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// The most matches wanted.
    pub k: usize,
    /// Compare with every photo, however many there are.
    pub exact: bool,
    /// Candidates the approximate search keeps: more find more and take longer.
    pub ef_search: Option<usize>,
    /// Matches below this cosine are left out.
    pub min_similarity: Option<f32>,
    /// Each match says how many unrelated photos would be expected to be as similar, and those with more than
    /// this are left out. Of galleries with too few photos nobody knows, and none are left out.
    pub most_expected: Option<f64>,
    /// How to rank; nothing: as the gallery does.
    pub ranking: Option<Ranking>,
    /// Photos with one of these contents are left out.
    pub without: Vec<ContentHash>,
    /// Photos that may be found; there are as many matches as without, as long as there are photos.
    pub filter: Filter,
}

/// A search with its ranking.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub ranking: Ranking,
    pub options: &'a SearchOptions,
    /// The photos that may be found, if not all.
    pub(super) allowed: Option<&'a Allowed>,
}

impl<'a> Asking<'a> {
    /// Candidates kept to find so many.
    pub fn ef_search(&self, k: usize) -> usize {
        let enough = || DEFAULT_EF_SEARCH.max(k.saturating_mul(3));
        self.options.ef_search.unwrap_or_else(enough)
    }

    /// Among all photos.
    pub const fn of_everything(ranking: Ranking, options: &'a SearchOptions) -> Self {
        Self {
            ranking,
            options,
            allowed: None,
        }
    }

    /// Whether a row of a piece may be found.
    pub fn allows(&self, piece: usize, row: u32) -> bool {
        self.allowed
            .is_none_or(|allowed| allowed.rows[piece].contains(row))
    }

    /// The same among all photos.
    pub const fn of_all(&self) -> Self {
        Self {
            ranking: self.ranking,
            options: self.options,
            allowed: None,
        }
    }
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            k: 10,
            exact: false,
            ef_search: None,
            min_similarity: None,
            most_expected: None,
            ranking: None,
            without: Vec::new(),
            filter: Filter::default(),
        }
    }
}
