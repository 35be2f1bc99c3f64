//! What a descriptor was made with, to the last number: only like is compared with like.

use serde::{Deserialize, Serialize};

use super::recipe::{Projection, Recipe};
use super::spec::DescriptorSpec;
use crate::error::{DescriptorError, Result};

/// A recipe with the numbers that were put into it. Descriptors may be compared only if these are
/// equal; [`Fingerprint::check`] is the one place that decides it.
///
/// The device and its precision are no part of it: f32 and f16 agree to four digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Fingerprint {
    recipe: Recipe,
    weights: String,
    dimension: usize,
    projection: Option<String>,
}

/// As it stands in stores and snapshots since their first format. A field that is new has a default
/// under which what was written before it means what it meant.
#[derive(Serialize, Deserialize)]
struct Stored {
    spec: String,
    preprocess: String,
    weights: String,
    dimension: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whitening: Option<String>,
}

/// The first thing in which two fingerprints differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Spec, preprocessing, weights, whitening or dimension.
    pub what: &'static str,
    /// How it is in the one that is given.
    pub expected: String,
    /// How it is in the other.
    pub found: String,
}

impl Fingerprint {
    /// The fingerprint of what `recipe` makes with the weights of this SHA-256 (64 hexadecimal
    /// digits), without a projection: `dimension` values.
    #[must_use]
    pub fn new(recipe: Recipe, weights: String, dimension: usize) -> Self {
        Self {
            recipe: Recipe {
                projection: Projection::None,
                ..recipe
            },
            weights,
            dimension,
            projection: None,
        }
    }

    /// The same behind a whitening of this digest that leaves `dimension` values.
    #[must_use]
    pub fn whitened(self, digest: String, dimension: usize) -> Self {
        Self {
            recipe: Recipe {
                projection: Projection::Whitening,
                ..self.recipe
            },
            dimension,
            projection: Some(digest),
            ..self
        }
    }

    /// The same of vectors with another number of values, as parts of a hybrid have.
    #[must_use]
    pub fn with_dimension(self, dimension: usize) -> Self {
        Self { dimension, ..self }
    }

    /// The same numbers put into another recipe.
    pub(crate) fn by(&self, recipe: Recipe) -> Self {
        let projection = match recipe.projection {
            Projection::None => None,
            Projection::Whitening => self.projection.clone(),
        };
        Self {
            recipe,
            projection,
            ..self.clone()
        }
    }

    /// What was done.
    #[must_use]
    pub const fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Network, layers, poolings.
    #[must_use]
    pub const fn spec(&self) -> &DescriptorSpec {
        &self.recipe.spec
    }

    /// SHA-256 of the weights file, 64 hexadecimal digits.
    #[must_use]
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Number of values of each descriptor.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// [`Whitening::digest`](super::Whitening::digest) of the whitening that was applied, if any.
    #[must_use]
    pub fn projection(&self) -> Option<&str> {
        self.projection.as_deref()
    }

    /// Whether descriptors of the two may be compared.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn check(&self, other: &Self) -> Result<(), Difference> {
        self.check_unprojected(other)?;
        let digest = |one: &Self| one.projection.clone().unwrap_or_else(|| "none".to_owned());
        differ("whitening", digest(self), digest(other))?;
        let [own, others] = [self, other].map(|one| one.dimension.to_string());
        differ("dimension", own, others)
    }

    /// Whether they are made alike before a projection.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn check_unprojected(&self, other: &Self) -> Result<(), Difference> {
        if self.recipe.spec != other.recipe.spec {
            let [own, others] = [self, other].map(|one| one.recipe.spec.to_string());
            differ("spec", own, others)?;
        }
        if self.recipe.preprocess != other.recipe.preprocess {
            let [own, others] = [self, other].map(|one| one.recipe.preprocess.to_string());
            differ("preprocessing", own, others)?;
        }
        differ("weights", self.weights.clone(), other.weights.clone())
    }
}

fn differ(what: &'static str, expected: String, found: String) -> Result<(), Difference> {
    if expected == found {
        return Ok(());
    }
    Err(Difference {
        what,
        expected,
        found,
    })
}

impl From<Difference> for DescriptorError {
    fn from(difference: Difference) -> Self {
        let Difference {
            what,
            expected,
            found,
        } = difference;
        Self::Foreign {
            what,
            expected,
            found,
        }
    }
}

impl TryFrom<Stored> for Fingerprint {
    type Error = crate::error::Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let recipe = Recipe::new(stored.spec.parse()?, stored.preprocess.parse()?);
        let plain = Self::new(recipe, stored.weights, stored.dimension);
        Ok(match stored.whitening {
            Some(digest) => plain.whitened(digest, stored.dimension),
            None => plain,
        })
    }
}

impl From<Fingerprint> for Stored {
    fn from(fingerprint: Fingerprint) -> Self {
        Self {
            spec: fingerprint.recipe.spec.to_string(),
            preprocess: fingerprint.recipe.preprocess.to_string(),
            weights: fingerprint.weights,
            dimension: fingerprint.dimension,
            whitening: fingerprint.projection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint() -> Fingerprint {
        let recipe = "efficientnet_lite0:head@colour=as-is,ground=white";
        let recipe = recipe.parse().unwrap();
        Fingerprint::new(recipe, "0".repeat(64), 1280)
    }

    #[test]
    fn what_was_written_before_there_were_fingerprints_is_one() {
        let old = r#"{"spec":"efficientnet_lite0:head/gap","preprocess":"resize=256,crop=224,interpolation=bicubic,mean=0.5/0.5/0.5,std=0.5/0.5/0.5","weights":"0000000000000000000000000000000000000000000000000000000000000000","dimension":1280}"#;
        assert_eq!(
            serde_json::from_str::<Fingerprint>(old).unwrap(),
            fingerprint()
        );
        assert_eq!(serde_json::to_string(&fingerprint()).unwrap(), old);
        let whitened = fingerprint().whitened("a".repeat(64), 8);
        let json = serde_json::to_string(&whitened).unwrap();
        assert!(
            json.ends_with(&format!(r#","whitening":"{}"}}"#, "a".repeat(64))),
            "{json}"
        );
        assert_eq!(
            serde_json::from_str::<Fingerprint>(&json).unwrap(),
            whitened
        );
    }

    #[test]
    fn whatever_differs_is_named() {
        let own = fingerprint();
        own.check(&own.clone()).unwrap();
        let with = |line: &str| Fingerprint::new(line.parse().unwrap(), "0".repeat(64), 1280);
        let others = [
            ("spec", with("efficientnet_lite0:head/max")),
            ("preprocessing", with("efficientnet_lite0:head@crop=none")),
            (
                "weights",
                Fingerprint::new(own.recipe.clone(), "1".repeat(64), 1280),
            ),
            ("whitening", own.clone().whitened("a".repeat(64), 1280)),
            ("dimension", own.clone().with_dimension(7)),
        ];
        for (what, other) in others {
            let difference = own.check(&other).unwrap_err();
            assert_eq!(difference.what, what);
            assert_ne!(own, other);
            let back = other.check(&own).unwrap_err();
            assert_eq!(
                (back.expected, back.found),
                (difference.found, difference.expected)
            );
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        for json in [
            "{}",
            r#"{"spec":"a","preprocess":"","weights":"","dimension":1}"#,
        ] {
            assert!(serde_json::from_str::<Fingerprint>(json).is_err(), "{json}");
        }
    }
}
