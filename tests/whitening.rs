//! Whitening, spec files, expansion and augmentation, as the command offers them.

use std::fs;

use imgsearch::SpecFile;

use crate::common::{Workspace, said};

const WHITENING: &str = "w.safetensors";
const PHOTO: &str = "photos/city_1.png";

/// Forty photos and a whitening fitted on them.
fn whitened() -> Workspace {
    let w = Workspace::painted(10, 4);
    w.run(&["whiten", "photos", "--dim", "16", "--out", WHITENING], 0);
    w
}

#[test]
fn a_gallery_is_indexed_and_queried_through_a_whitening() {
    let w = Workspace::painted(10, 4);
    fs::write(w.path("photos/text.jpg"), "not a picture").unwrap();
    fs::copy(w.path(PHOTO), w.path("photos/copy.png")).unwrap();
    let spec = "efficientnet_lite0:blocks.10/gap";
    let fit = ["whiten", "photos", "--dim", "16", "--shrinkage", "0.1"];
    let fit = [&fit[..], &["--spec", spec, "--out", WHITENING, "--json"]].concat();
    let fitted = w.json(&fit, 3);
    assert_eq!(fitted["fitted_on"]["photos"], 40);
    assert_eq!(
        (&fitted["input_dimension"], &fitted["dimension"]),
        (&112.into(), &16.into())
    );
    assert_eq!(fitted["skipped"].as_array().unwrap().len(), 1);
    fs::remove_file(w.path("photos/text.jpg")).unwrap();

    // Spec, preprocessing and weights are the whitening's own.
    w.run(&["index", "photos", "--whitening", WHITENING], 0);
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["provenance"]["spec"], spec);
    assert_eq!(info["provenance"]["dimension"], 16);
    assert_eq!(info["provenance"]["whitening"], fitted["digest"]);
    assert!(
        String::from_utf8(w.run(&["info"], 0).stdout)
            .unwrap()
            .contains("112 → 16 values")
    );
    // The gallery has its own copy.
    fs::rename(w.path(WHITENING), w.path("moved.safetensors")).unwrap();
    assert_eq!(w.query(&[PHOTO, "-k", "2"]), [PHOTO, "photos/copy.png"]);

    let extract = [
        "extract",
        PHOTO,
        "--format",
        "jsonl",
        "--whitening",
        "moved.safetensors",
    ];
    let line: serde_json::Value = serde_json::from_slice(&w.run(&extract, 0).stdout).unwrap();
    let values = line["descriptor"].as_array().unwrap();
    let squares: f64 = values.iter().map(|v| v.as_f64().unwrap().powi(2)).sum();
    assert_eq!(values.len(), 16);
    assert!((squares - 1.0).abs() < 1e-5);
}

#[test]
fn a_lost_whitening_is_told_of_and_can_be_put_back() {
    let w = whitened();
    w.run(&["index", "photos", "--whitening", WHITENING], 0);
    let copy = w.path(".imgsearch/whitening.safetensors");
    let whole = fs::read(&copy).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    for damage in [None, Some(cut)] {
        fs::remove_file(&copy).unwrap();
        if let Some(bytes) = damage {
            fs::write(&copy, bytes).unwrap();
        }
        let refused = said(&w.run(&["query", PHOTO], 1));
        assert!(refused.contains("error: the gallery has lost its whitening"));
        assert!(refused.contains("hint: run `imgsearch index PATH --whitening FILE`"));
        assert!(said(&w.run(&["info"], 0)).contains("note: the gallery has lost its whitening"));
        w.run(&["index", "photos", "--whitening", WHITENING], 0);
        assert_eq!(w.query(&[PHOTO])[0], PHOTO);
    }
}

#[test]
fn a_whitening_that_does_not_fit_is_refused_with_a_hint() {
    let w = whitened();
    let out = ["--out", "no.safetensors"];
    let cases: [(&[&str], &str); 6] = [
        (
            &["whiten", "photos", "--dim", "40", out[0], out[1]],
            "error: cannot keep 40 dimensions: 40 photos allow 1 to 39\n\nhint: take `--dim 39`",
        ),
        (
            &[
                "whiten",
                "photos",
                "--dim",
                "4",
                "--shrinkage",
                "2",
                out[0],
                out[1],
            ],
            "error: shrinkage 2 is not in 0 … 1",
        ),
        (
            &["index", "photos", "--whitening", PHOTO],
            "error: not a whitening: photos/city_1.png",
        ),
        (
            &["index", "photos", "--whitening", "none"],
            "error: cannot read none",
        ),
        (
            &[
                "index",
                "photos",
                "--whitening",
                WHITENING,
                "--spec",
                "efficientnet_lite0:blocks.4",
            ],
            "error: the whitening was fitted with spec `efficientnet_lite0:head/(gem1.5+rmac*0.7)`, not",
        ),
        (
            &[
                "index",
                "photos",
                "--whitening",
                WHITENING,
                "--preprocess",
                "crop=56",
            ],
            "error: the whitening was fitted with preprocessing",
        ),
    ];
    for (arguments, expected) in cases {
        let refused = said(&w.run(arguments, 1));
        assert!(refused.contains(expected), "{arguments:?}: {refused}");
    }
    assert!(!w.path(out[1]).exists());
    // And a gallery without it takes none afterwards.
    w.run(&["index", "photos"], 0);
    let refused = said(&w.run(&["index", "photos", "--whitening", WHITENING], 1));
    assert!(refused.contains("made with whitening `none`"), "{refused}");
}

#[test]
fn a_spec_file_says_all_that_the_options_would() {
    let w = whitened();
    let file = SpecFile::of(
        "efficientnet_lite0:head@resize=240,crop=224"
            .parse()
            .unwrap(),
    );
    file.write(&w.path("plain.json")).unwrap();
    w.run(&["index", "photos", "--spec", "plain.json"], 0);
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["provenance"]["dimension"], 1280);
    let preprocess = info["provenance"]["preprocess"].as_str().unwrap();
    assert!(preprocess.starts_with("resize=240"), "{preprocess}");
    assert_eq!(w.query(&[PHOTO, "--spec", "plain.json"])[0], PHOTO);

    let fit = ["whiten", "photos", "--spec", "plain.json", "--dim", "8"];
    w.run(&[&fit[..], &["--out", "p.safetensors"]].concat(), 0);
    let whitened = SpecFile {
        whitening: Some(w.path("p.safetensors")),
        ..file
    };
    whitened.write(&w.path("whitened.json")).unwrap();
    let other = ["--gallery", "other"];
    let index = ["index", "photos", "--spec", "whitened.json"];
    w.run(&[&index[..], &other].concat(), 0);
    let info = w.json(&[&["info", "--json"][..], &other].concat(), 0);
    assert_eq!(info["provenance"]["dimension"], 8);
    assert_eq!(w.query(&[&[PHOTO][..], &other].concat())[0], PHOTO);
    // Without a whitening is not the same.
    let query = ["query", PHOTO, "--spec", "plain.json"];
    let refused = said(&w.run(&[&query[..], &other].concat(), 1));
    assert!(
        refused.contains("error: this gallery was made with whitening"),
        "{refused}"
    );
    fs::write(w.path("plain.json"), "{}").unwrap();
    let refused = said(&w.run(&query, 1));
    assert!(
        refused.contains("error: not a spec file: plain.json"),
        "{refused}"
    );
}

#[test]
fn queries_can_be_expanded_and_galleries_augmented_and_both_is_told() {
    let w = Workspace::painted(4, 4);
    let similarities = |value: &serde_json::Value| -> Vec<f64> {
        let matches = value["matches"].as_array().unwrap();
        matches
            .iter()
            .map(|m| m["similarity"].as_f64().unwrap())
            .collect()
    };
    w.run(&["index", "photos", "--ranking", "none"], 0);
    let plain = w.json(&["query", PHOTO, "--json"], 0);
    assert!(plain["expansion"].is_null() && plain["augmentation"].is_null());
    let expanded = ["query", PHOTO, "--expand", "3", "--alpha", "0", "--json"];
    let expanded = w.json(&expanded, 0);
    assert_eq!(expanded["expansion"]["neighbors"], 3);
    assert_eq!(expanded["expansion"]["alpha"], 0.0);
    let (before, after) = (similarities(&plain), similarities(&expanded));
    // What is asked with stays what it is.
    assert!((after[0] - before[0]).abs() < 1e-4, "{after:?}");
    assert!(after[1..4].iter().sum::<f64>() > before[1..4].iter().sum());

    let report = w.json(&["index", "photos", "--augment", "2", "--json"], 0);
    assert_eq!(
        (&report["unchanged"], &report["added"]),
        (&16.into(), &0.into())
    );
    let augmented = w.json(&["query", PHOTO, "--json"], 0);
    assert_eq!(augmented["augmentation"]["neighbors"], 2);
    assert_ne!(similarities(&augmented), before);
    // It stays until it is changed.
    w.run(&["remove", "photos/city_0.png"], 0);
    assert_eq!(
        w.json(&["info", "--json"], 0)["augmentation"]["neighbors"],
        2
    );
    w.run(&["index", "photos", "--augment", "0"], 0);
    assert_eq!(
        similarities(&w.json(&["query", PHOTO, "--json"], 0)),
        before
    );
    w.run(&["query", PHOTO, "--expand", "3", "--alpha", "-1"], 2);
    w.run(&["verify"], 0);
}
