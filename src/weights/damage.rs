//! What can be wrong inside a file of weights.

use std::path::Path;

use crate::error::WeightsError;

/// What can be wrong inside a file whose format is right.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("a tensor's numbers are missing")]
    MissingStorage,
    #[error("a tensor has not as many strides as axes")]
    Strides,
    #[error("a tensor reaches beyond its storage")]
    OutOfStorage,
    #[error("a tensor reaches beyond the end of the file")]
    OutOfFile,
    #[error("its numbers are compressed, which torch never does")]
    Compressed,
    #[error("its numbers are big-endian")]
    BigEndian,
    #[error("it would take far more memory or time than a file of its size has in it")]
    TooMuch,
    #[error("a tensor's numbers are in pieces, which Keras never does")]
    Chunked,
    #[error("it names files outside of its folder")]
    Outside,
    #[error("not all of the files that it is cut into are there")]
    Shards,
}

impl Damage {
    pub fn of(self, path: &Path) -> WeightsError {
        WeightsError::damaged_at(path)(self)
    }
}
