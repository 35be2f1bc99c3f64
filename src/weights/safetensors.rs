//! The safetensors format: a JSON header with each tensor's type, shape and place, then the bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};

use super::contents::Contents;
use super::damage::Damage;
use super::numbers::{NumberType, Stored};
use crate::error::{FileError, Result, WeightsError};

/// The longest header that is read, in bytes: ten times what the largest networks have. The format
/// itself allows 100 MB, of which reading would make a gigabyte.
const MAX_HEADER: u64 = 8 << 20;

/// Whether a file of `len` bytes with these first nine bytes can be one.
pub(super) fn is_likely(first: &[u8], len: u64) -> bool {
    let header = header_len(first).and_then(|header| header.checked_add(8));
    header.is_some_and(|end| end <= len) && first.get(8) == Some(&b'{')
}

fn header_len(first: &[u8]) -> Option<u64> {
    first.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The tensors of `file`, which stands at its start.
pub(super) fn read(mut file: &File, path: &Path) -> Result<Contents> {
    let failed = FileError::read_at(path);
    let mut len = [0; 8];
    file.read_exact(&mut len).map_err(failed)?;
    let len = u64::from_le_bytes(len);
    if len > MAX_HEADER {
        return Err(Damage::TooMuch.of(path).into());
    }
    let mut header = Vec::new();
    file.take(len).read_to_end(&mut header).map_err(failed)?;
    // `Metadata` checks that the tensors lie side by side and have the bytes their shapes need.
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(WeightsError::damaged_at(path))?;
    let stored = |(name, info): (String, &TensorInfo)| {
        let start = (8 + len).checked_add(info.data_offsets.0 as u64);
        let start = start.ok_or_else(|| Damage::OutOfFile.of(path))?;
        Ok((
            name,
            Stored::row_major(number_type(info.dtype), info.shape.clone(), start),
        ))
    };
    let tensors = metadata.tensors().into_iter().map(stored);
    Ok(Contents::of(tensors.collect::<Result<_>>()?))
}

fn number_type(dtype: Dtype) -> NumberType {
    let name = match dtype {
        Dtype::F16 => return NumberType::F16,
        Dtype::BF16 => return NumberType::Bf16,
        Dtype::F32 => return NumberType::F32,
        Dtype::F64 => return NumberType::F64,
        Dtype::BOOL => "bool",
        Dtype::U8 => "uint8",
        Dtype::I8 => "int8",
        Dtype::I16 => "int16",
        Dtype::U16 => "uint16",
        Dtype::I32 => "int32",
        Dtype::U32 => "uint32",
        Dtype::I64 => "int64",
        Dtype::U64 => "uint64",
        _ => "a type that weights do not have",
    };
    NumberType::Other {
        name,
        size: dtype.bitsize() / 8,
    }
}
