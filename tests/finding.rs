//! The gallery is found from the current folder upwards, then from the photo, and another user's is
//! not opened unless it is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{Workspace, said};

/// The command in a folder of the workspace.
fn at(w: &Workspace, folder: &str, arguments: &[&str]) -> Command {
    let mut command = w.command(arguments);
    command.current_dir(w.path(folder));
    command
}

#[track_caller]
fn done(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    output
}

/// What a query with `-0` found.
fn paths(output: &Output) -> Vec<PathBuf> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.split_terminator('\0').map(PathBuf::from).collect()
}

/// One with photos, and folders to stand in.
fn place() -> Workspace {
    let w = Workspace::painted(1, 2);
    fs::create_dir_all(w.path("photos/album/deep")).unwrap();
    fs::create_dir_all(w.path("elsewhere")).unwrap();
    w
}

#[test]
fn a_gallery_above_is_used_by_every_command_and_none_is_made_below_it() {
    let w = place();
    w.run(&["index", "photos"], 0);
    let photo = "../../mountains_0.png";
    let found = done(at(&w, "photos/album/deep", &["query", "-0", photo]));
    assert_eq!(
        paths(&found)[0],
        w.path("photos/mountains_0.png").canonicalize().unwrap()
    );
    for arguments in [&["info"] as &[&str], &["verify"], &["index", "../.."]] {
        done(at(&w, "photos/album/deep", arguments));
    }
    done(at(&w, "photos/album/deep", &["remove", photo]));
    for folder in ["photos/album/deep", "photos/album", "photos"] {
        assert!(!w.path(folder).join(".imgsearch").exists(), "{folder}");
    }
    assert_eq!(w.query(&["photos/mountains_1.png"]).len(), 1);
}

#[test]
fn from_elsewhere_the_photos_gallery_is_found_and_the_nearest_from_here_comes_first() {
    let w = place();
    done(at(&w, "photos", &["index", "."]));
    let photo = "../photos/mountains_0.png";
    let found = done(at(&w, "elsewhere", &["query", "-0", "-k1", photo]));
    assert_eq!(
        paths(&found),
        [w.path("photos/mountains_0.png").canonicalize().unwrap()]
    );
    // `index` goes on with the photos' gallery.
    done(at(&w, "elsewhere", &["index", "../photos"]));
    assert!(!w.path("elsewhere/.imgsearch").exists());

    done(at(
        &w,
        "elsewhere",
        &["index", "--gallery", ".imgsearch", photo],
    ));
    let found = done(at(&w, "elsewhere", &["query", "-0", photo]));
    assert_eq!(
        paths(&found),
        [w.path("photos/mountains_0.png").canonicalize().unwrap()]
    );
    let mut named = at(&w, "elsewhere", &["query", "-0", photo]);
    let found = done({
        named.env("IMGSEARCH_GALLERY", "../photos/.imgsearch");
        named
    });
    assert_eq!(paths(&found).len(), 2);
}

#[test]
fn where_there_is_none_the_message_names_the_absolute_places() {
    let w = place();
    let output = at(&w, "elsewhere", &["query", "../photos/mountains_0.png"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    let root = w.dir.path().canonicalize().unwrap();
    for folder in ["elsewhere", "", "photos"] {
        let dir = root.join(folder).join(".imgsearch");
        assert!(told.contains(&dir.display().to_string()), "{told}");
    }
    // One that is named is told from the root too.
    let output = at(&w, "elsewhere", &["info", "--gallery", "nowhere"]).output();
    let told = said(&output.unwrap());
    let dir = root.join("elsewhere/nowhere");
    assert!(told.contains(&dir.display().to_string()), "{told}");
}

#[cfg(unix)]
#[test]
fn another_users_gallery_is_not_opened_unless_it_is_named() {
    let w = place();
    w.run(&["index", "photos"], 0);
    let dir = w.path(".imgsearch");
    let changed = std::os::unix::fs::chown(&dir, Some(12_345), None);
    if changed.is_err() {
        crate::common::skip::skip("only root can give a folder to somebody else");
        return;
    }
    let before = listed(&dir);
    let photo = "../photos/mountains_0.png";
    for (folder, arguments) in [
        ("photos", &["query", "mountains_0.png"] as &[&str]),
        ("elsewhere", &["query", photo]),
        ("elsewhere", &["index", "../photos"]),
        ("elsewhere", &["remove", photo]),
        (".", &["info"]),
        (".", &["verify"]),
        (".", &["index", "photos"]),
    ] {
        let output = at(&w, folder, arguments).output().unwrap();
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("belongs to another user"), "{told}");
        assert!(told.contains("--gallery"), "{told}");
    }
    assert_eq!(listed(&dir), before);
    done(at(
        &w,
        "elsewhere",
        &["query", photo, "--gallery", "../.imgsearch"],
    ));
    let mut named = at(&w, "elsewhere", &["query", photo]);
    named.env("IMGSEARCH_GALLERY", "../.imgsearch");
    done(named);
    // Whoever became root by sudo is still its owner.
    let mut sudo = at(&w, "elsewhere", &["query", photo]);
    sudo.env("SUDO_UID", "12345");
    done(sudo);
}

#[cfg(unix)]
fn listed(dir: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}
