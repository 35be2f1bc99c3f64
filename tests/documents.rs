//! What the command prints as JSON is what `data/schemas/` says: no less and no more.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use imgsearch::backbone::Architecture;
use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::schema::{self, Schema};
use crate::common::seeded;
use crate::common::{Workspace, said};
use crate::dups::picture;
use crate::own_head;

/// What each of these prints, checked; every property that was there goes to `seen`.
fn check(w: &Workspace, arguments: &[&str], code: i32, seen: &mut BTreeSet<String>) {
    schema::check(&w.run(arguments, code).stdout, seen);
}

/// Ten scenes in four views, a folder for each, and a file that is no picture.
fn labelled() -> Workspace {
    let w = Workspace::new();
    for (scene, name) in Scene::ALL {
        fs::create_dir_all(w.path(&format!("set/{name}"))).unwrap();
        for view in 0..4 {
            let picture = paint(scene, view, 120, 90);
            picture
                .save(w.path(&format!("set/{name}/{view}.png")))
                .unwrap();
        }
    }
    fs::write(w.path("set/beach/broken.jpg"), "no picture").unwrap();
    w
}

fn gallery_documents(seen: &mut BTreeSet<String>) {
    let w = Workspace::painted(4, 3);
    fs::write(w.path("photos/broken.jpg"), "no picture").unwrap();
    let out = "w.safetensors";
    let whiten = ["whiten", "photos", "--dim", "4", "--out", out, "--json"];
    check(&w, &whiten, 3, seen);
    let index = ["index", "photos", "--whitening", out, "--augment", "2"];
    w.run(&index, 3);
    fs::write(w.path(".imgsearch/store/conf"), b"garbage").unwrap();
    fs::write(w.path(".imgsearch/store/about"), vec![7; 100_000]).unwrap();
    let whole = fs::read(w.path("photos/city_2.png")).unwrap();
    for name in ["photos/cut.png", "cut.png"] {
        fs::write(w.path(name), &whole[..whole.len() * 3 / 4]).unwrap();
    }
    check(&w, &[&index[..], &["--json"]].concat(), 3, seen);
    check(&w, &["query", "cut.png", "--json"], 0, seen);
    let photo = "photos/city_0.png";
    check(&w, &["query", photo, "--expand", "2", "--json"], 0, seen);
    check(&w, &["query", "nowhere.jpg", "--json"], 1, seen);
    check(&w, &["query", "photos", "--json"], 3, seen);
    let each = ["query", photo, "nowhere.jpg", "--each", "--unlike", photo];
    check(&w, &each, 3, seen);
    check(&w, &["info", "--json"], 0, seen);
    check(&w, &["tag", "town", photo, "nowhere", "--json"], 3, seen);
    check(&w, &["tag", "--list", "--json"], 0, seen);
    check(&w, &["query", photo, "--tag", "town", "--json"], 0, seen);
    let merge = [
        "merge",
        ".imgsearch",
        "nowhere",
        "--gallery",
        "all",
        "--json",
    ];
    check(&w, &merge, 3, seen);
    check(&w, &["remove", photo, "nowhere", "--json"], 3, seen);
    fs::write(w.path("photos/city_1.png"), "changed").unwrap();
    check(&w, &["verify", "--json"], 3, seen);
    fs::rename(w.path("photos"), w.path("away")).unwrap();
    check(&w, &["index", "photos", "--json"], 3, seen);
    fs::rename(w.path("away"), w.path("photos")).unwrap();
    let extract = ["extract", photo, "--format", "jsonl"];
    check(&w, &extract, 0, seen);
}

/// A JPEG with a date, as cameras write it into XMP.
fn with_date(jpeg: &[u8]) -> Vec<u8> {
    let packet = b"http://ns.adobe.com/xap/1.0/\0<x photoshop:DateCreated='2018-01-02T03:04:05'/>";
    let length = (packet.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, packet, &jpeg[2..]].concat()
}

fn duplicates_documents(seen: &mut BTreeSet<String>) {
    let w = Workspace::new();
    fs::create_dir_all(w.path("photos/more")).unwrap();
    for number in 0..5 {
        let name = w.path(&format!("photos/{number}.png"));
        picture(number).save(name).unwrap();
    }
    picture(7).save(w.path("photos/dated.jpg")).unwrap();
    let dated = with_date(&fs::read(w.path("photos/dated.jpg")).unwrap());
    fs::write(w.path("photos/dated.jpg"), &dated).unwrap();
    fs::write(w.path("photos/more/dated.jpg"), &dated).unwrap();
    for name in ["0.bmp", "1.jpg"] {
        let number = u64::from(name.as_bytes()[0] - b'0');
        picture(number)
            .save(w.path(&format!("photos/more/{name}")))
            .unwrap();
    }
    let raw = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/formats/raw");
    for (from, to) in [("turned_1.arw", "a.arw"), ("turned_1.arw.ref.png", "a.png")] {
        fs::copy(raw.join(from), w.path(&format!("photos/{to}"))).unwrap();
    }
    let linked = w.path("photos/more/linked.png");
    fs::copy(w.path("photos/2.png"), &linked).unwrap();
    w.run(&["index", "photos"], 0);
    fs::remove_file(&linked).unwrap();
    fs::hard_link(w.path("photos/2.png"), &linked).unwrap();
    w.run(&["tag", "town", "photos"], 0);
    check(&w, &["outliers", "--json"], 0, seen);
    check(&w, &["dups", "--json"], 0, seen);
    let similar = ["dups", "--similar", "--min-similarity", "0.1", "--json"];
    check(&w, &similar, 0, seen);
    fs::create_dir(w.path("card")).unwrap();
    fs::write(w.path("card/broken.jpg"), "no picture").unwrap();
    picture(3).save(w.path("card/again.jpg")).unwrap();
    let weights = crate::common::weights().to_str().unwrap();
    let against = [
        "dups",
        "card",
        "--against",
        ".imgsearch",
        "--weights",
        weights,
        "--json",
    ];
    check(&w, &against, 3, seen);
    fs::remove_file(w.path("photos/more/1.jpg")).unwrap();
    check(&w, &["dups", "--json"], 3, seen);
    fs::write(w.path("photos/more/dated.jpg"), "changed").unwrap();
    let act = ["dups", "--move", "away", "--yes", "--json"];
    check(&w, &act, 3, seen);
    check(&w, &["dups", "--undo", "--json"], 0, seen);
}

#[test]
fn everything_that_is_documented_is_printed_and_nothing_else() {
    let mut seen = BTreeSet::new();
    gallery_documents(&mut seen);
    duplicates_documents(&mut seen);
    let w = labelled();
    let name = "efficientnet_lite0";
    check(&w, &["models", "list", "--json"], 0, &mut seen);
    check(&w, &["models", "show", name, "--json"], 0, &mut seen);
    let network = Architecture::find("mobilenet_v3_small").unwrap().network();
    let own = network.with_classes(3).unwrap();
    seeded::write(&own, 0, &w.path("own.safetensors"));
    let show = ["models", "show", "--weights", "own.safetensors", "--json"];
    check(&w, &show, 0, &mut seen);
    let with_head = own_head::file().to_str().unwrap();
    let show = ["models", "show", "--weights", with_head, "--json"];
    check(&w, &show, 0, &mut seen);
    let eval = ["eval", "set", "--specs", "stem,head", "--index", "--json"];
    let more = ["--expand", "2", "--augment", "2", "--html", "failures.html"];
    check(&w, &[&eval[..], &more].concat(), 3, &mut seen);
    let tune = ["tune", "set", "--keep-preprocess", "--json"];
    check(&w, &tune, 3, &mut seen);
    check(&w, &["index", "set", "--json"], 3, &mut seen);
    let ask = ["query", "set", "--expected", "--json"];
    check(&w, &ask, 3, &mut seen);
    let cached = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/weights/none");
    fs::create_dir_all(&cached).unwrap();
    fs::write(cached.join("of_a_test.pth"), "weights").unwrap();
    check(&w, &["cache", "list", "--json"], 0, &mut seen);
    for schema in Schema::all() {
        let missing = schema.properties();
        let missing = missing.difference(&seen);
        // Only of names that are not Unicode, which the next test is about.
        let missing = missing.filter(|place| !place.ends_with("/absolute_hex"));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "documented, but not there: {missing:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_unicode_is_told_byte_for_byte() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let w = Workspace::painted(1, 1);
    let name = OsStr::from_bytes(b"photos/\xff\n.png");
    let path = w.dir.path().join(name);
    fs::copy(w.path("photos/mountains_0.png"), &path).unwrap();
    w.run(&["index", "photos"], 0);
    let query = ["query".as_ref(), name, "--json".as_ref()];
    let output = w.command(&query).output().unwrap();
    let mut seen = BTreeSet::new();
    schema::check(&output.stdout, &mut seen);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["query"][0], "photos/\u{FFFD}\n.png");
    let whole = path.canonicalize().unwrap();
    let bytes = whole.as_os_str().as_bytes().iter();
    let digits = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits
        .map(|digit| char::from_digit(u32::from(digit), 16).unwrap())
        .collect();
    let same = |place: &&Value| place["absolute_hex"].as_str() == Some(&*hex);
    let matches = found["matches"].as_array().unwrap();
    assert_eq!(matches.iter().filter(same).count(), 1, "{found:#}");
    assert!(same(&&found["queries"][0]), "{found:#}");
    // And of one that is Unicode the bytes are not needed.
    assert_eq!(matches.len(), 2);
}

#[test]
fn a_path_is_told_as_it_is_called_here_and_whole() {
    let w = Workspace::painted(1, 1);
    fs::write(w.path("photos/broken.jpg"), "no picture").unwrap();
    let index = w.json(&["index", "photos", "--json"], 3);
    let whole = |path: &str| w.dir.path().canonicalize().unwrap().join(path);
    let is = |place: &Value, path: &str| {
        assert_eq!(place["path"], path);
        let absolute = Path::new(place["absolute"].as_str().unwrap());
        assert_eq!(absolute.canonicalize().unwrap(), whole(path));
    };
    is(&index["skipped"][0], "photos/broken.jpg");
    assert_eq!(index["skipped"][0]["kind"], "not-a-picture");
    let photo = "photos/mountains_0.png";
    let found = w.json(&["query", photo, "--json"], 0);
    assert_eq!(found["query"][0], photo);
    is(&found["queries"][0], photo);
    is(&found["matches"][0], photo);
    assert_eq!(found["matches"][0]["rank"], 1);
}

#[test]
fn a_command_that_fails_says_so_in_json_where_that_was_asked_for() {
    let w = Workspace::painted(1, 1);
    let photo = "photos/mountains_0.png";
    let cases: [(&[&str], i32, &str, Option<&str>); 6] = [
        (&["query", photo], 1, "no-gallery", Some(".imgsearch")),
        (&["info"], 1, "no-gallery", Some(".imgsearch")),
        (&["eval", "nowhere"], 1, "unreadable-file", Some("nowhere")),
        (
            &["index", "photos", "--spec", "efficientnet_lite0:haed"],
            1,
            "unknown-layer",
            None,
        ),
        (&["query"], 2, "usage", None),
        (&["models", "show", "zebra"], 1, "unknown-model", None),
    ];
    for (arguments, code, kind, path) in cases {
        let plain = w.run(arguments, code);
        assert!(plain.stdout.is_empty(), "{arguments:?}");
        let output = w.run(&[arguments, &["--json"]].concat(), code);
        // People are told the same as ever.
        let (told, as_ever) = (said(&output), said(&plain));
        let first = |text: &str| text.lines().next().map(str::to_owned);
        assert_eq!(first(&told), first(&as_ever), "{arguments:?}");
        let failed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &failed["error"];
        assert_eq!(error["kind"], kind, "{failed:#}");
        assert_eq!(error["path"].as_str(), path, "{failed:#}");
        let message = error["message"].as_str().unwrap();
        assert!(told.contains(message.lines().next().unwrap()), "{told}");
        let hint = error["hint"].as_str();
        assert!(hint.is_none_or(|hint| told.contains(hint)), "{told}");
    }
}

#[test]
fn help_is_no_failure_and_a_file_called_json_asks_for_nothing() {
    let w = Workspace::painted(1, 1);
    let help = w.run(&["query", "--json", "--help"], 0).stdout;
    assert!(String::from_utf8_lossy(&help).contains("Usage: "));
    let output = w.command(&["query", "--", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}
