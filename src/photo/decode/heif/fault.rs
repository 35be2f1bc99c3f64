//! What can be wrong with a HEIF file, before anyone says which file it was.

use crate::error::PhotoError;
use crate::photo::source::Source;

/// Why there is no picture.
#[derive(Debug)]
pub enum Fault {
    /// The file is broken.
    Damaged(String),
    /// A sound file that is not read here.
    NotSupported(String),
    /// Refused by size or by memory.
    Refused(PhotoError),
}

impl Fault {
    /// The same as the error of a file.
    pub fn of(self, source: &Source) -> PhotoError {
        match self {
            Self::Damaged(why) => source.damaged(why),
            Self::NotSupported(what) => source.not_supported(what),
            Self::Refused(error) => error,
        }
    }
}

impl From<PhotoError> for Fault {
    fn from(error: PhotoError) -> Self {
        Self::Refused(error)
    }
}

/// The fault of a broken file.
pub fn damaged(why: impl Into<String>) -> Fault {
    Fault::Damaged(why.into())
}

/// The fault of a sound file that is not read here.
pub fn not_supported(what: impl Into<String>) -> Fault {
    Fault::NotSupported(what.into())
}
