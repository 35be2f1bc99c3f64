//! kill -9 at any moment costs at most the photos in hand, which the next run does again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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

/// More photos than are written at once, and one thread: there are many moments to be killed at.
const INDEX: [&str; 4] = ["index", "photos", "--jobs", "1"];

fn painted() -> Workspace {
    Workspace::painted(10, 15)
}

/// How long a run takes that nothing disturbs.
fn undisturbed(w: &Workspace) -> Duration {
    let start = Instant::now();
    w.run(&INDEX, 0);
    start.elapsed()
}

/// A run that begins anew.
fn spawn(w: &Workspace) -> Child {
    std::fs::remove_dir_all(w.path(".imgsearch")).unwrap();
    let mut command = w.command(&INDEX);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn killed_and_run_again_ends_in_the_same_gallery_as_undisturbed() {
    let w = painted();
    let whole = undisturbed(&w);
    let right = contents(&w);
    assert_eq!(right.len(), 150);
    let mut killed = 0;
    for share in [0.02, 0.1, 0.25, 0.45, 0.65, 0.85] {
        let mut child = spawn(&w);
        thread::sleep(whole.mul_f64(share));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        w.run(&INDEX, 0);
        assert!(contents(&w) == right, "killed after {share} of {whole:?}");
    }
    println!("{killed} of 6 killed before their end");
    assert!(killed > 0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_done_and_the_next_run_goes_on() {
    let w = painted();
    let mut wait = undisturbed(&w) / 2;
    let mut interrupt = || {
        let mut child = spawn(&w);
        thread::sleep(wait);
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let code = child.wait().unwrap().code();
        match code {
            // It had ended by itself, or not yet begun to listen.
            Some(0) => wait /= 2,
            None => wait = wait * 3 / 2,
            _ => assert_eq!(code, Some(130)),
        }
        code == Some(130)
    };
    assert!((0..8).any(|_| interrupt()));
    let done = contents(&w).len();
    let report = w.json(&["index", "photos", "--json"], 0);
    assert_eq!(report["unchanged"].as_u64(), Some(done as u64));
    assert_eq!(contents(&w).len(), 150);
}
