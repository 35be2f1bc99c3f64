//! The command does what its help says, on painted pictures.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::common::{Workspace, trained_weights};

/// Forty photos are indexed so and find themselves first, and then other views of their scene.
fn photos_find_their_own_scene_first(w: &Workspace, arguments: &[&str]) {
    let index = [&["index", "photos", "--json"], arguments].concat();
    assert_eq!(w.json(&index, 0)["added"], 40);
    let mut hits = 0;
    for (_, name) in crate::common::paint::Scene::ALL {
        let found = w.query(&[&format!("photos/{name}_1.png"), "-k", "4"]);
        assert_eq!(found[0], format!("photos/{name}_1.png"));
        hits += found[1..].iter().filter(|path| path.contains(name)).count();
    }
    assert!(hits >= 27, "{hits} of 30 other views found");
}

/// Convolutions tell colours and textures apart before they are trained, if not too many of them
/// follow each other.
#[test]
fn indexed_photos_find_their_own_scene_first() {
    let w = Workspace::painted(10, 4);
    let spec = ["--spec", "efficientnet_lite0:blocks.2/gem"];
    photos_find_their_own_scene_first(&w, &spec);
}

#[test]
fn indexed_photos_find_their_own_scene_first_by_the_trained_default() {
    let Some(weights) = trained_weights() else {
        return;
    };
    let w = Workspace::with(weights).with_painted(10, 4);
    let default = ["--preprocess", "resize=256,crop=224"];
    photos_find_their_own_scene_first(&w, &default);
}

#[test]
fn a_second_run_touches_only_what_changed() {
    let w = Workspace::painted(3, 3);
    w.run(&["index", "photos"], 0);
    assert_eq!(w.json(&["index", "photos", "--json"], 0)["unchanged"], 9);

    fs::rename(w.path("photos/city_0.png"), w.path("photos/renamed.png")).unwrap();
    fs::remove_file(w.path("photos/beach_1.png")).unwrap();
    fs::copy(
        w.path("photos/beach_0.png"),
        w.path("photos/mountains_0.png"),
    )
    .unwrap();
    fs::copy(w.path("photos/beach_2.png"), w.path("photos/copy.png")).unwrap();
    let report = w.json(&["index", "photos", "--json"], 0);
    let counts = ["added", "unchanged", "changed", "moved", "removed"]
        .map(|key| report[key].as_u64().unwrap());
    assert_eq!(counts, [1, 6, 1, 1, 1]);
    let found = w.query(&["photos/renamed.png", "-k", "20"]);
    assert_eq!((found.len(), found[0].as_str()), (9, "photos/renamed.png"));
    assert!(!found.contains(&"photos/beach_1.png".to_owned()));
}

#[test]
fn a_query_can_be_piped_averaged_and_limited() {
    let w = Workspace::painted(4, 2);
    w.run(&["index", "photos", "--ranking", "none"], 0);
    let mut child = w
        .command(&["query", "-", "-0", "-k", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&fs::read(w.path("photos/city_1.png")).unwrap())
        .unwrap();
    assert_eq!(
        child.wait_with_output().unwrap().stdout,
        b"photos/city_1.png\0"
    );

    let found = w.query(&["photos/city_0.png", "photos/beach_0.png", "-k", "2"]);
    assert!(
        found.iter().any(|path| path.contains("city"))
            && found.iter().any(|path| path.contains("beach"))
    );
    assert_eq!(
        w.query(&["photos/city_0.png", "--min-similarity", "0.9999"]),
        ["photos/city_0.png"]
    );
    let csv = w
        .run(&["query", "photos/city_0.png", "--csv", "-k", "1"], 0)
        .stdout;
    assert_eq!(
        csv,
        b"rank,similarity,path,absolute_hex\n1,1.000000,\"photos/city_0.png\",\n"
    );

    w.run(
        &[
            "query",
            "photos/city_0.png",
            "--html",
            "page.html",
            "--contact-sheet",
            "sheet.jpg",
        ],
        0,
    );
    assert!(
        fs::read_to_string(w.path("page.html"))
            .unwrap()
            .contains("data:image/jpeg;base64,")
    );
    assert!(image::image_dimensions(w.path("sheet.jpg")).unwrap().0 > 900);
}

#[test]
fn a_query_made_otherwise_than_the_gallery_is_refused() {
    let w = Workspace::painted(1, 2);
    w.run(
        &[
            "index",
            "photos",
            "--spec",
            "efficientnet_lite0:blocks.4/gem*0.5+head/rmac",
        ],
        0,
    );
    // The gallery's own spec is taken where none is named.
    assert_eq!(w.query(&["photos/mountains_0.png"]).len(), 2);
    let refused = w.run(
        &[
            "query",
            "photos/mountains_0.png",
            "--spec",
            "efficientnet_lite0:head",
        ],
        1,
    );
    let said = crate::common::said(&refused);
    assert!(
        said.contains("blocks.4/gem*0.5+head/rmac") && said.contains("hint:"),
        "{said}"
    );
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["provenance"]["dimension"], 40 + 1280);
}

#[test]
fn extract_writes_what_numpy_reads() {
    let w = Workspace::painted(2, 1);
    let images = ["photos/mountains_0.png", "photos/city_0.png"];
    w.run(
        &[
            &["extract", "--out", "d.npy", "--preprocess", "none"],
            &images[..],
        ]
        .concat(),
        0,
    );
    let npy = fs::read(w.path("d.npy")).unwrap();
    assert!(npy.starts_with(b"\x93NUMPY\x01\x00"));
    let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    assert_eq!(header % 64, 0);
    assert!(String::from_utf8_lossy(&npy[10..header]).contains("'shape': (2, 1280)"));
    assert_eq!(npy.len(), header + 2 * 1280 * 4);
    let jsonl = w
        .run(
            &[
                "extract",
                "--format",
                "jsonl",
                "--preprocess",
                "none",
                images[0],
            ],
            0,
        )
        .stdout;
    let line: serde_json::Value = serde_json::from_slice(&jsonl).unwrap();
    let first = line["descriptor"][0].as_f64().unwrap() as f32;
    assert_eq!(first.to_le_bytes(), npy[header..header + 4]);
    // GAP takes any size.
    w.run(
        &[
            "extract",
            "--preprocess",
            "resize=96,crop=none",
            "--out",
            "e.npy",
            images[0],
        ],
        0,
    );
}

#[test]
fn removed_photos_disappear_and_verify_is_content() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    w.run(&["verify", "--photos"], 0);
    w.run(&["remove", "photos/city_0.png"], 0);
    assert_eq!(w.query(&["photos/city_0.png"]).len(), 3);
    fs::write(w.path("photos/city_1.png"), "changed").unwrap();
    assert_eq!(
        w.json(&["verify", "--json"], 3)["problems"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn models_can_be_listed_and_shown_and_completions_printed() {
    let w = Workspace::new();
    let shown = w.json(&["models", "show", "efficientnet_lite0", "--json"], 0);
    assert_eq!(shown["layers"].as_array().unwrap().len(), 20);
    assert_eq!(
        w.json(&["models", "list", "--json"], 0)[0]["parameters"],
        4_652_008
    );
    for list in [&["models", "list"][..], &["models", "list", "--all"]] {
        let table = String::from_utf8(w.run(list, 0).stdout).unwrap();
        // One column behind the other, in every line.
        let ends = |line: &str| line.find("  default layer").or_else(|| line.find('%'));
        assert!(
            table.lines().all(|line| line.chars().count() < 140),
            "{table}"
        );
        let rates: BTreeSet<_> = table.lines().skip(1).filter_map(ends).collect();
        assert_eq!(rates.len(), 1, "{table}");
    }
    // As the message about an unknown layer names it.
    let shown = w.json(&["models", "show", "resnet50_keras", "--json"], 0);
    assert_eq!(shown["name"], "resnet50.keras");
    assert!(!w.run(&["completions", "zsh"], 0).stdout.is_empty());
}

#[test]
fn a_query_that_cannot_be_answered_says_why() {
    let w = Workspace::painted(1, 2);
    w.run(&["index", "photos"], 0);
    fs::write(w.path("text.jpg"), "not a picture").unwrap();
    fs::create_dir(w.path("empty")).unwrap();
    let photo = "photos/mountains_0.png";
    let cases: [(&[&str], i32, &str); 7] = [
        (&["text.jpg"], 1, "error: not a picture: text.jpg"),
        (&["nowhere.jpg"], 1, "error: cannot read nowhere.jpg"),
        (&["empty"], 1, "error: no pictures in empty"),
        (&[photo, "-k", "0"], 2, "0 is not in 1.."),
        (
            &[photo, "--html", "no/page.html"],
            1,
            "error: cannot write no/page.html",
        ),
        (
            &[photo, "--contact-sheet", "sheet.txt"],
            1,
            "error: cannot write sheet.txt",
        ),
        (&[photo, "--min-similarity", "2"], 4, "note: no photo"),
    ];
    for (arguments, code, expected) in cases {
        let output = w.run(&[&["query"], arguments].concat(), code);
        let said = crate::common::said(&output);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(w.query(&[photo, "-k", "1000"]).len(), 2);
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let w = Workspace::painted(1, 2);
    w.run(&["index", "photos"], 0);
    let photo = "photos/mountains_0.png";
    let commands: [&[&str]; 5] = [
        &["query", photo],
        &["extract", photo, "--format", "jsonl"],
        &["models", "show", "efficientnet_lite0"],
        &["completions", "bash"],
        &["info"],
    ];
    for arguments in commands {
        let mut child = w
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = crate::common::said(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(said.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn extract_keeps_the_order_skips_what_is_broken_and_writes_nothing_for_nothing() {
    let w = Workspace::painted(2, 1);
    fs::write(w.path("text.jpg"), "not a picture").unwrap();
    let (city, mountains) = ("photos/city_0.png", "photos/mountains_0.png");
    let mut arguments = vec!["extract", "--format", "jsonl", "--preprocess", "none"];
    arguments.extend([mountains, "text.jpg", city, mountains]);
    let output = w.run(&arguments, 3);
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let paths: Vec<&str> = lines.iter().map(|l| l["path"].as_str().unwrap()).collect();
    assert_eq!(paths, [mountains, city, mountains]);
    assert_eq!(lines[0]["descriptor"], lines[2]["descriptor"]);
    let said = crate::common::said(&output);
    assert_eq!(said, "skipped: not a picture: text.jpg\n");
    w.run(&["extract", "text.jpg", "--out", "none.npy"], 1);
    assert!(!w.path("none.npy").exists());
}

#[test]
fn no_colours_reach_what_is_no_terminal_or_asks_for_none() {
    let w = Workspace::painted(1, 1);
    w.run(&["index", "photos"], 0);
    for arguments in [&["query", "--help"][..], &["query"], &["info"]] {
        let output = w.command(arguments).env("NO_COLOR", "1").output().unwrap();
        let both = [output.stdout, output.stderr].concat();
        assert!(!both.contains(&0x1b), "{arguments:?}");
    }
}

#[test]
fn a_folder_without_photos_is_remarked_on() {
    let w = Workspace::new();
    fs::create_dir(w.path("empty")).unwrap();
    let output = w.run(&["index", "empty"], 0);
    assert!(crate::common::said(&output).contains("there are no photos"));
}

#[test]
fn a_gallery_with_a_lost_snapshot_is_updated_with_its_own_spec() {
    let w = Workspace::painted(1, 2);
    let spec = "efficientnet_lite0:blocks.2";
    w.run(&["index", "photos/mountains_0.png", "--spec", spec], 0);
    fs::remove_file(w.path(".imgsearch/current")).unwrap();
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(
        (&report["added"], &report["photos"]),
        (&1.into(), &2.into())
    );
    let info = w.json(&["info", "--json"], 0);
    assert!(
        info["provenance"]["spec"]
            .as_str()
            .unwrap()
            .starts_with(spec)
    );
}
