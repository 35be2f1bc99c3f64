//! A projection that somebody trained behind the network, as the command takes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::{Workspace, said, weights};

const PHOTO: &str = "photos/city_1.png";
const MODEL: &str = "efficientnet_lite0";
/// Values of the map that the model is tapped at, and of what the projection makes of them.
const SIZES: (usize, usize) = (1280, 16);

fn numbers(count: usize) -> Vec<f32> {
    let number = |i: usize| ((i * 7919) % 1009) as f32 / 504.5 - 1.0;
    (0..count).map(number).collect()
}

/// The seeded weights with a projection, GeM's exponent and a layer that fits nowhere.
pub fn file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let bytes = fs::read(weights()).unwrap();
        let known = SafeTensors::deserialize(&bytes).unwrap();
        let mut all = known.tensors();
        let (inputs, outputs) = SIZES;
        let more = [
            (
                "embedding.weight",
                vec![outputs, inputs],
                numbers(outputs * inputs),
            ),
            ("embedding.bias", vec![outputs], numbers(outputs)),
            ("pool.p", vec![1], vec![2.5]),
            ("other.weight", vec![4, 7], numbers(28)),
        ];
        for (name, shape, values) in &more {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
            all.push(((*name).to_owned(), view.unwrap()));
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own_head");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("own.safetensors");
        safetensors::serialize_to_file(all, None, &path).unwrap();
        // What changed a moment ago may change again, and is not remembered.
        let hour = Duration::from_secs(3600);
        let written = fs::File::options().write(true).open(&path).unwrap();
        written.set_modified(SystemTime::now() - hour).unwrap();
        path
    })
}

fn workspace() -> Workspace {
    Workspace::with(file()).with_painted(4, 3)
}

/// Without weights being named: they are found again.
fn bare(w: &Workspace, arguments: &[&str]) -> Output {
    let mut command = w.plain(arguments);
    let output = command.env("IMGSEARCH_CACHE", w.path("cache")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

fn descriptor(w: &Workspace, arguments: &[&str]) -> Vec<f64> {
    let extract = ["extract", PHOTO, "--format", "jsonl"];
    let printed = w.run(&[&extract[..], arguments].concat(), 0).stdout;
    let line: Value = serde_json::from_slice(&printed).unwrap();
    let values = line["descriptor"].as_array().unwrap();
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn a_gallery_is_made_with_a_projection_and_asked_without_naming_it() {
    let w = workspace();
    let index = ["index", "photos", "--projection-from", "auto"];
    let mut index = w.command(&index);
    let told = said(
        &index
            .env("IMGSEARCH_CACHE", w.path("cache"))
            .output()
            .unwrap(),
    );
    assert!(
        told.contains("note: the projection behind head is `embedding`"),
        "{told}"
    );
    let made = &w.json(&["info", "--json"], 0)["provenance"];
    let spec = format!("{MODEL}:head/gap/embedding");
    assert_eq!(made["spec"], spec);
    assert_eq!(made["dimension"], 16);
    assert!(
        String::from_utf8(w.run(&["info"], 0).stdout)
            .unwrap()
            .contains(&spec)
    );
    let found = bare(&w, &["query", "--json", PHOTO, "-k", "1"]).stdout;
    let found: Value = serde_json::from_slice(&found).unwrap();
    assert_eq!(found["matches"][0]["path"], PHOTO);
    bare(&w, &["index", "photos"]);
    // However it is called, it is the same; and another is another.
    for name in ["embedding", "auto", "embedding.weight,embedding.bias"] {
        w.run(&["index", "photos", "--projection-from", name], 0);
    }
    let other = w.run(
        &["index", "photos", "--projection-from", "embedding.weight"],
        1,
    );
    assert!(
        said(&other).contains("head/gap/embedding.weight"),
        "{}",
        said(&other)
    );
    let none = w.run(
        &["index", "photos", "--spec", &format!("{MODEL}:head/gap")],
        1,
    );
    assert!(said(&none).contains("spec"), "{}", said(&none));
}

#[test]
fn a_descriptor_is_the_matrix_times_what_was_pooled() {
    let w = workspace();
    let pooled = descriptor(&w, &["--spec", &format!("{MODEL}:head/gap")]);
    let own = descriptor(&w, &["--projection-from", "embedding.weight"]);
    let matrix = numbers(SIZES.0 * SIZES.1);
    let product = |row: &[f32]| -> f64 {
        row.iter()
            .zip(&pooled)
            .map(|(a, b)| f64::from(*a) * b)
            .sum()
    };
    // Without a bias the length of what was pooled does not matter.
    let expected: Vec<f64> = matrix.chunks_exact(SIZES.0).map(product).collect();
    let length = expected
        .iter()
        .map(|value| value * value)
        .sum::<f64>()
        .sqrt();
    assert_eq!(own.len(), SIZES.1);
    for (own, expected) in own.iter().zip(&expected) {
        assert!(
            (own - expected / length).abs() < 1e-6,
            "{own} {}",
            expected / length
        );
    }
    let hybrid = format!("{MODEL}:head/gap/embedding.weight+blocks.10/gem=pool.p*0.5");
    let joined = descriptor(&w, &["--spec", &hybrid]);
    assert_eq!(joined.len(), SIZES.1 + 112);
    assert!((joined[0] - own[0] / 1.25f64.sqrt()).abs() < 1e-6);
    let said_p = descriptor(&w, &["--spec", &format!("{MODEL}:blocks.10/gem2.5")]);
    assert!((joined[SIZES.1] - said_p[0] * 0.5 / 1.25f64.sqrt()).abs() < 1e-6);
}

#[test]
fn a_whitening_is_put_behind_a_projection() {
    let w = workspace();
    let whiten = ["whiten", "photos", "--dim", "4", "--out", "w.safetensors"];
    w.run(
        &[&whiten[..], &["--projection-from", "embedding"]].concat(),
        0,
    );
    w.run(&["index", "photos", "--whitening", "w.safetensors"], 0);
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["provenance"]["dimension"], 4);
    assert_eq!(info["whitening"]["input_dimension"], 16);
    assert_eq!(w.query(&[PHOTO, "-k", "1"]), [PHOTO]);
    let plain = [
        "--whitening",
        "w.safetensors",
        "--projection-from",
        "embedding.weight",
    ];
    let other = w.run(
        &[&["extract", PHOTO, "--out", "a.npy"], &plain[..]].concat(),
        1,
    );
    assert!(
        said(&other).contains("head/gap/embedding.weight"),
        "{}",
        said(&other)
    );
}

#[test]
fn projections_are_compared_with_what_was_pooled_in_one_table() {
    let w = workspace();
    for view in 0..3 {
        for (scene, name) in Scene::ALL.into_iter().take(3) {
            fs::create_dir_all(w.path(&format!("set/{name}"))).unwrap();
            let picture = paint(scene, view, 120, 90);
            picture
                .save(w.path(&format!("set/{name}/{view}.png")))
                .unwrap();
        }
    }
    let specs = "head,head/gap/auto,blocks.10/gem=auto,head/max/embedding";
    let report = w.json(&["eval", "set", "--specs", specs, "--json"], 0);
    let rows = report["specs"].as_array().unwrap().iter();
    let mut rows: Vec<(&str, u64)> = rows
        .map(|row| {
            (
                row["spec"].as_str().unwrap(),
                row["dimension"].as_u64().unwrap(),
            )
        })
        .collect();
    rows.sort_unstable();
    let expected = [
        ("efficientnet_lite0:blocks.10/gem2.5", 112),
        ("efficientnet_lite0:head/gap", 1280),
        ("efficientnet_lite0:head/gap/embedding", 16),
        ("efficientnet_lite0:head/max/embedding", 16),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn what_is_in_a_file_names_the_projections_that_fit() {
    let w = workspace();
    let own = file().to_str().unwrap();
    let text = w.run(&["models", "show", "--weights", own], 0).stdout;
    let text = String::from_utf8(text).unwrap();
    for line in [
        "safetensors",
        "under no key: ",
        "networks that fit, best first:",
        "  efficientnet_lite0   fits: ",
        "    linear layer 1280→16: --projection-from embedding",
        "    pool.p is 2.5: as GeM's exponent gem=pool.p",
        "    beware: this is TensorFlow's",
        "float32                   16×1280  embedding.weight",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("--projection-from other"), "{text}");
    let shown = w.json(&["models", "show", "--weights", own, "--json"], 0);
    let network = &shown["networks"][0];
    let heads = network["heads"].as_array().unwrap();
    let own = heads
        .iter()
        .find(|head| head["name"] == "embedding")
        .unwrap();
    assert_eq!(
        (&own["inputs"], &own["outputs"]),
        (&1280.into(), &16.into())
    );
    assert_eq!(network["exponents"][0]["p"], 2.5);
}

#[test]
fn a_projection_that_does_not_fit_is_told_by_name_with_both_sizes() {
    let w = workspace();
    let refused = |arguments: &[&str]| {
        let extract = ["extract", PHOTO, "--out", "a.npy"];
        let output = w
            .command(&[&extract[..], arguments].concat())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        said(&output)
    };
    let mistyped = refused(&["--projection-from", "embeding"]);
    assert!(mistyped.contains("(is it `embedding`?)"), "{mistyped}");
    let other = refused(&["--projection-from", "other"]);
    assert!(
        other.contains("`other` is a linear layer 7→4, and 1280 values come to it"),
        "{other}"
    );
    let small = format!("{MODEL}:blocks.10");
    let small = refused(&["--spec", &small, "--projection-from", "auto"]);
    assert!(small.contains("no one projection of 112 values"), "{small}");
    let two = format!("{MODEL}:blocks.10+head");
    let two = refused(&["--spec", &two, "--projection-from", "embedding"]);
    assert!(two.contains("each says its own projection"), "{two}");
    let empty = refused(&["--projection-from", "embedding,,"]);
    assert!(empty.contains("a projection's name is missing"), "{empty}");
}
