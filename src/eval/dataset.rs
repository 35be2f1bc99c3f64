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
    /// A file of pairs that show the same, instead: a line `a,b` for each, paths relative to its folder or
    /// to that of the photos.
    pub pairs: Option<PathBuf>,
    /// Folders with photos that are in the gallery too, and of which nobody says what they show.
    pub with: Vec<PathBuf>,
    /// Which answers count in a revisited set.
    pub difficulty: Difficulty,
    /// Ask only so many queries, chosen at random; the gallery stays whole.
    pub sample: Option<usize>,
    /// Seed of that choice, and of everything else that is random.
    pub seed: u64,
    /// Files and folders to pass over.
    pub exclude: Exclude,
}

/// A labelled set that was read.
pub struct LabelledSet {
    /// What should be found.
    pub truth: GroundTruth,
    /// The form that it came in.
    pub form: Form,
    /// Whether that was found out by the names of files, where folders might have been meant.
    pub is_recognized: bool,
    /// What could not be looked at.
    pub skipped: Vec<Skipped>,
}

impl Dataset {
    /// The set's ground truth, and what could not be looked at.
    ///
    /// # Errors
    /// Those of [`Form::parse`] and [`GroundTruth::read`]; [`FileError::Read`] where there is nothing
    /// to look at.
    ///
    /// [`FileError::Read`]: crate::error::FileError::Read
    pub fn read(&self) -> Result<LabelledSet> {
        let is_table =
            self.path.is_file() && self.path.extension().is_some_and(|ending| ending == "csv");
        let folder = match self.path.parent() {
            Some(here) if is_table && here.as_os_str().is_empty() => Path::new("."),
            Some(parent) if is_table => parent,
            _ => &self.path,
        };
        let form = match (&self.pairs, &self.ground_truth) {
            (Some(file), _) => Some(Form::Pairs(file.clone())),
            (None, Some(text)) => Some(Form::parse(text, self.difficulty)?),
            (None, None) => is_table.then(|| Form::Table(self.path.clone())),
        };
        let mut walked = walk(&[folder.to_owned()], &self.exclude);
        if walked.found.is_empty() && !walked.problems.is_empty() {
            let (_, reason) = walked.problems.swap_remove(0);
            return Err(reason.into());
        }
        let is_guessed = form.is_none();
        let form = form.unwrap_or_else(|| Form::guess(folder, &walked));
        let truth = GroundTruth::read(&form, folder, &walked)?;
        let mut problems = walked.problems;
        let truth = if self.with.is_empty() {
            truth
        } else {
            let others = walk(&self.with, &self.exclude);
            problems.extend(others.problems);
            truth.with_distractors(&others.found)
        };
        let truth = match self.sample {
            Some(queries) => truth.sample(queries, self.seed),
            None => truth,
        };
        let skipped = problems.into_iter().map(|(path, problem)| {
            let reason = problem.into();
            Skipped { path, reason }
        });
        Ok(LabelledSet {
            truth,
            is_recognized: is_guessed && form.recognized().is_some(),
            form,
            skipped: skipped.collect(),
        })
    }
}
