//! What photos are called: given, found by, kept, taken away.

use std::fs;

use crate::common::paint::{Scene, paint};
use crate::common::{Workspace, said};

fn tagged(w: &Workspace, tag: &str) -> Vec<String> {
    let found = w.json(&["query", "ask.png", "-k", "50", "--tag", tag, "--json"], 0);
    let matches = found["matches"].as_array().unwrap().iter();
    let mut paths: Vec<String> = matches
        .map(|found| {
            let tags = found["tags"].as_array().unwrap();
            assert!(tags.iter().any(|it| it == tag), "{found:#}");
            found["path"].as_str().unwrap().to_owned()
        })
        .collect();
    paths.sort();
    paths
}

fn indexed() -> Workspace {
    let w = Workspace::painted(4, 2);
    paint(Scene::ALL[0].0, 9, 160, 120)
        .save(w.path("ask.png"))
        .unwrap();
    w.run(&["index", "photos"], 0);
    w
}

#[test]
fn tags_are_given_found_by_listed_and_taken_away() {
    let w = indexed();
    let told = w.json(&["tag", "two words", "photos", "--json"], 0);
    assert_eq!(told["changed"].as_array().unwrap().len(), 8);
    let (a, b) = ("photos/city_0.png", "photos/city_1.png");
    let told = w.json(&["tag", "town", a, b, "nowhere.png", "--json"], 3);
    assert_eq!(told["changed"].as_array().unwrap().len(), 2);
    assert_eq!(told["unknown"][0]["path"], "nowhere.png");
    assert_eq!(tagged(&w, "town"), [a, b]);
    let again = w.json(&["tag", "town", a, "--json"], 0);
    assert_eq!(
        (&again["unchanged"], &again["changed"]),
        (&1.into(), &serde_json::json!([]))
    );
    let both = [
        "query",
        "ask.png",
        "--tag",
        "town",
        "--tag",
        "two words",
        "--json",
    ];
    assert_eq!(w.json(&both, 0)["matches"].as_array().unwrap().len(), 2);
    let listed = w.json(&["tag", "--list", "--json"], 0);
    let expected =
        serde_json::json!([{"tag": "town", "photos": 2}, {"tag": "two words", "photos": 8}]);
    assert_eq!(listed["tags"], expected);
    let text = w.run(&["tag", "town", a, "--remove"], 0).stdout;
    assert_eq!(String::from_utf8(text).unwrap(), "untagged 1 photo\n");
    assert_eq!(tagged(&w, "town"), [b]);
    w.run(&["verify"], 0);
}

#[test]
fn a_photo_that_moves_or_changes_keeps_its_tags() {
    let w = indexed();
    w.run(
        &["tag", "mine", "photos/city_0.png", "photos/city_1.png"],
        0,
    );
    fs::create_dir(w.path("photos/deep")).unwrap();
    fs::rename(w.path("photos/city_0.png"), w.path("photos/deep/moved.png")).unwrap();
    paint(Scene::ALL[3].0, 77, 200, 100)
        .save(w.path("photos/city_1.png"))
        .unwrap();
    let told = w.json(&["index", "photos", "--json"], 0);
    assert_eq!((&told["moved"], &told["changed"]), (&1.into(), &1.into()));
    assert_eq!(
        tagged(&w, "mine"),
        ["photos/city_1.png", "photos/deep/moved.png"]
    );
}

#[test]
fn a_photo_that_is_gone_in_one_run_and_elsewhere_in_the_next_keeps_its_tags() {
    let w = indexed();
    w.run(&["tag", "mine", "photos/city_0.png"], 0);
    w.run(&["tag", "others", "photos/city_1.png"], 0);
    fs::copy(w.path("photos/city_1.png"), w.path("photos/twin.png")).unwrap();
    for name in ["city_0.png", "city_1.png"] {
        fs::rename(w.path(&format!("photos/{name}")), w.path(name)).unwrap();
    }
    w.run(&["index", "photos"], 0);
    fs::create_dir(w.path("photos/deep")).unwrap();
    for (name, other) in [("city_0.png", "back.png"), ("city_1.png", "copy.png")] {
        fs::rename(w.path(name), w.path(&format!("photos/deep/{other}"))).unwrap();
    }
    let told = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(told["added"], 2, "{told:#}");
    assert_eq!(tagged(&w, "mine"), ["photos/deep/back.png"]);
}

#[test]
fn a_table_gives_tags_and_one_that_cannot_be_understood_gives_none() {
    let w = indexed();
    fs::create_dir(w.path("lists")).unwrap();
    let table = "path,tag\n../photos/city_0.png,\"town, night\"\n../photos/forest_0.png,wood\n";
    fs::write(w.path("lists/tags.csv"), table).unwrap();
    let known = |name: &str| w.path(name).exists();
    let code = if known("photos/forest_0.png") { 0 } else { 3 };
    w.run(&["tag", "--csv", "lists/tags.csv", "--json"], code);
    assert_eq!(tagged(&w, "night"), ["photos/city_0.png"]);
    fs::write(
        w.path("bad.csv"),
        "path,tag\nphotos/city_1.png,bad\nphotos/city_1.png,\n",
    )
    .unwrap();
    let output = w.run(&["tag", "--csv", "bad.csv", "--json"], 1);
    let said = said(&output);
    assert!(said.contains("line 3") && said.contains("hint: "), "{said}");
    let listed = w.json(&["tag", "--list", "--json"], 0);
    assert!(!listed.to_string().contains("bad"), "{listed}");
}

#[test]
fn what_is_no_tag_or_names_no_photo_is_refused() {
    let w = indexed();
    let long = "x".repeat(101);
    for arguments in [
        &["tag"][..],
        &["tag", "name"],
        &["tag", "a,b", "photos"],
        // An empty variable means nothing, not everything.
        &["tag", "name", ""],
        &["tag", "", "photos"],
        &["tag", "a\nb", "photos"],
        &["tag", &long, "photos"],
        &["tag", "name", "photos", "--list"],
        &["tag", "name", "photos", "--csv", "tags.csv"],
    ] {
        w.run(&[arguments, &["--json"]].concat(), 2);
    }
    let listed = w.json(&["tag", "--list", "--json"], 0);
    assert_eq!(listed["tags"], serde_json::json!([]));
}
