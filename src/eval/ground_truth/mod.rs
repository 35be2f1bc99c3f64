//! Which photos show the same: what an evaluation measures answers against.
//!
//! Every form in which labelled sets come (folders, a table, the files of Oxford and Paris, names
//! that count) becomes the same [`GroundTruth`]: items, and queries with their relevant items.

mod folders;
mod judgements;
mod labelled;
mod names;
mod oxford;
mod pairs;
mod revisited;
mod set;
mod table;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use self::revisited::Difficulty;
pub use self::set::{GroundTruth, Item, Query, Region};
use crate::error::{EvalError, Result};
use crate::photo::{Found, Walk};

/// The form of a labelled set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One folder per class or object.
    Folders,
    /// Pairs that show the same: a file with a line `a,b` for each.
    Pairs(PathBuf),
    /// A table: a `.csv` file with the columns `path,group[,role][,junk]`.
    Table(PathBuf),
    /// A folder with Oxford's and Paris' `*_query.txt`, `*_good.txt`, `*_ok.txt`, `*_junk.txt`.
    Oxford(PathBuf),
    /// The revisited sets' `gnd_*.pkl`, or the same as JSON.
    Revisited(PathBuf, Difficulty),
    /// INRIA Holidays: numbers whose last two digits are the place in the group.
    Holidays,
    /// UKBench: groups of four, numbered through.
    Ukbench,
}

impl Form {
    /// The form that is meant: `folders`, `holidays`, `ukbench`, or the path of a table, of a
    /// folder of ground-truth files, or of a revisited set's file.
    ///
    /// # Errors
    /// [`EvalError::GroundTruth`] if it is none of them.
    pub fn parse(text: &str, difficulty: Difficulty) -> Result<Self, EvalError> {
        let path = Path::new(text);
        let ending = path.extension().and_then(|ending| ending.to_str());
        match (text, ending) {
            ("folders", _) => Ok(Self::Folders),
            ("holidays", _) => Ok(Self::Holidays),
            ("ukbench", _) => Ok(Self::Ukbench),
            (_, Some("csv")) => Ok(Self::Table(path.to_owned())),
            (_, Some("pkl" | "json")) => Ok(Self::Revisited(path.to_owned(), difficulty)),
            _ if oxford::is_folder_of_queries(path) => Ok(Self::Oxford(path.to_owned())),
            _ => Err(EvalError::GroundTruth {
                path: path.to_owned(),
                line: None,
                reason: "neither folders, holidays or ukbench, nor a .csv, .pkl or .json file, nor a \
                         folder with *_query.txt files",
            }),
        }
    }

    /// What it is called where it was recognized by the names of files, with those names; nothing for folders.
    #[must_use]
    pub const fn recognized(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Oxford(_) => Some(("Oxford's or Paris'", "*_query.txt files")),
            Self::Holidays => Some(("INRIA Holidays'", "six digits each")),
            Self::Ukbench => Some(("UKBench's", "ukbench and digits")),
            Self::Folders | Self::Pairs(_) | Self::Table(_) | Self::Revisited(..) => None,
        }
    }

    /// Its name in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Folders => "folders",
            Self::Pairs(_) => "pairs",
            Self::Table(_) => "table",
            Self::Oxford(_) => "oxford",
            Self::Revisited(..) => "revisited",
            Self::Holidays => "holidays",
            Self::Ukbench => "ukbench",
        }
    }

    /// What the photos of a set look like: the ground-truth files of Oxford among them, names that
    /// only UKBench or Holidays have, or folders.
    #[must_use]
    pub fn guess(dataset: &Path, walk: &Walk) -> Self {
        if oxford::is_folder_of_queries(dataset) {
            return Self::Oxford(dataset.to_owned());
        }
        if names::are_ukbenchs(&walk.found) {
            return Self::Ukbench;
        }
        if names::are_holidays(&walk.found) {
            return Self::Holidays;
        }
        Self::Folders
    }
}

impl GroundTruth {
    /// Reads the ground truth of the photos that a walk of `dataset` found.
    ///
    /// # Errors
    /// [`EvalError::GroundTruth`] for what is malformed, names photos that are not there, or has no
    /// query with an answer; [`FileError::Read`].
    ///
    /// [`FileError::Read`]: crate::error::FileError::Read
    pub fn read(form: &Form, dataset: &Path, walk: &Walk) -> Result<Self> {
        let root = walk.roots.first().map_or(dataset, PathBuf::as_path);
        let truth = match form {
            Form::Folders => folders::read(root, &walk.found),
            Form::Pairs(file) => pairs::read(file, root, &walk.found)?,
            Form::Table(file) => table::read(file, root)?,
            Form::Oxford(folder) => oxford::read(folder, &walk.found)?,
            Form::Revisited(file, difficulty) => revisited::read(file, *difficulty, &walk.found)?,
            Form::Holidays => names::holidays(&walk.found),
            Form::Ukbench => names::ukbench(&walk.found),
        };
        if truth.queries.is_empty() {
            let invalid = EvalError::ground_truth_at(dataset, None);
            return Err(invalid("no photo has another of its group to find").into());
        }
        Ok(truth)
    }

    /// With photos of which nobody says what they show: in the gallery, and never asked with. Those that it has
    /// already stay what they are.
    #[must_use]
    pub fn with_distractors(mut self, found: &[Found]) -> Self {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let known: HashSet<PathBuf> = self.items.iter().map(|item| real(&item.path)).collect();
        let new = found
            .iter()
            .filter(|found| !known.contains(&real(&found.path)));
        self.items.extend(new.map(|found| Item {
            path: found.path.clone(),
            region: None,
            in_gallery: true,
            group: None,
        }));
        self
    }
}
