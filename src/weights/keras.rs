//! Keras' files: HDF5, as its `.h5` of any age and its `.weights.h5`, and its `.keras`, a zip with one
//! of them.
//!
//! Tensors come out as torch has them: called `LAYER.weight`, `LAYER.bias`, `LAYER.running_mean`,
//! `LAYER.running_var`, with the outputs first. Keras has them last, so that a tensor is one seen by
//! other strides. What Keras keeps beside them, such as an optimizer's state, is passed over.

use std::collections::HashSet;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::error::ByteOrder;
use hdf5_reader::group::Group;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::storage::{FileStorage, Storage as _};
use hdf5_reader::{Dataset, Datatype, Hdf5File};

use super::contents::Contents;
use super::damage::Damage;
use super::metered::Metered;
use super::numbers::{NumberType, Stored, Tensors};
use super::zipped::Zipped;
use crate::caught::caught;
use crate::error::{Result, WeightsError};

/// What a file starts with.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Groups within groups that are followed: more than Keras nests.
const MAX_DEPTH: usize = 8;
/// What `.weights.h5` calls the group of a layer's tensors, which are numbered in it.
const NUMBERED: &str = "vars";

/// What `.keras` calls the file with its numbers.
pub(super) const MEMBER: &str = "model.weights.h5";

/// What `file` has. What the library adds up of a file's numbers may overflow, and is that file's
/// error.
pub(super) fn read(file: &File, path: &Path) -> Result<Contents, WeightsError> {
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    read_within(file, path, 0..len)
}

/// What the zip that Keras 3 writes has.
pub(super) fn read_zip(
    mut zip: Zipped<'_>,
    file: &File,
    path: &Path,
) -> Result<Contents, WeightsError> {
    let member = zip
        .by_name(MEMBER)
        .map_err(WeightsError::damaged_at(path))?;
    let (start, len) = (member.data_start(), member.size());
    match start {
        Some(start) if member.compression() == zip::CompressionMethod::Stored => {
            read_within(file, path, start..start.saturating_add(len))
        }
        _ => Err(Damage::Compressed.of(path)),
    }
}

/// What lies in these bytes of `file`.
fn read_within(file: &File, path: &Path, bytes: Range<u64>) -> Result<Contents, WeightsError> {
    let gave_up = |said: String| Err(WeightsError::damaged_at(path)(said));
    caught(|| read_whole(file, path, bytes)).unwrap_or_else(gave_up)
}

fn read_whole(file: &File, path: &Path, bytes: Range<u64>) -> Result<Contents, WeightsError> {
    let start = bytes.start;
    let (file, len) = open(file, bytes).map_err(WeightsError::damaged_at(path))?;
    let mut reader = Reader {
        file,
        path,
        start,
        tensors: Tensors::new(),
        seen: HashSet::new(),
        // Even the shortest takes more than that.
        members_left: 64 + len / 16,
    };
    let root = reader.file.root_group();
    let root = root.map_err(WeightsError::damaged_at(path))?;
    reader.walk(&root, "", MAX_DEPTH)?;
    Ok(Contents::of(reader.tensors))
}

/// The file, and its length in bytes.
fn open(file: &File, bytes: Range<u64>) -> hdf5_reader::error::Result<(Hdf5File, u64)> {
    let storage = Metered::new(FileStorage::from_file(file.try_clone()?)?, bytes);
    let len = storage.len();
    Ok((Hdf5File::from_storage(Arc::new(storage))?, len))
}

struct Reader<'a> {
    file: Hdf5File,
    path: &'a Path,
    /// Where it begins in the file around it.
    start: u64,
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
        let address = address.checked_add(self.start);
        let address = address.ok_or_else(|| Damage::OutOfFile.of(self.path))?;
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
