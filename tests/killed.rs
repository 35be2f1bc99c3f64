//! A process that writes, removes, publishes and merges without end, killed at any moment, again and again:
//! all that it was told to be durable is there, and the snapshot never answers wrongly.
//!
//! `IMGSEARCH_KILLS=500 cargo test killed` kills as often.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use imgsearch::descriptor::Descriptor;
use imgsearch::gallery::{Gallery, GraphBuilder, IndexPolicy, SearchOptions, Snapshot};
use tempfile::TempDir;

use crate::common::collection::{fingerprint, photo, publish};

/// Set for the run that is killed.
const KILLED: &str = "IMGSEARCH_KILLED";

const POLICY: IndexPolicy = IndexPolicy {
    graph_from: 100,
    worn_share: 0.2,
    sealed_from: 30,
    reduced_from: 40,
    builder: GraphBuilder::Own,
};

/// Photos that a step puts; it removes as many that are so much older, but for every fourth.
const PUT: usize = 5;
const BEHIND: usize = 60;

/// The numbers of the photos that are there after so many steps.
fn after(steps: usize) -> BTreeSet<usize> {
    let mut numbers: BTreeSet<usize> = (0..steps * PUT).collect();
    for step in 0..steps {
        for number in removed_by(step) {
            numbers.remove(&number);
        }
    }
    numbers
}

fn removed_by(step: usize) -> Vec<usize> {
    let first = (step * PUT).checked_sub(BEHIND);
    let numbers = first.map(|first| first..first + PUT).into_iter().flatten();
    numbers.filter(|number| number % 4 != 0).collect()
}

fn number_of(path: &Path) -> usize {
    path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

fn numbers(gallery: &Gallery) -> BTreeSet<usize> {
    gallery
        .records()
        .map(|record| number_of(&record.unwrap().path))
        .collect()
}

/// How many steps were done, by what is there.
fn steps_of(numbers: &BTreeSet<usize>) -> Option<usize> {
    let steps = numbers.last().map_or(0, |last| last / PUT + 1);
    [steps, steps + 1]
        .into_iter()
        .find(|steps| after(*steps) == *numbers)
}

#[test]
fn the_run_that_is_killed() {
    let Some(folder) = env::var_os(KILLED).map(PathBuf::from) else {
        return;
    };
    let opened = Gallery::open_or_create(&folder.join("gallery"), &fingerprint());
    let mut gallery = opened.unwrap().with_policy(POLICY);
    // Axes are fitted anew as photos come.
    gallery.set_axes(Some(12)).unwrap();
    let first = steps_of(&numbers(&gallery)).unwrap();
    let mut told = fs::File::create(folder.join("told")).unwrap();
    for step in first.. {
        let put: Vec<_> = (step * PUT..(step + 1) * PUT).map(photo).collect();
        let remove: Vec<PathBuf> = removed_by(step)
            .into_iter()
            .map(|it| photo(it).0.path)
            .collect();
        gallery.write(&put, &remove).unwrap();
        told.write_all(format!("{}\n", step + 1).as_bytes())
            .unwrap();
        if step % 3 == 0 {
            publish(&mut gallery).unwrap();
        }
        if step % 97 == 96 {
            gallery.forget_removed().unwrap();
        }
    }
}

fn check(folder: &Path, what: &str) {
    let dir = folder.join("gallery");
    let told = fs::read_to_string(folder.join("told")).unwrap_or_default();
    // The last line may be half written.
    let whole = told.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let durable: usize = whole.lines().last().map_or(0, |line| line.parse().unwrap());
    if let Ok(snapshot) = Snapshot::open(&dir) {
        snapshot.verify().unwrap();
        let shown: BTreeSet<usize> = snapshot.records().map(|it| number_of(&it.path)).collect();
        assert!(steps_of(&shown).is_some(), "{what}: {shown:?}");
        for number in shown.iter().step_by(17) {
            let query = photo(*number).1.unwrap();
            let found = snapshot.search(&query, &SearchOptions::default()).unwrap();
            assert_eq!(number_of(&found[0].record.path), *number, "{what}");
        }
    }
    if !dir.join("store").exists() {
        return;
    }
    let mut gallery = Gallery::open_or_create(&dir, &fingerprint())
        .unwrap()
        .with_policy(POLICY);
    assert!(
        gallery.repairs().is_empty(),
        "{what}: {:?}",
        gallery.repairs()
    );
    let steps = steps_of(&numbers(&gallery)).unwrap_or_else(|| panic!("{what}"));
    assert!(steps >= durable, "{what}: {steps} of {durable}");
    for number in after(steps) {
        let (record, descriptor) = photo(number);
        let stored = gallery.descriptor(&record.hash).unwrap();
        assert_eq!(
            stored.as_deref(),
            descriptor.as_ref().map(Descriptor::as_slice),
            "{what}"
        );
    }
    publish(&mut gallery).unwrap();
    let snapshot = Snapshot::open(&dir).unwrap();
    assert_eq!(snapshot.len(), after(steps).len(), "{what}");
}

#[test]
fn whenever_a_process_is_killed_all_that_was_durable_is_there() {
    let folder = TempDir::new().unwrap();
    let kills = env::var("IMGSEARCH_KILLS").map_or(20, |text| text.parse().unwrap());
    let mut chance = fastrand::Rng::with_seed(kills);
    for kill in 0..kills {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "killed::the_run_that_is_killed",
                "--exact",
                "--test-threads=1",
            ])
            .env(KILLED, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(chance.u64(5..400)));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(
            !ended.success() && ended.code().is_none(),
            "kill {kill}: it failed by itself"
        );
        check(folder.path(), &format!("kill {kill}"));
    }
}
