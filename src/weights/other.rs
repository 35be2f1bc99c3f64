//! Files of networks that are not read here, by what they begin with: what each is, and the line of
//! Python that makes of it a file that is read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::WeightsError;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it is.
    pub what: &'static str,
    /// Python, with `FILE` for the file's name; empty where none helps.
    pub python: &'static str,
}

impl Other {
    pub fn error(self, path: &Path) -> WeightsError {
        WeightsError::OtherFormat {
            path: path.to_owned(),
            what: self.what.to_owned(),
            python: self.python.to_owned(),
        }
    }
}

macro_rules! others {
    ($($name:ident: $what:literal, $python:literal;)+) => {
        $(pub(super) const $name: Other = Other { what: $what, python: $python };)+
    };
}

others! {
    TORCH_SCRIPT: "a TorchScript program",
        "import torch; torch.save(torch.jit.load('FILE').state_dict(), 'weights.pth')";
    TORCH_EXPORT: "a program of torch.export",
        "import torch; torch.save(dict(torch.export.load('FILE').state_dict), 'weights.pth')";
    TORCH_PACKAGE: "a torch.package",
        "import torch; torch.save(torch.package.PackageImporter('FILE').load_pickle('model', \
         'model.pkl').state_dict(), 'weights.pth')";
    MODULE: "a pickled module",
        "import torch; torch.save(torch.load('FILE', weights_only=False).state_dict(), \
         'weights.pth')";
    TORCH_TAR: "a file of torch before 0.1.10",
        "import torch; torch.save(torch.load('FILE'), 'weights.pth')";
    TORCH_DISTRIBUTED: "a distributed checkpoint of torch",
        "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save as s; \
         s('FILE', 'weights.pth')";
    PICKLE: "a plain pickle",
        "import pickle, torch; torch.save({k: torch.as_tensor(v) for k, v in \
         pickle.load(open('FILE', 'rb')).items()}, 'weights.pth')";
    NPZ: "numpy arrays",
        "import numpy; from safetensors.numpy import save_file; \
         save_file(dict(numpy.load('FILE')), 'weights.safetensors')";
    ONNX: "an ONNX network",
        "import onnx, torch; from onnx.numpy_helper import to_array as a; torch.save({t.name: \
         torch.tensor(a(t)) for t in onnx.load('FILE').graph.initializer}, 'weights.pth')";
    SAVED_MODEL: "a saved model of TensorFlow",
        "import tf_keras; tf_keras.models.load_model('FILE').save_weights('weights.h5')";
    CHECKPOINT: "a checkpoint of TensorFlow",
        "import tensorflow as tf, torch; r = tf.train.load_checkpoint('FILE'); torch.save({k: \
         torch.tensor(r.get_tensor(k)) for k in r.get_variable_to_shape_map()}, 'weights.pth')";
    TF_LITE: "a TensorFlow Lite network", "";
    MSGPACK: "Flax's msgpack",
        "from flax.serialization import msgpack_restore as r; from flax.traverse_util import \
         flatten_dict as f; from safetensors.numpy import save_file; \
         save_file(f(r(open('FILE', 'rb').read()), sep='.'), 'weights.safetensors')";
    ORBAX: "a checkpoint of JAX's orbax",
        "import orbax.checkpoint as o, numpy; from flax.traverse_util import flatten_dict as f; \
         from safetensors.numpy import save_file; save_file({k: numpy.asarray(v) for k, v in \
         f(o.PyTreeCheckpointer().restore('FILE'), sep='.').items()}, 'weights.safetensors')";
    GGUF: "GGUF, which holds language models",
        "import gguf, torch; torch.save({t.name: torch.tensor(t.data) for t in \
         gguf.GGUFReader('FILE').tensors}, 'weights.pth')";
    GZIP: "packed by gzip", "import gzip; open('weights.pth', 'wb').write(gzip.open('FILE').read())";
    PAGE: "a web page, not what was to be downloaded", "";
    POINTER: "a pointer to a file in Git LFS", "";
    EMPTY: "an empty file", "";
}

/// What a zip with these members is, unless it is one that is read.
pub(super) fn in_zip(names: &[&str]) -> Option<Other> {
    let any = |is: &dyn Fn(&str) -> bool| names.iter().any(|name| is(name));
    if any(&|name| name.ends_with("/constants.pkl") || name == "constants.pkl") {
        Some(TORCH_SCRIPT)
    } else if any(&|name| {
        name.ends_with("serialized_exported_program.json") || name.ends_with("archive_format")
    }) {
        Some(TORCH_EXPORT)
    } else if any(&|name| name.contains("/.data/extern_modules")) {
        Some(TORCH_PACKAGE)
    } else if !names.is_empty() && names.iter().all(|name| name.strip_suffix(".npy").is_some()) {
        Some(NPZ)
    } else {
        None
    }
}

/// What a file is that begins so, unless it is one that is read.
pub(super) fn of_bytes(first: &[u8], path: &Path) -> Option<Other> {
    let ends = |end: &str| path.to_string_lossy().to_lowercase().ends_with(end);
    let text = first.trim_ascii_start().to_ascii_lowercase();
    Some(match first {
        [] => EMPTY,
        [b'G', b'G', b'U', b'F', ..] => GGUF,
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => NPZ,
        [0x1f, 0x8b, ..] => GZIP,
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => TF_LITE,
        _ if text.starts_with(b"<!doctype") || text.starts_with(b"<html") => PAGE,
        _ if text.starts_with(b"version https://git-lfs") => POINTER,
        _ if text.starts_with(b"model_checkpoint_path:") || ends(".ckpt.index") => CHECKPOINT,
        _ if ends(".index") && !ends(".json") || ends(".data-00000-of-00001") => CHECKPOINT,
        _ if ends(".distcp") => TORCH_DISTRIBUTED,
        _ if first.get(257..262) == Some(b"ustar") => TORCH_TAR,
        // Protobufs: the first field is a version, of 1 in a saved model and of 3 and more in ONNX.
        [0x08, 1, 0x12, ..] => SAVED_MODEL,
        [0x08, 3..=20, 0x12 | 0x1a | 0x3a | 0x42, ..] => ONNX,
        [0x80, 2..=5, ..] => PICKLE,
        // A map, whose first key is a text.
        [0x81..=0x8f, 0xa1..=0xbf, ..] | [0xde | 0xdf, ..] => MSGPACK,
        _ if ends(".onnx") => ONNX,
        _ if ends(".msgpack") => MSGPACK,
        _ => return None,
    })
}

/// What a folder is, by what lies in it.
pub(super) fn of_folder(path: &Path) -> Option<Other> {
    let has = |name: &str| path.join(name).exists();
    if has("saved_model.pb") {
        Some(SAVED_MODEL)
    } else if has("_CHECKPOINT_METADATA") || has("_METADATA") || has("manifest.ocdbt") {
        Some(ORBAX)
    } else if has(".metadata") {
        Some(TORCH_DISTRIBUTED)
    } else if has("checkpoint") {
        Some(CHECKPOINT)
    } else {
        None
    }
}

/// The first bytes of a file, as many as tell what it is.
pub(super) fn first_bytes(file: &File) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::new();
    file.take(512).read_to_end(&mut first)?;
    Ok(first)
}
