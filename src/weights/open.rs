//! From a path to what is in the files there: one of weights, an index of several, or a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Seek;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::contents::Contents;
use super::damage::Damage;
use super::numbers::Stored;
use super::{MAX_NAME, keras, other, safetensors, torch_legacy, torch_zip, zipped};
use crate::bounded;
use crate::error::{FileError, Result, WeightsError};

/// The largest index that is read, in bytes.
const MAX_INDEX: u64 = 64 << 20;
/// More files than any network is cut into.
const MAX_SHARDS: usize = 1000;
/// How files of weights end.
const ENDS: [&str; 7] = ["safetensors", "pth", "pt", "bin", "ckpt", "h5", "keras"];
/// What a folder of a model hub has.
const USUAL: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Opened files, and what is in them together.
pub struct Opened {
    pub paths: Vec<PathBuf>,
    pub files: Vec<File>,
    pub contents: Contents,
    /// What kind of file it is.
    pub kind: &'static str,
    /// Whether the network that it is of has the channels of a map last.
    pub channels_last: bool,
}

/// Where each tensor of several files is.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens what is at `path`.
pub fn open(path: &Path) -> Result<Opened> {
    if path.is_dir() {
        return of_folder(path);
    }
    let opened = one(path);
    match opened {
        Err(error) if path.extension().is_some_and(|end| end == "json") => match index(path)? {
            Some(index) => of_index(path, &index),
            None => Err(error),
        },
        opened => opened,
    }
}

/// One file.
fn one(path: &Path) -> Result<Opened> {
    let failed = FileError::read_at(path);
    let mut file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let first = other::first_bytes(&file).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let mut channels_last = false;
    let (kind, mut contents) = if first.starts_with(b"PK\x03\x04") {
        let zip = zipped::open(&file).map_err(WeightsError::damaged_at(path))?;
        if zip.index_for_name(keras::MEMBER).is_some() {
            channels_last = true;
            ("Keras' .keras", keras::read_zip(zip, &file, path)?)
        } else {
            ("torch", torch_zip::read(zip, len, path)?)
        }
    } else if first.starts_with(torch_legacy::MAGIC) {
        ("torch before 1.6", torch_legacy::read(&file, path)?)
    } else if first.starts_with(keras::MAGIC) {
        channels_last = true;
        ("Keras' HDF5", keras::read(&file, path)?)
    } else if safetensors::is_likely(&first, len) {
        ("safetensors", safetensors::read(&file, path)?)
    } else if let Some(other) = other::of_bytes(&first, path) {
        return Err(other.error(path).into());
    } else {
        return Err(WeightsError::WeightsFormat { path: path.into() }.into());
    };
    contents.tensors.retain(|name, _| name.len() <= MAX_NAME);
    check(&contents, len, path)?;
    Ok(Opened {
        paths: vec![path.to_owned()],
        files: vec![file],
        contents,
        kind,
        channels_last,
    })
}

/// That there are tensors, and that the file, `len` bytes long, has them.
fn check(contents: &Contents, len: u64, path: &Path) -> Result<(), WeightsError> {
    let of_training = |name: &String| {
        name.split('.')
            .next()
            .is_some_and(|key| key.contains("optim"))
    };
    if let Some(class) = &contents.module
        && contents.tensors.keys().all(of_training)
    {
        return Err(WeightsError::OtherFormat {
            path: path.into(),
            what: format!("{} of class `{class}`", other::MODULE.what),
            python: other::MODULE.python.to_owned(),
        });
    }
    if contents.tensors.is_empty() {
        return Err(WeightsError::NoTensors { path: path.into() });
    }
    if !contents
        .tensors
        .values()
        .all(|stored| lies_within(stored, len))
    {
        return Err(Damage::OutOfFile.of(path));
    }
    Ok(())
}

/// Whether the file is long enough for the tensor; also that its length in bytes does not overflow.
fn lies_within(stored: &Stored, len: u64) -> bool {
    let bytes = stored
        .span()
        .and_then(|span| span.checked_mul(stored.numbers.size()));
    let end = bytes.and_then(|bytes| stored.start.checked_add(bytes as u64));
    end.is_some_and(|end| end <= len)
}

/// The index of several files that is at `path`, if it is one.
fn index(path: &Path) -> Result<Option<Index>, FileError> {
    let text = bounded::read(path, MAX_INDEX).map_err(FileError::read_at(path))?;
    Ok(serde_json::from_slice(&text).ok())
}

/// The files that an index names, which lie beside it.
fn of_index(path: &Path, index: &Index) -> Result<Opened> {
    let names: BTreeSet<&String> = index.weight_map.values().collect();
    let is_plain = |name: &&&String| {
        let parts = Path::new(name.as_str()).components().count();
        parts == 1 && !name.contains(['/', '\\']) && name.as_str() != ".."
    };
    if !names.iter().all(|name| is_plain(&name)) {
        return Err(Damage::Outside.of(path).into());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let files = names.into_iter().map(|name| folder.join(name)).collect();
    let mut opened = several(path, files, Some(index))?;
    opened.paths.push(path.to_owned());
    Ok(opened)
}

/// Several files as one. Where an index says in which of them a tensor is, it is not looked for in the
/// others.
fn several(path: &Path, files: Vec<PathBuf>, index: Option<&Index>) -> Result<Opened> {
    if files.is_empty() || files.len() > MAX_SHARDS {
        return Err(Damage::Shards.of(path).into());
    }
    let mut all: Option<Opened> = None;
    for (number, shard) in files.into_iter().enumerate() {
        let mut opened = one(&shard)?;
        let name = shard.file_name().and_then(|name| name.to_str());
        if let Some(index) = index {
            let is_of = |tensor: &String| index.weight_map.get(tensor).map(String::as_str) == name;
            opened.contents.tensors.retain(|tensor, _| is_of(tensor));
        }
        let Some(all) = &mut all else {
            all = Some(opened);
            continue;
        };
        for (name, stored) in opened.contents.tensors {
            let stored = Stored {
                file: number,
                ..stored
            };
            if all.contents.tensors.insert(name.clone(), stored).is_some() {
                let path = path.to_owned();
                return Err(WeightsError::TensorTwice { path, name }.into());
            }
        }
        all.contents.groups.extend(opened.contents.groups);
        all.paths.append(&mut opened.paths);
        all.files.append(&mut opened.files);
    }
    let mut all = all.ok_or_else(|| Damage::Shards.of(path))?;
    if let [group, ..] = all.contents.groups.as_mut_slice()
        && group.prefix.is_empty()
    {
        group.tensors = all.contents.tensors.len();
    }
    Ok(all)
}

/// What a folder has: an index, files that together are one, or a single file.
fn of_folder(folder: &Path) -> Result<Opened> {
    if let Some(other) = other::of_folder(folder) {
        return Err(other.error(folder).into());
    }
    let entries = fs::read_dir(folder).map_err(FileError::read_at(folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let ends = |path: &&PathBuf, end: &str| name(path).is_some_and(|name| name.ends_with(end));
    if let Some(path) = paths.iter().find(|path| ends(path, ".index.json"))
        && let Some(index) = index(path)?
    {
        return of_index(path, &index);
    }
    let is_weights = |path: &&PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        end.is_some_and(|end| ENDS.contains(&end)) && path.is_file()
    };
    let files: Vec<&PathBuf> = paths.iter().filter(is_weights).collect();
    let is_usual = |path: &&&PathBuf| name(path).is_some_and(|name| USUAL.contains(&name.as_str()));
    let shards = files
        .iter()
        .filter_map(|path| Some((*path, shards(&name(path)?)?)));
    let shards: Vec<(&PathBuf, usize)> = shards.collect();
    match (files.as_slice(), shards.first()) {
        ([], _) => Err(WeightsError::NoTensors {
            path: folder.into(),
        }
        .into()),
        ([file], None) => one(file),
        (_, Some((_, count))) if shards.len() == *count => several(
            folder,
            shards.into_iter().map(|(path, _)| path.clone()).collect(),
            None,
        ),
        (_, Some(_)) => Err(Damage::Shards.of(folder).into()),
        (files, None) => match files.iter().find(is_usual) {
            Some(file) => one(file),
            None => Err(WeightsError::SeveralFiles {
                path: folder.into(),
                files: files.iter().filter_map(|path| name(path)).collect(),
            }
            .into()),
        },
    }
}

/// How many files there are of which this is one, called `model-00001-of-00003.safetensors` say.
fn shards(name: &str) -> Option<usize> {
    let (_, rest) = name.rsplit_once("-of-")?;
    rest.split('.').next()?.parse().ok()
}
