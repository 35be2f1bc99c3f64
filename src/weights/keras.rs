//! Keras' files: HDF5, as its `.h5` of any age and its `.weights.h5`.
//!
//! Tensors come out as torch has them: called `LAYER.weight`, `LAYER.bias`, `LAYER.running_mean`,
//! `LAYER.running_var`, with the outputs first. Keras has them last, so that a tensor is one seen by
//! other strides. What Keras keeps beside them, such as an optimizer's state, is passed over.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::error::ByteOrder;
use hdf5_reader::group::Group;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::storage::{FileStorage, Storage as _};
use hdf5_reader::{Dataset, Datatype, Hdf5File};

use super::damage::Damage;
use super::metered::Metered;
use super::numbers::{NumberType, Stored, Tensors};
use crate::caught::caught;
use crate::error::{Result, WeightsError};

/// What a file starts with.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Groups within groups that are followed: more than Keras nests.
const MAX_DEPTH: usize = 8;
/// What `.weights.h5` calls the group of a layer's tensors, which are numbered in it.
const NUMBERED: &str = "vars";

/// The tensors of `file`. What the library adds up of a file's numbers may overflow, and is that file's
/// error.
pub(super) fn read(file: &File, path: &Path) -> Result<Tensors, WeightsError> {
    let gave_up = |said: String| Err(WeightsError::damaged_at(path)(said));
    caught(|| read_whole(file, path)).unwrap_or_else(gave_up)
}

fn read_whole(file: &File, path: &Path) -> Result<Tensors, WeightsError> {
    let (file, len) = open(file).map_err(WeightsError::damaged_at(path))?;
    let mut reader = Reader {
        file,
        path,
        tensors: Tensors::new(),
        seen: HashSet::new(),
        // Even the shortest takes more than that.
        members_left: 64 + len / 16,
    };
    let root = reader.file.root_group();
    let root = root.map_err(WeightsError::damaged_at(path))?;
    reader.walk(&root, "", MAX_DEPTH)?;
    Ok(reader.tensors)
}

/// The file, and its length in bytes.
fn open(file: &File) -> hdf5_reader::error::Result<(Hdf5File, u64)> {
    let storage = Metered::new(FileStorage::from_file(file.try_clone()?)?);
    let len = storage.len();
    Ok((Hdf5File::from_storage(Arc::new(storage))?, len))
}

struct Reader<'a> {
    file: Hdf5File,
    path: &'a Path,
    tensors: Tensors,
    /// Where the groups are that were walked: one may lie in itself, under any number of names.
    seen: HashSet<u64>,
    /// How many members of groups may still be looked at: groups may share theirs.
    members_left: u64,
}

impl Reader<'_> {
    /// Notes the tensors of `group`, whose layer is called `layer` unless it says otherwise.
    fn walk(&mut self, group: &Group, layer: &str, depth: usize) -> Result<(), WeightsError> {
        if !self.seen.insert(group.address()) {
            return Ok(());
        }
        let members = group.members();
        let (groups, datasets) = members.map_err(WeightsError::damaged_at(self.path))?;
        let left = self.members_left;
        let left = left.checked_sub(1 + (groups.len() + datasets.len()) as u64);
        self.members_left = left.ok_or_else(|| Damage::TooMuch.of(self.path))?;
        let name = group.name().trim_matches('/');
        let name = name.rsplit('/').next().unwrap_or_default();
        let layer = match name {
            // The group around it is called by the layer's kind and a running number.
            NUMBERED => named(group).unwrap_or_else(|| layer.to_owned()),
            _ => name.to_owned(),
        };
        let count = datasets.len();
        for dataset in datasets {
            if let Some(part) = part(dataset.name(), count, dataset.ndim()) {
                let stored = self.place(&dataset)?;
                self.tensors.insert(format!("{layer}.{part}"), stored);
            }
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(());
        };
        for group in groups {
            if !group.name().contains("optimizer") {
                self.walk(&group, &layer, depth)?;
            }
        }
        Ok(())
    }

    /// Where a tensor's numbers lie, and how they are walked with the outputs first.
    fn place(&self, dataset: &Dataset) -> Result<Stored, WeightsError> {
        let numbers = match dataset.dtype() {
            Datatype::FloatingPoint {
                byte_order: ByteOrder::BigEndian,
                ..
            } => return Err(Damage::BigEndian.of(self.path)),
            Datatype::FloatingPoint { size: 2, .. } => NumberType::F16,
            Datatype::FloatingPoint { size: 4, .. } => NumberType::F32,
            Datatype::FloatingPoint { size: 8, .. } => NumberType::F64,
            // Never read, so that its size does not matter.
            _ => NumberType::Other {
                name: "another type",
                size: 1,
            },
        };
        let header = self.file.get_or_parse_header(dataset.address());
        let header = header.map_err(WeightsError::damaged_at(self.path))?;
        let address = header.messages.iter().find_map(|message| match message {
            HdfMessage::DataLayout(message) => match message.layout {
                DataLayout::Contiguous { address, .. } => Some(address),
                _ => None,
            },
            _ => None,
        });
        let address = address.ok_or_else(|| Damage::Chunked.of(self.path))?;
        let shape = dataset.shape().iter().map(|&side| usize::try_from(side));
        let shape: Result<Vec<usize>, _> = shape.collect();
        let shape = shape.map_err(|_| Damage::OutOfFile.of(self.path))?;
        Ok(outputs_first(Stored::row_major(numbers, shape, address)))
    }
}

/// What `.weights.h5` calls a layer: its own name, since Keras 3.
fn named(group: &Group) -> Option<String> {
    group.attribute("name").ok()?.read_string().ok()
}

/// A tensor's name at torch, by what Keras calls it (`kernel:0`, of old `block1_conv1_W_1:0`) or, in
/// `.weights.h5`, by its number among its layer's.
fn part(name: &str, count: usize, axes: usize) -> Option<&'static str> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.strip_suffix(":0").unwrap_or(name);
    Some(match (name, count) {
        ("kernel" | "gamma", _) => "weight",
        // Numbers: a norm's four, else a kernel, perhaps with a bias.
        ("0", _) if count == 4 || axes > 1 => "weight",
        ("bias" | "beta" | "1", _) => "bias",
        ("moving_mean", _) | ("2", 4) => "running_mean",
        ("moving_variance", _) | ("3", 4) => "running_var",
        _ if name.ends_with("_W_1") || name.ends_with("_W") => "weight",
        _ if name.ends_with("_b_1") || name.ends_with("_b") => "bias",
        _ => return None,
    })
}

/// From rows, columns, inputs, outputs to outputs, inputs, rows, columns; from inputs, outputs to
/// outputs, inputs.
fn outputs_first(stored: Stored) -> Stored {
    let order: &[usize] = match stored.shape.len() {
        4 => &[3, 2, 0, 1],
        2 => &[1, 0],
        _ => return stored,
    };
    Stored {
        shape: order.iter().map(|&axis| stored.shape[axis]).collect(),
        strides: order.iter().map(|&axis| stored.strides[axis]).collect(),
        ..stored
    }
}
