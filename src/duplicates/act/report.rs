//! What was done, as data.

use serde::{Deserialize, Serialize};

use crate::document::{Document, Place};

/// What is done to a duplicate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is moved into another folder.
    #[default]
    Move,
    /// It goes where the desktop keeps what was thrown away.
    Trash,
    /// It becomes another name of the kept file, or shares its blocks where the file system can; for
    /// equal bytes alone.
    Link,
    /// It is deleted.
    Delete,
    /// What was moved or linked is taken back.
    Undo,
}

/// What was done, or would be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Acted {
    /// With each.
    pub action: Action,
    /// Whether it is only told.
    pub dry_run: bool,
    /// Photos that it was done to.
    pub done: Vec<Done>,
    /// Photos that it was not done to.
    pub refused: Vec<Refused>,
    /// Duplicates that nothing was to be done to: by their level.
    pub left: usize,
    /// Duplicates in protected folders.
    pub protected: usize,
    /// Bytes of the photos that it was done to.
    pub bytes: u64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

impl Document for Acted {
    const KIND: &'static str = "acted";
}

/// A photo that something was done to.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// The photo.
    #[serde(flatten)]
    pub place: Place,
    /// Where it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Place>,
    /// The photo that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Place>,
}

/// A photo that nothing was done to.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The photo.
    #[serde(flatten)]
    pub place: Place,
    /// Why.
    pub reason: String,
}
