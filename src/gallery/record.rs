//! What is kept of a photo beside its descriptor, and how it stands in the store.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::document::place;
use crate::photo::ContentHash;

/// Bytes of a stored record: hash, size, time, width, height.
const STORED: usize = 32 + 8 + 8 + 4 + 4;

/// A photo in the gallery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Absolute.
    #[serde(flatten, serialize_with = "place")]
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
    /// Last change of the file, nanoseconds since 1970: more than a JSON number can tell.
    #[serde(skip)]
    pub modified: i64,
    /// BLAKE3 of the file's bytes; the descriptor is kept under it.
    pub hash: ContentHash,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
}

impl Record {
    /// All but the path, which is the key.
    pub(super) fn to_stored(&self) -> [u8; STORED] {
        let mut stored = [0; STORED];
        stored[..32].copy_from_slice(self.hash.as_bytes());
        stored[32..40].copy_from_slice(&self.size.to_le_bytes());
        stored[40..48].copy_from_slice(&self.modified.to_le_bytes());
        stored[48..52].copy_from_slice(&self.width.to_le_bytes());
        stored[52..].copy_from_slice(&self.height.to_le_bytes());
        stored
    }

    /// The record under `path`; nothing if `stored` is not one.
    pub(super) fn from_stored(path: PathBuf, stored: &[u8]) -> Option<Self> {
        let stored: &[u8; STORED] = stored.try_into().ok()?;
        Some(Self {
            path,
            hash: ContentHash::from_bytes(stored[..32].try_into().ok()?),
            size: u64::from_le_bytes(stored[32..40].try_into().ok()?),
            modified: i64::from_le_bytes(stored[40..48].try_into().ok()?),
            width: u32::from_le_bytes(stored[48..52].try_into().ok()?),
            height: u32::from_le_bytes(stored[52..].try_into().ok()?),
        })
    }
}

/// A path's bytes, exactly where the system allows names that are not UTF-8.
pub(super) fn path_to_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

/// The path of these bytes.
pub(super) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    PathBuf::from(OsStr::new(String::from_utf8_lossy(bytes).as_ref()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stored_record_reads_back(size: u64, modified: i64, hash: [u8; 32], width: u32, height: u32) {
            let hash = ContentHash::from_bytes(hash);
            let path = PathBuf::from("/a/b.jpg");
            let record = Record { path: path.clone(), size, modified, hash, width, height };
            prop_assert_eq!(Record::from_stored(path, &record.to_stored()), Some(record));
        }

        #[cfg(unix)]
        #[test]
        fn any_path_reads_back(bytes in prop::collection::vec(1u8..=255, 0..40)) {
            prop_assert_eq!(path_to_bytes(&path_from_bytes(&bytes)), bytes);
        }
    }
}
