//! What can be wrong with a file of weights.

use std::path::{Path, PathBuf};

use super::cause::{Source, or_nearest};

/// Why a file has not the weights that a network needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is in none of the formats that weights come in.
    #[error("not a weights file (neither safetensors nor torch): {}", .path.display())]
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
    /// The pickle names a Python class or function that is not part of a tensor.
    #[error("refused `{name}`, which is not a tensor: {}", .path.display())]
    ForeignPickle {
        /// The file.
        path: PathBuf,
        /// The class or function, e.g. `argparse.Namespace`.
        name: String,
    },
    /// The file is readable but holds no tensors where weights have them.
    #[error("no tensors in {}", .path.display())]
    NoTensors {
        /// The file.
        path: PathBuf,
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
