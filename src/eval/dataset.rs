//! A labelled set as a person names it: where it is, and how it is looked at.

use std::path::{Path, PathBuf};

use super::ground_truth::{Difficulty, Form, GroundTruth};
use crate::error::Result;
use crate::ingest::Skipped;
use crate::photo::{Exclude, walk};

/// A labelled set, not read yet.
pub struct Dataset {
    /// Folder of labelled photos, or a table of them (`.csv`).
    pub path: PathBuf,
    /// What belongs together, as [`Form::parse`] takes it; found out where it is not said.
    pub ground_truth: Option<String>,
    /// Which answers count in a revisited set.
    pub difficulty: Difficulty,
    /// Ask only so many queries, chosen at random; the gallery stays whole.
    pub sample: Option<usize>,
    /// Seed of that choice, and of everything else that is random.
    pub seed: u64,
    /// Files and folders to pass over.
    pub exclude: Exclude,
}

impl Dataset {
    /// The set's ground truth, and what could not be looked at.
    ///
    /// # Errors
    /// Those of [`Form::parse`] and [`GroundTruth::read`]; [`FileError::Read`] where there is nothing
    /// to look at.
    ///
    /// [`FileError::Read`]: crate::error::FileError::Read
    pub fn read(&self) -> Result<(GroundTruth, Vec<Skipped>)> {
        let is_table =
            self.path.is_file() && self.path.extension().is_some_and(|ending| ending == "csv");
        let folder = match self.path.parent() {
            Some(here) if is_table && here.as_os_str().is_empty() => Path::new("."),
            Some(parent) if is_table => parent,
            _ => &self.path,
        };
        let form = match &self.ground_truth {
            Some(text) => Some(Form::parse(text, self.difficulty)?),
            None => is_table.then(|| Form::Table(self.path.clone())),
        };
        let mut walked = walk(&[folder.to_owned()], &self.exclude);
        if walked.found.is_empty() && !walked.problems.is_empty() {
            let (_, reason) = walked.problems.swap_remove(0);
            return Err(reason.into());
        }
        let form = form.unwrap_or_else(|| Form::guess(folder, &walked));
        let truth = GroundTruth::read(&form, folder, &walked)?;
        let truth = match self.sample {
            Some(queries) => truth.sample(queries, self.seed),
            None => truth,
        };
        let skipped = walked.problems.into_iter().map(|(path, problem)| {
            let reason = problem.into();
            Skipped { path, reason }
        });
        Ok((truth, skipped.collect()))
    }
}
