//! What newcomers run into: a name mistyped, a gallery that is empty, a photo that is gone.

use std::fs;
#[cfg(target_os = "linux")]
use std::path::Path;

use crate::common::{Workspace, said};

#[test]
fn a_mistyped_folder_makes_no_gallery_and_the_right_one_is_suggested() {
    let w = Workspace::painted(1, 1);
    let refused = said(&w.run(&["index", "phottos"], 1));
    assert!(refused.contains("phottos"), "{refused}");
    assert!(refused.contains("did you mean `photos`?"), "{refused}");
    assert!(!w.path(".imgsearch").exists());
    let one_of_two = w.run(&["index", "photos", "phottos", "--json"], 3);
    let report: serde_json::Value = serde_json::from_slice(&one_of_two.stdout).unwrap();
    assert_eq!(
        (&report["added"], &report["photos"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn what_finds_nothing_is_told_by_its_exit_code_from_what_fails() {
    let w = Workspace::painted(2, 1);
    fs::create_dir(w.path("none")).unwrap();
    w.run(&["index", "none"], 0);
    let empty = said(&w.run(&["query", "photos/mountains_0.png"], 4));
    assert!(empty.contains("the gallery is empty"), "{empty}");
    w.run(&["index", "photos"], 0);
    let found = ["query", "photos/mountains_0.png", "--min-similarity"];
    w.run(&[&found[..], &["0.99"]].concat(), 0);
    let nothing = said(&w.run(&[&found[..], &["0.99", "--not-itself"]].concat(), 4));
    assert!(
        nothing.contains("no photo in the gallery matches"),
        "{nothing}"
    );
    w.run(&["query", "photos/nowhere.png"], 1);
}

#[test]
fn an_address_is_answered_with_how_to_ask_with_it() {
    let w = Workspace::painted(1, 1);
    w.run(&["index", "photos"], 0);
    for command in ["query", "search", "index"] {
        let refused = w
            .command(&[command, "https://example.org/cat.jpg"])
            .output();
        let refused = said(&refused.unwrap());
        assert!(refused.contains("https://example.org/cat.jpg"), "{refused}");
        assert!(
            command == "index" || refused.contains("curl -L"),
            "{refused}"
        );
    }
}

#[test]
fn another_networks_spec_is_answered_with_what_the_gallery_was_made_with() {
    let w = Workspace::painted(1, 1);
    w.run(&["index", "photos"], 0);
    for spec in [
        "vgg16:block4_pool",
        "resnet50:layer3",
        "efficientnet_lite0:blocks.2",
    ] {
        let refused = said(&w.run(&["query", "photos/mountains_0.png", "--spec", spec], 1));
        let made_with = "efficientnet_lite0:head/(gem1.5+rmac*0.7)";
        assert!(refused.contains(made_with), "{refused}");
        assert!(!refused.contains("tensor"), "{refused}");
    }
}

#[test]
fn the_last_layer_has_one_name_in_every_network() {
    let w = Workspace::painted(1, 2);
    w.run(&["index", "photos", "--spec", "efficientnet_lite0:last"], 0);
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["provenance"]["spec"], "efficientnet_lite0:head/gap");
    assert_eq!(info["precisions"], serde_json::json!(["f32"]));
    for architecture in imgsearch::backbone::Architecture::all() {
        let network = architecture.network();
        let last = network.find_layer("last").unwrap();
        assert!(last.ends_stage, "{}", architecture.name);
    }
}

#[test]
fn photos_that_are_gone_are_marked_or_left_out_and_the_answer_is_as_long() {
    let w = Workspace::painted(4, 2);
    w.run(&["index", "photos"], 0);
    for gone in ["city_1", "beach_0", "mountains_0"] {
        fs::remove_file(w.path(&format!("photos/{gone}.png"))).unwrap();
    }
    let all = ["query", "photos/city_0.png", "-k", "8"];
    let text = String::from_utf8(w.run(&all, 0).stdout).unwrap();
    assert_eq!(text.matches("(gone)").count(), 3, "{text}");
    let json = w.json(&[&all[..], &["--json"]].concat(), 0);
    let matches = json["matches"].as_array().unwrap().clone();
    let gone = matches.iter().filter(|found| found["exists"] == false);
    assert_eq!(gone.count(), 3);
    let existing = w.query(&["photos/city_0.png", "-k", "4", "--existing"]);
    let expected = matches.iter().filter(|found| found["exists"] == true);
    let expected: Vec<&str> = expected
        .filter_map(|found| found["path"].as_str())
        .collect();
    assert_eq!(existing, expected[..4]);
    let page = [&all[..], &["--html", "page.html"]].concat();
    w.run(&page, 0);
    let page = fs::read_to_string(w.path("page.html")).unwrap();
    assert_eq!(page.matches(">gone<").count(), 3);
    assert_eq!(page.matches("href=\"file:///").count(), 6);
    assert!(page.contains(" × ") && page.contains("kB"), "{page}");
}

#[test]
fn a_name_that_begins_like_an_option_is_printed_so_that_no_command_takes_it_for_one() {
    let w = Workspace::painted(1, 1);
    fs::rename(w.path("photos/mountains_0.png"), w.path("--help.png")).unwrap();
    w.run(&["index", "."], 0);
    let names = w.run(&["query", "./--help.png", "-0"], 0).stdout;
    assert_eq!(names, b"./--help.png\0");
    for format in ["--csv", "--json"] {
        let told = w.run(&["query", "./--help.png", format], 0).stdout;
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains("\"./--help.png\""), "{told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_unicode_is_opened_by_the_bytes_that_csv_says() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let w = Workspace::painted(1, 2);
    let odd = w.path("photos").join(OsStr::from_bytes(b"caf\xe9,\".png"));
    fs::rename(w.path("photos/mountains_0.png"), &odd).unwrap();
    w.run(&["index", "photos"], 0);
    let csv = w
        .run(&["query", "photos/mountains_1.png", "--csv"], 0)
        .stdout;
    let mut table = csv::Reader::from_reader(&*csv);
    let place = table
        .headers()
        .unwrap()
        .iter()
        .position(|it| it == "absolute_hex");
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    let hex = |row: &csv::StringRecord| row[place.unwrap()].to_owned();
    let told: Vec<String> = rows.iter().map(hex).filter(|hex| !hex.is_empty()).collect();
    assert_eq!((rows.len(), told.len()), (2, 1));
    let digits = told[0].as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.map(byte).collect();
    assert_eq!(OsStr::from_bytes(&bytes), odd.as_os_str());
    assert!(Path::new(OsStr::from_bytes(&bytes)).is_file());
}

#[test]
fn what_is_kept_can_be_seen_and_deleted_and_no_gallery_changes() {
    let w = Workspace::painted(3, 2);
    for (scene, name) in [("city", "a"), ("beach", "b")] {
        fs::create_dir_all(w.path(&format!("set/{name}"))).unwrap();
        for view in 0..2 {
            let photo = w.path(&format!("photos/{scene}_{view}.png"));
            fs::copy(photo, w.path(&format!("set/{name}/{view}.png"))).unwrap();
        }
    }
    w.run(&["index", "photos"], 0);
    w.run(
        &[
            "eval",
            "set",
            "--specs",
            "stem,head",
            "--preprocess",
            crate::common::SMALL,
        ],
        0,
    );
    let cache = w.dir.path().join("cache");
    let command = |arguments: &[&str]| {
        let mut command = w.command(arguments);
        command.env("IMGSEARCH_CACHE", &cache);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    for model in ["vgg16", "resnet50"] {
        fs::create_dir_all(cache.join("weights").join(model)).unwrap();
        fs::write(
            cache.join("weights").join(model).join("file.pth"),
            [0; 5000],
        )
        .unwrap();
    }
    let list = command(&["cache", "list"]);
    assert!(
        list.contains("weights of vgg16") && list.contains("5.00 kB"),
        "{list}"
    );
    assert!(list.contains("evaluations"), "{list}");
    let deleted = command(&["cache", "clear", "weights", "--model", "vgg16"]);
    assert_eq!(deleted, "deleted 5.00 kB\n");
    let list = command(&["cache", "list"]);
    assert!(
        !list.contains("vgg16") && list.contains("resnet50"),
        "{list}"
    );
    command(&["cache", "clear", "all"]);
    let list = command(&["cache", "list"]);
    assert!(
        !list.contains("resnet50") && !list.contains("evaluations"),
        "{list}"
    );
    assert_eq!(w.query(&["photos/city_0.png", "-k", "9"]).len(), 6);
    w.run(
        &[
            "eval",
            "set",
            "--specs",
            "stem,head",
            "--preprocess",
            crate::common::SMALL,
        ],
        0,
    );
}
