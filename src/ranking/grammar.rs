//! The one line of text that a ranking is.

use std::fmt;
use std::str::FromStr;

use super::{Expansion, KReciprocal, MOST_NEIGHBORS, Ranking};
use crate::error::DescriptorError;

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expansion = |name: &str, it: Option<Expansion>| {
            let Expansion { neighbors, alpha } = it?;
            let is_usual = (alpha - Expansion::ALPHA).abs() <= f32::EPSILON;
            let alpha = (!is_usual).then(|| format!("^{alpha}"));
            Some(format!("{name}={neighbors}{}", alpha.unwrap_or_default()))
        };
        let reciprocal =
            |it: KReciprocal| format!("k-reciprocal({},{},{})", it.k1, it.k2, it.lambda);
        let parts = [
            self.centre.map(|share| format!("centre={share}")),
            expansion("augment", self.augment),
            expansion("expand", self.expand),
            self.csls.map(|neighbors| format!("csls={neighbors}")),
            self.k_reciprocal.map(reciprocal),
            self.keep_first.map(|first| format!("keep-first={first}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Ranking {
    type Err = DescriptorError;

    fn from_str(text: &str) -> Result<Self, DescriptorError> {
        let mut ranking = Self::NONE;
        if text.trim() == "none" {
            return Ok(ranking);
        }
        for part in parts(text) {
            ranking
                .add(part)
                .ok_or_else(|| DescriptorError::InvalidRanking {
                    part: part.to_owned(),
                })?;
        }
        Ok(ranking)
    }
}

impl Ranking {
    /// Nothing where it is no part, or there is one of its kind.
    fn add(&mut self, part: &str) -> Option<()> {
        if let Some(numbers) = part.strip_prefix("k-reciprocal") {
            let numbers = numbers.trim().strip_prefix('(')?.strip_suffix(')')?;
            return set(&mut self.k_reciprocal, parse_reciprocal(numbers)?);
        }
        let (name, value) = part.split_once('=')?;
        let count = || {
            let count = value.parse().ok()?;
            (1..=MOST_NEIGHBORS).contains(&count).then_some(count)
        };
        match name {
            "centre" => {
                let share: f32 = value.parse().ok()?;
                (share > 0.0 && share <= 1.0).then(|| set(&mut self.centre, share))?
            }
            "augment" => set(&mut self.augment, parse_expansion(value)?),
            "expand" => set(&mut self.expand, parse_expansion(value)?),
            "csls" => set(&mut self.csls, count()?),
            "keep-first" => set(&mut self.keep_first, count()?),
            _ => None,
        }
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then(|| *place = Some(value))
}

/// What stands between commas outside of brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    let parts = text.split(move |c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.map(str::trim)
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

fn parse_reciprocal(text: &str) -> Option<KReciprocal> {
    let numbers: Vec<&str> = text.split(',').map(str::trim).collect();
    let [k1, k2, lambda] = numbers[..] else {
        return None;
    };
    let one = KReciprocal {
        k1: k1.parse().ok()?,
        k2: k2.parse().ok()?,
        lambda: lambda.parse().ok()?,
    };
    let counts = 1..=MOST_NEIGHBORS;
    let is_usable =
        counts.contains(&one.k1) && counts.contains(&one.k2) && (0.0..=1.0).contains(&one.lambda);
    is_usable.then_some(one)
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
