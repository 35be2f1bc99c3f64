//! What may happen between finding duplicates and acting on them: full disks, other disks, no permission.
//! Whatever it is, each photograph stays, and what could not be done is told, file by file.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

#[cfg(target_os = "linux")]
use crate::common::small_disk::on_a_small_disk;
use crate::common::{Workspace, said};
use crate::dups::{files, picture};
#[cfg(unix)]
use crate::faults::{Nobody, set_mode};

/// Three pictures, the first two each with two copies in a folder of its own.
fn copied(w: &Workspace) {
    fs::create_dir_all(w.path("photos/copies")).unwrap();
    for number in 0..3 {
        let path = w.path(&format!("photos/{number}.png"));
        picture(number).save(&path).unwrap();
        for copy in (0..2).filter(|_| number < 2) {
            let to = format!("photos/copies/{number}_{copy}.png");
            fs::copy(&path, w.path(&to)).unwrap();
        }
    }
}

const COPIES: usize = 4;

#[cfg(target_os = "linux")]
#[test]
fn to_a_full_disk_nothing_is_moved_by_half_and_all_is_once_there_is_room() {
    let w = Workspace::new();
    copied(&w);
    let before = files(&w.path("photos"));
    let script = r#"
        "$COMMAND" index photos --weights "$WEIGHTS" --preprocess "$SMALL" > index.log 2>&1 || exit 1
        act() { "$COMMAND" dups "$@" --yes --json > done.json 2> said.txt; echo "exit $?"; cat said.txt; }
        for room in 0 20 200; do
            leave "$room"
            act --move disk/away
            find photos disk -name '*.png*' -type f | sort
            while "$COMMAND" dups --undo > undo.log 2>&1; do :; done
        done
        rm disk/filler
        echo "== all"
        act --move disk/away
        find photos disk -name '*.png*' -type f | sort
        echo "== undone"
        while "$COMMAND" dups --undo > undo.log 2>&1; do :; done
        find photos disk -name '*.png*' -type f | sort
    "#;
    let Some(told) = on_a_small_disk(&w, script) else {
        return;
    };
    println!("{told}");
    let (attempts, rest) = told.split_once("== all").unwrap();
    let (all, undone) = rest.split_once("== undone").unwrap();
    let photos = |text: &str| {
        let lines = text.lines().filter(|line| line.contains(".png"));
        let paths = lines.filter(|line| line.starts_with("photos/") || line.starts_with("disk/"));
        paths.map(ToOwned::to_owned).collect::<BTreeSet<String>>()
    };
    let first = attempts.split("== room").nth(1).unwrap();
    assert!(first.contains("exit 3"), "{first}");
    assert!(first.contains("No space left on device"), "{first}");
    for attempt in attempts.split("== room").skip(1) {
        // No half file, and each at one place.
        assert_eq!(photos(attempt).len(), before.len(), "{attempt}");
    }
    assert!(all.contains("exit 0"), "{all}");
    let moved = photos(all);
    let away = moved.iter().filter(|it| it.starts_with("disk/")).count();
    assert_eq!((moved.len(), away), (before.len(), COPIES), "{all}");
    let whole: BTreeSet<String> = before.iter().map(|it| format!("photos/{it}")).collect();
    assert_eq!(photos(undone), whole);
}

#[cfg(target_os = "linux")]
#[test]
fn on_another_disk_the_trash_holds_what_is_gone_and_where_it_may_not_be_written_nothing_is() {
    let w = Workspace::new();
    copied(&w);
    let script = r#"
        export HOME="$PWD/home" XDG_DATA_HOME="$PWD/home/data" IMGSEARCH_GALLERY=gallery
        mkdir home
        mv photos disk/photos
        "$COMMAND" index disk/photos --weights "$WEIGHTS" --preprocess "$SMALL" > index.log 2>&1 || exit 1
        act() { echo "== $1"; "$COMMAND" dups "$@" --yes --json > done.json 2> said.txt; echo "exit $?"; cat said.txt; }
        mount -o remount,ro disk || exit 99
        for action in --trash --delete --link "--move away"; do
            act $action
            find disk/photos -name '*.png' | wc -l
        done
        mount -o remount,rw disk || exit 99
        echo "== at last"
        "$COMMAND" dups --trash --yes > trash.log 2>&1
        echo "exit $?"
        find disk/photos -name '*.png' | wc -l
        find disk home -path '*rash*' -name '*.png' | wc -l
    "#;
    let Some(told) = on_a_small_disk(&w, script) else {
        return;
    };
    println!("{told}");
    let (attempts, last) = told.split_once("== at last").unwrap();
    for attempt in attempts.split("== ").skip(1) {
        assert!(attempt.contains("exit 3"), "{attempt}");
        assert!(attempt.ends_with("\n7\n"), "{attempt}");
        let refusals = attempt.lines().filter(|it| it.contains("left as it is"));
        assert_eq!(refusals.count(), COPIES, "{attempt}");
    }
    let numbers: Vec<&str> = last.trim().lines().collect();
    // Whether this system has a trash there or not: what is not among the photos is in it.
    assert!(
        matches!(numbers[..], ["exit 0", "3", "4"] | ["exit 3", "7", "0"]),
        "{last}"
    );
}

#[cfg(unix)]
#[test]
fn without_permission_it_is_told_and_nothing_is_lost() {
    let nobody = Nobody::new(1, 1);
    let w = &nobody.workspace;
    fs::remove_dir_all(w.path("photos")).unwrap();
    copied(w);
    let mut open = vec!["photos".to_owned(), "photos/copies".to_owned()];
    open.extend(
        files(&w.path("photos"))
            .iter()
            .map(|it| format!("photos/{it}")),
    );
    for name in &open {
        set_mode(&w.path(name), 0o777);
    }
    nobody.run(&["index", "photos"], 0);
    let before = files(&w.path("photos"));
    let keep = ["--keep", "path:photos/[0-9].png"];
    let act = |action: &[&str]| {
        let all = [&["dups", "--yes", "--json"], &keep[..], action].concat();
        let output = nobody.run(&all, 3);
        let done: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(files(&w.path("photos")), before, "{done:#}");
        assert_eq!(done["done"].as_array().unwrap().len(), 0, "{done:#}");
        assert_eq!(
            done["refused"].as_array().unwrap().len(),
            COPIES,
            "{done:#}"
        );
        done.to_string()
    };
    fs::create_dir(w.path("home/away")).unwrap();
    set_mode(&w.path("home/away"), 0o777);
    // The folder of the copies may not be changed.
    set_mode(&w.path("photos/copies"), 0o555);
    for action in [&["--delete"][..], &["--link"], &["--move", "home/away"]] {
        let said = act(action);
        assert!(said.contains("ermission denied"), "{said}");
        // Nor was a second file left where the first could not be taken away.
        assert_eq!(files(&w.path("home/away")).len(), 0, "{said}");
    }
    set_mode(&w.path("photos/copies"), 0o777);
    // The kept ones may not be read any more.
    for number in 0..2 {
        set_mode(&w.path(&format!("photos/{number}.png")), 0);
    }
    let told = act(&["--delete"]);
    assert!(told.contains("the kept one cannot be relied on"), "{told}");
    for number in 0..2 {
        set_mode(&w.path(&format!("photos/{number}.png")), 0o644);
    }
    // What is done cannot be written down.
    set_mode(&w.path("home/gallery"), 0o555);
    let lock = w.path("home/gallery/lock");
    set_mode(&lock, 0o444);
    let refused = nobody.run(&[&["dups", "--delete", "--yes"], &keep[..]].concat(), 1);
    assert!(
        said(&refused).contains("ermission denied"),
        "{}",
        said(&refused)
    );
    assert_eq!(files(&w.path("photos")), before);
    set_mode(&w.path("home/gallery"), 0o755);
}
