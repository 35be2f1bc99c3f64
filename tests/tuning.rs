//! What is searched with labels, and what labels say: pairs, distractors, splits, rankings, wrong folders.

use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use imgsearch::backbone::{Architecture, Placement};
use imgsearch::descriptor::Whitening;
use imgsearch::eval::Subject;
use imgsearch::eval::tune::{TuneOptions, Tuner};
use imgsearch::photo::Preprocess;
use imgsearch::{DescriptorSpec, Extractor, Recipe};
use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::seeded;
use crate::common::skip::{NO_PHOTOS, skip};
use crate::common::{MODEL, SMALL, Workspace, said, trained_weights};
#[cfg(unix)]
use crate::evaluation::words_of;
use crate::evaluation::{dataset, labelled};

#[test]
fn photos_without_a_label_are_in_the_gallery_and_nobody_asks_with_them() {
    let w = labelled(3, 3);
    let eval = ["eval", "set", "--specs", "head", "--json"];
    let alone = w.json(&eval, 0);
    fs::create_dir(w.path("more")).unwrap();
    let (other, _) = Scene::ALL[5];
    for view in 0..4 {
        let picture = paint(other, view, 120, 90);
        picture.save(w.path(&format!("more/{view}.png"))).unwrap();
    }
    // One lies in the set itself, beside the folders; one of the others is in the set under another name.
    fs::copy(w.path("more/0.png"), w.path("set/loose.png")).unwrap();
    let loose = w.json(&eval, 0);
    let with = w.json(
        &[&eval[..], &["--with", "more", "--with", "set"]].concat(),
        0,
    );
    let counts = |report: &Value| {
        ["photos", "queries", "groups"].map(|count| report[count].as_u64().unwrap())
    };
    assert_eq!(counts(&alone), [9, 9, 3]);
    assert_eq!(counts(&loose), [10, 9, 3]);
    assert_eq!(counts(&with), [14, 9, 3]);
}

#[test]
fn pairs_say_what_belongs_together_for_eval_and_tune() {
    let w = labelled(10, 3);
    let mut lines = String::new();
    for (_, name) in Scene::ALL.into_iter().take(10) {
        // A chain of three: the ends are neither right nor wrong answers to each other.
        let _ = writeln!(lines, "set/{name}/0.png,set/{name}/1.png");
        let _ = writeln!(lines, "{name}/1.png,{name}/2.png");
    }
    fs::write(w.path("same.csv"), lines).unwrap();
    let pairs = ["--pairs", "same.csv", "--json"];
    let report = w.json(
        &[&["eval", "set", "--specs", "head"], &pairs[..]].concat(),
        0,
    );
    assert_eq!(report["ground_truth"], "pairs");
    assert_eq!(
        (&report["queries"], &report["groups"]),
        (&30.into(), &10.into())
    );
    let tune = ["tune", "set", "--keep-preprocess"];
    let tuned = w.json(&[&tune[..], &pairs].concat(), 0);
    assert_eq!(tuned["ground_truth"], "pairs");
    assert_eq!(tuned["held_out"]["queries"], 30);
    let both = ["--ground-truth", "folders", "--pairs", "same.csv"];
    w.run(&[&tune[..], &both].concat(), 2);
    fs::write(w.path("same.csv"), "set/nowhere.png,set/beach/0.png\n").unwrap();
    let refused = said(&w.run(&[&tune[..], &pairs].concat(), 1));
    assert!(refused.contains("line 1"), "{refused}");
}

#[test]
fn what_does_not_hold_is_not_written_and_every_search_that_was_tried_is_told() {
    // Nothing to gain: the photos of a group are the same.
    let w = Workspace::new();
    for (scene, name) in Scene::ALL {
        fs::create_dir_all(w.path(&format!("set/{name}"))).unwrap();
        for copy in 0..4 {
            let picture = paint(scene, 0, 120, 90);
            picture
                .save(w.path(&format!("set/{name}/{copy}.png")))
                .unwrap();
        }
    }
    let tune = ["tune", "set", "--keep-preprocess", "--out", "best.json"];
    let report = w.json(&[&tune[..], &["--json"]].concat(), 4);
    let held_out = &report["held_out"];
    assert_eq!(held_out["is_better"], false);
    assert_eq!(report["spec"], format!("{MODEL}:head/gap"));
    assert_eq!(report["ranking"], "none");
    let searches = held_out["searches"].as_array().unwrap();
    assert!(
        searches.iter().all(|search| search["why_not"].is_string()),
        "{searches:?}"
    );
    assert_eq!(searches[0]["until"], held_out["until"]);
    assert!(!w.path("best.json").exists());
    let told = said(&w.run(&tune, 4));
    assert!(told.contains("nothing is written to best.json"), "{told}");
}

#[test]
fn for_known_groups_what_tells_them_apart_is_fitted_and_indexed_with() {
    let w = labelled(8, 8);
    let tune = [
        "tune",
        "set",
        "--keep-preprocess",
        "--split",
        "photos",
        "--out",
        "best.json",
    ];
    let report = w.json(&[&tune[..], &["--json"]].concat(), 0);
    assert_eq!(report["split"], "photos");
    let steps = report["path"].as_array().unwrap();
    let tried = steps.iter().any(|step| step["what"] == "discriminant axes");
    assert!(tried, "{steps:?}");
    // Every group is in both halves.
    for fold in report["held_out"]["folds"].as_array().unwrap() {
        assert_eq!((&fold["groups"], &fold["queries"]), (&8.into(), &32.into()));
    }
    let projection = report["projection"]
        .as_str()
        .expect("groups that are fitted are told apart");
    w.run(&["index", "set", "--spec", "best.json"], 0);
    let info = w.json(&["info", "--json"], 0);
    let fitted = Whitening::load(&w.path("best.whitening.safetensors")).unwrap();
    assert_eq!(info["provenance"]["whitening"], fitted.digest());
    assert_eq!(info["provenance"]["dimension"], fitted.dimension());
    assert_eq!(info["ranking"], report["ranking"]);
    if projection.starts_with("discriminant") {
        assert_eq!(fitted.dimension(), 7);
    }
    let found = w.query(&["set/beach/0.png", "-k", "4"]);
    assert_eq!(found[0], "set/beach/0.png");
}

#[test]
fn names_that_say_what_belongs_together_are_announced_with_what_overrides_it() {
    let w = Workspace::new();
    for (group, (scene, name)) in Scene::ALL.into_iter().take(3).enumerate() {
        fs::create_dir_all(w.path(&format!("set/{name}"))).unwrap();
        for view in 0..2 {
            let file = format!("set/{name}/{}.png", 100_000 + 100 * group as u64 + view);
            paint(scene, view, 120, 90).save(w.path(&file)).unwrap();
        }
    }
    let eval = ["eval", "set", "--specs", "head", "--json"];
    let output = w.run(&eval, 0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["ground_truth"], &report["queries"]),
        (&"holidays".into(), &3.into())
    );
    let told = said(&output);
    assert!(
        told.contains("INRIA Holidays") && told.contains("--ground-truth folders"),
        "{told}"
    );
    let output = w.run(&[&eval[..], &["--ground-truth", "folders"]].concat(), 0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["ground_truth"], &report["queries"]),
        (&"folders".into(), &6.into())
    );
    assert!(!said(&output).contains("Holidays"));
}

/// The last line is a command that gives the gallery of the first row of one table and of the marked row of
/// the other.
#[cfg(unix)]
#[test]
fn rankings_are_held_against_none_and_the_advice_can_be_pasted() {
    let w = labelled(6, 6);
    let eval = [
        "eval",
        "set",
        "--specs",
        "head,blocks.15/gem",
        "--html",
        "page.html",
    ];
    let report = w.json(&[&eval[..], &["--json"]].concat(), 0);
    let rows = report["rankings"]["rows"].as_array().unwrap();
    assert_eq!(
        (&rows[0]["ranking"], &rows[0]["mean_gain"]),
        (&"none".into(), &0.0.into())
    );
    assert_eq!(rows[0]["metrics"], report["specs"][0]["metrics"]);
    let advised: Vec<&Value> = rows
        .iter()
        .filter(|row| row["is_advised"] == true)
        .collect();
    let [advised] = advised[..] else {
        panic!("{rows:?}");
    };
    assert!(rows.iter().all(|row| {
        row["why_not"].is_string() || row["mean_gain"].as_f64() <= advised["mean_gain"].as_f64()
    }));
    let page = fs::read_to_string(w.path("page.html")).unwrap();
    assert!(page.contains("<td>augment=3<td>"));
    let text = String::from_utf8(w.run(&eval, 0).stdout).unwrap();
    assert!(
        text.contains("\nthe best spec, ranked by (36 queries)\n"),
        "{text}"
    );
    let mut lines = text.lines();
    let advice = lines.find_map(|line| line.strip_prefix("index with it: imgsearch "));
    let mut words = words_of(advice.unwrap());
    assert_eq!((&*words[0], &*words[1]), ("index", "PATH"));
    words[1] = "set".into();
    let output = w.plain(&words).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{words:?}: {}",
        said(&output)
    );
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["ranking"], advised["ranking"]);
    for field in ["spec", "preprocess", "weights"] {
        assert_eq!(
            info["provenance"][field], report["specs"][0][field],
            "{field}"
        );
    }
}

/// Copies a set with some of its photos in each other's folders; gives back their paths.
fn exchanged(set: &Path, to: &Path, seed: u64) -> Vec<String> {
    let mut photos: Vec<(String, String)> = Vec::new();
    for folder in fs::read_dir(set).unwrap().map(Result::unwrap) {
        if folder.path().is_dir() {
            let class = folder.file_name().into_string().unwrap();
            fs::create_dir_all(to.join(&class)).unwrap();
            for photo in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
                photos.push((class.clone(), photo.file_name().into_string().unwrap()));
            }
        }
    }
    photos.sort();
    let mut random = fastrand::Rng::with_seed(seed);
    random.shuffle(&mut photos);
    let count = photos.len().div_ceil(20);
    let mut moved = Vec::new();
    for (place, (class, name)) in photos.iter().enumerate() {
        let classes = photos[..count].iter().map(|(class, _)| class);
        let mut others = classes.cycle().skip(place + 1);
        let other = others.find(|other| *other != class).unwrap();
        let folder = if place < count { other } else { class };
        let path = format!("{folder}/{place}_{name}");
        fs::copy(set.join(class).join(name), to.join(&path)).unwrap();
        if place < count {
            moved.push(path);
        }
    }
    moved
}

/// On photos that are not ours to copy.
#[test]
fn photos_in_the_wrong_folder_come_first() {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/photos");
    if !photos.is_dir() {
        skip(NO_PHOTOS);
        return;
    }
    let Some(weights) = trained_weights() else {
        return;
    };
    for (set, least) in [("objects", 0.8), ("textures", 0.6), ("landmarks", 0.8)] {
        let w = Workspace::with(weights);
        let moved = exchanged(&photos.join(set), &w.path("set"), 1);
        // As the model asks for it, not as the other tests do.
        let index = ["index", "set", "--preprocess", "resize=256,crop=224"];
        w.run(&index, 0);
        let photos = w.json(&["info", "--json"], 0)["photos"].as_u64().unwrap();
        let tenth = (photos / 10).to_string();
        let report = w.json(&["outliers", "-n", &tenth, "--json"], 0);
        let listed = report["misplaced"].as_array().unwrap();
        let is_listed = |path: &&String| {
            let path = format!("set/{path}");
            listed.iter().any(|one| one["path"] == path)
        };
        let found = moved.iter().filter(is_listed).count();
        let share = found as f64 / moved.len() as f64;
        println!(
            "{set}: {found} of {} in the first {tenth} of {photos}",
            moved.len()
        );
        assert!(share >= least, "{set}: {share}");
    }
}

/// On seeded weights: from where a search starts, and what it joins, are the network's own last stages.
#[test]
fn other_networks_are_searched_from_their_own_last_stages() {
    let w = labelled(10, 2);
    for (model, last) in [("resnet50", "layer4"), ("convnext_tiny", "features.7")] {
        let network = Architecture::find(model).unwrap().network();
        let stages = network.layers().iter().filter(|layer| layer.ends_stage);
        let names: Vec<String> = stages.map(|layer| layer.name.clone()).collect();
        let names = &names[names.len() - 3..];
        assert!(names[2].starts_with(last), "{names:?}");
        let weights = w.path(&format!("{model}.safetensors"));
        seeded::write(&network, 0, &weights);
        let load = |spec: &DescriptorSpec, preprocess: &Preprocess| {
            let recipe = Recipe::new(spec.clone(), preprocess.clone());
            Extractor::load(&recipe, &weights, &Placement::cpu())
        };
        let dataset = dataset(&w.path("set"));
        let subject = Subject {
            network,
            default: DescriptorSpec::gap(model, last),
            preprocess: SMALL.parse().unwrap(),
            extractor: &load,
        };
        let options = TuneOptions {
            keep_preprocess: true,
            ..TuneOptions::default()
        };
        let tuner = Tuner {
            dataset: &dataset,
            subject: &subject,
            options,
            folder: &w.path(".imgsearch"),
        };
        let tuned = tuner.run(&mut |_| ControlFlow::Continue(())).unwrap();
        let spec = |what: &str| {
            let step = tuned.path.iter().find(|step| step.what == what);
            step.unwrap().spec.to_string()
        };
        assert_eq!(spec("default"), format!("{model}:{last}/gap"));
        assert_eq!(spec("start"), format!("{model}:{last}/(gem1.5+rmac*0.7)"));
        let hybrid = spec("hybrid");
        let is_last = |part: &str| names.iter().any(|stage| part.starts_with(stage));
        let (_, parts) = hybrid.split_once(':').unwrap();
        assert!(parts.split(")+").all(is_last), "{hybrid}");
    }
}
