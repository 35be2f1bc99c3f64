//! From an unpickled object to named tensors: what the two torch formats have in common.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::contents::Contents;
use super::damage::Damage;
use super::numbers::{NumberType, Stored};
use super::objects::named;
use super::pickle::{Pickle, PickleError};
use crate::error::{Error, FileError, Result, WeightsError};

/// More numbers than this are not made of fewer: an expanded tensor could claim any memory.
const MAX_EXPANDED: usize = 1 << 16;

/// Where a storage's numbers lie in the file.
pub(super) struct Extent {
    /// Bytes from the start of the file.
    pub start: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Where each storage lies, by the number of its key among the pickle's texts.
pub(super) type Extents = HashMap<usize, Extent>;

/// Says which file a pickle error is about.
pub(super) fn locate(path: &Path) -> impl Fn(PickleError) -> Error + '_ {
    |error| match error {
        PickleError::Foreign(name) => {
            let path = path.into();
            WeightsError::ForeignPickle { path, name }.into()
        }
        PickleError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            FileError::read_at(path)(source).into()
        }
        damage => WeightsError::damaged_at(path)(damage).into(),
    }
}

/// The tensors in `pickle`, whose storages lie at `extents`.
pub(super) fn contents(
    pickle: &Pickle,
    extents: &Extents,
    path: &Path,
) -> Result<Contents, WeightsError> {
    let found = named(pickle).map_err(|damage| damage.of(path))?;
    let mut contents = Contents {
        groups: found.groups,
        beside: found.beside,
        module: found.module,
        ..Contents::default()
    };
    for (name, at) in found.tensors {
        let stored = place(pickle, at, extents).map_err(|damage| damage.of(path))?;
        let twice = contents.tensors.insert(name.clone(), stored);
        if twice.is_some() {
            let path = path.into();
            return Err(WeightsError::TensorTwice { path, name });
        }
    }
    Ok(contents)
}

/// Where a tensor lies in the file; it must lie within its storage.
fn place(pickle: &Pickle, tensor: usize, extents: &Extents) -> Result<Stored, Damage> {
    let view = &pickle.tensors[tensor];
    let storage = &pickle.storages[view.storage];
    let extent = extents.get(&storage.key).ok_or(Damage::MissingStorage)?;
    let size = view.numbers.size() as u64;
    let mut stored = Stored {
        numbers: view.numbers,
        shape: view.shape.clone(),
        strides: view.strides.clone(),
        file: 0,
        start: 0,
    };
    if stored.shape.len() != stored.strides.len() {
        return Err(Damage::Strides);
    }
    let (Some(count), Some(span)) = (stored.count(), stored.span()) else {
        return Err(Damage::OutOfStorage);
    };
    let first = storage.start.checked_mul(storage.numbers.size() as u64);
    let offset = view.offset.checked_mul(size);
    let first = first
        .zip(offset)
        .and_then(|(first, offset)| first.checked_add(offset));
    let bytes = (span as u64).checked_mul(size);
    let end = first
        .zip(bytes)
        .and_then(|(first, bytes)| first.checked_add(bytes));
    if count > span.max(MAX_EXPANDED) || end.is_none_or(|end| end > extent.bytes) {
        return Err(Damage::OutOfStorage);
    }
    stored.start = extent.start + first.unwrap_or(0);
    Ok(stored)
}

/// The number and type of each storage that `pickle` names, by its key.
pub(super) fn storage_types(pickle: &Pickle) -> HashMap<&str, (usize, NumberType)> {
    let storages = pickle.storages.iter();
    let typed: HashMap<usize, NumberType> = storages
        .map(|storage| (storage.key, storage.numbers))
        .collect();
    let named = typed
        .into_iter()
        .map(|(key, numbers)| (&*pickle.texts[key], (key, numbers)));
    named.collect()
}
