//! What the system keeps from us: folders to write, threads, the lock, and files that end.

use std::fs;
use std::process::Command;

use imgsearch::gallery::Gallery;

#[cfg(target_os = "linux")]
use crate::common::skip::skip;
use crate::common::{MODEL, Workspace, said, weights};
#[cfg(unix)]
use crate::faults::{Nobody, set_mode};

#[cfg(unix)]
#[test]
fn a_gallery_that_may_not_be_written_is_verified_and_answers_without_its_snapshot() {
    let nobody = Nobody::new(1, 3);
    nobody.run(&["index", "photos"], 0);
    let gallery = nobody.workspace.path("home/gallery");
    let close = || {
        for name in [
            "lock",
            "store/about",
            "store/recent-1/db",
            "store/recent-1/conf",
            "store",
            "",
        ] {
            let path = gallery.join(name);
            set_mode(&path, if path.is_dir() { 0o555 } else { 0o444 });
        }
    };
    close();
    let verified = nobody.run(&["verify", "--json"], 0);
    let told: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(
        (&told["photos"], &told["read_only"]),
        (&3.into(), &true.into())
    );
    assert!(said(&verified).contains("its store was not"));
    set_mode(&nobody.workspace.path("photos/mountains_0.png"), 0o644);
    fs::write(nobody.workspace.path("photos/mountains_0.png"), "other").unwrap();
    nobody.run(&["verify", "--photos"], 3);

    set_mode(&gallery, 0o755);
    fs::remove_file(gallery.join("current")).unwrap();
    set_mode(&gallery, 0o555);
    for arguments in [
        &["info"][..],
        &["query", "photos/mountains_1.png"],
        &["query", "photos/mountains_1.png"],
    ] {
        let answer = nobody.run(arguments, 0);
        let told = said(&answer);
        assert!(told.contains("for this run alone"), "{told}");
        let lines = String::from_utf8_lossy(&answer.stdout).lines().count();
        assert!(lines >= 3, "{arguments:?}");
    }
    assert!(!gallery.join("current").exists());
    set_mode(&gallery, 0o755);
    set_mode(&gallery.join("store"), 0o755);
}

/// Every command under every small number of threads ends: well, or with an error that says why.
#[cfg(target_os = "linux")]
#[test]
fn where_the_system_refuses_threads_nothing_waits_for_ever_and_nothing_panics() {
    use std::os::unix::process::CommandExt;
    let nobody = Nobody::new(1, 2);
    if !nobody.is_root {
        skip("only the system's owner can become somebody who has no other threads");
        return;
    }
    nobody.run(&["index", "photos"], 0);
    let dir = nobody.workspace.dir.path();
    let (mut refused, mut done) = (0, 0);
    for threads in [1, 3, 4, 6, 9, 11, 40] {
        for arguments in [
            "verify",
            "info",
            "remove nowhere",
            "query photos/mountains_0.png --weights weights.safetensors",
        ] {
            let words = ["-s", "KILL", "60", "prlimit"];
            let output = Command::new("timeout")
                .args(words)
                .arg(format!("--nproc={threads}"))
                .arg("./imgsearch")
                .args(arguments.split(' '))
                .args(["--gallery", "home/gallery"])
                .current_dir(dir)
                .env("HOME", dir.join("home"))
                .env("IMGSEARCH_CACHE", dir.join("home/cache"))
                .uid(Nobody::ID)
                .gid(Nobody::ID)
                .output();
            let Some(output) = output.ok().filter(|it| it.status.code() != Some(127)) else {
                skip("there is no prlimit");
                return;
            };
            let (told, code) = (said(&output), output.status.code());
            let what = format!("{arguments} with {threads}: {code:?} {told}");
            assert!(!told.contains("panicked"), "{what}");
            match code {
                Some(0 | 3) => done += 1,
                Some(1) if told.contains("threads") => refused += 1,
                _ => panic!("{what}"),
            }
        }
    }
    println!("{done} done, {refused} refused");
    assert!(done > 0 && refused > 0);
}

#[cfg(unix)]
#[test]
fn waiting_for_another_writer_ends_when_that_ends() {
    let w = Workspace::painted(1, 2);
    w.run(&["index", "photos"], 0);
    let gallery = Gallery::open(&w.path(".imgsearch")).unwrap();
    let refused = w.run(&["remove", "photos/mountains_0.png"], 1);
    assert!(said(&refused).contains("--wait"), "{}", said(&refused));
    let commands = [
        &["index", "photos", "--wait"][..],
        &["remove", "photos/mountains_1.png", "--wait"],
    ];
    let mut waiting = commands.map(|arguments| {
        let mut command = w.command(arguments);
        command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    });
    std::thread::sleep(std::time::Duration::from_millis(1500));
    for child in &mut waiting {
        assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    }
    drop(gallery);
    for child in waiting {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("waiting for another imgsearch"));
    }
}

#[test]
fn weights_that_were_changed_in_place_are_found_by_verifying() {
    let w = Workspace::painted(1, 2);
    let folder = w.path("cache/weights").join(MODEL);
    fs::create_dir_all(&folder).unwrap();
    let cached = folder.join("model.safetensors");
    fs::copy(weights(), &cached).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let then = std::time::SystemTime::now() - hour;
    let set_time = || {
        let file = fs::File::options().write(true).open(&cached).unwrap();
        file.set_modified(then).unwrap();
    };
    set_time();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
        command.current_dir(w.dir.path()).args(arguments);
        command.env("IMGSEARCH_CACHE", w.path("cache"));
        command.env("HF_HOME", w.path("hf")).env("PATH", "");
        command.env("HF_HUB_OFFLINE", "1").output().unwrap()
    };
    assert!(run(&["index", "photos"]).status.success());
    assert_eq!(run(&["verify"]).status.code(), Some(0));
    let mut bytes = fs::read(&cached).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&cached, bytes).unwrap();
    set_time();
    let found = run(&["verify"]);
    assert_eq!(found.status.code(), Some(3), "{}", said(&found));
    let told = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(
        told.contains("damaged weights") && told.contains("model.safetensors"),
        "{told}"
    );
    // And from then on by everybody.
    let refused = run(&["index", "photos"]);
    assert!(
        said(&refused).contains("damaged, fetched again"),
        "{}",
        said(&refused)
    );
}

#[test]
fn files_without_an_end_are_refused_at_once() {
    let w = Workspace::painted(1, 1);
    let large = fs::File::create(w.path("large.json")).unwrap();
    large.set_len(10 << 30).unwrap();
    for arguments in [
        &["index", "photos", "--spec", "large.json"][..],
        &["index", "photos", "--whitening", "large.json"],
        &["index", "photos", "--whitening", "/dev/zero"],
        &["index", "photos", "--jobs", "5000"],
        &["index", "photos", "--jobs", "18446744073709551615"],
        &[
            "extract",
            "photos/mountains_0.png",
            "--whitening",
            "/dev/zero",
        ],
    ] {
        let output = w.command(arguments).output().unwrap();
        let code = output.status.code();
        assert!(
            code == Some(1) || code == Some(2),
            "{arguments:?}: {}",
            said(&output)
        );
    }
}

/// A power cut keeps what was synced and no more: all files of a new gallery are, and the folders that
/// they are in.
#[cfg(target_os = "linux")]
#[test]
fn all_that_a_new_gallery_consists_of_is_synced() {
    use std::collections::BTreeSet;
    use std::path::PathBuf;
    let w = Workspace::painted(1, 2);
    let index = w.command(&["index", "photos", "--gallery", "new/gallery"]);
    fs::create_dir(w.path("new")).unwrap();
    let traced = Command::new("strace")
        .args(["-f", "-y", "-qq", "-o", "calls", "-e"])
        .arg("trace=fsync,fdatasync,rename,renameat,renameat2")
        .arg(index.get_program())
        .args(index.get_args())
        .current_dir(w.dir.path())
        .output();
    let calls = fs::read_to_string(w.path("calls")).unwrap_or_default();
    if !traced.is_ok_and(|traced| traced.status.success()) || calls.is_empty() {
        skip("strace is not there, or may not trace");
        return;
    }
    let here = w.dir.path().canonicalize().unwrap();
    let mut synced = BTreeSet::new();
    for line in calls.lines() {
        let between = |text: &str, start: char, end: char| {
            let rest = text.split_once(start)?.1;
            Some(here.join(rest.split_once(end)?.0))
        };
        if line.contains("sync(") {
            synced.extend(between(line, '<', '>'));
        } else if let Some((from, to)) = line.split_once(", ") {
            let (from, to) = (between(from, '"', '"'), between(to, '"', '"'));
            if from.is_some_and(|from| synced.contains(&from)) {
                synced.extend(to);
            }
        }
    }
    let gallery = here.join("new/gallery");
    let mut needed = vec![here.join("new"), gallery.clone()];
    let mut folders: Vec<PathBuf> = vec![gallery];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            // There is nothing in it.
            if path.file_name().unwrap() != "lock" {
                needed.push(path);
            }
        }
    }
    assert!(needed.len() > 6, "{needed:?}");
    let missing: Vec<_> = needed.iter().filter(|it| !synced.contains(*it)).collect();
    assert!(missing.is_empty(), "{missing:?} of {synced:?}");
}
