//! Folders as people have them: films beside the photos, hundreds that are not read, copies, links.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::{Workspace, said};

fn reasons(report: &Value) -> BTreeSet<String> {
    let skipped = report["skipped"].as_array().unwrap().iter();
    let reason = |it: &Value| {
        let path = it["absolute"].as_str().unwrap();
        let reason = it["reason"].as_str().unwrap();
        assert!(reason.contains(path), "{reason}");
        reason.replace(path, "PHOTO")
    };
    skipped.map(reason).collect()
}

#[test]
fn files_of_other_kinds_are_one_line_and_numbers_in_json() {
    let w = Workspace::painted(1, 2);
    for name in ["a.mp4", "b.MP4", "c.txt", "d", "e.mov", "f.mp4"] {
        fs::write(w.path("photos").join(name), "no picture").unwrap();
    }
    let report = w.run(&["index", "photos"], 0);
    let line = "6 files of other kinds: MP4 3, without an ending 1, MOV 1, TXT 1";
    assert!(
        said(&report).lines().any(|it| it == line),
        "{}",
        said(&report)
    );
    let report = w.json(&["index", "photos", "--json"], 0);
    let expected = serde_json::json!({"": 1, "MOV": 1, "MP4": 3, "TXT": 1});
    assert_eq!(report["others"], expected);
    assert!(said(&w.run(&["index", "photos", "-q"], 0)).is_empty());
    let out = ["whiten", "photos", "--dim", "1", "--out", "w.safetensors"];
    assert!(said(&w.run(&out, 0)).contains(line));
}

#[test]
fn thirty_photos_skipped_for_one_reason_are_one_line_and_all_of_them_where_all_are_asked_for() {
    let w = Workspace::painted(1, 2);
    for number in 10..40 {
        fs::write(w.path(&format!("photos/{number}.jpg")), "no picture").unwrap();
    }
    let report = w.run(&["index", "photos", "--jobs", "1"], 3);
    let told = said(&report);
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("skipped"))
        .collect();
    assert_eq!(
        lines,
        ["skipped 30: not a picture: photos/10.jpg, photos/11.jpg, photos/12.jpg and 27 more"]
    );
    let each = said(&w.run(&["index", "photos", "-v"], 3));
    let lines = each
        .lines()
        .filter(|line| line.starts_with("skipped: not a picture: photos/"));
    assert_eq!(lines.count(), 30);
    let report = w.json(&["index", "photos", "--json"], 3);
    assert_eq!(report["skipped"].as_array().unwrap().len(), 30);
    let query = said(&w.run(&["query", "photos"], 3));
    assert!(query.contains("skipped 30: not a picture: "), "{query}");
    assert!(query.contains(" and 27 more"), "{query}");
    let names: Vec<String> = (10..40)
        .map(|number| format!("photos/{number}.jpg"))
        .collect();
    let mut extract = vec!["extract", "photos/mountains_0.png", "--out", "a.npy"];
    extract.extend(names.iter().map(String::as_str));
    let extracted = said(&w.run(&extract, 3));
    assert_eq!(extracted.lines().count(), 1, "{extracted}");
}

/// A folder with so many copies of one photo, and of one that is damaged.
fn copies(count: usize) -> Workspace {
    let w = Workspace::painted(2, 1);
    let photo = fs::read(w.path("photos/city_0.png")).unwrap();
    for number in 0..count {
        let folder = w.path(&format!("photos/{}", number % 3));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("copy_{number}.png")), &photo).unwrap();
        fs::write(folder.join(format!("damaged_{number}.png")), &photo[..60]).unwrap();
    }
    w
}

#[test]
fn copies_go_through_the_network_once_and_fail_together_under_their_own_names() {
    for jobs in ["1", "4"] {
        let w = copies(60);
        let report = w.json(&["index", "photos", "--json", "--jobs", jobs], 3);
        assert_eq!(report["added"], 62);
        assert_eq!(report["copies"], 60, "{jobs} jobs");
        assert_eq!(report["photos"], 62);
        let skipped = report["skipped"].as_array().unwrap();
        let paths: BTreeSet<&str> = skipped
            .iter()
            .map(|it| it["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths.len(), 60);
        assert_eq!(reasons(&report).len(), 1, "{:?}", reasons(&report));
        let again = w.json(&["index", "photos", "--json"], 3);
        assert_eq!(
            (&again["unchanged"], &again["copies"]),
            (&62.into(), &0.into())
        );
        let found = w.query(&["photos/city_0.png", "-k", "100"]);
        assert_eq!(found.len(), 62);
        w.run(&["verify", "--photos"], 0);
    }
    let w = copies(3);
    let told = w.run(&["index", "photos"], 3).stdout;
    let told = String::from_utf8(told).unwrap();
    assert!(
        told.contains("\n3 copies of photos described already\n"),
        "{told}"
    );
}

#[test]
fn the_numbers_of_copies_are_those_of_the_first_wherever_they_are_asked_for() {
    let w = copies(30);
    let names: Vec<String> = (0..30)
        .map(|it| format!("photos/{}/copy_{it}.png", it % 3))
        .collect();
    let mut extract = vec!["extract", "--format", "jsonl", "photos/city_0.png"];
    extract.extend(names.iter().map(String::as_str));
    let lines = String::from_utf8(w.run(&extract, 0).stdout).unwrap();
    let numbers: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["descriptor"].clone())
        .collect();
    assert_eq!(numbers.len(), 31);
    assert!(numbers.iter().all(|it| *it == numbers[0]));
    // Fitted on two different photos, whichever of the copies is looked at first.
    let whiten = [
        "whiten",
        "photos",
        "--dim",
        "1",
        "--out",
        "w.safetensors",
        "--json",
    ];
    let first = w.json(&whiten, 3);
    assert_eq!(first["fitted_on"]["photos"], 2);
    for _ in 0..3 {
        assert_eq!(w.json(&whiten, 3)["digest"], first["digest"]);
    }
}

#[test]
fn an_evaluation_pools_copies_once_and_skips_those_of_a_damaged_one_by_name() {
    let w = Workspace::new();
    for (scene, name) in Scene::ALL.into_iter().take(3) {
        let folder = w.path(&format!("set/{name}"));
        fs::create_dir_all(&folder).unwrap();
        for view in 0..2 {
            let path = folder.join(format!("{view}.png"));
            paint(scene, view, 90, 60).save(&path).unwrap();
            for copy in 0..10 {
                fs::copy(&path, folder.join(format!("{view}_{copy}.png"))).unwrap();
            }
        }
        for copy in 0..5 {
            fs::write(
                folder.join(format!("damaged_{copy}.png")),
                b"\x89PNG\r\n\x1a\n damaged",
            )
            .unwrap();
        }
    }
    let report = w.json(
        &["eval", "set", "--specs", "head", "--json", "--jobs", "4"],
        3,
    );
    assert_eq!(report["skipped"].as_array().unwrap().len(), 15);
    assert_eq!(reasons(&report).len(), 1);
    assert_eq!(report["queries"], 66);
}

#[cfg(unix)]
#[test]
fn a_folder_by_its_own_name_and_through_a_link_is_one_in_every_order() {
    use std::os::unix::fs::symlink;
    for (first, second, third) in [
        (&["link"][..], &["photos"][..], &["link"][..]),
        (&["photos"], &["link"], &["photos"]),
        (&["photos", "link"], &["link", "photos"], &["link"]),
        (&["link"], &["other"], &["photos", "other"]),
        (&["link/album"], &["photos"], &["."]),
    ] {
        let what = format!("{first:?}, {second:?}, {third:?}");
        let w = Workspace::painted(2, 3);
        fs::create_dir(w.path("photos/album")).unwrap();
        fs::rename(
            w.path("photos/city_0.png"),
            w.path("photos/album/city_0.png"),
        )
        .unwrap();
        symlink(w.path("photos"), w.path("link")).unwrap();
        symlink("photos", w.path("other")).unwrap();
        let mut known = 0;
        for paths in [first, second, third] {
            let arguments = [&["index"], paths, &["--json"]].concat();
            let report = w.json(&arguments, 0);
            let photos = report["photos"].as_u64().unwrap();
            assert!(photos >= known, "{what}");
            assert_eq!(report["copies"], 0, "{what}");
            assert_eq!(report["kept"].as_array().unwrap().len(), 0, "{what}");
            assert_eq!(report["removed"], 0, "{what}");
            assert_eq!(report["added"].as_u64().unwrap(), photos - known, "{what}");
            known = photos;
        }
        assert_eq!(known, 6, "{what}");
        let found = w.query(&["photos/album/city_0.png", "-k", "100"]);
        let own: BTreeSet<_> = found
            .iter()
            .map(|path| w.dir.path().join(path).canonicalize().unwrap())
            .collect();
        assert_eq!((found.len(), own.len()), (6, 6), "{what}: {found:?}");
        let is_own = |path: &String| Path::new(path).starts_with("photos");
        assert!(found.iter().all(is_own), "{what}: {found:?}");
        assert_eq!(w.run(&["verify"], 0).stdout, b"6 photos, 0 problems\n");
        // Without the link nothing is dead.
        fs::remove_file(w.path("link")).unwrap();
        assert_eq!(w.run(&["verify"], 0).stdout, b"6 photos, 0 problems\n");
    }
}

#[cfg(unix)]
#[test]
fn photos_that_are_known_by_a_link_alone_are_called_as_their_owner_calls_them() {
    use std::os::unix::fs::symlink;
    let w = Workspace::painted(1, 2);
    symlink(w.path("photos"), w.path("link")).unwrap();
    for _ in 0..2 {
        w.run(&["index", "link"], 0);
        let found = w.query(&["link/mountains_0.png"]);
        assert!(
            found.iter().all(|path| path.starts_with("link/")),
            "{found:?}"
        );
    }
    // A photo that changed meanwhile is found once, as it is now.
    fs::copy(
        w.path("photos/mountains_1.png"),
        w.path("photos/mountains_0.png"),
    )
    .unwrap();
    w.run(&["index", "photos"], 0);
    assert_eq!(w.query(&["photos/mountains_0.png", "-k", "9"]).len(), 2);
    w.run(&["verify", "--photos"], 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_a_query_and_in_a_folder_it_is_passed_over() {
    use std::process::{Command, Stdio};
    let w = Workspace::painted(2, 3);
    let pipe = |name: &str| {
        let made = Command::new("mkfifo").arg(w.path(name)).status();
        assert!(made.unwrap().success());
    };
    pipe("photos/pipe.jpg");
    w.run(&["index", "photos"], 0);
    pipe("pipe");
    let photo = fs::read(w.path("photos/city_0.png")).unwrap();
    let best = |arguments: &[&str]| {
        let mut command = w.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if arguments.contains(&"pipe") {
                    fs::write(w.path("pipe"), &photo).unwrap();
                } else {
                    std::io::Write::write_all(&mut &input, &photo).unwrap();
                }
                drop(input);
            });
        });
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for arguments in [
        &["query", "pipe", "-0", "-k", "1"][..],
        &["query", "/dev/stdin", "-0", "-k", "1"],
        &["query", "-", "-0", "-k", "1"],
        &[
            "query",
            "pipe",
            "-0",
            "-k",
            "1",
            "--html",
            "page.html",
            "--contact-sheet",
            "sheet.png",
        ],
    ] {
        assert_eq!(best(arguments), "photos/city_0.png\0", "{arguments:?}");
    }
    let each = best(&["query", "pipe", "--each", "-k", "1"]);
    assert!(each.contains("photos/city_0.png"), "{each}");
    best(&["extract", "pipe", "--out", "a.npy"]);
    // As a shell writes it.
    let index = w.command(&["query", "-0", "-k", "1"]);
    let arguments: Vec<_> = index.get_args().collect();
    let script = "exec \"$0\" \"$@\" <(cat photos/city_0.png)";
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(index.get_program())
        .args(arguments)
        .current_dir(w.dir.path())
        .output();
    if let Ok(output) = output {
        assert_eq!(output.stdout, b"photos/city_0.png\0", "{}", said(&output));
    }
    let refused = said(&w.run(&["query", "/dev/zero"], 1));
    assert!(refused.contains("not a picture: /dev/zero"), "{refused}");
}
