//! Files that torch wrote (`data/make_weight_files.py`) and safetensors files made here.

mod bombs;
mod names;

use std::fs;
use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorView;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::error::{Error, FileError, Result, WeightsError};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/weights")
        .join(name)
}

fn open(name: &str) -> WeightsFile {
    WeightsFile::open(data(name)).unwrap()
}

/// `count` numbers: 0, step, 2·step, …
fn numbers(count: u8, step: f32) -> Vec<f32> {
    (0..count).map(|number| f32::from(number) * step).collect()
}

fn assert_holds_the_state(file: &WeightsFile) {
    let names: Vec<&str> = file.names().collect();
    let expected = [
        "bn.num_batches_tracked",
        "bn.running_mean",
        "conv.weight",
        "fc.bias",
        "fc.weight",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        file.tensor("conv.weight", &[2, 3, 2, 2]).unwrap(),
        numbers(24, 0.5)
    );
    assert_eq!(file.tensor("bn.running_mean", &[2]).unwrap(), [0.0, -0.25]);
    // Transposed, and the second half of a shared storage.
    assert_eq!(
        file.tensor("fc.weight", &[2, 3]).unwrap(),
        [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]
    );
    assert_eq!(file.tensor("fc.bias", &[2]).unwrap(), [4.0, 6.0]);
}

#[test]
fn both_torch_formats_give_the_same_numbers_in_every_float_type() {
    for name in ["plain", "float16", "bfloat16", "float64"] {
        assert_holds_the_state(&open(&format!("{name}.pth")));
        assert_holds_the_state(&open(&format!("{name}_legacy.pth")));
    }
}

#[test]
fn a_wrapped_state_is_found_and_its_module_prefix_taken_away() {
    assert_holds_the_state(&open("wrapped.pth"));
    assert_holds_the_state(&open("wrapped_legacy.pth"));
}

#[test]
fn the_state_of_a_torch_module_and_its_parameters_are_read() {
    for name in ["module.pth", "module_legacy.pth", "parameters.pth"] {
        let file = open(name);
        assert_eq!(
            file.tensor("conv.weight", &[2, 3, 2, 2]).unwrap(),
            numbers(24, 0.5)
        );
        assert_eq!(file.tensor("conv.bias", &[2]).unwrap(), [0.0, 1.0]);
    }
}

#[test]
fn a_python_object_beside_the_tensors_is_passed_over() {
    for name in ["foreign.pth", "foreign_legacy.pth"] {
        let file = open(name);
        assert_holds_the_state(&file);
        assert_eq!(file.beside(), ["args"]);
    }
}

#[test]
fn a_file_without_tensors_says_so() {
    let error = WeightsFile::open(data("no_tensors.pth")).unwrap_err();
    assert!(matches!(
        error,
        Error::Weights(WeightsError::NoTensors { .. })
    ));
}

#[test]
fn a_missing_tensor_is_named_with_the_one_most_like_it() {
    let error = open("plain.pth").tensor("conv.weights", &[1]).unwrap_err();
    let Error::Weights(WeightsError::MissingTensor { nearest, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(nearest.as_deref(), Some("conv.weight"));
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let error = open("plain.pth").tensor("fc.weight", &[3, 2]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`fc.weight` has shape [2, 3], expected [3, 2]"),
        "{text}"
    );
}

#[test]
fn integers_are_not_taken_for_weights() {
    let error = open("plain.pth")
        .tensor("bn.num_batches_tracked", &[])
        .unwrap_err();
    assert!(
        matches!(error, Error::Weights(WeightsError::TensorType { found, .. }) if found == "int64")
    );
}

fn save_safetensors(path: &Path, prefix: &str) {
    let floats: Vec<u8> = numbers(6, 0.5)
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let halves: Vec<u8> = numbers(3, 2.0)
        .iter()
        .flat_map(|&n| half::f16::from_f32(n).to_le_bytes())
        .collect();
    let views = [
        (
            format!("{prefix}a"),
            TensorView::new(Dtype::F32, vec![2, 3], &floats).unwrap(),
        ),
        (
            format!("{prefix}b"),
            TensorView::new(Dtype::F16, vec![3], &halves).unwrap(),
        ),
    ];
    let brains: Vec<u8> = numbers(2, -1.5)
        .iter()
        .flat_map(|&n| half::bf16::from_f32(n).to_le_bytes())
        .collect();
    let brain = TensorView::new(Dtype::BF16, vec![2], &brains).unwrap();
    let views = views.into_iter().chain([(format!("{prefix}c"), brain)]);
    fs::write(path, ::safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn keras_files_of_both_kinds_are_read_with_torchs_names_and_axes() {
    for name in ["keras.h5", "keras.weights.h5"] {
        let file = open(name);
        let conv = file.tensor("conv.weight", &[2, 3, 2, 2]).unwrap();
        assert_eq!(conv, numbers(24, 0.5), "{name}");
        let fc = file.tensor("fc.weight", &[3, 2]).unwrap();
        assert_eq!(fc, numbers(6, 1.0), "{name}");
        assert_eq!(file.tensor("fc.bias", &[3]).unwrap(), numbers(3, 2.0));
        let parts = [
            ("weight", 1.0),
            ("bias", 2.0),
            ("running_mean", -0.25),
            ("running_var", 3.0),
        ];
        for (part, step) in parts {
            let read = file.tensor(&format!("bn.{part}"), &[2]).unwrap();
            assert_eq!(read, numbers(2, step), "{name}: {part}");
        }
    }
}

#[test]
fn keras_old_names_and_flattened_maps_are_understood() {
    let file = open("keras.h5");
    let kernel = file.tensor("block1_conv1.weight", &[2, 3, 2, 2]).unwrap();
    assert_eq!(kernel, numbers(24, 0.5));
    assert_eq!(file.tensor("block1_conv1.bias", &[2]).unwrap(), [0.0, 1.0]);
    // Cell by cell there, channel by channel here.
    let kernel = file.matrix_as_kernel("flat.weight", [1, 2, 1, 2]).unwrap();
    assert_eq!(kernel, [0.0, 2.0, 1.0, 3.0]);
}

#[test]
fn a_keras_file_cut_off_anywhere_never_makes_the_reader_panic() {
    let content = fs::read(data("keras.weights.h5")).unwrap();
    read_all(&content).unwrap();
    for len in (0..content.len()).step_by(97) {
        let _ = read_all(&content[..len]);
    }
}

#[test]
fn safetensors_are_read_with_and_without_a_prefix() {
    let folder = TempDir::new().unwrap();
    for prefix in ["", "module.", "module._orig_mod.", "model.", "backbone."] {
        let path = folder.path().join("weights");
        save_safetensors(&path, prefix);
        let file = WeightsFile::open(path).unwrap();
        assert_eq!(file.shape("a"), Some([2, 3].as_slice()));
        assert_eq!(file.tensor("a", &[2, 3]).unwrap(), numbers(6, 0.5));
        assert_eq!(file.tensor("b", &[3]).unwrap(), numbers(3, 2.0));
        assert_eq!(file.tensor("c", &[2]).unwrap(), numbers(2, -1.5));
    }
}

#[test]
fn other_files_are_not_weights() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("weights.pth");
    for content in ["\u{89}PNG", "{\"a\": 1}", "a text"] {
        fs::write(&path, content).unwrap();
        let error = WeightsFile::open(&path).unwrap_err();
        assert!(
            matches!(error, Error::Weights(WeightsError::WeightsFormat { .. })),
            "{content}: {error}"
        );
    }
    let error = WeightsFile::open(folder.path().join("absent.pth")).unwrap_err();
    assert!(matches!(error, Error::File(FileError::Read { .. })));
}

/// The content of one file of each format.
fn one_of_each() -> Vec<Vec<u8>> {
    let folder = TempDir::new().unwrap();
    let safetensors = folder.path().join("weights.safetensors");
    save_safetensors(&safetensors, "");
    let torch = [data("plain.pth"), data("plain_legacy.pth")];
    let keras = [data("keras.h5"), data("keras.weights.h5")];
    let paths = [&torch[..], &[safetensors], &keras].concat();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Opens `content` as a file and reads every tensor.
fn read_all(content: &[u8]) -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("weights");
    fs::write(&path, content).unwrap();
    let file = WeightsFile::open(path)?;
    for name in file.names() {
        let shape = file.shape(name).unwrap();
        match file.tensor(name, shape) {
            Err(Error::Weights(WeightsError::TensorType { .. })) => (),
            other => drop(other?),
        }
    }
    Ok(())
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_and_never_a_panic() {
    for content in one_of_each().into_iter().take(3) {
        read_all(&content).unwrap();
        for len in (0..content.len()).step_by(7) {
            assert!(
                read_all(&content[..len]).is_err(),
                "cut to {len} of {}",
                content.len()
            );
        }
    }
}

proptest! {
    #[test]
    fn changed_bytes_never_make_the_reader_panic(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = one_of_each().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        let _ = read_all(&content);
    }
}
