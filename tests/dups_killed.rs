//! `dups` killed at any moment, again and again: of every photograph a file with just its bytes is there,
//! and what was moved or linked is taken back.
//!
//! `IMGSEARCH_KILLS=500 cargo test dups_killed` kills as often.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::Workspace;
use crate::dups::{files, picture};

const COPIES: usize = 40;

/// Whether it is half a file, which nobody reads.
fn is_part(name: &str) -> bool {
    Path::new(name).extension() == Some("part".as_ref())
}

fn contents(w: &Workspace) -> BTreeMap<Vec<u8>, usize> {
    let mut contents = BTreeMap::new();
    for folder in ["photos", "away"] {
        for name in files(&w.path(folder)) {
            let bytes = fs::read(w.path(folder).join(&name)).unwrap();
            assert!(!is_part(&name) || bytes.len() < 1 << 20, "{name}");
            *contents.entry(bytes).or_default() += 1;
        }
    }
    contents
}

fn collection() -> Workspace {
    let w = Workspace::new();
    for folder in ["photos/copies", "away"] {
        fs::create_dir_all(w.path(folder)).unwrap();
    }
    for number in 0..4 {
        picture(number)
            .save(w.path(&format!("photos/{number}.png")))
            .unwrap();
    }
    for copy in 0..COPIES {
        let to = format!("photos/copies/{copy:02}.png");
        fs::copy(w.path(&format!("photos/{}.png", copy % 4)), w.path(&to)).unwrap();
    }
    w.run(&["index", "photos"], 0);
    w
}

#[test]
fn whenever_it_is_killed_no_photograph_is_lost_and_all_is_taken_back() {
    let kills = env::var("IMGSEARCH_KILLS").map_or(12, |text| text.parse().unwrap());
    let mut chance = fastrand::Rng::with_seed(kills);
    let w = collection();
    let all: BTreeSet<Vec<u8>> = contents(&w).into_keys().collect();
    let before = files(&w.path("photos"));
    let mut caught = 0;
    for kill in 0..kills {
        let action: &[&str] = if chance.bool() {
            &["--move", "away"]
        } else {
            &["--link"]
        };
        let command = [&["dups", "--yes"], action].concat();
        let journal = w.path(".imgsearch/duplicates-journal.jsonl");
        let written = || fs::metadata(&journal).ok().map(|it| it.len());
        let known = written();
        let mut child = w
            .command(&command)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if chance.bool() {
            thread::sleep(Duration::from_millis(chance.u64(20..400)));
        } else {
            // At work: from when it writes down what it does.
            while written() == known && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(chance.u64(0..20)));
        }
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        caught += usize::from(ended.code().is_none() && journal.exists());
        let there: BTreeSet<Vec<u8>> = contents(&w).into_keys().collect();
        assert!(all.is_subset(&there), "kill {kill}: a photograph is lost");
        // Until there is nothing left to take back.
        let undo = |_: &usize| {
            let ended = w.command(&["dups", "--undo"]).output().unwrap();
            ended.status.code() != Some(4)
        };
        let undone = (0..5).take_while(undo).count();
        assert!(undone < 5, "kill {kill}: it cannot be taken back");
        let whole = files(&w.path("photos"));
        for part in whole.iter().filter(|it| is_part(it)) {
            fs::remove_file(w.path("photos").join(part)).unwrap();
        }
        assert_eq!(files(&w.path("photos")), before, "kill {kill}");
    }
    assert!(kills < 10 || caught > 0, "it was never killed at work");
}

#[test]
fn a_delete_that_is_killed_leaves_every_photograph_at_least_once() {
    let w = collection();
    let all: BTreeSet<Vec<u8>> = contents(&w).into_keys().collect();
    let mut chance = fastrand::Rng::with_seed(3);
    for _ in 0..4 {
        let mut child = w
            .command(&["dups", "--delete", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(chance.u64(20..150)));
        child.kill().unwrap();
        child.wait().unwrap();
        let there: BTreeSet<Vec<u8>> = contents(&w).into_keys().collect();
        assert_eq!(there, all);
    }
    w.command(&["dups", "--delete", "--yes"]).output().unwrap();
    assert_eq!(files(&w.path("photos")).len(), 4);
}
