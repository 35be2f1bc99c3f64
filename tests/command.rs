//! The command does what its help says, on painted pictures.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::common::Workspace;

#[test]
fn indexed_photos_find_their_own_scene_first() {
    let Some(w) = Workspace::painted(10, 4) else {
        return;
    };
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(report["added"], 40);
    let mut hits = 0;
    for (_, name) in crate::common::paint::Scene::ALL {
        let found = w.query(&[&format!("photos/{name}_1.png"), "-k", "4"]);
        assert_eq!(found[0], format!("photos/{name}_1.png"));
        hits += found[1..].iter().filter(|path| path.contains(name)).count();
    }
    assert!(hits >= 27, "{hits} of 30 other views found");
}

#[test]
fn a_second_run_touches_only_what_changed() {
    let Some(w) = Workspace::painted(3, 3) else {
        return;
    };
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
    let Some(w) = Workspace::painted(4, 2) else {
        return;
    };
    w.run(&["index", "photos"], 0);
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
        b"rank,similarity,path\n1,1.000000,\"photos/city_0.png\"\n"
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
    let Some(w) = Workspace::painted(1, 2) else {
        return;
    };
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
    let Some(w) = Workspace::painted(2, 1) else {
        return;
    };
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
    let Some(w) = Workspace::painted(2, 2) else {
        return;
    };
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
    let Some(w) = Workspace::new() else { return };
    let shown = w.json(&["models", "show", "efficientnet_lite0", "--json"], 0);
    assert_eq!(shown["layers"].as_array().unwrap().len(), 20);
    assert_eq!(
        w.json(&["models", "list", "--json"], 0)[0]["parameters"],
        4_652_008
    );
    assert!(!w.run(&["completions", "zsh"], 0).stdout.is_empty());
}
