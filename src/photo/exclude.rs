//! Files and folders to pass over, named by patterns.

use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::error::PhotoError;

/// Patterns such as `thumbs`, `*.png` or `2019/**`, against a name or a path within the folder
/// walked. The default matches nothing.
#[derive(Clone, Debug, Default)]
pub struct Exclude(GlobSet);

impl Exclude {
    /// All that one of the patterns matches.
    ///
    /// # Errors
    /// [`PhotoError::InvalidPattern`].
    pub fn of<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, PhotoError> {
        let mut set = GlobSetBuilder::new();
        let mut last = String::new();
        let invalid = |pattern: &str, source: globset::Error| PhotoError::InvalidPattern {
            pattern: pattern.to_owned(),
            source: source.into(),
        };
        for pattern in patterns {
            pattern.as_ref().clone_into(&mut last);
            set.add(Glob::new(&last).map_err(|error| invalid(&last, error))?);
        }
        let set = set.build().map_err(|error| invalid(&last, error))?;
        Ok(Self(set))
    }

    /// Whether one of the patterns matches.
    #[must_use]
    pub fn matches(&self, path: impl AsRef<Path>) -> bool {
        self.0.is_match(path.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_a_malformed_one_is_named() {
        let exclude = Exclude::of(["thumbs", "*.png"]).unwrap();
        assert!(exclude.matches("thumbs") && exclude.matches("a/b.png"));
        assert!(!exclude.matches("a.jpg"));
        assert!(!Exclude::default().matches("thumbs"));
        let error = Exclude::of(["a", "[z"]).unwrap_err();
        assert!(matches!(&error, PhotoError::InvalidPattern { pattern, .. } if pattern == "[z"));
    }
}
