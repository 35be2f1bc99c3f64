//! What can be wrong with a photo, and with what shall be done to it.

use std::path::{Path, PathBuf};

use super::cause::Source;

/// Why a photo cannot become the pixels that a network takes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// A folder or device stands where a file was expected.
    #[error("not a file: {}", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("empty file: {}", .path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// The file has more bytes than any photo.
    #[error("larger than {limit} bytes: {}", .path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes taken.
        limit: u64,
    },
    /// The content is of no picture format that is known.
    #[error("not a picture: {}", .path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
    },
    /// The format is known, but no decoder for it is built in.
    #[error("no decoder for {format} in this build: {}", .path.display())]
    MissingDecoder {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// The cargo feature that would have it.
        feature: &'static str,
    },
    /// A decompression bomb, or a picture for other tools.
    #[error("{width}×{height} are more than {limit} pixels: {}", .path.display())]
    TooManyPixels {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The most pixels taken.
        limit: u64,
    },
    /// The file is a picture, but cut off or corrupt.
    #[error("damaged picture: {}: {source}", .path.display())]
    DamagedPhoto {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: Source,
    },
    /// Decoding it would take more memory than there is for pictures.
    #[error(
        "takes {} MB of memory, more than the {} MB that there are for pictures: {}",
        .needed.div_ceil(1 << 20), .budget >> 20, .path.display()
    )]
    TooMuchMemory {
        /// The file.
        path: PathBuf,
        /// Bytes that it would take.
        needed: u64,
        /// Bytes that all pictures may take at once.
        budget: u64,
    },
    /// It was being decoded when the work was stopped.
    #[error("stopped before its end: {}", .path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
    /// A fault of the program itself came up with this photo.
    #[error("cannot be described: {}: {reason}", .path.display())]
    GaveUp {
        /// The file.
        path: PathBuf,
        /// What gave up.
        reason: String,
    },
    /// There is no picture in a folder.
    #[error("no pictures in {}", .path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// A region does not have the form `X,Y,W,H`.
    #[error("invalid region `{region}`")]
    InvalidRegion {
        /// As given.
        region: String,
    },
    /// A region is empty, or not within the picture.
    #[error("region {region} is not within the {}×{} pixels of {}", .size.0, .size.1, .path.display())]
    RegionOutside {
        /// The picture's file; `-` where it was none.
        path: PathBuf,
        /// As given.
        region: String,
        /// Width and height of the picture, upright.
        size: (u32, u32),
    },
    /// A pattern of files to pass over has no meaning.
    #[error("invalid pattern `{pattern}`: {source}")]
    InvalidPattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        source: Source,
    },
    /// A preprocessing has an unknown key or an impossible value.
    #[error("invalid preprocessing: `{part}`")]
    InvalidPreprocess {
        /// The part of the text that is wrong.
        part: String,
    },
    /// A very long picture would become enormous when resized.
    #[error("{width}×{height} pixels after resizing are more than {limit} a side")]
    PictureTooLong {
        /// Height after resizing.
        height: u64,
        /// Width after resizing.
        width: u64,
        /// The most pixels a side.
        limit: u64,
    },
    /// The crop is larger than the picture it is to be cut out of.
    #[error("cannot crop {}×{} pixels out of {}×{}", .crop.1, .crop.0, .size.1, .size.0)]
    CropTooLarge {
        /// Height and width of the picture.
        size: (u32, u32),
        /// Height and width of the crop.
        crop: (u32, u32),
    },
}

impl PhotoError {
    /// A panic that was caught at work on the file at `path`.
    pub(crate) fn gave_up(path: &Path, reason: String) -> Self {
        let path = path.to_owned();
        Self::GaveUp { path, reason }
    }

    /// The same error, known to be about the file at `path`.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        match self {
            Self::RegionOutside { region, size, .. } => Self::RegionOutside {
                path: path.to_owned(),
                region,
                size,
            },
            error => error,
        }
    }
}
