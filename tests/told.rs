//! Standard output and standard error that cannot be written: no panic, and the work is done.

use std::fs::File;
use std::process::{Output, Stdio};

use crate::common::{Workspace, said};

/// Every command, and whether it leaves something behind that is looked for.
const COMMANDS: [&[&str]; 16] = [
    &["index", "photos", "broken.jpg", "nowhere"],
    &["index", "photos", "--json"],
    &["query", "photos/city_0.png"],
    &["query", "photos/city_0.png", "-0"],
    &["query", "photos/city_0.png", "--csv"],
    &[
        "query",
        "photos/city_0.png",
        "broken.jpg",
        "--each",
        "--json",
    ],
    &["query", "broken.jpg"],
    &["extract", "photos/city_0.png", "broken.jpg"],
    &[
        "whiten",
        "photos",
        "broken.jpg",
        "--dim",
        "2",
        "--out",
        "w.safetensors",
    ],
    &["info"],
    &["verify"],
    &["models", "list"],
    &["remove", "nowhere"],
    &["completions", "bash"],
    &["--help"],
    &["index", "--no-such-option"],
];

/// A name, and how to open it.
#[cfg(target_os = "linux")]
type Place = (&'static str, Box<dyn Fn() -> Stdio>);

/// Where nothing can be written: a full disk, a pipe that nobody reads, and nothing.
#[cfg(target_os = "linux")]
fn places() -> [Place; 3] {
    let broken = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    // Open, but not for writing, as a closed one is once another file has its number.
    let unwritable = || Stdio::from(File::open("/dev/null").unwrap());
    [
        ("full", Box::new(full)),
        ("broken", Box::new(broken)),
        ("not open for writing", Box::new(unwritable)),
    ]
}

fn workspace() -> Workspace {
    let w = Workspace::painted(3, 2);
    std::fs::write(w.path("broken.jpg"), "no picture").unwrap();
    w
}

fn has_panicked(output: &Output) -> bool {
    let said = said(output) + &String::from_utf8_lossy(&output.stdout);
    said.contains("panicked") || output.status.code() == Some(101) || output.status.code().is_none()
}

#[cfg(target_os = "linux")]
#[test]
fn no_command_panics_where_nothing_can_be_told() {
    let w = workspace();
    w.run(&["index", "photos"], 0);
    for arguments in COMMANDS {
        let usual = w.command(arguments).output().unwrap();
        for (name, place) in places() {
            let what = format!("{arguments:?}, {name}");
            let silent = w.command(arguments).stderr(place()).output().unwrap();
            assert!(!has_panicked(&silent), "{what} error");
            assert_eq!(silent.status.code(), usual.status.code(), "{what} error");
            let unread = w.command(arguments).stdout(place()).output().unwrap();
            assert!(!has_panicked(&unread), "{what} output: {}", said(&unread));
            let is_told = name != "full" || usual.stdout.is_empty();
            let failed = unread.status.code() != Some(0);
            assert!(is_told || failed, "{what} output is lost unheard");
            let neither = w
                .command(arguments)
                .stdout(place())
                .stderr(place())
                .status();
            assert!(
                neither.unwrap().code().is_some_and(|code| code != 101),
                "{what}"
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_in_hand_is_stored_where_nothing_can_be_told() {
    for (name, place) in places() {
        let w = workspace();
        let mut index = w.command(&["index", "photos", "broken.jpg", "nowhere"]);
        let status = index.stderr(place()).stdout(place()).status().unwrap();
        assert!(status.code().is_some_and(|code| code != 101), "{name}");
        let info = w.json(&["info", "--json"], 0);
        assert_eq!(info["photos"], 6, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn closed_output_is_no_harm() {
    let w = workspace();
    let index = w.command(&["index", "photos", "broken.jpg"]);
    let script = "exec \"$0\" \"$@\" >&- 2>&- <&-";
    let status = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(index.get_program())
        .args(index.get_args())
        .envs(
            index
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(w.dir.path())
        .status();
    assert_eq!(status.unwrap().code(), Some(3));
    assert_eq!(w.json(&["info", "--json"], 0)["photos"], 6);
}
