//! What a query asks with.

use std::path::{Path, PathBuf};

use crate::descriptor::Descriptor;
use crate::photo::{Photo, Picture, Region};

/// A picture, or a part of one, that something shall be like or unlike.
#[derive(Clone, Debug)]
pub struct Example {
    pub(super) source: Source,
    pub(super) region: Option<Region>,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A file or a folder.
    Path(PathBuf),
    Photo(Photo),
    Picture(Picture),
    Descriptor(Descriptor),
}

impl Example {
    /// Only this part of it, after the turn that the picture's EXIF data say. A descriptor has no
    /// parts.
    #[must_use]
    pub fn region(self, region: Region) -> Self {
        Self {
            region: Some(region),
            ..self
        }
    }
}

impl From<Source> for Example {
    fn from(source: Source) -> Self {
        Self {
            source,
            region: None,
        }
    }
}

impl From<PathBuf> for Example {
    fn from(path: PathBuf) -> Self {
        Source::Path(path).into()
    }
}

impl From<&Path> for Example {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<&PathBuf> for Example {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}

impl From<&str> for Example {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<&String> for Example {
    fn from(path: &String) -> Self {
        path.as_str().into()
    }
}

impl From<String> for Example {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<Photo> for Example {
    fn from(photo: Photo) -> Self {
        Source::Photo(photo).into()
    }
}

/// The bytes of a file.
impl From<Vec<u8>> for Example {
    fn from(bytes: Vec<u8>) -> Self {
        Photo::from_bytes("-", bytes).into()
    }
}

/// The bytes of a file.
impl From<&[u8]> for Example {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<Picture> for Example {
    fn from(picture: Picture) -> Self {
        Source::Picture(picture).into()
    }
}

impl From<Descriptor> for Example {
    fn from(descriptor: Descriptor) -> Self {
        Source::Descriptor(descriptor).into()
    }
}
