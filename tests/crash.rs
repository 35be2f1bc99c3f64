//! kill -9 at any moment costs at most the photos in hand, which the next run does again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use imgsearch::gallery::Snapshot;

use crate::common::Workspace;

/// Every photo with its descriptor, as the snapshot has it.
fn contents(w: &Workspace) -> BTreeMap<PathBuf, Vec<u32>> {
    let snapshot = Snapshot::open(&w.path(".imgsearch")).unwrap();
    snapshot.verify().unwrap();
    let vectors = snapshot.vectors().enumerate();
    let mut contents = BTreeMap::new();
    for (index, vector) in vectors {
        let bits: Vec<u32> = vector.iter().map(|value| value.to_bits()).collect();
        contents.extend(
            snapshot
                .owners(index)
                .map(|record| (record.path, bits.clone())),
        );
    }
    contents
}

#[test]
fn killed_and_run_again_ends_in_the_same_gallery_as_undisturbed() {
    let Some(w) = Workspace::painted(10, 8) else {
        return;
    };
    let index = ["index", "photos", "--jobs", "1"];
    w.run(&index, 0);
    let undisturbed = contents(&w);
    assert_eq!(undisturbed.len(), 80);
    for milliseconds in [60, 350, 900, 1700, 2600, 3900] {
        let gallery = w.path(".imgsearch");
        std::fs::remove_dir_all(&gallery).unwrap();
        let mut child = w
            .command(&index)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        w.run(&index, 0);
        assert!(
            contents(&w) == undisturbed,
            "killed after {milliseconds} ms"
        );
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_done_and_the_next_run_goes_on() {
    let Some(w) = Workspace::painted(10, 10) else {
        return;
    };
    let index = ["index", "photos", "--jobs", "1"];
    let child = w
        .command(&index)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(1500));
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let done = contents(&w).len();
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(report["unchanged"].as_u64(), Some(done as u64));
    assert_eq!(contents(&w).len(), 100);
}
