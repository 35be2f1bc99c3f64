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
    /// The file is sound, as far as one can tell, but of a kind that is not read.
    #[error("not supported: {what}: {}", .path.display())]
    NotSupported {
        /// The file.
        path: PathBuf,
        /// The kind, by the names of its format.
        what: String,
    },
    /// Less than half of the picture is there.
    #[error("damaged: only {} of the picture is there: {}", fraction(*.present), .path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// The part of its area that is there, 0 … .5.
        present: f32,
    },
    /// The file is a picture, but cut off or corrupt.
    #[error("damaged: {source}: {}", .path.display())]
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
    /// The file has another content than the gallery knows.
    #[error("changed since it was indexed: {}", .path.display())]
    Changed {
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

/// A part of a whole, 0 … 1, in words: `two thirds`; of what is nearly nothing or nearly all in
/// hundredths.
pub(crate) fn fraction(part: f32) -> String {
    const WORDS: [(f32, &str); 13] = [
        (0.1, "a tenth"),
        (0.2, "a fifth"),
        (0.25, "a quarter"),
        (0.3, "three tenths"),
        (1.0 / 3.0, "a third"),
        (0.4, "two fifths"),
        (0.5, "half"),
        (0.6, "three fifths"),
        (2.0 / 3.0, "two thirds"),
        (0.7, "seven tenths"),
        (0.75, "three quarters"),
        (0.8, "four fifths"),
        (0.9, "nine tenths"),
    ];
    if !(0.075..=0.935).contains(&part) {
        // Never 100 % of what is not all there.
        let hundredths = (part * 100.0).floor().clamp(0.0, 99.0);
        return format!("{hundredths:.0} %");
    }
    let far = |(value, _): &(f32, &str)| (value - part).abs();
    let nearest = WORDS.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
    nearest.map_or(String::new(), |(_, word)| (*word).to_owned())
}

impl PhotoError {
    /// A panic that was caught at work on the file at `path`.
    pub(crate) fn gave_up(path: &Path, reason: String) -> Self {
        let path = path.to_owned();
        Self::GaveUp { path, reason }
    }

    /// The same of the file at `path`, which has the same content. None for what is about no content.
    pub(crate) fn of_copy(&self, path: &Path) -> Option<Self> {
        let path = path.to_owned();
        Some(match self {
            Self::EmptyFile { .. } => Self::EmptyFile { path },
            Self::FileTooLarge { limit, .. } => Self::FileTooLarge {
                path,
                limit: *limit,
            },
            Self::NotAPicture { .. } => Self::NotAPicture { path },
            Self::TooManyPixels {
                width,
                height,
                limit,
                ..
            } => Self::TooManyPixels {
                path,
                width: *width,
                height: *height,
                limit: *limit,
            },
            Self::NotSupported { what, .. } => Self::NotSupported {
                path,
                what: what.clone(),
            },
            Self::Incomplete { present, .. } => Self::Incomplete {
                path,
                present: *present,
            },
            Self::DamagedPhoto { source, .. } => Self::DamagedPhoto {
                path,
                source: source.to_string().into(),
            },
            Self::TooMuchMemory { needed, budget, .. } => Self::TooMuchMemory {
                path,
                needed: *needed,
                budget: *budget,
            },
            Self::Stopped { .. } => Self::Stopped { path },
            Self::Changed { .. } => Self::Changed { path },
            Self::GaveUp { reason, .. } => Self::gave_up(&path, reason.clone()),
            Self::PictureTooLong {
                height,
                width,
                limit,
            } => Self::PictureTooLong {
                height: *height,
                width: *width,
                limit: *limit,
            },
            Self::CropTooLarge { size, crop } => Self::CropTooLarge {
                size: *size,
                crop: *crop,
            },
            _ => return None,
        })
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
