//! How descriptors are turned into an order: what is done besides comparing.
//!
//! A ranking needs no forward pass and is no part of a descriptor's fingerprint: a gallery keeps one as
//! its default, and every query may say otherwise. Descriptors are stored as they are. What a ranking asks
//! of a gallery are neighbour lists: of each photo the nearest others.

mod centre;
mod expansion;
mod grammar;
mod neighbor;
mod neighborhood;
mod order;
mod reciprocal;
mod unrelated;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::centre::Centre;
pub use self::expansion::Expansion;
pub use self::neighbor::{Neighbor, best};
pub use self::neighborhood::Neighborhood;
pub use self::order::order;
pub use self::reciprocal::KReciprocal;
pub use self::unrelated::Unrelated;

/// The most neighbours that count, of a photo or of a query.
pub const MOST_NEIGHBORS: usize = 1000;

/// Candidates of a ranking at least.
const CANDIDATES: usize = 256;
/// The same of one that moves photos and the query towards their neighbours.
const CANDIDATES_MOVED: usize = 64;

/// What is done besides comparing the query with every photo; nothing by default. Whatever stands in it is
/// done in the order of the fields.
///
/// One line of text: `none`, or some of its parts joined by commas: `centre=0.5`, `augment=3`, `expand=5`,
/// `csls=20`, `k-reciprocal(10,3,0.3)`, `keep-first=1`. The exponent of the similarity, where it is another
/// than [`Expansion::ALPHA`], stands behind the number: `augment=3^0.5`.
///
/// ```
/// use imgsearch::ranking::Ranking;
///
/// let ranking: Ranking = "augment=3,expand=5^0,k-reciprocal(10,3,0.3)".parse()?;
/// assert_eq!(ranking.to_string(), "augment=3,expand=5^0,k-reciprocal(10,3,0.3)");
/// assert_eq!("none".parse::<Ranking>()?, Ranking::default());
/// # Ok::<(), imgsearch::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ranking {
    /// So much of the mean of the gallery's descriptors, above 0 and at most 1, is subtracted from every
    /// descriptor, the query's too, before they are normalized again. Suzuki et al., "Centering
    /// similarity measures to reduce hubs", 2013.
    pub centre: Option<f32>,
    /// Each photo's descriptor is moved towards its nearest: Turcot & Lowe, "Better matching with
    /// fewer features", 2009; Gordo et al., "End-to-end Learning of Deep Visual Representations",
    /// 2017, call it database-side augmentation.
    pub augment: Option<Expansion>,
    /// The query is moved towards what it finds, and asks again.
    pub expand: Option<Expansion>,
    /// Cross-domain similarity local scaling by so many neighbours: a photo near to many is ranked lower.
    /// Conneau et al., "Word Translation Without Parallel Data", 2018.
    pub csls: Option<usize>,
    /// Photos are ranked by how many neighbours they have in common with the query.
    pub k_reciprocal: Option<KReciprocal>,
    /// So many first answers of the order before [`Ranking::k_reciprocal`] stay the first.
    pub keep_first: Option<usize>,
}

impl Ranking {
    /// Plain comparison.
    pub const NONE: Self = Self {
        centre: None,
        augment: None,
        expand: None,
        csls: None,
        k_reciprocal: None,
        keep_first: None,
    };

    /// What of it makes similarities of a query and a photo: without what puts photos in another order behind
    /// them, and without what changes the query.
    #[must_use]
    pub const fn plain(&self) -> Self {
        Self {
            expand: None,
            k_reciprocal: None,
            keep_first: None,
            ..*self
        }
    }

    /// Of so many photos how many are put in another order, the nearest, when `k` are wanted. What only moves
    /// photos towards their nearest leaves the first near where they were: among 21,780 photos .998 of the
    /// first ten of all are among 64.
    #[must_use]
    pub fn candidates(&self, photos: usize, k: usize) -> usize {
        let moves_little = self.centre.is_none() && self.csls.is_none();
        let least = if moves_little && self.k_reciprocal.is_none() {
            CANDIDATES_MOVED
        } else {
            CANDIDATES
        };
        least.max(k.saturating_mul(4)).min(photos)
    }

    /// How many of a photo's nearest it asks for at most; 0: it needs no neighbour lists.
    #[must_use]
    pub fn neighbors(&self) -> usize {
        let augment = self.augment.map(|it| it.neighbors);
        let reciprocal = self.k_reciprocal.map(|it| it.k1.max(it.k2));
        let all = [augment, self.csls, reciprocal];
        all.into_iter().flatten().max().unwrap_or(0)
    }
}
