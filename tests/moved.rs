//! Photos that lie elsewhere than when they were indexed: nothing is described again, and nothing is dead.

use std::fs;

use crate::common::Workspace;

/// What `index` says of these paths: photos that are new, as they were, and in all.
fn index(w: &Workspace, paths: &[&str], gallery: &str) -> (u64, u64, u64) {
    let arguments = [&["index", "--json", "--gallery", gallery], paths].concat();
    let report = w.json(&arguments, 0);
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((number("moved"), number("removed")), (0, 0), "{report}");
    (number("added"), number("unchanged"), number("photos"))
}

fn is_all_alive(w: &Workspace, query: &str, gallery: &str) -> usize {
    let found = w.json(
        &["query", query, "-k", "100", "--json", "--gallery", gallery],
        0,
    );
    let matches = found["matches"].as_array().unwrap();
    assert!(
        matches.iter().all(|found| found["exists"] == true),
        "{found}"
    );
    matches.len()
}

#[test]
fn gallery_and_photos_moved_together_answer_at_once_and_need_no_new_pass() {
    let w = Workspace::painted(2, 3);
    fs::create_dir(w.path("disk")).unwrap();
    fs::rename(w.path("photos"), w.path("disk/photos")).unwrap();
    let before = index(&w, &["disk/photos"], "disk/photos/.imgsearch");
    assert_eq!(before, (6, 0, 6));
    fs::rename(w.path("disk"), w.path("mounted")).unwrap();
    let gallery = "mounted/photos/.imgsearch";
    assert_eq!(is_all_alive(&w, "mounted/photos/city_0.png", gallery), 6);
    assert_eq!(index(&w, &["mounted/photos"], gallery), (0, 6, 6));
    assert_eq!(is_all_alive(&w, "mounted/photos/city_0.png", gallery), 6);
    // And moved once more, without an `index` in between.
    fs::rename(w.path("mounted"), w.path("again")).unwrap();
    let gallery = "again/photos/.imgsearch";
    assert_eq!(is_all_alive(&w, "again/photos/city_0.png", gallery), 6);
}

#[test]
fn photos_that_moved_without_their_gallery_are_known_at_their_new_place() {
    let w = Workspace::painted(2, 3);
    assert_eq!(index(&w, &["photos"], "gallery"), (6, 0, 6));
    fs::create_dir_all(w.path("far/away")).unwrap();
    fs::rename(w.path("photos"), w.path("far/away/pictures")).unwrap();
    assert_eq!(index(&w, &["far/away/pictures"], "gallery"), (0, 6, 6));
    assert_eq!(
        is_all_alive(&w, "far/away/pictures/city_0.png", "gallery"),
        6
    );
    // By a folder above it, and by one within.
    fs::rename(w.path("far"), w.path("near")).unwrap();
    assert_eq!(index(&w, &["near"], "gallery"), (0, 6, 6));
    assert_eq!(
        is_all_alive(&w, "near/away/pictures/city_0.png", "gallery"),
        6
    );
}

#[test]
fn of_two_roots_the_one_that_moved_is_followed_and_the_other_stays() {
    let w = Workspace::painted(2, 4);
    fs::create_dir(w.path("more")).unwrap();
    for name in ["city_2.png", "city_3.png", "mountains_3.png"] {
        fs::rename(
            w.path(&format!("photos/{name}")),
            w.path(&format!("more/{name}")),
        )
        .unwrap();
    }
    assert_eq!(index(&w, &["photos", "more"], "gallery"), (8, 0, 8));
    fs::rename(w.path("more"), w.path("other")).unwrap();
    assert_eq!(index(&w, &["other"], "gallery"), (0, 3, 8));
    assert_eq!(index(&w, &["photos", "other"], "gallery"), (0, 8, 8));
    assert_eq!(is_all_alive(&w, "other/city_2.png", "gallery"), 8);
}

#[test]
fn a_folder_of_other_photos_is_not_taken_for_one_that_moved() {
    let w = Workspace::painted(2, 3);
    assert_eq!(index(&w, &["photos"], "gallery"), (6, 0, 6));
    fs::create_dir(w.path("others")).unwrap();
    for number in 0..3 {
        let name = format!("photos/city_{number}.png");
        // The same names, and other files.
        let picture = image::RgbImage::from_pixel(50, 40, image::Rgb([number * 9, 90, 7]));
        picture
            .save(w.path(&format!("others/city_{number}.png")))
            .unwrap();
        fs::remove_file(w.path(&name)).unwrap();
    }
    fs::remove_dir_all(w.path("photos")).unwrap();
    let report = w.json(&["index", "others", "--json", "--gallery", "gallery"], 0);
    assert_eq!(
        (&report["added"], &report["photos"]),
        (&3.into(), &9.into())
    );
}
