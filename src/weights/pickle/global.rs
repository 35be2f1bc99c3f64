//! The classes and functions that a pickle names.

use super::error::{PickleError, Result};
use crate::weights::numbers::NumberType;

/// Longest name of a class or function, in bytes; it is told when it is refused.
const MAX_NAME: usize = 200;

/// Modules of which nothing belongs into a file of data.
const REFUSED_MODULES: [&str; 12] = [
    "posix",
    "nt",
    "subprocess",
    "_posixsubprocess",
    "pty",
    "socket",
    "shutil",
    "runpy",
    "ctypes",
    "importlib",
    "webbrowser",
    "code",
];
/// Functions of other modules that run programs or texts.
const REFUSED: [(&str, &[&str]); 3] = [
    (
        "os",
        &[
            "system",
            "popen",
            "remove",
            "unlink",
            "rmdir",
            "putenv",
            "kill",
            "fork",
            "execv",
            "execve",
            "execl",
            "execlp",
            "execvp",
            "spawnl",
            "spawnv",
            "spawnvp",
            "startfile",
        ],
    ),
    (
        "builtins",
        &[
            "eval",
            "exec",
            "compile",
            "__import__",
            "open",
            "input",
            "breakpoint",
        ],
    ),
    (
        "__builtin__",
        &[
            "eval",
            "exec",
            "execfile",
            "compile",
            "__import__",
            "open",
            "file",
            "apply",
        ],
    ),
];

/// What tensors are pickled with, and whatever else there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Global {
    Dict,
    RebuildTensor,
    /// The same, saying the type of its numbers.
    RebuildTyped,
    RebuildParameter,
    RebuildOfClass,
    Size,
    Storage(NumberType),
    /// Number of an entry of the pickle's texts.
    Other(usize),
}

impl Global {
    /// What is known of tensors.
    pub fn known(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") | ("builtins" | "__builtin__", "dict") => {
                Some(Self::Dict)
            }
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_qtensor") => {
                Some(Self::RebuildTensor)
            }
            ("torch._utils", "_rebuild_tensor_v3") => Some(Self::RebuildTyped),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::RebuildParameter)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => Some(Self::RebuildOfClass),
            ("torch", "Size") => Some(Self::Size),
            ("torch" | "torch.storage", storage) => {
                NumberType::of_storage(storage).map(Self::Storage)
            }
            _ => None,
        }
    }

    /// The full name of one that is passed over.
    ///
    /// # Errors
    /// [`PickleError::Foreign`] for what runs programs.
    pub fn other(module: &str, name: &str) -> Result<String> {
        let first = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
        let refused = REFUSED
            .iter()
            .any(|(room, names)| *room == module && names.contains(&first(name).as_str()));
        let full: String = format!("{module}.{name}").chars().take(MAX_NAME).collect();
        if refused || REFUSED_MODULES.contains(&first(module).as_str()) {
            return Err(PickleError::Foreign(full));
        }
        Ok(full)
    }
}
