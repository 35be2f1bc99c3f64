//! Layers compared and specs tuned on labelled photos, by the command.

use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use imgsearch::backbone::{Architecture, Placement};
use imgsearch::eval::features::EvalEvent;
use imgsearch::eval::ground_truth::Difficulty;
use imgsearch::eval::tune::{TuneEvent, TuneOptions, Tuner};
use imgsearch::eval::{Candidates, Dataset, EvalOptions, Evaluator, Subject};
use imgsearch::photo::{Exclude, Preprocess};
use imgsearch::{DescriptorSpec, Extractor, Recipe};
use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::seeded;
use crate::common::skip::{NO_PHOTOS, skip};
use crate::common::{MODEL, SMALL, Workspace, said, trained_weights, weights};

/// A folder for each of some kinds of scene, with so many views.
pub fn labelled(scenes: usize, views: u64) -> Workspace {
    let w = Workspace::new();
    for (scene, name) in Scene::ALL.into_iter().take(scenes) {
        fs::create_dir_all(w.path(&format!("set/{name}"))).unwrap();
        for view in 0..views {
            let picture = paint(scene, view, 120, 90);
            picture
                .save(w.path(&format!("set/{name}/{view}.png")))
                .unwrap();
        }
    }
    w
}

fn quality(row: &Value, metric: &str) -> f64 {
    row["metrics"][metric]["mean"].as_f64().unwrap()
}

#[test]
fn every_stage_is_compared_with_every_pooling_the_best_first() {
    let w = labelled(6, 4);
    let report = w.json(&["eval", "set", "--json"], 0);
    assert_eq!(
        (&report["photos"], &report["queries"], &report["groups"]),
        (&24.into(), &24.into(), &6.into())
    );
    let rows = report["specs"].as_array().unwrap();
    assert_eq!(rows.len(), 9 * 3 + 3);
    let of = |spec: &str| {
        rows.iter()
            .find(|row| row["spec"] == format!("efficientnet_lite0:{spec}"))
            .unwrap()
    };
    assert_eq!(of("head/gap")["dimension"], 1280);
    assert_eq!(rows[0]["is_best"], true);
    let sorted = |pair: &[Value]| quality(&pair[0], "mAP") >= quality(&pair[1], "mAP");
    assert!(rows.windows(2).all(sorted));
    for row in rows {
        let interval = &row["metrics"]["mAP"];
        let [low, mean, high] = ["low", "mean", "high"].map(|end| interval[end].as_f64().unwrap());
        assert!(low <= mean && mean <= high, "{row}");
        assert!(
            quality(row, "recall@1") <= quality(row, "recall@5"),
            "{row}"
        );
    }
}

/// Photos that were described before are not described again, and give the same numbers.
#[test]
fn a_second_evaluation_says_the_same_from_the_cache() {
    let w = labelled(4, 3);
    let arguments = [
        "eval",
        "set",
        "--specs",
        "head,blocks.10/gem*0.5+head/max",
        "--json",
    ];
    let first = w.json(&arguments, 0);
    assert!(w.path(".imgsearch/pooled").is_dir());
    assert_eq!(w.json(&arguments, 0), first);
    // An evaluation leaves no gallery behind, and does not stand in the way of one.
    w.run(&["index", "set"], 0);
    assert_eq!(w.json(&arguments, 0), first);
}

#[test]
fn the_best_spec_is_reranked_indexed_and_drawn() {
    let w = labelled(5, 4);
    let report = w.json(
        &[
            "eval",
            "set",
            "--specs",
            "head,blocks.15",
            "--expand",
            "2",
            "--augment",
            "2",
            "--index",
            "--plot",
            "plot.svg",
            "--html",
            "failures.html",
            "--json",
        ],
        0,
    );
    let names: Vec<&str> = report["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["expand=2", "augment=2", "augment=2,expand=2"]);
    let index = report["index"].as_array().unwrap();
    assert!(
        index.last().unwrap()["recall"].as_f64().unwrap() > 0.99,
        "{index:?}"
    );
    let plot = fs::read_to_string(w.path("plot.svg")).unwrap();
    assert!(plot.contains("blocks.15") && plot.contains("mAP"));
    let page = fs::read_to_string(w.path("failures.html")).unwrap();
    assert!(page.matches("data:image/jpeg;base64,").count() >= 20 * 6);
    w.run(
        &[
            "eval",
            "set",
            "--specs",
            "head,blocks.15",
            "--plot",
            "plot.png",
        ],
        0,
    );
    #[expect(clippy::disallowed_methods, reason = "a drawing has no orientation")]
    let picture = image::open(w.path("plot.png")).unwrap().to_rgb8();
    let dark = picture
        .pixels()
        .filter(|pixel| pixel.0.iter().all(|value| *value < 90))
        .count();
    assert!(dark > 2000, "{dark} dark pixels: is the text there?");
}

#[test]
fn a_table_says_what_belongs_together_and_a_broken_photo_stops_nothing() {
    let w = labelled(3, 3);
    fs::write(w.path("set/broken.jpg"), b"\xff\xd8\xff broken").unwrap();
    let mut table = "path,group,role,junk\nbroken.jpg,beach,gallery,\n".to_owned();
    for (_, name) in Scene::ALL.into_iter().take(3) {
        for (view, role) in ["query,", "gallery,", "gallery,yes"].iter().enumerate() {
            let _ = writeln!(table, "{name}/{view}.png,{name},{role}");
        }
    }
    fs::write(w.path("set/labels.csv"), table).unwrap();
    let report = w.json(&["eval", "set/labels.csv", "--specs", "head", "--json"], 3);
    let here = w.command(&["eval", "labels.csv", "--specs", "head", "--json"]);
    let here = { here }.current_dir(w.path("set")).output().unwrap();
    assert_eq!(here.status.code(), Some(3));
    assert_eq!(
        (&report["queries"], &report["photos"]),
        (&3.into(), &6.into())
    );
    let skipped = report["skipped"].as_array().unwrap();
    assert!(skipped[0]["path"].as_str().unwrap().ends_with("broken.jpg"));
}

#[test]
fn a_set_of_broken_photos_alone_measures_nothing_and_says_so() {
    let w = labelled(2, 2);
    for (_, name) in Scene::ALL.into_iter().take(2) {
        for view in 0..2 {
            let broken = b"\x89PNG\r\n\x1a\n broken";
            fs::write(w.path(&format!("set/{name}/{view}.png")), broken).unwrap();
        }
    }
    let refused = said(&w.run(&["eval", "set", "--specs", "head"], 1));
    assert!(
        refused.contains("only 0 queries with something to find: an evaluation needs at least 1"),
        "{refused}"
    );
    assert_eq!(
        refused.matches("skipped 4: damaged").count(),
        1,
        "{refused}"
    );
}

#[test]
fn what_cannot_be_evaluated_is_told_with_what_to_do() {
    let w = labelled(2, 2);
    let lone = format!("set/{}", Scene::ALL[0].1);
    for (arguments, said) in [
        (vec!["eval", "nowhere"], "nowhere"),
        (vec!["eval", "set", "--specs", "haed"], "head"),
        (
            vec!["eval", "set", "--ground-truth", "nonsense"],
            "ground truth",
        ),
        (
            vec!["eval", lone.as_str()],
            "no photo has another of its group",
        ),
        (vec!["tune", "set"], "at least 10"),
    ] {
        let output = w.command(&arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains(said), "{arguments:?}: {message}");
    }
}

#[test]
fn a_tuned_spec_is_written_and_indexed_with() {
    let w = labelled(10, 4);
    let report = w.json(
        &[
            "tune",
            "set",
            "--keep-preprocess",
            "--out",
            "best.json",
            "--json",
        ],
        0,
    );
    let path = report["path"].as_array().unwrap();
    assert_eq!(path[0]["spec"], "efficientnet_lite0:head/gap");
    // What was dropped says why, and what was taken does not lose.
    let gain = |step: &Value| step["mean_gain"].as_f64().unwrap();
    let is_right = |step: &Value| step["dropped"].is_string() || gain(step) >= 0.0;
    assert!(path.iter().all(is_right), "{path:?}");
    let asked = ["searched", "held_out"].map(|side| report[side]["queries"].as_u64().unwrap());
    assert_eq!(asked, [40, 40]);
    let folds = report["held_out"]["folds"].as_array().unwrap();
    assert_eq!(folds.len(), 2);
    let worst = folds.iter().map(gain).fold(f64::MAX, f64::min);
    assert!((worst - report["held_out"]["worst"].as_f64().unwrap()).abs() < 1e-12);
    let saved: Value = serde_json::from_slice(&fs::read(w.path("best.json")).unwrap()).unwrap();
    assert_eq!(saved["spec"], report["spec"]);
    assert_eq!(saved["weights"], report["weights"]);
    assert_eq!(
        (&saved["ranking"], &saved["tuned"]["seed"]),
        (&report["ranking"], &0.into())
    );
    let gain = &saved["tuned"]["gain"];
    assert_eq!(
        (&gain["metric"], &gain["mean"]),
        (&report["metric"], &report["held_out"]["gain"]["mean"])
    );
    assert!(
        saved["tuned"]["version"]
            .as_str()
            .unwrap()
            .starts_with("0.")
    );
    w.run(&["index", "set", "--spec", "best.json"], 0);
    let found = w.query(&["set/beach/0.png", "-k", "1"]);
    assert_eq!(found, ["set/beach/0.png"]);
}

/// Labelled photos as folders have them.
pub fn dataset(folder: &Path) -> Dataset {
    Dataset {
        path: folder.to_owned(),
        ground_truth: None,
        pairs: None,
        with: Vec::new(),
        difficulty: Difficulty::Medium,
        sample: None,
        seed: 0,
        exclude: Exclude::default(),
    }
}

/// As the command's bars do, on seeded weights: tells how a run ends that is stopped at an event.
fn stopped<T>(
    w: &Workspace,
    run: impl FnOnce(&Dataset, &Subject<'_>) -> imgsearch::Result<T>,
) -> T {
    let load = |spec: &DescriptorSpec, preprocess: &Preprocess| {
        let recipe = Recipe::new(spec.clone(), preprocess.clone());
        Extractor::load(&recipe, weights(), &Placement::cpu())
    };
    let dataset = dataset(&w.path("set"));
    let subject = Subject {
        network: Architecture::find(MODEL).unwrap().network(),
        default: DescriptorSpec::gap(MODEL, "head"),
        preprocess: SMALL.parse().unwrap(),
        extractor: &load,
    };
    run(&dataset, &subject).unwrap()
}

#[test]
fn an_evaluation_that_is_stopped_says_so_and_has_what_was_found() {
    let w = labelled(3, 2);
    let evaluate = |stop: fn(&EvalEvent<'_>) -> bool| {
        stopped(&w, |dataset, subject| {
            let specs = ["head", "blocks.2"].map(str::to_owned);
            let candidates = [Candidates {
                subject: subject.clone(),
                specs: subject.specs(&specs)?,
            }];
            let evaluator = Evaluator {
                dataset,
                candidates: &candidates,
                options: EvalOptions {
                    failures: 2,
                    ..EvalOptions::default()
                },
                folder: &w.path(".imgsearch"),
            };
            evaluator.run(&mut |event| {
                if stop(&event) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
    };
    let at_once = evaluate(|event| matches!(event, EvalEvent::Started { .. }));
    assert!(at_once.interrupted && at_once.specs.is_empty());
    assert_eq!(at_once.queries, 6);
    let between = evaluate(|event| matches!(event, EvalEvent::Evaluated { done: 1, .. }));
    assert!(between.interrupted);
    assert_eq!((between.specs.len(), between.failures.len()), (1, 2));
    let whole = evaluate(|_| false);
    assert!(!whole.interrupted);
    assert_eq!(whole.specs.len(), 2);
}

#[test]
fn a_tuning_that_is_stopped_says_so_and_keeps_the_default() {
    let w = labelled(10, 2);
    let tuned = stopped(&w, |dataset, subject| {
        let tuner = Tuner {
            dataset,
            subject,
            options: TuneOptions {
                keep_preprocess: true,
                ..TuneOptions::default()
            },
            folder: &w.path(".imgsearch"),
        };
        tuner.run(&mut |event| match event {
            TuneEvent::Fold { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    });
    assert!(tuned.interrupted && tuned.held_out.is_none());
    assert_eq!(tuned.path[0].what, "default");
    assert_eq!(tuned.spec.to_string(), "efficientnet_lite0:head/gap");
}

/// The same weights scored in PyTorch with GAP of the head, on photos that are not ours to copy.
#[test]
fn real_sets_score_what_pytorch_scored() {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/photos");
    if !photos.is_dir() {
        skip(NO_PHOTOS);
        return;
    }
    let Some(weights) = trained_weights() else {
        return;
    };
    let w = Workspace::with(weights);
    for (set, map) in [
        ("objects", 0.7778),
        ("textures", 0.5155),
        ("landmarks", 0.9095),
    ] {
        let folder = photos.join(set);
        let folder = folder.to_str().unwrap();
        let report = w.json(&["eval", folder, "--specs", "head", "--json"], 0);
        let ours = quality(&report["specs"][0], "mAP");
        println!("{set}: mAP {ours:.4}, PyTorch {map}");
        assert!((ours - map).abs() <= 0.005, "{set}: {ours}");
    }
}

/// The words of a command as a shell takes them.
#[cfg(unix)]
pub fn words_of(command: &str) -> Vec<String> {
    let print = format!("for word in {command}; do printf '%s\\n' \"$word\"; done");
    let output = std::process::Command::new("sh")
        .args(["-c", &print])
        .output()
        .unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().map(str::to_owned).collect()
}

/// The command without the weights that a workspace adds: published ones are found in the cache.
fn plainly(w: &Workspace, arguments: &[&str], code: i32) -> (String, String) {
    let output = w.plain(arguments).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

const OWN: [&str; 4] = [
    "--arch",
    "mobilenet_v3_small",
    "--weights",
    "my own.safetensors",
];

/// Labelled photos, a network of one's own, and what comes of it beside a published one; nothing where
/// that cannot be had.
fn mixed() -> Option<(Workspace, Value)> {
    trained_weights()?;
    let w = labelled(4, 2);
    let own = Architecture::find("mobilenet_v3_small").unwrap().network();
    let own = own.with_classes(3).unwrap();
    seeded::write(&own, 0, &w.path("my own.safetensors"));
    let specs = "features.12,tf_efficientnet_lite0.in1k,\
                 mobilenet_v3_small:features.3@resize=96x96,crop=none";
    let eval = [&["eval", "set", "--json", "--specs", specs][..], &OWN].concat();
    let report = serde_json::from_str(&plainly(&w, &eval, 0).0).unwrap();
    Some((w, report))
}

fn row<'a>(report: &'a Value, spec: &str) -> &'a Value {
    let rows = report["specs"].as_array().unwrap();
    rows.iter().find(|row| row["spec"] == spec).unwrap()
}

#[test]
fn networks_are_compared_in_one_table_each_with_its_own_preprocessing() {
    let Some((w, report)) = mixed() else {
        return;
    };
    assert_eq!(report["specs"].as_array().unwrap().len(), 3);
    let small = row(&report, "mobilenet_v3_small:features.3/gap");
    let published = row(&report, "efficientnet_lite0:head/(gem1.5+rmac*0.7)");
    let last = row(&report, "mobilenet_v3_small:features.12/gap");
    assert_eq!(small["weights"], last["weights"]);
    assert_ne!(small["weights"], published["weights"]);
    let keys = |row: &Value| row["preprocess"].as_str().unwrap().to_owned();
    assert!(keys(small).starts_with("resize=96x96,crop=none,interpolation=bicubic"));
    assert!(keys(last).starts_with("resize=256,crop=224,interpolation=bicubic,mean=0.485/"));
    assert!(keys(published).starts_with("resize=256,crop=224,interpolation=bicubic,mean=0.5/"));
    assert_eq!(report["preprocess"], report["specs"][0]["preprocess"]);
    // Alone each is worth what it is worth beside others.
    let alone = ["eval", "set", "--json", "--specs", "efficientnet_lite0"];
    let alone: Value = serde_json::from_str(&plainly(&w, &alone, 0).0).unwrap();
    assert_eq!(alone["specs"][0]["metrics"], published["metrics"]);
    let two = "mobilenet_v3_small:features.3,mobilenet_v3_small:features.3@resize=96x96,crop=none";
    let eval = [&["eval", "set", "--specs", two][..], &OWN].concat();
    let (table, _) = plainly(&w, &eval, 0);
    assert!(
        table.contains("mobilenet_v3_small:features.3/gap@resize=96x96"),
        "{table}"
    );
    let other = [&["eval", "set", "--specs", "efficientnet_lite0"][..], &OWN].concat();
    let (_, refused) = plainly(&w, &other, 1);
    assert!(
        refused.contains("none is of the network whose weights are given"),
        "{refused}"
    );
}

#[cfg(unix)]
#[test]
fn the_advice_can_be_pasted_and_gives_what_was_evaluated() {
    let Some((w, report)) = mixed() else {
        return;
    };
    for (number, row) in report["specs"].as_array().unwrap().iter().enumerate() {
        let keys = row["preprocess"].as_str().unwrap();
        let spec = format!("{}@{keys}", row["spec"].as_str().unwrap());
        let eval = [&["eval", "set", "--specs", &spec][..], &OWN].concat();
        let is_own = spec.starts_with("mobilenet");
        let (text, _) = plainly(&w, if is_own { &eval } else { &eval[..4] }, 0);
        let mut lines = text.lines();
        let advice = lines.find_map(|line| line.strip_prefix("index with it: imgsearch "));
        let mut words = words_of(advice.unwrap());
        assert_eq!((&*words[0], &*words[1]), ("index", "PATH"));
        words[1] = "set".into();
        let gallery = format!("gallery{number}");
        words.extend(["--gallery".into(), gallery.clone()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        plainly(&w, &words, 0);
        let info = plainly(&w, &["info", "--gallery", &gallery, "--json"], 0).0;
        let info: Value = serde_json::from_str(&info).unwrap();
        for field in ["spec", "preprocess", "weights"] {
            assert_eq!(info["provenance"][field], row[field], "{field}");
        }
    }
}
