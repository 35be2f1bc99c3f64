//! What can be wrong with a file of weights.

use std::path::{Path, PathBuf};

use super::cause::{Source, or_nearest};

/// Why a file has not the weights that a network needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is in none of the formats that weights come in.
    #[error("not a weights file (neither safetensors nor torch nor Keras): {}", .path.display())]
    WeightsFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is in a known format, but cut off, changed or inconsistent.
    #[error("damaged weights file: {}: {source}", .path.display())]
    DamagedWeights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Source,
    },
    /// The file is of a known kind that is not read.
    #[error("{what}, which is not read: {}", .path.display())]
    OtherFormat {
        /// The file or folder.
        path: PathBuf,
        /// What it is, e.g. `a TorchScript program`.
        what: String,
        /// A line of Python that makes of it a file that is read, with `FILE` for its name; empty where
        /// none does.
        python: String,
    },
    /// The pickle names a Python function that runs programs, as no network does.
    #[error("refused `{name}`, which runs programs: {}", .path.display())]
    ForeignPickle {
        /// The file.
        path: PathBuf,
        /// The function, e.g. `os.system`.
        name: String,
    },
    /// The file is readable but holds no tensors where weights have them.
    #[error("no tensors in {}", .path.display())]
    NoTensors {
        /// The file.
        path: PathBuf,
    },
    /// A folder has several files of weights, which are not pieces of one.
    #[error("several files of weights in {}: {}", .path.display(), .files.join(", "))]
    SeveralFiles {
        /// The folder.
        path: PathBuf,
        /// The files' names.
        files: Vec<String>,
    },
    /// The file has no such part.
    #[error("nothing called `{part}` in {}{}", .path.display(), or_nearest(.nearest.as_deref()))]
    NoPart {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        part: String,
        /// The key most like it.
        nearest: Option<String>,
    },
    /// The file has two tensors of one name.
    #[error("tensor `{name}` is there twice: {}", .path.display())]
    TensorTwice {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// A tensor's numbers are not all numbers.
    #[error("tensor `{name}` holds NaN or infinite numbers: {}", .path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// The network needs a tensor that the file does not have.
    #[error("no tensor `{name}` in {}{}", .path.display(), or_nearest(.nearest.as_deref()))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The held name most like it.
        nearest: Option<String>,
    },
    /// A tensor has another shape than the network needs.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}: {}", .path.display())]
    WrongTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor's values are of a type that weights do not have here: integers, for instance.
    #[error("tensor `{name}` holds `{found}` instead of floating-point numbers: {}", .path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The type in the file.
        found: String,
    },
}

impl WeightsError {
    /// For `map_err`: the weights file at `path` is damaged.
    pub(crate) fn damaged_at<E: Into<Source>>(path: &Path) -> impl Fn(E) -> Self + Copy {
        move |source| Self::DamagedWeights {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}
