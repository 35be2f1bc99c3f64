//! How descriptors are turned into an order: what is done besides comparing.
//!
//! A ranking needs no forward pass and is no part of a descriptor's fingerprint: a gallery keeps one as
//! its default, and every query may say otherwise. Descriptors are stored as they are.

mod expansion;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::expansion::Expansion;
use crate::error::DescriptorError;

/// The most neighbours that count, of a photo or of a query.
pub const MOST_NEIGHBORS: usize = 1000;

/// What is done besides comparing the query with every photo; nothing by default.
///
/// One line of text: `none`, `augment=3`, `augment=3,expand=5`. The exponent of the similarity, where
/// it is another than [`Expansion::ALPHA`], stands behind the number: `augment=3^0.5`.
///
/// ```
/// use imgsearch::ranking::Ranking;
///
/// let ranking: Ranking = "augment=3,expand=5^0".parse()?;
/// assert_eq!(ranking.to_string(), "augment=3,expand=5^0");
/// assert_eq!("none".parse::<Ranking>()?, Ranking::default());
/// # Ok::<(), imgsearch::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ranking {
    /// Each photo's descriptor is moved towards its nearest: Turcot & Lowe, "Better matching with
    /// fewer features", 2009; Gordo et al., "End-to-end Learning of Deep Visual Representations",
    /// 2017, call it database-side augmentation.
    pub augment: Option<Expansion>,
    /// The query is moved towards what it finds, and asks again.
    pub expand: Option<Expansion>,
}

impl Ranking {
    /// Plain comparison.
    pub const NONE: Self = Self {
        augment: None,
        expand: None,
    };
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("augment", self.augment), ("expand", self.expand)];
        let mut join = "";
        for (name, expansion) in parts {
            let Some(Expansion { neighbors, alpha }) = expansion else {
                continue;
            };
            write!(f, "{join}{name}={neighbors}")?;
            if (alpha - Expansion::ALPHA).abs() > f32::EPSILON {
                write!(f, "^{alpha}")?;
            }
            join = ",";
        }
        if join.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

impl FromStr for Ranking {
    type Err = DescriptorError;

    fn from_str(text: &str) -> Result<Self, DescriptorError> {
        let invalid = |part: &str| DescriptorError::InvalidRanking {
            part: part.to_owned(),
        };
        let mut ranking = Self::NONE;
        if text.trim() == "none" {
            return Ok(ranking);
        }
        for part in text.split(',').map(str::trim) {
            let (name, value) = part.split_once('=').ok_or_else(|| invalid(part))?;
            let place = match name {
                "augment" => &mut ranking.augment,
                "expand" => &mut ranking.expand,
                _ => return Err(invalid(part)),
            };
            if place.is_some() {
                return Err(invalid(part));
            }
            *place = Some(parse_expansion(value).ok_or_else(|| invalid(part))?);
        }
        Ok(ranking)
    }
}

fn parse_expansion(text: &str) -> Option<Expansion> {
    let (neighbors, alpha) = match text.split_once('^') {
        Some((neighbors, alpha)) => (neighbors, alpha.parse().ok()?),
        None => (text, Expansion::ALPHA),
    };
    let neighbors = neighbors.parse().ok()?;
    let is_usable = (1..=MOST_NEIGHBORS).contains(&neighbors) && (0.0..=100.0).contains(&alpha);
    is_usable.then_some(Expansion { neighbors, alpha })
}

impl TryFrom<String> for Ranking {
    type Error = DescriptorError;

    fn try_from(text: String) -> Result<Self, DescriptorError> {
        text.parse()
    }
}

impl From<Ranking> for String {
    fn from(ranking: Ranking) -> Self {
        ranking.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expansion() -> impl Strategy<Value = Option<Expansion>> {
        let some = (1..=MOST_NEIGHBORS, 0u32..1000).prop_map(|(neighbors, tenths)| Expansion {
            neighbors,
            alpha: tenths as f32 / 10.0,
        });
        prop::option::of(some)
    }

    proptest! {
        #[test]
        fn a_printed_ranking_parses_to_itself(augment in expansion(), expand in expansion()) {
            let ranking = Ranking { augment, expand };
            prop_assert_eq!(ranking.to_string().parse::<Ranking>().unwrap(), ranking);
        }
    }

    #[test]
    fn malformed_rankings_are_errors_that_name_the_part() {
        for (text, wrong) in [
            ("", ""),
            ("augment", "augment"),
            ("augment=0", "augment=0"),
            ("augment=3,expand=x", "expand=x"),
            ("augment=3,augment=4", "augment=4"),
            ("augment=1001", "augment=1001"),
            ("expand=3^-1", "expand=3^-1"),
            ("expand=3^nan", "expand=3^nan"),
            ("none,expand=3", "none"),
            ("centre=0.5", "centre=0.5"),
        ] {
            let error = text.parse::<Ranking>().unwrap_err();
            assert!(
                matches!(&error, DescriptorError::InvalidRanking { part } if part == wrong),
                "{text}: {error}"
            );
        }
    }
}
