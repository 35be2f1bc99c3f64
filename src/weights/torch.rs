//! From an unpickled object to named tensors: what the two torch formats have in common.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use super::damage::Damage;
use super::numbers::{NumberType, Stored, Tensors};
use super::pickle::{Pickle, PickleError, Value};
use crate::error::{Error, FileError, Result, WeightsError};

/// Keys under which training scripts put the tensors, the likelier ones first.
const WRAPPERS: [&str; 9] = [
    "state_dict",
    "model_state_dict",
    "model",
    "model_ema",
    "state_dict_ema",
    "ema_state_dict",
    "net",
    "network",
    "params",
];
/// Wrappers within wrappers that are followed.
const MAX_DEPTH: usize = 3;

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

/// The tensors of the state dict in `pickle`, whose storages lie at `extents`.
pub(super) fn tensors(
    pickle: &Pickle,
    extents: &Extents,
    path: &Path,
) -> Result<Tensors, WeightsError> {
    let no_tensors = || WeightsError::NoTensors { path: path.into() };
    let dict = state_dict(pickle, pickle.root, MAX_DEPTH, &mut HashSet::new());
    let dict = dict.ok_or_else(no_tensors)?;
    // The last word about a name counts. By number, so that a long name is copied once.
    let mut named: HashMap<usize, usize> = HashMap::new();
    for &(name, value) in dict {
        if let (Value::Text(name), Value::Tensor(at)) = (name, value) {
            named.insert(name, at);
        }
    }
    let mut tensors = Tensors::new();
    for (name, at) in named {
        let stored = place(pickle, at, extents).map_err(|damage| damage.of(path))?;
        tensors.insert(pickle.texts[name].clone(), stored);
    }
    Ok(tensors)
}

/// The dict that has tensors as values, under however many wrappers.
fn state_dict<'a>(
    pickle: &'a Pickle,
    value: Value,
    depth: usize,
    seen: &mut HashSet<usize>,
) -> Option<&'a [(Value, Value)]> {
    let Value::Dict(dict) = value else {
        return None;
    };
    // It may hold itself, under all of the names.
    if !seen.insert(dict) {
        return None;
    }
    let dict = &pickle.dicts[dict];
    if dict
        .iter()
        .any(|(_, value)| matches!(value, Value::Tensor(_)))
    {
        return Some(dict);
    }
    let depth = depth.checked_sub(1)?;
    let mut wrapped = |key: &&str| {
        let held = dict
            .iter()
            .find(|(name, _)| pickle.text(*name) == Some(key));
        state_dict(pickle, held?.1, depth, seen)
    };
    WRAPPERS.iter().find_map(&mut wrapped)
}

/// Where a tensor lies in the file; it must lie within its storage.
fn place(pickle: &Pickle, tensor: usize, extents: &Extents) -> Result<Stored, Damage> {
    let view = &pickle.tensors[tensor];
    let storage = &pickle.storages[view.storage];
    let extent = extents.get(&storage.key).ok_or(Damage::MissingStorage)?;
    let size = storage.numbers.size() as u64;
    let mut stored = Stored {
        numbers: storage.numbers,
        shape: view.shape.clone(),
        strides: view.strides.clone(),
        start: 0,
    };
    if stored.shape.len() != stored.strides.len() {
        return Err(Damage::Strides);
    }
    let (Some(count), Some(span)) = (stored.count(), stored.span()) else {
        return Err(Damage::OutOfStorage);
    };
    let first = storage.start.checked_add(view.offset);
    let end = first.and_then(|first| first.checked_add(span as u64));
    let end = end.and_then(|end| end.checked_mul(size));
    // More numbers than the span has would be an expanded tensor, which could claim any memory.
    if count > span || end.is_none_or(|end| end > extent.bytes) {
        return Err(Damage::OutOfStorage);
    }
    stored.start = extent.start + first.unwrap_or(0) * size;
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
