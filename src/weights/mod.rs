//! Files of named tensors, in the formats in which people share trained networks.
//!
//! A [`WeightsFile`] knows the tensors' names and shapes and reads the numbers of those that are
//! asked for, and no others. It does not know which network they belong to: `Parameters` asks it
//! for what a network needs. The format is told by content: safetensors, torch's zip, the
//! pickle stream that torch wrote before 1.6, and Keras' HDF5. Files come from strangers: nothing in them is ever
//! executed, and no length in them is believed before it was compared with the file's.

mod damage;
mod keras;
mod metered;
mod numbers;
pub mod parameters;
pub(crate) mod pickle;
mod safetensors;
mod torch;
mod torch_legacy;
mod torch_zip;

use std::fs::File;
#[cfg(not(unix))]
use std::io::SeekFrom;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
#[cfg(not(unix))]
use std::sync::{Mutex, PoisonError};

use self::damage::Damage;
use self::numbers::{NumberType, Stored, Tensors};
use crate::error::{FileError, Result, WeightsError};
use crate::nearest::nearest;

/// Longer names, in bytes, are no network's: they are passed over, since each is looked at often.
const MAX_NAME: usize = 1000;

/// What wrapping a network in Python puts before every name: `DataParallel`, `compile`, and the
/// usual names of a network within a training script's module.
const PREFIXES: [&str; 6] = [
    "module.",
    "_orig_mod.",
    "model.",
    "net.",
    "network.",
    "backbone.",
];

/// An opened file of named tensors.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    file: File,
    tensors: Tensors,
    /// Whether the network that it is of has the channels of a map last.
    channels_last: bool,
}

impl WeightsFile {
    /// Opens `path` and reads the names, types and shapes of its tensors.
    ///
    /// Tensors under a key such as `state_dict` are found there, and a prefix such as `module.`
    /// that all names share is taken away.
    ///
    /// # Errors
    /// [`FileError::Read`]; [`WeightsError::WeightsFormat`], [`WeightsError::DamagedWeights`],
    /// [`WeightsError::NoTensors`] where the file is no weights file;
    /// [`WeightsError::ForeignPickle`] where it holds more than tensors and plain values.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let failed = FileError::read_at(&path);
        let mut file = File::open(&path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut first = Vec::new();
        (&file).take(16).read_to_end(&mut first).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let tensors = if first.starts_with(b"PK\x03\x04") {
            torch_zip::read(&file, &path)?
        } else if first.starts_with(torch_legacy::MAGIC) {
            torch_legacy::read(&file, &path)?
        } else if first.starts_with(keras::MAGIC) {
            keras::read(&file, &path)?
        } else if safetensors::is_likely(&first, len) {
            safetensors::read(&file, &path)?
        } else {
            return Err(WeightsError::WeightsFormat { path }.into());
        };
        let mut tensors = tensors;
        tensors.retain(|name, _| name.len() <= MAX_NAME);
        if tensors.is_empty() {
            return Err(WeightsError::NoTensors { path }.into());
        }
        if !tensors.values().all(|stored| lies_within(stored, len)) {
            return Err(Damage::OutOfFile.of(&path).into());
        }
        let tensors = without_prefix(tensors);
        Ok(Self {
            path,
            file,
            tensors,
            channels_last: first.starts_with(keras::MAGIC),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of the tensor called `name`, if there is one.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.shape.as_slice())
    }

    /// The numbers of the tensor called `name`, row-major, as f32 whatever they are stored as.
    ///
    /// # Errors
    /// [`WeightsError::MissingTensor`]; [`WeightsError::WrongTensor`] where its shape is not
    /// `expected`; [`WeightsError::TensorType`] where its numbers are integers;
    /// [`FileError::Read`].
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        let stored = self.find(name, expected)?;
        Ok(stored.in_order(self.span(stored)?))
    }

    fn find(&self, name: &str, expected: &[usize]) -> Result<&Stored, WeightsError> {
        let path = || self.path.clone();
        let stored = self.tensors.get(name);
        let stored = stored.ok_or_else(|| WeightsError::MissingTensor {
            path: path(),
            name: name.to_owned(),
            nearest: nearest(name, self.names()),
        })?;
        if stored.shape != expected {
            return Err(WeightsError::WrongTensor {
                path: path(),
                name: name.to_owned(),
                expected: expected.to_vec(),
                found: stored.shape.clone(),
            });
        }
        if let NumberType::Other { name: found, .. } = stored.numbers {
            return Err(WeightsError::TensorType {
                path: path(),
                name: name.to_owned(),
                found: found.to_owned(),
            });
        }
        Ok(stored)
    }

    /// The numbers of a linear layer called `name` as those of a convolution whose kernel covers the
    /// map that the layer sees flattened: `[outputs, inputs, rows, columns]`.
    ///
    /// # Errors
    /// As [`WeightsFile::tensor`].
    pub fn matrix_as_kernel(&self, name: &str, shape: [usize; 4]) -> Result<Vec<f32>> {
        let [outputs, inputs, rows, columns] = shape;
        let cells = rows * columns;
        let matrix = self.tensor(name, &[outputs, inputs * cells])?;
        // torch flattens a map as C × H × W, which is a kernel's order; Keras as H × W × C.
        if !self.channels_last || cells == 1 {
            return Ok(matrix);
        }
        let mut kernel = Vec::with_capacity(matrix.len());
        for output in matrix.chunks_exact(inputs * cells) {
            for input in 0..inputs {
                kernel.extend(output[input..].iter().step_by(inputs));
            }
        }
        Ok(kernel)
    }

    /// The numbers from a tensor's first to its last.
    fn span(&self, stored: &Stored) -> Result<Vec<f32>, FileError> {
        let len = stored.span().unwrap_or(0);
        if stored.numbers == NumberType::F32 {
            // Read to where they stay: this is a file of hundreds of megabytes.
            let mut numbers = vec![0.0f32; len];
            self.read(stored, bytemuck::cast_slice_mut(&mut numbers))?;
            for number in &mut numbers {
                *number = f32::from_bits(u32::from_le(number.to_bits()));
            }
            return Ok(numbers);
        }
        let mut bytes = vec![0; len * stored.numbers.size()];
        self.read(stored, &mut bytes)?;
        Ok(stored.numbers.to_f32(&bytes).unwrap_or_default())
    }

    /// Reads the bytes from a tensor's first number on.
    fn read(&self, stored: &Stored, bytes: &mut [u8]) -> Result<(), FileError> {
        let read = read_exact_at(&self.file, bytes, stored.start);
        read.map_err(FileError::read_at(&self.path))
    }
}

/// Reads from a place in the file, whatever else is read meanwhile.
#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

/// Reads from a place in the file, one after the other.
#[cfg(not(unix))]
fn read_exact_at(mut file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A panic of another reader leaves the file usable: every read seeks first.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(bytes)
}

/// Whether the file is long enough for the tensor; also that its length in bytes does not overflow.
fn lies_within(stored: &Stored, len: u64) -> bool {
    let bytes = stored
        .span()
        .and_then(|span| span.checked_mul(stored.numbers.size()));
    let end = bytes.and_then(|bytes| stored.start.checked_add(bytes as u64));
    end.is_some_and(|end| end <= len)
}

/// Takes away each of [`PREFIXES`] that all names share.
fn without_prefix(mut tensors: Tensors) -> Tensors {
    while let Some(prefix) = PREFIXES
        .iter()
        .find(|prefix| tensors.keys().all(|name| name.starts_with(**prefix)))
    {
        let shorten = |(name, stored): (String, Stored)| (name[prefix.len()..].to_owned(), stored);
        tensors = tensors.into_iter().map(shorten).collect();
    }
    tensors
}

#[cfg(test)]
mod tests;
