//! What can be wrong with what an evaluation is held against.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// What should be found cannot be told.
    #[error("cannot use {}{} as ground truth: {reason}", .path.display(), Line(*.line))]
    GroundTruth {
        /// The file or folder.
        path: PathBuf,
        /// The line, counted from 1.
        line: Option<u64>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Fewer queries are left than anything can be said from.
    #[error("only {queries} queries with something to find: {what} needs at least {needed}")]
    TooFewQueries {
        /// How many there are.
        queries: usize,
        /// How many there should be.
        needed: usize,
        /// What for.
        what: &'static str,
    },
}

impl EvalError {
    /// For `map_err`: what should be found cannot be told from the file or folder at `path`.
    pub(crate) fn ground_truth_at(
        path: &Path,
        line: Option<u64>,
    ) -> impl Fn(&'static str) -> Self + Copy {
        move |reason| Self::GroundTruth {
            path: path.to_owned(),
            line,
            reason,
        }
    }
}

/// `, line 7`, or nothing.
struct Line(Option<u64>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ", line {line},"))
    }
}
