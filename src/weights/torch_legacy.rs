//! torch's format before 1.6: five pickles (magic number, protocol, machine, object, keys of the
//! storages), then each storage's length and numbers. Many well-known `.pth` files are like this.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::contents::Contents;
use super::damage::Damage;
use super::pickle::{Bytes, Pickle, Value};
use super::torch::{Extent, Extents, contents, locate, storage_types};
use crate::error::{Result, WeightsError};

/// How every such file begins: the magic number, pickled.
pub(super) const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// What the pickle stream in `file`, which stands at its start, has.
pub(super) fn read(file: &File, path: &Path) -> Result<Contents> {
    let mut bytes = Bytes::new(BufReader::new(file));
    let mut next = || Pickle::read(&mut bytes).map_err(locate(path));
    let (_magic, _protocol) = (next()?, next()?);
    if is_big_endian(&next()?) {
        return Err(Damage::BigEndian.of(path).into());
    }
    let (object, keys) = (next()?, next()?);
    let extents = extents(file, bytes.consumed, &object, &keys, path)?;
    Ok(contents(&object, &extents, path)?)
}

fn is_big_endian(machine: &Pickle) -> bool {
    let Value::Dict(entries) = machine.root else {
        return false;
    };
    let is_order = |&(key, value): &(Value, Value)| {
        machine.text(key) == Some("little_endian") && value == Value::Bool(false)
    };
    machine.dicts[entries].iter().any(is_order)
}

/// Where each storage lies, in the order of `keys`, from byte `start` on.
fn extents(
    mut file: &File,
    mut start: u64,
    object: &Pickle,
    keys: &Pickle,
    path: &Path,
) -> Result<Extents, WeightsError> {
    let Value::List(list) = keys.root else {
        return Err(Damage::MissingStorage.of(path));
    };
    let types = storage_types(object);
    let mut extents = Extents::new();
    for &key in &keys.lists[list] {
        let key = keys.text(key).unwrap_or_default();
        let storage = types.get(key);
        let &(key, numbers) = storage.ok_or_else(|| Damage::MissingStorage.of(path))?;
        let mut len = [0; 8];
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(&mut len))
            .map_err(WeightsError::damaged_at(path))?;
        let bytes = u64::from_le_bytes(len).checked_mul(numbers.size() as u64);
        let end = bytes.and_then(|bytes| bytes.checked_add(start + 8));
        let (Some(bytes), Some(end)) = (bytes, end.filter(|end| *end < u64::MAX / 2)) else {
            return Err(Damage::OutOfFile.of(path));
        };
        let extent = Extent {
            start: start + 8,
            bytes,
        };
        // Each is there once: a list may name one of them without end.
        if extents.insert(key, extent).is_some() {
            return Err(Damage::OutOfFile.of(path));
        }
        start = end;
    }
    Ok(extents)
}
