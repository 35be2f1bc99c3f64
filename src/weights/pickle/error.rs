//! What can be wrong with a pickle.

use std::io;

/// Why a pickle could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PickleError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("refused `{0}`")]
    Foreign(String),
    #[error("unknown pickle instruction: {0:#04x}")]
    Instruction(u8),
    #[error("a pickle instruction lacks its operand")]
    Operand,
    #[error("the pickle is larger than any network's")]
    TooLarge,
    #[error("a tensor is not made of what tensors are made of")]
    Tensor,
}

pub(super) type Result<T> = std::result::Result<T, PickleError>;
