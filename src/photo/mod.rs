//! What a photo is and how it becomes pixels.
//!
//! A path is found ([`walk()`]), read once into a [`Photo`], decoded into a [`Picture`] (upright,
//! RGB, no alpha) and turned by a [`Preprocess`] into the [`Pixels`] that a network takes. Photos
//! are known by the hash of their bytes, formats by their first bytes, never by a name. Nothing
//! here knows what a network is, nor that there is a gallery.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{FileError, PhotoError, Result};

pub mod decode;
mod decoded;
// Its readers are being written: the one of TIFF, and those of orientation and of camera files.
#[allow(dead_code, reason = "some of what its readers will ask")]
mod directory;
mod exclude;
pub mod format;
mod ground;
mod hash;
#[cfg(any(feature = "avif", feature = "heic"))]
mod heif;
mod jpeg;
mod memory;
mod orientation;
pub mod picture;
pub mod preprocess;
mod region;
mod rendering;
mod resample;
mod source;
pub(crate) mod stop;
pub mod walk;

pub use exclude::Exclude;
pub use hash::ContentHash;
pub use image::RgbImage;
pub use picture::Picture;
pub use preprocess::{ChannelOrder, Decoding, Pixels, Preprocess, Size};
pub use region::{Length, Region};
pub use rendering::{Colours, Ground, Rendering};
pub use resample::Interpolation;
pub use walk::{Found, Walk, absolute, walk};

/// The largest file that is read, in bytes: 1 GiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// The bytes of one photo, read once and known by their hash.
#[derive(Clone, Debug)]
pub struct Photo {
    path: PathBuf,
    bytes: Vec<u8>,
    modified: i64,
    hash: ContentHash,
}

impl Photo {
    /// Reads the photo at `path`. Time and bytes come from the same open file, so they belong
    /// together even when the name is given to another file meanwhile.
    ///
    /// # Errors
    /// [`FileError::Read`] when the file is gone or may not be read, [`PhotoError::NotAFile`] for
    /// folders, pipes and devices, [`PhotoError::EmptyFile`], and [`PhotoError::FileTooLarge`]
    /// above [`MAX_FILE_BYTES`].
    pub fn read(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match read_file(&path) {
            Ok((metadata, _)) if !metadata.is_file() => Err(PhotoError::NotAFile { path }.into()),
            Ok((_, bytes)) if bytes.len() as u64 > MAX_FILE_BYTES => {
                let limit = MAX_FILE_BYTES;
                Err(PhotoError::FileTooLarge { path, limit }.into())
            }
            Ok((_, bytes)) if bytes.is_empty() => Err(PhotoError::EmptyFile { path }.into()),
            Ok((metadata, bytes)) => Ok(Self {
                modified: modified_of(&metadata),
                ..Self::from_bytes(path, bytes)
            }),
            Err(source) => Err(FileError::Read { path, source }.into()),
        }
    }

    /// A photo that is in memory already. `label` stands for its path in messages: `-` for one
    /// from standard input.
    #[must_use]
    pub fn from_bytes(label: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        Self {
            path: label.into(),
            hash: ContentHash::of(&bytes),
            bytes,
            modified: 0,
        }
    }

    /// Decodes the photo in full, as one looks at it: upright, in sRGB, nothing transparent.
    ///
    /// # Errors
    /// As [`decode::decode`].
    pub fn decode(&self) -> Result<Picture, PhotoError> {
        decode::decode(&self.path, &self.bytes)
    }

    /// Decodes the photo as a [`Preprocess`] wants it, see [`Preprocess::rendering`].
    ///
    /// # Errors
    /// As [`decode::decode_for`].
    pub fn decode_for(&self, rendering: &Rendering) -> Result<Picture, PhotoError> {
        decode::decode_for(&self.path, &self.bytes, rendering)
    }

    /// Where the photo was read from, or its label.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// When the file was last modified, in nanoseconds since 1970; 0 for a photo from memory.
    #[must_use]
    pub const fn modified(&self) -> i64 {
        self.modified
    }

    /// The hash of the bytes.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }
}

/// The metadata of `path` and, of a plain file, one byte more than [`MAX_FILE_BYTES`] at most.
fn read_file(path: &Path) -> io::Result<(Metadata, Vec<u8>)> {
    // Asked before opening, because opening a pipe waits for its other end.
    let named = fs::metadata(path)?;
    if !named.is_file() {
        return Ok((named, Vec::new()));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::with_capacity(metadata.len().min(MAX_FILE_BYTES) as usize);
    if metadata.is_file() {
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    }
    Ok((metadata, bytes))
}

/// Nanoseconds since 1970, negative before; 0 where the file system keeps no time.
pub(crate) fn modified_of(metadata: &Metadata) -> i64 {
    let time = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(error) => i64::try_from(error.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Error;

    #[test]
    fn reading_gives_the_bytes_their_hash_and_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"abc").unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_234_567_890);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        let photo = Photo::read(&path).unwrap();
        assert_eq!(
            (photo.bytes(), photo.size(), photo.path()),
            (&b"abc"[..], 3, &*path)
        );
        assert_eq!(photo.modified(), 1_234_567_890_000_000_000);
        assert_eq!(photo.hash(), ContentHash::of(b"abc"));
    }

    #[test]
    fn a_time_before_1970_is_negative() {
        let file = tempfile::tempfile().unwrap();
        file.set_modified(UNIX_EPOCH - Duration::from_secs(2))
            .unwrap();
        assert_eq!(modified_of(&file.metadata().unwrap()), -2_000_000_000);
    }

    #[test]
    fn a_vanished_file_is_an_error_naming_it() {
        let error = Photo::read("/nowhere/gone.jpg").unwrap_err();
        assert!(
            matches!(&error, Error::File(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound)
        );
        assert!(error.to_string().contains("/nowhere/gone.jpg"));
    }

    #[test]
    fn a_folder_named_as_a_photo_and_an_empty_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (album, empty) = (
            folder.path().join("album.jpg"),
            folder.path().join("empty.jpg"),
        );
        fs::create_dir(&album).unwrap();
        fs::write(&empty, b"").unwrap();
        assert!(
            matches!(Photo::read(&album), Err(Error::Photo(PhotoError::NotAFile { path })) if path == album)
        );
        assert!(
            matches!(Photo::read(&empty), Err(Error::Photo(PhotoError::EmptyFile { path })) if path == empty)
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_does_not_hang_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.jpg");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(matches!(
            Photo::read(&pipe),
            Err(Error::Photo(PhotoError::NotAFile { .. }))
        ));
        assert!(matches!(
            Photo::read("/dev/zero"),
            Err(Error::Photo(PhotoError::NotAFile { .. }))
        ));
    }
}
