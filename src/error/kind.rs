//! What an error is called where programs read it, and which file it is about.
//!
//! The names are part of what `--json` prints: they stay when messages become better.

use std::path::Path;

use super::{
    DescriptorError, Error, EvalError, FetchError, FileError, GalleryError, NetworkError,
    PhotoError, WeightsError,
};

/// Each variant of an enum with its name and, in brackets, the field that is the path concerned.
/// The compiler asks for a line here when a variant is new.
macro_rules! kinds {
    ($($error:ident { $($variant:ident $([$path:ident])? = $kind:literal,)+ })+) => {
        $(impl $error {
            /// The error's name for programs, in kebab case: it stays the same whatever the message.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $kind,)+
                }
            }

            /// The file or folder that the error is about, if it is about one.
            #[must_use]
            pub fn path(&self) -> Option<&Path> {
                match self {
                    $(Self::$variant { $($path,)? .. } => kinds!(@path $($path)?),)+
                }
            }
        })+

        /// The names of all errors.
        pub const KINDS: &[&str] = &[$($($kind),+),+];
    };
    (@path) => { None };
    (@path $path:ident) => { Some($path) };
}

kinds! {
    FileError {
        Read[path] = "unreadable-file",
        Write[path] = "unwritable-file",
    }
    PhotoError {
        NotAFile[path] = "not-a-file",
        NoPictures[path] = "no-pictures",
        EmptyFile[path] = "empty-file",
        FileTooLarge[path] = "file-too-large",
        NotAPicture[path] = "not-a-picture",
        TooManyPixels[path] = "too-many-pixels",
        NotSupported[path] = "not-supported",
        Incomplete[path] = "incomplete-photo",
        DamagedPhoto[path] = "damaged-photo",
        InvalidRegion = "invalid-region",
        RegionOutside[path] = "region-outside",
        InvalidPattern = "invalid-pattern",
        InvalidPreprocess = "invalid-preprocess",
        TooMuchMemory[path] = "too-much-memory",
        Stopped[path] = "stopped",
        Changed[path] = "changed-photo",
        GaveUp[path] = "gave-up",
        PictureTooLong = "picture-too-long",
        CropTooLarge = "crop-too-large",
    }
    NetworkError {
        UnknownArchitecture = "unknown-architecture",
        UnknownLayer = "unknown-layer",
        PictureTooSmall = "picture-too-small",
        Invalid = "invalid-network",
        UnfitSize = "unfit-size",
        Tensor = "network-failed",
        OutOfMemory = "device-memory",
        DeviceLost = "device-lost",
        NoThreads = "threads-refused",
        Precision = "cpu-precision",
        Device = "no-device",
    }
    WeightsError {
        WeightsFormat[path] = "weights-format",
        DamagedWeights[path] = "damaged-weights",
        OtherFormat[path] = "other-weights-format",
        ForeignPickle[path] = "foreign-pickle",
        SeveralFiles[path] = "several-weights",
        NoPart[path] = "no-part",
        TensorTwice[path] = "tensor-twice",
        NotFinite[path] = "not-finite-weights",
        NoTensors[path] = "no-tensors",
        MissingTensor[path] = "missing-tensor",
        WrongTensor[path] = "wrong-tensor",
        HeadMisfit[path] = "head-misfit",
        NoHead[path] = "no-head",
        HeadNotFound[path] = "head-not-found",
        NoExponent[path] = "no-exponent",
        TensorType[path] = "tensor-type",
    }
    FetchError {
        UnknownModel = "unknown-model",
        ChecksumMismatch = "checksum-mismatch",
        PinChanged[path] = "pin-changed",
        Offline = "offline",
        Unreachable = "unreachable",
        NoAnswer = "no-answer",
        Hub = "hub-failed",
        PipMissing = "pip-missing",
        PipFailed = "pip-failed",
        Wheel[path] = "damaged-wheel",
        NoSource[folder] = "no-source",
        DownloadInterrupted = "download-interrupted",
    }
    DescriptorError {
        ZeroDescriptor = "zero-descriptor",
        NonFiniteDescriptor = "non-finite-descriptor",
        WrongDimension = "wrong-dimension",
        CancelledOut = "cancelled-out",
        Foreign = "foreign-descriptor",
        InvalidSpec = "invalid-spec",
        InvalidRanking = "invalid-ranking",
        NoProjection = "no-projection",
        SizeNotFixed = "size-not-fixed",
        InvalidSpecFile[path] = "invalid-spec-file",
        TooFewToWhiten = "too-few-to-whiten",
        InvalidShrinkage = "invalid-shrinkage",
        DamagedWhitening[path] = "damaged-whitening",
        TunedOtherwise = "tuned-otherwise",
        WhiteningMismatch = "whitening-mismatch",
    }
    GalleryError {
        NoGallery[dir] = "no-gallery",
        ForeignGallery[dir] = "foreign-gallery",
        GalleryLocked[dir] = "gallery-locked",
        GalleryTooNew[dir] = "gallery-too-new",
        SpecMismatch = "spec-mismatch",
        LostWhitening = "lost-whitening",
        DamagedSnapshot[path] = "damaged-snapshot",
        Store[path] = "store-failed",
        NoThreads[path] = "no-threads",
        DamagedStore[path] = "damaged-store",
        ForeignFile[path] = "foreign-file",
        InvalidFilter = "invalid-filter",
        TagTable[path] = "tag-table",
        TargetInside[path] = "target-inside",
        MergedWithItself[dir] = "merged-with-itself",
        DamagedGallery[dir] = "damaged-gallery",
    }
    EvalError {
        GroundTruth[path] = "ground-truth",
        TooFewQueries = "too-few-queries",
    }
}

macro_rules! of_each_room {
    ($self:ident, $($room:ident),+: $error:ident => $told:expr) => {
        match $self {
            $(Self::$room($error) => $told,)+
        }
    };
}

impl Error {
    /// The error's name for programs, in kebab case: it stays the same whatever the message.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        of_each_room!(self, File, Photo, Network, Weights, Fetch, Descriptor, Gallery, Eval: error => error.kind())
    }

    /// The file or folder that the error is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        of_each_room!(self, File, Photo, Network, Weights, Fetch, Descriptor, Gallery, Eval: error => error.path())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_errors_have_one_name_and_all_names_are_kebab_case() {
        let different: HashSet<_> = KINDS.iter().collect();
        assert_eq!(different.len(), KINDS.len());
        for kind in KINDS {
            let is_word = |word: &str| {
                !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_lowercase())
            };
            assert!(kind.split('-').all(is_word), "{kind}");
        }
    }

    #[test]
    fn an_error_tells_its_name_and_its_path_through_the_one_that_wraps_it() {
        let dir = Path::new("some/gallery").to_owned();
        let error = Error::from(GalleryError::NoGallery {
            dir: dir.clone(),
            looked: Vec::new(),
        });
        assert_eq!((error.kind(), error.path()), ("no-gallery", Some(&*dir)));
        assert!(KINDS.contains(&error.kind()));
        let error = Error::from(FetchError::Offline);
        assert_eq!((error.kind(), error.path()), ("offline", None));
    }
}
