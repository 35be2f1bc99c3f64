//! Ctrl-C ends every command with the exit code that says so, whatever it is waiting for.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use imgsearch::gallery::Gallery;

use crate::common::Workspace;

/// A hub that takes every connection and never answers; it tells of each.
fn silent_hub() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, called) = mpsc::channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming().flatten() {
            open.push(stream);
            let _ = sender.send(());
        }
    });
    (address, called)
}

/// The command, with no weights on this machine and none to be had but from the hub.
fn without_weights(w: &Workspace, arguments: &[&str], hub: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
    command
        .current_dir(w.dir.path())
        .args(arguments)
        .env("HF_ENDPOINT", hub)
        .env("HF_HOME", w.path("hub"))
        .env("IMGSEARCH_CACHE", w.path("cache"))
        // No Python is found, so no wheel is asked for.
        .env("PATH", w.path("nowhere"))
        .env_remove("IMGSEARCH_GALLERY");
    for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env_remove(proxy).env_remove(proxy.to_lowercase());
    }
    command
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// How it ends, and soon.
#[track_caller]
fn ended(mut child: Child, what: &str) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("{what}: it does not hear Ctrl-C");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// One whose photos lie in folders of their kinds: a labelled set.
fn labelled(scenes: usize, views: u64) -> Workspace {
    let w = Workspace::painted(scenes, views);
    for entry in fs::read_dir(w.path("photos")).unwrap() {
        let photo = entry.unwrap().path();
        let name = photo.file_name().unwrap().to_str().unwrap();
        let folder = w.path("photos").join(name.split_once('_').unwrap().0);
        fs::create_dir_all(&folder).unwrap();
        fs::rename(&photo, folder.join(name)).unwrap();
    }
    w
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::null()).stderr(Stdio::null())
}

#[test]
fn who_waits_for_weights_is_interrupted() {
    // As many as a tuning wants to ask with.
    let w = labelled(6, 6);
    let spec = "resnet18:layer1";
    let set = ["photos", "--json"];
    for arguments in [
        &["models", "pull", "resnet18"][..],
        &["index", "photos", "--spec", spec],
        &["extract", "photos/city/city_0.png", "--spec", spec],
        &[
            "whiten",
            "photos",
            "--spec",
            spec,
            "--dim",
            "2",
            "--out",
            "w.safetensors",
        ],
        &[
            "eval", set[0], set[1], "--model", "resnet18", "--specs", "layer1",
        ],
        &["tune", set[0], set[1], "--model", "resnet18"],
    ] {
        let (hub, called) = silent_hub();
        let child = quiet(&mut without_weights(&w, arguments, &hub))
            .spawn()
            .unwrap();
        let is_waiting = called.recv_timeout(Duration::from_secs(20));
        assert!(is_waiting.is_ok(), "{arguments:?} asked for no weights");
        interrupt(&child);
        assert_eq!(
            ended(child, &format!("{arguments:?}")),
            Some(130),
            "{arguments:?}"
        );
    }
}

/// A hub that has a file of a megabyte, and breaks off in the middle of it.
fn stopping_hub() -> String {
    use std::io::Write;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let own = address.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let own = own.clone();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(request)) = lines.next() else {
                    return;
                };
                let _ = lines
                    .take_while(|it| it.as_ref().is_ok_and(|it| !it.is_empty()))
                    .count();
                let _ = if request.contains("/resolve/") {
                    write!(
                        stream,
                        "HTTP/1.1 302 Found\r\nLocation: {own}/content\r\nx-linked-etag: \"abc\"\r\n\
                         x-repo-commit: 0123abcd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                } else {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999999/1000000\r\n\
                         Content-Length: 1000000\r\nConnection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(&vec![7; 400_000]);
                    let _ = stream.flush();
                    thread::sleep(Duration::from_secs(30));
                    Ok(())
                };
            });
        }
    });
    address
}

#[test]
fn how_much_comes_is_said_once_and_that_it_comes_once_and_what_has_come_is_kept() {
    let w = Workspace::new();
    let hub = stopping_hub();
    let mut command = without_weights(&w, &["models", "pull", "resnet18"], &hub);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("downloading ") {
        assert!(said.read_line(&mut told).unwrap() > 0, "{told}");
    }
    thread::sleep(Duration::from_millis(500));
    interrupt(&child);
    assert_eq!(ended(child, "models pull"), Some(130));
    said.read_to_string(&mut told).unwrap();
    assert_eq!(told.matches("downloading 1.00 MB").count(), 1, "{told}");
    assert_eq!(
        told.matches("once and for all galleries").count(),
        1,
        "{told}"
    );
    assert!(
        told.contains("the same command goes on from there"),
        "{told}"
    );
}

#[test]
fn a_query_that_waits_for_weights_is_interrupted() {
    let w = Workspace::painted(2, 2);
    // Of an older run, whose weights are gone from this machine: only the name of the network counts.
    w.run(&["index", "photos"], 0);
    std::fs::copy(w.path("photos/city_0.png"), w.path("other.png")).unwrap();
    let (hub, called) = silent_hub();
    let arguments = ["query", "other.png", "--region", "0,0,20,20"];
    let child = quiet(&mut without_weights(&w, &arguments, &hub))
        .spawn()
        .unwrap();
    assert!(called.recv_timeout(Duration::from_secs(20)).is_ok());
    interrupt(&child);
    assert_eq!(ended(child, "query"), Some(130));
}

#[test]
fn who_waits_for_another_that_is_writing_is_interrupted() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let _held = Gallery::open(&w.path(".imgsearch")).unwrap();
    for arguments in [
        &["index", "photos", "--wait"][..],
        &["remove", "photos/city_0.png", "--wait"],
    ] {
        let mut command = w.command(arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("waiting for another imgsearch"), "{line}");
        interrupt(&child);
        assert_eq!(
            ended(child, &format!("{arguments:?}")),
            Some(130),
            "{arguments:?}"
        );
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("error"), "{rest}");
    }
}

#[test]
fn who_waits_for_a_picture_to_come_is_interrupted() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let made = Command::new("mkfifo").arg(w.path("pipe")).status();
    assert!(made.unwrap().success());
    for arguments in [
        &["query", "-"][..],
        &["query", "-", "--each"],
        &["extract", "-"],
        &["query", "pipe"],
        &["query", "photos/city_0.png", "pipe"],
        &["query", "/dev/stdin"],
        &["extract", "pipe"],
    ] {
        // Too early and it has not begun to listen.
        let mut wait = Duration::from_millis(150);
        let heard = (0..6).any(|_| {
            let mut command = w.command(arguments);
            let child = quiet(&mut command).stdin(Stdio::piped()).spawn().unwrap();
            thread::sleep(wait);
            wait *= 2;
            interrupt(&child);
            let code = ended(child, &format!("{arguments:?}"));
            assert!(
                code.is_none() || code == Some(130),
                "{arguments:?}: {code:?}"
            );
            code == Some(130)
        });
        assert!(heard, "{arguments:?}");
    }
}

#[test]
fn who_is_at_work_is_interrupted_and_says_so_in_json_too() {
    let w = labelled(6, 20);
    let table: &[&[&str]] = &[
        &[
            "whiten",
            "photos",
            "--dim",
            "2",
            "--out",
            "w.safetensors",
            "--jobs",
            "1",
            "--json",
        ],
        &["eval", "photos", "--jobs", "1", "--json"],
        &["tune", "photos", "--jobs", "1", "--json"],
    ];
    for arguments in table {
        let mut wait = Duration::from_millis(200);
        let heard = (0..8).any(|_| {
            let gallery = w.path(".imgsearch");
            if Path::new(&gallery).exists() {
                std::fs::remove_dir_all(&gallery).unwrap();
            }
            let mut command = w.command(arguments);
            let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            thread::sleep(wait);
            interrupt(&child);
            let mut printed = String::new();
            let mut out = child.stdout.take().unwrap();
            out.read_to_string(&mut printed).unwrap();
            match ended(child, &format!("{arguments:?}")) {
                Some(0) => wait /= 2,
                None => wait = wait * 3 / 2,
                code => {
                    assert_eq!(code, Some(130), "{arguments:?}");
                    let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
                    assert!(json["kind"].is_string());
                    return true;
                }
            }
            false
        });
        assert!(heard, "{arguments:?}");
    }
}
