//! An opened file of named tensors.

use std::collections::HashMap;
use std::fs::File;
use std::io;
#[cfg(not(unix))]
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(not(unix))]
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::contents::{Contents, Group};
use super::numbers::{NumberType, Stored};
use super::open::{Opened, open};
use super::part::{Part, rank};
use crate::error::{FileError, Result, WeightsError};
use crate::nearest::nearest;

/// An opened file of named tensors, or several that are one.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    paths: Vec<PathBuf>,
    files: Vec<File>,
    contents: Contents,
    part: Part,
    /// Where names begin if no network says so.
    base: String,
    kind: &'static str,
    channels_last: bool,
}

/// A tensor as it lies in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Its name, behind the keys of the dicts around it.
    pub name: String,
    /// How long each axis is.
    pub shape: Vec<usize>,
    /// What its numbers are, e.g. `float32`.
    #[serde(rename = "type")]
    pub numbers: &'static str,
}

/// What a network's tensors are called in a file.
#[derive(Clone, Debug)]
pub(super) enum Names {
    /// As they are in the network, behind this.
    Behind(String),
    /// Each something else.
    Listed(Arc<HashMap<String, String>>),
}

impl From<HashMap<String, String>> for Names {
    fn from(names: HashMap<String, String>) -> Self {
        Self::Listed(Arc::new(names))
    }
}

/// A file's tensors by the names that they have in a network.
#[derive(Clone, Debug)]
pub struct View<'a> {
    file: &'a WeightsFile,
    names: Names,
}

impl WeightsFile {
    /// Opens `path` and reads the names, types and shapes of its tensors: of a file, of an index of
    /// several (`model.safetensors.index.json`) or of a folder that holds either.
    ///
    /// Tensors under a key such as `state_dict` are found there, and a prefix such as `module.`
    /// that all names share is taken away.
    ///
    /// # Errors
    /// [`FileError::Read`]; [`WeightsError::WeightsFormat`], [`WeightsError::OtherFormat`],
    /// [`WeightsError::DamagedWeights`], [`WeightsError::NoTensors`] where the file is no weights file;
    /// [`WeightsError::ForeignPickle`] where it would run programs; [`WeightsError::TensorTwice`],
    /// [`WeightsError::SeveralFiles`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open_part(path, &Part::default())
    }

    /// Opens a part of what is at `path`.
    ///
    /// # Errors
    /// As [`WeightsFile::open`]; [`WeightsError::NoPart`] if there is none.
    pub fn open_part(path: impl Into<PathBuf>, part: &Part) -> Result<Self> {
        let path = path.into();
        let Opened {
            paths,
            files,
            mut contents,
            kind,
            channels_last,
        } = open(&path)?;
        if !part.is_whole() {
            contents = narrowed(&contents, part).map_err(|nearest| WeightsError::NoPart {
                path: path.clone(),
                part: part.to_string(),
                nearest,
            })?;
        }
        Ok(Self {
            base: contents.base(),
            path,
            paths,
            files,
            contents,
            part: part.clone(),
            kind,
            channels_last,
        })
    }

    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file that it is made of.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Which part of it was opened.
    #[must_use]
    pub const fn part(&self) -> &Part {
        &self.part
    }

    /// What kind of file it is, in words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether the network that it is of has the channels of a map last, as Keras' do.
    #[must_use]
    pub const fn channels_last(&self) -> bool {
        self.channels_last
    }

    /// Keys beside the tensors, such as `epoch`.
    #[must_use]
    pub fn beside(&self) -> &[String] {
        &self.contents.beside
    }

    /// The dicts that tensors lie in: the keys that lead to each, and how many there are.
    pub fn groups(&self) -> impl Iterator<Item = (&str, usize)> {
        let groups = self.contents.groups.iter();
        groups.map(|group| (group.prefix.trim_end_matches('.'), group.tensors))
    }

    /// All tensors, sorted by their whole names.
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo> {
        let all = self.contents.tensors.iter();
        all.map(|(name, stored)| TensorInfo {
            name: name.clone(),
            shape: stored.shape.clone(),
            numbers: stored.numbers.name(),
        })
    }

    /// The tensors' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all = self.contents.tensors.keys();
        all.filter_map(|name| name.strip_prefix(&self.base))
    }

    /// The shape of the tensor called `name`, if there is one.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.plain().shape(name)
    }

    /// The numbers of the tensor called `name`, row-major, as f32 whatever they are stored as.
    ///
    /// # Errors
    /// As [`View::tensor`].
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        self.plain().tensor(name, expected)
    }

    /// As [`View::matrix_as_kernel`].
    ///
    /// # Errors
    /// As [`View::tensor`].
    pub fn matrix_as_kernel(&self, name: &str, shape: [usize; 4]) -> Result<Vec<f32>> {
        self.plain().matrix_as_kernel(name, shape)
    }

    /// Where names begin if no network says so.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Whole names, and shapes.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let all = self.contents.tensors.iter();
        all.map(|(name, stored)| (name.as_str(), stored.shape.as_slice()))
    }

    /// The shape of the tensor of this whole name.
    pub(super) fn shape_of(&self, name: &str) -> Option<&[usize]> {
        let stored = self.contents.tensors.get(name);
        stored.map(|stored| stored.shape.as_slice())
    }

    /// Whether there is a tensor of this whole name, or a module that has one.
    pub(super) fn holds(&self, name: &str) -> bool {
        let module = format!("{name}.");
        let mut behind = self.contents.tensors.range(module.clone()..);
        let is_module = behind.next().is_some_and(|(it, _)| it.starts_with(&module));
        is_module || self.contents.tensors.contains_key(name)
    }

    /// As [`View::tensor`], by the whole name.
    pub(super) fn whole(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        self.view(Names::Behind(String::new()))
            .tensor(name, expected)
    }

    /// The tensors by a network's names.
    pub(super) const fn view(&self, names: Names) -> View<'_> {
        View { file: self, names }
    }

    fn plain(&self) -> View<'_> {
        self.view(Names::Behind(self.base.clone()))
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
        let read = read_exact_at(&self.files[stored.file], bytes, stored.start);
        read.map_err(FileError::read_at(&self.paths[stored.file]))
    }
}

impl<'a> View<'a> {
    /// The shape of the tensor called `name`, if there is one.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.stored(name).map(|stored| stored.shape.as_slice())
    }

    /// The numbers of the tensor called `name`, row-major, as f32 whatever they are stored as.
    ///
    /// # Errors
    /// [`WeightsError::MissingTensor`]; [`WeightsError::WrongTensor`] where its shape is not
    /// `expected`; [`WeightsError::TensorType`] where its numbers are integers;
    /// [`WeightsError::NotFinite`]; [`FileError::Read`].
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        let stored = self.find(name, expected)?;
        let numbers = stored.in_order(self.file.span(stored)?);
        // Without a branch for each: there are millions.
        let are_finite = |some: &[f32]| some.iter().fold(true, |all, it| all & it.is_finite());
        if !numbers.chunks(1 << 12).all(are_finite) {
            return Err(WeightsError::NotFinite {
                path: self.file.path.clone(),
                name: name.to_owned(),
            }
            .into());
        }
        Ok(numbers)
    }

    /// The numbers of a linear layer called `name` as those of a convolution whose kernel covers the
    /// map that the layer sees flattened: `[outputs, inputs, rows, columns]`.
    ///
    /// # Errors
    /// As [`View::tensor`].
    pub fn matrix_as_kernel(&self, name: &str, shape: [usize; 4]) -> Result<Vec<f32>> {
        let [outputs, inputs, rows, columns] = shape;
        let cells = rows * columns;
        let matrix = self.tensor(name, &[outputs, inputs * cells])?;
        // torch flattens a map as C × H × W, which is a kernel's order; Keras as H × W × C.
        if !self.file.channels_last || cells == 1 {
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

    fn stored(&self, name: &str) -> Option<&'a Stored> {
        let tensors = &self.file.contents.tensors;
        match &self.names {
            Names::Behind(prefix) if prefix.is_empty() => tensors.get(name),
            Names::Behind(prefix) => tensors.get(&format!("{prefix}{name}")),
            Names::Listed(names) => tensors.get(names.get(name)?),
        }
    }

    fn find(&self, name: &str, expected: &[usize]) -> Result<&'a Stored, WeightsError> {
        let path = || self.file.path.clone();
        let stored = self.stored(name);
        let stored = stored.ok_or_else(|| WeightsError::MissingTensor {
            path: path(),
            name: name.to_owned(),
            nearest: self.nearest(name),
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

    fn nearest(&self, name: &str) -> Option<String> {
        let all = self.file.contents.tensors.keys();
        match &self.names {
            Names::Behind(prefix) => nearest(name, all.filter_map(|it| it.strip_prefix(&**prefix))),
            Names::Listed(names) => nearest(name, names.keys().map(String::as_str)),
        }
    }
}

/// What lies under a key, behind a prefix in one of the dicts there; otherwise the key most like it.
fn narrowed(contents: &Contents, part: &Part) -> Result<Contents, Option<String>> {
    let keyed = Part {
        key: part.key.clone(),
        prefix: None,
    };
    let own = Part {
        key: None,
        prefix: part.prefix.clone(),
    };
    let within = behind(contents, &keyed.start());
    let groups = contents.groups.iter();
    let known: Vec<String> = groups
        .map(|group| group.prefix.trim_end_matches('.').to_owned())
        .collect();
    let asked = part.to_string();
    let lacking = || Err(nearest(&asked, known.iter().map(String::as_str)));
    if within.tensors.is_empty() {
        return lacking();
    }
    if part.prefix.is_none() {
        return Ok(within);
    }
    let starts = within
        .groups
        .iter()
        .map(|group| group.prefix.as_str())
        .chain([""]);
    let starts = starts.map(|start| format!("{start}{}", own.start()));
    let narrowed = starts.map(|start| (rank(&start), behind(&within, &start)));
    let found = narrowed.filter(|(_, contents)| !contents.tensors.is_empty());
    match found.min_by_key(|(rank, _)| *rank) {
        Some((_, contents)) => Ok(contents),
        None => lacking(),
    }
}

/// What begins with `start`, without it.
fn behind(contents: &Contents, start: &str) -> Contents {
    let tensors = contents.tensors.iter();
    let tensors = tensors.filter_map(|(name, stored)| {
        let name = name.strip_prefix(start)?;
        Some((name.to_owned(), stored.clone()))
    });
    let tensors: super::numbers::Tensors = tensors.collect();
    let groups = contents.groups.iter().filter_map(|group| {
        let prefix = group.prefix.strip_prefix(start)?.to_owned();
        let tensors = group.tensors;
        Some(Group { prefix, tensors })
    });
    let mut groups: Vec<Group> = groups.collect();
    if groups.is_empty() {
        groups = Contents::of(tensors.clone()).groups;
    }
    Contents {
        tensors,
        groups,
        beside: contents.beside.clone(),
        module: None,
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
