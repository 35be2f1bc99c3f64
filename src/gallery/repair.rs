//! What was damaged and is whole again, in words.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::error::{Error, GalleryError, Result};

/// Something that was damaged and is whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The store would not open, had lost something, or was empty: it was made anew from the
    /// snapshot.
    StoreRebuilt {
        /// Where the damaged files are now.
        aside: Option<PathBuf>,
        /// Photos taken over from the snapshot.
        photos: usize,
    },
    /// The store had lost something and there was no snapshot: what could be read of it was kept.
    StoreSalvaged {
        /// Where the damaged files are now.
        aside: PathBuf,
        /// Photos that were read.
        photos: usize,
    },
    /// The snapshot was missing or damaged and was made anew from the store.
    SnapshotRebuilt {
        /// What was wrong with it.
        reason: String,
    },
    /// Neither had the descriptors of some photos: they were taken out, to be described again.
    DescriptorsLost {
        /// How many photos.
        photos: usize,
    },
}

impl Repair {
    /// Its name for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::StoreRebuilt { .. } => "store-rebuilt",
            Self::StoreSalvaged { .. } => "store-salvaged",
            Self::SnapshotRebuilt { .. } => "snapshot-rebuilt",
            Self::DescriptorsLost { .. } => "descriptors-lost",
        }
    }
}

impl Serialize for Repair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            kind: &'static str,
            message: String,
        }
        let (kind, message) = (self.kind(), self.to_string());
        Told { kind, message }.serialize(serializer)
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoreRebuilt { aside, photos } => {
                let photos = counted(*photos);
                write!(
                    f,
                    "the gallery's store was damaged; rebuilt it with {photos} from the snapshot"
                )?;
                match aside {
                    Some(aside) => write!(f, " (the damaged files are in {})", aside.display()),
                    None => Ok(()),
                }
            }
            Self::StoreSalvaged { aside, photos } => write!(
                f,
                "the gallery's store was damaged; kept {} that could be read, and the next `index` \
                 finds the others again (the damaged files are in {})",
                counted(*photos),
                aside.display()
            ),
            Self::SnapshotRebuilt { reason } => {
                write!(f, "rebuilt the gallery's snapshot from the store: {reason}")
            }
            Self::DescriptorsLost { photos } => write!(
                f,
                "the descriptors of {photos} photos were lost; the next `index` makes them again"
            ),
        }
    }
}

fn counted(photos: usize) -> String {
    match photos {
        1 => "1 photo".to_owned(),
        photos => format!("{photos} photos"),
    }
}

/// That nothing can be made of what is left.
pub fn damaged_gallery(dir: &Path) -> Error {
    let dir = dir.to_owned();
    GalleryError::DamagedGallery { dir }.into()
}
