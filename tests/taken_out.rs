//! What an ingestion takes out of the gallery: never more than somebody deleted.

use std::fs;
use std::process::Output;

use imgsearch::gallery::Gallery;
use serde_json::Value;

use crate::common::{Workspace, said};

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Two folders of six photos, in the gallery both.
fn two_folders() -> Workspace {
    let w = Workspace::painted(6, 2);
    fs::create_dir(w.path("usb")).unwrap();
    for entry in fs::read_dir(w.path("photos")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with("_1.png") {
            fs::rename(&path, w.path("usb").join(name)).unwrap();
        }
    }
    w.run(&["index", "photos", "usb"], 0);
    w
}

fn empty(w: &Workspace, folder: &str) {
    fs::remove_dir_all(w.path(folder)).unwrap();
    fs::create_dir(w.path(folder)).unwrap();
}

fn photos(w: &Workspace) -> u64 {
    w.json(&["info", "--json"], 0)["photos"].as_u64().unwrap()
}

#[test]
fn an_empty_mount_point_takes_nothing_out_and_what_is_new_comes_in() {
    let w = two_folders();
    empty(&w, "usb");
    fs::copy(w.path("photos/city_0.png"), w.path("city.png")).unwrap();
    let output = w.run(&["index", "usb", "city.png", "--json"], 3);
    let told = report(&output);
    assert_eq!((&told["removed"], &told["added"]), (&0.into(), &1.into()));
    let kept = &told["kept"][0];
    assert_eq!(kept["path"], "usb");
    assert_eq!((&kept["photos"], &kept["known"]), (&6.into(), &6.into()));
    assert_eq!(kept["reason"], "folder-empty");
    let said = said(&output);
    assert!(said.contains("usb is empty: 6 of 6 photos"), "{said}");
    assert!(
        said.contains("hint: ") && said.contains("`--yes`"),
        "{said}"
    );
    assert_eq!(photos(&w), 13);
    let text = w.run(&["index", "usb"], 3).stdout;
    assert!(String::from_utf8_lossy(&text).contains("gone but kept 6"));

    let told = report(&w.run(&["index", "usb", "--yes", "--json"], 0));
    assert_eq!(told["removed"], 6);
    assert_eq!(photos(&w), 7);
}

#[test]
fn a_folder_that_is_gone_takes_nothing_out_unasked() {
    let w = two_folders();
    fs::remove_dir_all(w.path("usb")).unwrap();
    let told = report(&w.run(&["index", "usb", "--json"], 3));
    assert_eq!(told["removed"], 0);
    assert_eq!(told["kept"][0]["reason"], "folder-gone");
    // Around it and beside it.
    for paths in [&["."][..], &["photos", "usb"], &["photos"]] {
        let told = w.command(&[&["index", "--json"], paths].concat()).output();
        let told = report(&told.unwrap());
        assert!(told["kept"].is_array(), "{told}");
    }
    assert_eq!(photos(&w), 6, "half of what lay beneath `.` was deleted");
}

#[test]
fn a_folder_that_is_gone_within_another_that_is_walked_is_not_taken_out_by_that() {
    let w = two_folders();
    fs::rename(w.path("usb"), w.path("photos/usb")).unwrap();
    // What lay beneath it is where it is now.
    let told = report(&w.run(&["index", "photos", "--json"], 0));
    assert_eq!(
        (&told["added"], &told["unchanged"]),
        (&0.into(), &12.into())
    );
    assert_eq!(photos(&w), 12);
    fs::rename(w.path("photos/usb"), w.path("elsewhere")).unwrap();
    let told = report(&w.run(&["index", "photos", "photos/usb", "--json"], 3));
    assert_eq!(told["removed"], 0, "{told}");
    assert_eq!(photos(&w), 12);
}

#[test]
fn more_than_half_of_a_folder_stays_and_half_of_it_goes() {
    let w = Workspace::painted(3, 2);
    w.run(&["index", "photos"], 0);
    let mut names: Vec<_> = fs::read_dir(w.path("photos")).unwrap().collect();
    names.sort_by_key(|entry| entry.as_ref().unwrap().path());
    let paths: Vec<_> = names.iter().map(|it| it.as_ref().unwrap().path()).collect();
    let aside = w.path("aside");
    fs::create_dir(&aside).unwrap();
    for path in &paths[..4] {
        fs::rename(path, aside.join(path.file_name().unwrap())).unwrap();
    }
    let told = report(&w.run(&["index", "photos", "--json"], 3));
    assert_eq!(told["kept"][0]["reason"], "most");
    assert_eq!((&told["removed"], photos(&w)), (&0.into(), 6));
    // As they come back, nothing is made again.
    fs::rename(aside.join(paths[0].file_name().unwrap()), &paths[0]).unwrap();
    let told = report(&w.run(&["index", "photos", "--json"], 0));
    assert_eq!(
        (&told["removed"], &told["unchanged"]),
        (&3.into(), &3.into())
    );
}

#[test]
fn what_has_only_moved_is_not_lost() {
    let w = two_folders();
    fs::rename(w.path("usb"), w.path("disk")).unwrap();
    fs::create_dir(w.path("usb")).unwrap();
    let told = report(&w.run(&["index", "usb", "disk", "--json"], 0));
    assert_eq!((&told["moved"], &told["removed"]), (&6.into(), &0.into()));
    assert_eq!(told["kept"].as_array().unwrap().len(), 0);
    assert_eq!(photos(&w), 12);
    // All of a folder's, into one of its own.
    fs::create_dir(w.path("photos/sub")).unwrap();
    for entry in fs::read_dir(w.path("photos")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap();
            fs::rename(&path, w.path("photos/sub").join(name)).unwrap();
        }
    }
    let told = report(&w.run(&["index", "photos", "--json"], 0));
    assert_eq!((&told["moved"], photos(&w)), (&6.into(), 12));
}

#[test]
fn a_disk_mounted_within_a_folder_is_one_too() {
    let w = two_folders();
    fs::create_dir_all(w.path("photos/disk/2020")).unwrap();
    let usb = w.path("usb/city_1.png");
    fs::rename(usb, w.path("photos/disk/2020/city.png")).unwrap();
    w.run(&["index", "photos"], 0);
    empty(&w, "photos/disk");
    let told = report(&w.run(&["index", "photos", "--json"], 3));
    assert_eq!(told["kept"][0]["path"], "photos/disk");
    assert_eq!(told["removed"], 0);
    // Whoever deletes an album deletes its folder.
    fs::remove_dir(w.path("photos/disk")).unwrap();
    let told = report(&w.run(&["index", "photos", "--json"], 0));
    assert_eq!(told["removed"], 1);
}

#[test]
fn a_folder_that_is_a_file_now_takes_nothing_out() {
    let w = two_folders();
    fs::remove_dir_all(w.path("usb")).unwrap();
    fs::copy(w.path("photos/city_0.png"), w.path("usb")).unwrap();
    let told = report(&w.run(&["index", "usb", "--json"], 3));
    assert_eq!(told["removed"], 0);
    assert_eq!(told["kept"][0]["photos"], 6);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_takes_nothing_out() {
    use std::os::unix::fs::symlink;
    let w = two_folders();
    fs::rename(w.path("usb"), w.path("disk")).unwrap();
    symlink("disk", w.path("usb")).unwrap();
    symlink("../disk", w.path("photos/linked")).unwrap();
    w.run(&["index", "photos", "usb"], 0);
    let before = photos(&w);
    fs::rename(w.path("disk"), w.path("away")).unwrap();
    for arguments in [
        &["index", "photos", "usb", "--json"][..],
        &["index", "photos", "usb", "--yes", "--json"],
    ] {
        let told = report(&w.run(arguments, 3));
        assert_eq!(told["removed"], 0, "{told}");
    }
    // What it leads to is empty.
    fs::create_dir(w.path("disk")).unwrap();
    let told = report(&w.run(&["index", "photos", "usb", "--json"], 3));
    assert_eq!(told["removed"], 0, "{told}");
    assert_eq!(photos(&w), before);
}

#[test]
fn removing_the_empty_path_removes_nothing() {
    let w = two_folders();
    w.run(&["remove", "", "--json"], 2);
    let mut gallery = Gallery::open(&w.path(".imgsearch")).unwrap();
    assert_eq!(gallery.remove(&["".into()]).unwrap().removed.len(), 0);
    drop(gallery);
    assert_eq!(photos(&w), 12);
    // Verifying tells what is gone, and takes nothing out.
    empty(&w, "usb");
    w.run(&["verify", "--photos"], 3);
    assert_eq!(photos(&w), 12);
    w.run(&["remove", "usb"], 0);
    assert_eq!(photos(&w), 6);
}

#[test]
fn a_photo_overwritten_by_a_damaged_one_is_not_found_under_its_old_picture() {
    let damages: [&[u8]; 4] = [
        b"",
        b"no picture",
        b"\x89PNG\r\n\x1a\n half",
        b"\xff\xd8\xff\xe0 half",
    ];
    for damage in damages {
        let w = Workspace::painted(2, 2);
        w.run(&["index", "photos"], 0);
        fs::write(w.path("photos/city_0.png"), damage).unwrap();
        let output = w.run(&["index", "photos", "--json"], 3);
        let told = report(&output);
        assert_eq!(told["skipped"][0]["path"], "photos/city_0.png");
        assert_eq!(
            (&told["overwritten"], &told["photos"]),
            (&1.into(), &3.into())
        );
        assert!(said(&output).contains("1 photo overwritten"));
        let found = w.query(&["photos/city_1.png", "-k", "9"]);
        assert!(
            !found.contains(&"photos/city_0.png".to_owned()),
            "{found:?}"
        );
        assert_eq!(found.len(), 3);
    }
}
