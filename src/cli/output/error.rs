//! A command that failed, as a document: what happened, and what to do next.

use std::io;
use std::path::Path;

use imgsearch::Error;
use imgsearch::document::{Document, Place};
use imgsearch::error::{
    DescriptorError, EvalError, FetchError, FileError, GalleryError, NetworkError, PhotoError,
    WeightsError,
};
use serde::Serialize;

/// The kind of what clap refuses.
const USAGE: &str = "usage";
/// The kind of what no room of the library knows: results that cannot be written, for instance.
const OTHER: &str = "other";
/// The kind of a command that was stopped before it had a result.
const INTERRUPTED: &str = "interrupted";

/// Why a command has no result.
#[derive(Serialize)]
pub struct ErrorReport {
    error: Told,
}

#[derive(Serialize)]
struct Told {
    kind: &'static str,
    message: String,
    hint: Option<String>,
    path: Option<String>,
    absolute: Option<String>,
}

impl Document for ErrorReport {
    const KIND: &'static str = "error";
}

impl ErrorReport {
    /// What ended a command, and what to do next.
    pub fn of(error: &anyhow::Error, hint: Option<String>) -> Self {
        let (kind, path) = fact(error).unwrap_or((OTHER, None));
        let place = path.map(Place::of);
        let absolute = place.as_ref().and_then(Place::absolute).map(str::to_owned);
        Self {
            error: Told {
                kind,
                message: error.to_string(),
                hint,
                path: place.map(|place| place.path().to_owned()),
                absolute,
            },
        }
    }

    /// The same about this picture, where the error itself names none.
    pub fn about(mut self, image: &Path) -> Self {
        let place = Place::of(image);
        if self.error.path.is_none() {
            self.error.path = Some(place.path().to_owned());
            self.error.absolute = place.absolute().map(str::to_owned);
        }
        self
    }

    /// What clap refuses: the first paragraph of what it says, and the rest as a hint.
    pub fn of_usage(error: &clap::Error) -> Self {
        let said = error.render().to_string();
        let (message, hint) = said.split_once("\n\n").unwrap_or((&said, ""));
        let message = message.strip_prefix("error: ").unwrap_or(message).trim();
        let hint = Some(hint.trim()).filter(|hint| !hint.is_empty());
        Self::plain(USAGE, message, hint)
    }

    /// That it was stopped.
    pub fn interrupted() -> Self {
        Self::plain(INTERRUPTED, "stopped before there was a result", None)
    }

    /// Prints it for machines. Standard output may be what failed: then there is nobody to tell.
    pub fn print(&self) {
        let _ = super::json::print(self, &mut io::stdout().lock());
    }

    fn plain(kind: &'static str, message: &str, hint: Option<&str>) -> Self {
        Self {
            error: Told {
                kind,
                message: message.to_owned(),
                hint: hint.map(str::to_owned),
                path: None,
                absolute: None,
            },
        }
    }
}

/// The file or folder that an error is about, if it is about one.
pub fn path_of(error: &anyhow::Error) -> Option<&Path> {
    fact(error)?.1
}

/// The name and path of the library's error within: of its room, or of the one that wraps all.
fn fact(error: &anyhow::Error) -> Option<(&'static str, Option<&Path>)> {
    macro_rules! first_of {
        ($($room:ty),+) => {
            None$(.or_else(|| error.downcast_ref::<$room>().map(|it| (it.kind(), it.path()))))+
        };
    }
    first_of!(
        Error,
        FileError,
        PhotoError,
        NetworkError,
        WeightsError,
        FetchError,
        DescriptorError,
        GalleryError,
        EvalError
    )
}

#[cfg(test)]
mod tests {
    use imgsearch::error::KINDS;

    use super::*;

    #[test]
    fn the_schema_lists_all_kinds_of_failures() {
        let schema = include_str!("../../../data/schemas/error.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let listed = &schema["properties"]["error"]["properties"]["kind"]["enum"];
        let listed = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap());
        let own = [USAGE, OTHER, INTERRUPTED];
        let all: Vec<&str> = KINDS.iter().copied().chain(own).collect();
        assert_eq!(listed.collect::<Vec<_>>(), all);
    }
}
