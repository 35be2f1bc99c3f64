//! Bad input costs itself alone, and says so.

use std::fs;

use imgsearch::gallery::{Gallery, Snapshot};

use crate::common::{Workspace, said};

#[test]
fn broken_files_are_skipped_with_their_reasons_and_the_rest_is_indexed() {
    let w = Workspace::painted(2, 2);
    let whole = fs::read(w.path("photos/city_0.png")).unwrap();
    fs::write(w.path("photos/cut.png"), &whole[..whole.len() / 10]).unwrap();
    fs::write(w.path("photos/empty.jpg"), "").unwrap();
    fs::write(w.path("photos/text.jpg"), "not a picture").unwrap();
    fs::create_dir(w.path("photos/folder.jpg")).unwrap();
    for (name, width, height) in [("dot", 1, 1), ("thin", 1, 8000)] {
        image::RgbImage::from_pixel(width, height, image::Rgb([200, 60, 20]))
            .save(w.path(&format!("photos/{name}.png")))
            .unwrap();
    }
    let report = w.json(&["index", "photos", "nowhere", "--json"], 3);
    let skipped: Vec<&str> = report["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["path"].as_str().unwrap())
        .collect();
    for name in [
        "nowhere",
        "photos/cut.png",
        "photos/empty.jpg",
        "photos/text.jpg",
    ] {
        assert!(skipped.contains(&name), "{name} is not among {skipped:?}");
    }
    assert_eq!((skipped.len(), report["added"].as_u64()), (4, Some(6)));
    // What is broken is tried again, and does not disturb what is there.
    assert_eq!(w.json(&["index", "photos", "--json"], 3)["unchanged"], 6);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_survive() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let w = Workspace::painted(1, 1);
    let name = OsStr::from_bytes(b"photos/\xff\x1b[31m.png");
    fs::copy(w.path("photos/mountains_0.png"), w.dir.path().join(name)).unwrap();
    w.run(&["index", "photos"], 0);
    let found = w.run(&["query", "photos/mountains_0.png", "-0"], 0).stdout;
    assert!(found.windows(5).any(|bytes| bytes == b"/\xff\x1b[3"));
    let shown = w.run(&["query", "photos/mountains_0.png"], 0).stdout;
    assert!(
        !shown.contains(&0x1b),
        "an escape sequence reached the terminal"
    );
}

#[test]
fn names_that_turn_text_around_or_hide_in_it_reach_no_terminal_page_or_spreadsheet() {
    let w = Workspace::painted(1, 1);
    let photo = w.path("photos/mountains_0.png");
    for name in [
        "a\u{202e}gpj",
        "b\u{9b}31m\u{200b}\u{2028}",
        "\u{2067}",
        "=1+1",
        "@x",
    ] {
        fs::copy(&photo, w.path(&format!("photos/{name}.png"))).unwrap();
    }
    let broken = "photos/broken\u{2066}\u{85}.png";
    fs::write(w.path(broken), "no picture").unwrap();
    let here = |arguments: &[&str], code: i32| {
        let mut command = w.command(arguments);
        let output = command.current_dir(w.path("photos")).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        output
    };
    let mut told = Vec::new();
    let mut note = |output: std::process::Output| {
        told.push(output.stdout);
        told.push(output.stderr);
    };
    note(here(&["index", "."], 3));
    let csv = here(&["query", "@x.png", "--csv"], 0).stdout;
    let cells = String::from_utf8(csv.clone()).unwrap();
    assert!(cells.contains(",\"./=1+1.png\",\n") && cells.contains(",\"./@x.png\",\n"));
    note(here(&["query", "@x.png", "--html", "page.html"], 0));
    note(here(&["query", &broken["photos/".len()..]], 1));
    note(here(&["extract", &broken["photos/".len()..]], 1));
    note(here(&["query", "--no-such\u{202e}option"], 2));
    note(here(&["remove", "gone\u{202e}.png"], 3));
    fs::remove_file(w.path("photos/a\u{202e}gpj.png")).unwrap();
    note(here(&["verify"], 3));
    told.push(csv);
    told.push(fs::read(w.path("photos/page.html")).unwrap());
    let told = String::from_utf8(told.concat()).unwrap();
    let hidden = [
        '\u{85}', '\u{9b}', '\u{200b}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{2067}',
    ];
    assert!(!told.contains(hidden), "{told:?}");
    // They were there to be told.
    for seen in [
        "a\u{FFFD}gpj.png",
        "broken\u{FFFD}\u{FFFD}.png",
        "gone\u{FFFD}.png",
    ] {
        assert!(told.contains(seen), "{told:?}");
    }
}

#[test]
fn unknown_layers_models_and_keys_are_errors_with_hints() {
    let w = Workspace::painted(1, 1);
    let cases: [(&[&str], &str); 4] = [
        (
            &["index", "photos", "--spec", "efficientnet_lite0:block.9"],
            "did you mean `blocks.9`",
        ),
        (
            &["index", "photos", "--spec", "efficientnet_lite:head"],
            "`efficientnet_lite0`",
        ),
        (&["index", "photos", "--preprocess", "size=3"], "`size=3`"),
        (&["query", "photos/mountains_0.png"], "imgsearch index PATH"),
    ];
    for (arguments, expected) in cases {
        let output = w.run(arguments, 1);
        assert!(said(&output).contains(expected), "{}", said(&output));
        assert!(output.stdout.is_empty());
    }
    w.run(&["index"], 2);
}

#[test]
fn weights_of_another_network_are_refused_by_tensor_and_shape() {
    let w = Workspace::painted(1, 1);
    let wrong = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/goldens/efficientnet_lite0/beach.safetensors"
    );
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_imgsearch"))
        .current_dir(w.dir.path())
        .args(["index", "photos", "--weights", wrong])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("_conv_stem.weight"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_damaged_snapshot_is_rebuilt_from_the_store() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let before = w.query(&["photos/city_0.png"]);
    for damaged in [&b"IMGSNAP1"[..], b""] {
        let snapshot = Snapshot::open(&w.path(".imgsearch")).unwrap();
        fs::write(snapshot.path(), damaged).unwrap();
        let output = w.run(&["query", "photos/city_0.png"], 0);
        assert!(said(&output).contains("rebuilt"), "{}", said(&output));
        assert_eq!(w.query(&["photos/city_0.png"]), before);
    }
    fs::remove_file(w.path(".imgsearch/current")).unwrap();
    assert_eq!(w.query(&["photos/city_0.png"]), before);
}

#[test]
fn a_damaged_store_is_rebuilt_from_the_snapshot() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let before = w.query(&["photos/city_0.png"]);
    fs::write(w.path(".imgsearch/store/conf"), b"garbage").unwrap();
    fs::write(w.path(".imgsearch/store/about"), vec![7; 100_000]).unwrap();
    let output = w.run(&["index", "photos", "--json"], 0);
    assert!(
        said(&output).contains("store was damaged"),
        "{}",
        said(&output)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["unchanged"], 4);
    assert_eq!(w.query(&["photos/city_0.png"]), before);
}

#[test]
fn a_second_writer_is_told_and_readers_are_not_disturbed() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let writer = Gallery::open(&w.path(".imgsearch")).unwrap();
    let output = w.run(&["index", "photos"], 1);
    assert!(
        said(&output).contains("another imgsearch is writing"),
        "{}",
        said(&output)
    );
    assert_eq!(w.query(&["photos/city_0.png"]).len(), 4);
    drop(writer);
    w.run(&["index", "photos"], 0);
}
