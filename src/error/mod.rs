//! What can go wrong: facts, the path concerned, the source. No variant is a catch-all string.
//!
//! One enum per room, so that a signature says what can go wrong, and [`Error`], which wraps each
//! of them, for where failures of several rooms meet. `Display` says what happened and to which
//! file; what to do next depends on who asks, and is said by the command.

use std::path::Path;

mod cause;
mod descriptor;
mod eval;
mod fetch;
mod file;
mod gallery;
mod kind;
mod network;
mod photo;
mod weights;

pub use self::cause::Source;
pub(crate) use self::cause::bounded;
pub use self::descriptor::DescriptorError;
pub use self::eval::EvalError;
pub use self::fetch::FetchError;
pub use self::file::FileError;
pub use self::gallery::GalleryError;
pub use self::kind::KINDS;
pub use self::network::NetworkError;
pub use self::photo::PhotoError;
pub(crate) use self::photo::fraction;
pub use self::weights::WeightsError;

/// The result of every fallible operation of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in imgsearch. Message and source are those of the error within.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A photo cannot become pixels.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// A network cannot be built or run.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A file has not the weights that a network needs.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A model's weights cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// There is no such descriptor, spec or whitening.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// A gallery cannot be opened, written or searched.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// Nothing can be measured.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

impl Error {
    /// The same of the photo at `path`, which has the same content.
    pub(crate) fn of_copy(&self, path: &Path) -> Self {
        let copied = match self {
            Self::Photo(error) => error.of_copy(path).map(Self::from),
            Self::Descriptor(DescriptorError::ZeroDescriptor) => {
                Some(DescriptorError::ZeroDescriptor.into())
            }
            Self::Descriptor(DescriptorError::NonFiniteDescriptor) => {
                Some(DescriptorError::NonFiniteDescriptor.into())
            }
            _ => None,
        };
        // What concerns the device or the network concerns whichever photo meets it.
        copied.unwrap_or_else(|| PhotoError::gave_up(path, self.to_string()).into())
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_wrapped_error_reads_as_the_one_within() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let error = Error::from(FileError::read_at(Path::new("a.jpg"))(source));
        assert!(error.to_string().starts_with("cannot read a.jpg: "));
        // The cause comes next, not the same message once more.
        assert!(
            error
                .source()
                .is_some_and(<dyn std::error::Error>::is::<io::Error>)
        );
    }

    #[test]
    fn each_source_that_failed_has_a_line_of_its_own() {
        let offline = Error::from(FetchError::Offline);
        let error = FetchError::NoSource {
            model: "m".into(),
            failures: vec![("hub a/b".into(), offline.into())],
            folder: "cache".into(),
        };
        assert_eq!(
            error.to_string(),
            "cannot get the weights of `m`\n  hub a/b: offline, and not in the cache"
        );
    }
}
