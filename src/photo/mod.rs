//! What a photo is and how it becomes pixels.
//!
//! A path is found ([`walk()`]), read once into a [`Photo`], decoded into a [`Picture`] (upright,
//! RGB, no alpha) and turned by a [`Preprocess`] into the [`Pixels`] that a network takes. Photos
//! are known by the hash of their bytes, formats by their first bytes, never by a name. Nothing
//! here knows what a network is, nor that there is a gallery.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use self::format::MAGIC_BYTES;
use self::memory::{Budget, Share};
use crate::error::{Error, FileError, PhotoError, Result};

mod apart;
mod camera;
mod colour;
pub mod decode;
mod decoded;
// Its readers are being written: the one of TIFF, and those of orientation and of camera files.
#[allow(dead_code, reason = "some of what its readers will ask")]
mod directory;
mod exclude;
mod facts;
pub mod format;
mod framing;
mod ground;
mod hash;
mod jpeg;
mod memory;
mod orientation;
pub mod picture;
pub mod preprocess;
mod region;
mod rendering;
mod resample;
mod said;
mod signature;
mod source;
pub(crate) mod stop;
mod taken;
pub mod walk;
mod xmp;

pub use exclude::Exclude;
pub use facts::Facts;
pub use format::Format;
pub use framing::{Framing, Size};
pub use hash::ContentHash;
pub use image::RgbImage;
#[doc(hidden)]
pub use memory::most_held;
pub use picture::Picture;
pub use preprocess::{ChannelOrder, Decoding, Pixels, Preprocess};
pub use region::{Length, Region};
pub use rendering::{Colours, Ground, Rendering};
pub use resample::Interpolation;
pub use signature::Signature;
pub use taken::Taken;
pub(crate) use taken::{days_before, days_of};
pub use walk::{Found, Walk, absolute, walk};

/// Bytes that are read between two questions whether to stop.
const AT_ONCE: u64 = 4 << 20;

/// Bytes of a file from which on it waits for its share of the memory before it is read.
const LARGE: u64 = 16 << 20;

/// The bytes of one photo, read once and known by their hash.
#[derive(Clone, Debug)]
pub struct Photo {
    path: PathBuf,
    bytes: Vec<u8>,
    modified: i64,
    hash: ContentHash,
    /// A large file's part of the memory for pictures.
    #[allow(dead_code, reason = "it is held until the photo is dropped")]
    share: Option<Arc<Share>>,
}

impl Photo {
    /// Reads the photo at `path`. Time and bytes come from the same open file, so they belong
    /// together even when the name is given to another file meanwhile. Of what begins as no picture
    /// does only the beginning is read.
    ///
    /// # Errors
    /// [`FileError::Read`] when the file is gone or may not be read, [`PhotoError::NotAFile`] for
    /// folders, pipes and devices, [`PhotoError::EmptyFile`], [`PhotoError::NotAPicture`],
    /// [`PhotoError::FileTooLarge`] above [`Format::most_bytes`], [`PhotoError::TooMuchMemory`].
    pub fn read(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let failed = FileError::read_at(&path);
        // Asked before opening, because opening a pipe waits for its other end.
        if !fs::metadata(&path).map_err(failed)?.is_file() {
            return Err(PhotoError::NotAFile { path }.into());
        }
        let file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(PhotoError::NotAFile { path }.into());
        }
        let photo = Self::read_from(path, file, Some(metadata.len()))?;
        Ok(Self {
            modified: modified_of(&metadata),
            ..photo
        })
    }

    /// Reads the photo at `path`, be it a file or what a pipe brings until it is closed at its other
    /// end.
    ///
    /// # Errors
    /// As [`Photo::read`].
    pub fn read_any(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if !is_stream(&path) {
            return Self::read(path);
        }
        let stream = File::open(&path).map_err(FileError::read_at(&path))?;
        Self::read_from(path, stream, None)
    }

    /// Reads all that `stream` brings. `label` stands for a path in messages: `-` for standard input.
    ///
    /// # Errors
    /// As [`Photo::read`].
    pub fn from_stream(label: impl Into<PathBuf>, stream: impl Read) -> Result<Self> {
        Self::read_from(label.into(), stream, None)
    }

    /// Of `length` bytes, where that is known.
    fn read_from(path: PathBuf, mut from: impl Read, length: Option<u64>) -> Result<Self> {
        let failed = |source| {
            let path = path.clone();
            if stop::is_asked() {
                return Error::from(PhotoError::Stopped { path });
            }
            FileError::Read { path, source }.into()
        };
        let mut bytes = Vec::new();
        let first = from.by_ref().take(MAGIC_BYTES as u64);
        read_on(first, &mut bytes).map_err(&failed)?;
        if bytes.is_empty() {
            return Err(PhotoError::EmptyFile { path }.into());
        }
        let Some(format) = Format::of_named(&path, &bytes) else {
            return Err(PhotoError::NotAPicture { path }.into());
        };
        let limit = format.most_bytes();
        if length.is_some_and(|length| length > limit) {
            return Err(PhotoError::FileTooLarge { path, limit }.into());
        }
        let share = match length {
            Some(length) if length >= LARGE => Some(share(&path, length)?),
            _ => None,
        };
        let rest = length.unwrap_or(0).saturating_sub(bytes.len() as u64);
        bytes.reserve_exact(rest as usize);
        let most = limit + 1 - bytes.len() as u64;
        read_on(from.take(most), &mut bytes).map_err(&failed)?;
        if bytes.len() as u64 > limit {
            return Err(PhotoError::FileTooLarge { path, limit }.into());
        }
        Ok(Self {
            share,
            ..Self::from_bytes(path, bytes)
        })
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
            share: None,
        }
    }

    /// Decodes the photo in full, as one looks at it: upright, in sRGB, nothing transparent.
    ///
    /// # Errors
    /// As [`decode::decode`].
    pub fn decode(&self) -> Result<Picture, PhotoError> {
        decode::decode(&self.path, &self.bytes)
    }

    /// Decodes the photo as a [`Preprocess`] wants it, see [`Preprocess::rendering`]: what that does not
    /// look at may be grey.
    ///
    /// # Errors
    /// As [`decode::decode_for`].
    pub fn decode_for(&self, rendering: &Rendering) -> Result<Picture, PhotoError> {
        decode::decode_for(&self.path, &self.bytes, rendering)
    }

    /// Decodes the photo as [`Photo::decode_for`] does, and tells what is known of it. The facts are of
    /// the whole picture, in the rendering's colours.
    ///
    /// # Errors
    /// As [`decode::decode_for`].
    pub fn decode_with_facts(&self, rendering: &Rendering) -> Result<(Picture, Facts), PhotoError> {
        decode::decode_with_facts(&self.path, &self.bytes, rendering)
    }

    /// What is known of the photo, where nothing else of it is wanted: it is decoded as small as its
    /// format allows.
    ///
    /// # Errors
    /// As [`decode::decode`].
    pub fn facts(&self) -> Result<Facts, PhotoError> {
        decode::facts(&self.path, &self.bytes)
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

/// Whether at `path` lies what is read but is no file: a pipe, a device, a socket.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Reads to the end, or until it is told to stop.
fn read_on(mut from: impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let read = from.by_ref().take(AT_ONCE).read_to_end(bytes)?;
        if read == 0 {
            return Ok(());
        }
        stop::go_on()?;
    }
}

/// The memory for a file of so many bytes.
fn share(path: &Path, needed: u64) -> Result<Arc<Share>, PhotoError> {
    let budget = Budget::of_machine();
    let share = budget.take(needed);
    share.ok_or_else(|| PhotoError::TooMuchMemory {
        path: path.to_owned(),
        needed,
        budget: budget.total(),
    })
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

    #[test]
    fn reading_gives_the_bytes_their_hash_and_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"GIF89a").unwrap();
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
            (&b"GIF89a"[..], 6, &*path)
        );
        assert_eq!(photo.modified(), 1_234_567_890_000_000_000);
        assert_eq!(photo.hash(), ContentHash::of(b"GIF89a"));
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

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_to_its_end_where_it_may_be_one_and_a_device_without_an_end_ends() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(is_stream(&pipe) && !is_stream(folder.path()));
        let bytes = [&b"GIF89a"[..], &vec![7; 100_000]].concat();
        let photo = std::thread::scope(|scope| {
            scope.spawn(|| fs::write(&pipe, &bytes).unwrap());
            Photo::read_any(&pipe).unwrap()
        });
        assert_eq!((photo.bytes(), photo.path()), (&*bytes, &*pipe));
        let refused = Photo::read_any("/dev/zero");
        assert!(matches!(
            refused,
            Err(Error::Photo(PhotoError::NotAPicture { .. }))
        ));
        // What begins as a picture does and never ends.
        let endless = (&b"GIF89a"[..]).chain(io::repeat(0));
        let refused = Photo::from_stream("-", endless);
        assert!(matches!(
            refused,
            Err(Error::Photo(PhotoError::FileTooLarge { .. }))
        ));
    }

    /// Counts what is read.
    struct Counted<'a, R>(R, &'a mut u64);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            *self.1 += read as u64;
            Ok(read)
        }
    }

    #[test]
    fn of_what_is_no_picture_or_too_large_for_one_the_beginning_is_read_and_no_more() {
        let film = [
            &b"\0\0\0\x18ftypisom\0\0\0\0mp41isom"[..],
            &vec![0; 5_000_000],
        ]
        .concat();
        let mut read = 0;
        let length = Some(film.len() as u64);
        let refused = Photo::read_from("film.jpg".into(), Counted(&*film, &mut read), length);
        assert!(matches!(
            refused,
            Err(Error::Photo(PhotoError::NotAPicture { .. }))
        ));
        assert!(read <= MAGIC_BYTES as u64, "{read}");
        let huge = (&b"\xff\xd8\xff\xe0"[..]).chain(io::repeat(0));
        let length = Some(Format::Jpeg.most_bytes() + 1);
        let mut read = 0;
        let refused = Photo::read_from("film.jpg".into(), Counted(huge, &mut read), length);
        assert!(matches!(
            refused,
            Err(Error::Photo(PhotoError::FileTooLarge { .. }))
        ));
        assert!(read <= MAGIC_BYTES as u64, "{read}");
    }

    #[test]
    fn a_large_file_waits_for_its_share_of_the_memory_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gif");
        fs::write(&path, b"GIF89a").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(LARGE).unwrap();
        let photo = Photo::read(&path).unwrap();
        assert_eq!(photo.size(), LARGE);
        assert!(photo.share.is_some());
        file.set_len(LARGE - 1).unwrap();
        assert!(Photo::read(&path).unwrap().share.is_none());
    }

    #[test]
    fn reading_ends_when_it_is_told_to_stop() {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let endless = (&b"GIF89a"[..]).chain(io::repeat(0));
        let stopped = stop::until(&asked, || Photo::from_stream("-", endless));
        assert!(matches!(
            stopped,
            Err(Error::Photo(PhotoError::Stopped { .. }))
        ));
    }
}
