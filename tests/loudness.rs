//! How much is said, and a page that is shown.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Workspace, said};

#[test]
fn quiet_leaves_out_notes_and_nothing_that_went_wrong() {
    let w = Workspace::painted(2, 2);
    fs::create_dir(w.path("empty")).unwrap();
    let noted = said(&w.run(&["index", "empty"], 0));
    assert!(noted.contains("note: there are no photos"), "{noted}");
    assert_eq!(said(&w.run(&["index", "empty", "-q"], 0)), "");
    assert_eq!(said(&w.run(&["query", "photos/city_0.png", "-q"], 4)), "");
    fs::write(w.path("photos/broken.jpg"), "no picture").unwrap();
    let index = w.run(&["index", "photos", "--quiet"], 3);
    assert_eq!(said(&index), "skipped: not a picture: photos/broken.jpg\n");
    assert!(String::from_utf8_lossy(&index.stdout).starts_with("added 4"));
    let failed = said(&w.run(&["query", "nowhere.png", "-q"], 1));
    assert!(failed.starts_with("error: "), "{failed}");
    let unknown = said(&w.run(&["remove", "nowhere", "-q"], 3));
    assert!(unknown.contains("not in the gallery"), "{unknown}");
}

#[test]
fn what_stays_in_the_gallery_though_it_is_gone_is_heard_even_so() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    fs::remove_dir_all(w.path("photos")).unwrap();
    fs::create_dir(w.path("photos")).unwrap();
    let kept = said(&w.run(&["index", "photos", "-q"], 3));
    assert!(
        kept.contains("4 photos") && kept.contains("--yes"),
        "{kept}"
    );
}

#[test]
fn verbose_says_which_gallery_weights_device_and_threads_and_how_many_are_known() {
    let w = Workspace::painted(2, 2);
    let has = |said: &str, lines: &[&str]| {
        for line in lines {
            assert!(said.lines().any(|it| it.contains(line)), "{line}: {said}");
        }
    };
    let gallery = format!("gallery: {}", shown(&w.path(".imgsearch")));
    let weights = format!("weights: {}", shown(crate::common::weights()));
    let first = said(&w.run(
        &["index", "photos", "--jobs", "1", "-v", "--device", "cpu"],
        0,
    ));
    has(&first, &[&gallery, &weights, "device: cpu in f32"]);
    has(
        &first,
        &["threads: 1", "photos: 0 already known, 4 to look at"],
    );
    let again = said(&w.run(&["index", "photos", "--verbose"], 0));
    has(&again, &["photos: 4 already known, 0 to look at"]);
    // Without weights that would have to be looked at.
    let mut known = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
    known.args(["query", "photos/city_0.png", "-v"]);
    let known = known
        .current_dir(w.dir.path())
        .env_remove("IMGSEARCH_GALLERY");
    has(
        &said(&known.output().unwrap()),
        &[
            &gallery,
            "photos: 4 already known",
            "weights: none were needed",
        ],
    );
    fs::copy(w.path("photos/city_0.png"), w.path("other.png")).unwrap();
    let other = ["query", "other.png", "--region", "0%,0%,50%,50%", "-v"];
    has(&said(&w.run(&other, 0)), &[&weights, "device: cpu"]);
    for command in ["info", "verify"] {
        has(&said(&w.run(&[command, "-v"], 0)), &[&gallery]);
        assert_eq!(said(&w.run(&[command], 0)), "");
    }
}

#[test]
fn how_much_is_said_is_asked_before_or_behind_the_command_and_results_are_the_same() {
    let w = Workspace::painted(1, 2);
    w.run(&["index", "photos"], 0);
    let usual = w.run(&["info", "--json"], 0).stdout;
    for arguments in [
        ["-v", "info", "--json"],
        ["info", "--json", "-v"],
        ["-q", "info", "--json"],
    ] {
        let output = w.run(&arguments, 0);
        assert_eq!(output.stdout, usual, "{arguments:?}");
        assert_eq!(said(&output).is_empty(), arguments[0] == "-q");
    }
    w.run(&["info", "-q", "-v"], 2);
}

/// As it is called from its own folder, which may lie behind a link.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A folder with an opener that writes what it is asked to open, and exits so.
#[cfg(unix)]
fn opener(w: &Workspace, name: &str, code: i32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = w.path(name);
    fs::create_dir(&folder).unwrap();
    for program in ["xdg-open", "open"] {
        let path = folder.join(program);
        let opened = folder.join("opened");
        let script = format!(
            "#!/bin/sh\nprintf %s \"$*\" > '{}'\nexit {code}\n",
            opened.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// What it was asked to open; it may still be at it.
#[cfg(unix)]
fn opened(folder: &Path) -> PathBuf {
    for _ in 0..600 {
        match fs::read_to_string(folder.join("opened")) {
            Ok(path) if !path.is_empty() => return path.into(),
            _ => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
    panic!("nothing was opened");
}

#[cfg(unix)]
#[test]
fn the_page_is_shown_in_the_browser() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let run = |folder: &Path, arguments: &[&str]| {
        let mut command = w.command(arguments);
        command
            .env("PATH", folder)
            .env("TMPDIR", w.path("temporary"));
        command.output().unwrap()
    };
    fs::create_dir(w.path("temporary")).unwrap();
    let folder = opener(&w, "named", 0);
    let named = [
        "query",
        "photos/city_0.png",
        "--html",
        "page.html",
        "--open",
    ];
    let output = run(&folder, &named);
    assert_eq!(
        (output.status.code(), said(&output)),
        (Some(0), String::new())
    );
    assert_eq!(opened(&folder), w.path("page.html"));

    let folder = opener(&w, "unnamed", 0);
    let output = run(&folder, &["query", "photos/city_0.png", "--open", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let page = opened(&folder);
    assert!(page.starts_with(w.path("temporary")), "{}", page.display());
    assert!(fs::read_to_string(&page).unwrap().contains("city_0.png"));
    let mode = fs::metadata(page.parent().unwrap()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    assert_eq!(mode & 0o777, 0o700);

    let folder = opener(&w, "evaluated", 0);
    let set = [
        "eval",
        "labels.csv",
        "--specs",
        "head",
        "--preprocess",
        crate::common::SMALL,
    ];
    let page = ["--html", "failures.html", "--open"];
    let labels = "path,group\nphotos/city_0.png,a\nphotos/city_1.png,a\n\
                  photos/mountains_0.png,b\nphotos/mountains_1.png,b\n";
    fs::write(w.path("labels.csv"), labels).unwrap();
    let output = run(&folder, &[&set[..], &page[..]].concat());
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(opened(&folder), w.path("failures.html"));
    w.run(&["eval", "labels.csv", "--open"], 2);
}

#[cfg(unix)]
#[test]
fn where_nothing_shows_pages_its_address_is_said_and_the_exit_is_the_usual() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    let failing = opener(&w, "failing", 3);
    let empty = w.path("no programs");
    fs::create_dir(&empty).unwrap();
    let address = format!("file://{}", w.path("page.html").display());
    // In the current folder an opener counts for nothing.
    let here = opener(&w, "here", 0);
    for name in ["xdg-open", "open"] {
        fs::copy(here.join(name), w.path(name)).unwrap();
    }
    for path in [
        failing.as_os_str(),
        empty.as_os_str(),
        ".:".as_ref(),
        "".as_ref(),
    ] {
        let arguments = [
            "query",
            "photos/city_0.png",
            "--html",
            "page.html",
            "--open",
            "-q",
        ];
        let output = w.command(&arguments).env("PATH", path).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(
            said(&output).contains(&address),
            "{path:?}: {}",
            said(&output)
        );
        assert!(w.path("page.html").exists());
    }
    assert!(!here.join("opened").exists());
}

/// What the command says on a terminal; nothing where there is no `script` to make one.
#[cfg(target_os = "linux")]
fn on_terminal(w: &Workspace, arguments: &[&str]) -> Option<String> {
    let command = w.command(arguments);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
    let line = words.collect::<Vec<_>>().join(" ");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    script.stdin(std::process::Stdio::null());
    script
        .current_dir(w.dir.path())
        .env("TERM", "xterm-256color");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let output = script.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    Some(text)
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_is_told_what_to_do_next_and_no_one_else() {
    let w = Workspace::painted(2, 2);
    let Some(first) = on_terminal(&w, &["index", "photos"]) else {
        crate::common::skip::skip("there is no `script` to make a terminal");
        return;
    };
    let next = "next: imgsearch query PHOTO";
    assert!(first.contains(next), "{first}");
    for option in ["-q", "--json"] {
        let silent = on_terminal(&w, &["index", "photos", option]).unwrap();
        assert!(!silent.contains("next:"), "{silent}");
    }
    assert_eq!(said(&w.run(&["index", "photos"], 0)), "");
}

#[cfg(target_os = "linux")]
#[test]
fn pictures_are_shown_in_a_terminal_and_the_table_elsewhere() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    fs::remove_file(w.path("photos/mountains_1.png")).unwrap();
    let usual = w.run(&["query", "photos/city_0.png"], 0).stdout;
    let elsewhere = w.run(&["query", "photos/city_0.png", "--preview"], 0);
    assert_eq!(elsewhere.stdout, usual);
    assert!(
        said(&elsewhere).contains("terminal"),
        "{}",
        said(&elsewhere)
    );
    w.run(&["query", "photos/city_0.png", "--preview", "--json"], 2);
    let Some(shown) = on_terminal(&w, &["query", "photos/city_0.png", "--preview"]) else {
        crate::common::skip::skip("there is no `script` to make a terminal");
        return;
    };
    // Pictures of 4 : 3, 30 pixels wide, in rows of two pixels; the fourth is gone.
    assert_eq!(shown.matches('▀').count(), 3 * 30 * 12, "{shown}");
    let lines = shown.replace('\r', "");
    let lines = lines.lines().filter(|line| !line.starts_with('\x1b'));
    let lines: Vec<&str> = lines.collect();
    let usual = String::from_utf8(usual).unwrap();
    assert_eq!(lines, usual.lines().collect::<Vec<_>>());
}
