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
    /// A layer that is to be put behind a pooling takes another number of values than that makes.
    #[error("`{name}` is a {what} {takes}→{outputs}, and {given} values come to it: {}", .path.display())]
    HeadMisfit {
        /// The file.
        path: PathBuf,
        /// The layer's name.
        name: String,
        /// Linear layer or batch norm.
        what: &'static str,
        /// How many values it takes.
        takes: usize,
        /// How many it makes.
        outputs: usize,
        /// How many it is given.
        given: usize,
    },
    /// A tensor is of neither kind of layer that can be put behind a pooling.
    #[error("`{name}` of shape {shape:?} is neither a linear layer nor a batch norm: {}", .path.display())]
    NoHead {
        /// The file.
        path: PathBuf,
        /// The layer's name.
        name: String,
        /// The shape of its weight.
        shape: Vec<usize>,
    },
    /// No single layer is called as projections are, and takes so many values.
    #[error("no one projection of {inputs} values is found by its name in {}{}", .path.display(), of_these(.candidates))]
    HeadNotFound {
        /// The file.
        path: PathBuf,
        /// How many values there are.
        inputs: usize,
        /// Layers that take as many.
        candidates: Vec<String>,
    },
    /// What was named as GeM's exponent is not one number in 0 … 100, or none or several are called so.
    #[error("`{name}` is not one number in 0 … 100: shape {shape:?} in {}{}", .path.display(), of_these(.candidates))]
    NoExponent {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Numbers that may be meant.
        candidates: Vec<String>,
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

/// The end of a message about a choice that was not made.
fn of_these(candidates: &[String]) -> String {
    if candidates.is_empty() {
        return ", nor anything that fits".to_owned();
    }
    format!("; what fits: `{}`", candidates.join("`, `"))
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
