//! Files with more than one network, as the command takes them: the part that is meant is said, kept and
//! found again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

use crate::common::{Workspace, said, weights};

const PHOTO: &str = "photos/city_0.png";

/// Two networks in one file: `a.net.` has the seeded weights, `b.net.` others.
fn two(w: &Workspace) -> PathBuf {
    let bytes = fs::read(weights()).unwrap();
    let known = SafeTensors::deserialize(&bytes).unwrap();
    let halved: Vec<(String, Vec<usize>, Vec<f32>)> = known
        .tensors()
        .into_iter()
        .filter(|(name, view)| name.ends_with("running_var") && view.dtype() == Dtype::F32)
        .map(|(name, view)| {
            let values: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
            let changed = values
                .iter()
                .enumerate()
                .map(|(i, value)| value * (1 + i % 3) as f32);
            (name, view.shape().to_vec(), changed.collect())
        })
        .collect();
    let mut all = Vec::new();
    for (name, view) in known.tensors() {
        let changed = halved.iter().find(|(other, ..)| *other == name);
        let other = changed.map_or_else(
            || view.clone(),
            |(_, shape, values)| {
                let bytes = bytemuck::cast_slice(values);
                TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()
            },
        );
        all.push((format!("a.net.{name}"), view));
        all.push((format!("b.net.{name}"), other));
    }
    let path = w.path("two.safetensors");
    safetensors::serialize_to_file(all, None, &path).unwrap();
    path
}

fn command(w: &Workspace, cache: &Path, arguments: &[&str]) -> Output {
    let mut command = w.plain(arguments);
    let output = command.env("IMGSEARCH_CACHE", cache).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    output
}

#[test]
fn the_part_of_a_file_that_is_meant_is_said_and_found_again() {
    let w = Workspace::painted(3, 1);
    let (file, cache) = (two(&w), w.path("cache"));
    let file = file.to_str().unwrap();
    let extract = |more: &[&str]| {
        let extract = ["extract", PHOTO, "--format", "jsonl"];
        let output = command(&w, &cache, &[&extract[..], more].concat());
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        (line["descriptor"].clone(), said(&output))
    };
    let (alone, told) = extract(&["--weights", weights().to_str().unwrap()]);
    assert!(!told.contains("would fit as well"), "{told}");
    let (default, told) = extract(&["--weights", file]);
    let choice = "took `a.net`, where `b.net` would fit as well; `--key` and `--prefix` say which";
    assert!(told.contains(choice), "{told}");
    assert_eq!(default, alone);
    let (other, told) = extract(&["--weights", file, "--prefix", "b.net."]);
    assert!(!told.contains("would fit as well"), "{told}");
    assert_ne!(other, alone);
    for same in [
        &["--prefix", "b.net"][..],
        &["--key", "b"],
        &["--key", "b", "--prefix", "net."],
    ] {
        assert_eq!(
            extract(&[&["--weights", file][..], same].concat()).0,
            other,
            "{same:?}"
        );
    }

    command(
        &w,
        &cache,
        &["index", "photos", "--weights", file, "--prefix", "b.net."],
    );
    assert!(cache.join("parts.json").exists() || finds(&cache, "parts.json"));
    // Neither file nor part is named, and it is the same network.
    let plain = ["query", "--json", PHOTO, "-k", "1", "--ranking", "none"];
    let query = command(&w, &cache, &plain);
    let found: Value = serde_json::from_slice(&query.stdout).unwrap();
    assert_eq!(found["matches"][0]["path"], PHOTO);
    assert!(
        found["matches"][0]["similarity"].as_f64().unwrap() > 0.9999,
        "{found}"
    );
    command(&w, &cache, &["index", "photos"]);
}

fn finds(folder: &Path, name: &str) -> bool {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .into_iter()
        .any(|path| path.ends_with(name) || path.is_dir() && finds(&path, name))
}

#[test]
fn a_key_that_is_not_there_is_told_with_the_one_most_like_it() {
    let w = Workspace::painted(1, 1);
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/weights/kinds");
    let file = kinds.join("timm_train.pth");
    let show = ["models", "show", "--weights", file.to_str().unwrap()];
    let other = w.run(&[&show[..], &["--key", "state_dict_em"]].concat(), 1);
    let told = said(&other);
    assert!(told.contains("nothing called `state_dict_em` in"), "{told}");
    assert!(told.contains("(is it `state_dict_ema`?)"), "{told}");
    assert!(told.contains("models show --weights FILE"), "{told}");
    let needs = w
        .command(&["models", "show", "resnet50", "--key", "a"])
        .output()
        .unwrap();
    assert_eq!(needs.status.code(), Some(2), "{}", said(&needs));
}

#[test]
fn what_is_in_a_checkpoint_is_told_by_its_keys() {
    let w = Workspace::new();
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/weights/kinds");
    let file = kinds.join("timm_train.pth");
    let show = ["models", "show", "--weights", file.to_str().unwrap()];
    let text = String::from_utf8(w.run(&show, 0).stdout).unwrap();
    for line in [
        "under `state_dict`: ",
        "under `state_dict_ema`: ",
        "beside them: ",
        "no known network fits",
        "float32                   6×3×3×3  state_dict.conv1.weight",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let narrowed = w
        .run(&[&show[..], &["--key", "state_dict_ema"]].concat(), 0)
        .stdout;
    let narrowed = String::from_utf8(narrowed).unwrap();
    assert!(narrowed.contains("6×3×3×3  conv1.weight"), "{narrowed}");
}

#[test]
fn a_tensor_that_two_pieces_of_a_network_have_is_named() {
    let w = Workspace::new();
    let folder = w.path("pieces");
    fs::create_dir(&folder).unwrap();
    let numbers = [0u8; 8];
    for piece in 1..=2 {
        let view = || TensorView::new(Dtype::F32, vec![2], &numbers).unwrap();
        let own = format!("layer{piece}.weight");
        let both = [("stem.weight".to_owned(), view()), (own, view())];
        let path = folder.join(format!("model-0000{piece}-of-00002.safetensors"));
        safetensors::serialize_to_file(both, None, &path).unwrap();
    }
    let output = w.run(&["models", "show", "--weights", "pieces"], 1);
    let told = said(&output);
    assert!(
        told.contains("tensor `stem.weight` is there twice: pieces"),
        "{told}"
    );
}
