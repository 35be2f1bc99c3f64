//! The same photograph twice: found whatever was done to it, never taken for another, and acted upon so
//! that one always stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::imageops::{FilterType, crop_imm, flip_horizontal, overlay, resize, rotate90};
use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::common::{Workspace, said};

/// A picture with much to see, different for each number.
pub fn picture(number: u64) -> RgbImage {
    let mut chance = fastrand::Rng::with_seed(number);
    let mut picture = RgbImage::from_pixel(320, 240, Rgb([90, 120, 150]));
    for _ in 0..160 {
        let size = (chance.u32(6..60), chance.u32(6..60));
        let level = chance.u8(40..180);
        let colour = Rgb([0; 3].map(|_: u8| level + chance.u8(..30)));
        let part = RgbImage::from_pixel(size.0, size.1, colour);
        let at = (chance.i64(-20..320), chance.i64(-20..240));
        overlay(&mut picture, &part, at.0, at.1);
    }
    image::imageops::blur(&picture, 0.8)
}

/// A folder `photos` with a few pictures, and `photos/again` with changed ones of the first; indexed.
fn with_changed() -> (Workspace, BTreeSet<String>) {
    let w = Workspace::new();
    fs::create_dir_all(w.path("photos/again")).unwrap();
    for number in 0..12 {
        let name = format!("photos/{number}.png");
        picture(number).save(w.path(&name)).unwrap();
    }
    let first = picture(0);
    let save = |picture: &RgbImage, name: &str| {
        picture
            .save(w.path(&format!("photos/again/{name}")))
            .unwrap();
    };
    save(&first, "saved.jpg");
    save(
        &resize(&first, 160, 120, FilterType::Triangle),
        "resized.png",
    );
    save(&flip_horizontal(&first), "mirrored.png");
    save(&rotate90(&first), "turned.png");
    save(
        &crop_imm(&first, 30, 20, 270, 205).to_image(),
        "cropped.png",
    );
    let mut framed = RgbImage::from_pixel(340, 260, Rgb([255, 255, 255]));
    overlay(&mut framed, &first, 10, 10);
    save(&framed, "framed.png");
    let mut bright = first.clone();
    bright
        .iter_mut()
        .for_each(|level| *level = level.saturating_add(35));
    save(&bright, "brightened.png");
    save(
        &image::DynamicImage::from(first.clone()).to_luma8().expand(),
        "grey.png",
    );
    fs::copy(w.path("photos/0.png"), w.path("photos/again/copied.png")).unwrap();
    save(&first, "pixels.bmp");
    let again = fs::read_dir(w.path("photos/again")).unwrap();
    let again = again.map(|it| it.unwrap().file_name().into_string().unwrap());
    let again = again.map(|name| format!("photos/again/{name}")).collect();
    w.run(&["index", "photos"], 0);
    (w, again)
}

/// Grey as RGB.
trait Expand {
    fn expand(&self) -> RgbImage;
}

impl Expand for image::GrayImage {
    fn expand(&self) -> RgbImage {
        RgbImage::from_fn(self.width(), self.height(), |x, y| {
            Rgb([self.get_pixel(x, y).0[0]; 3])
        })
    }
}

fn paths(list: &Value) -> BTreeSet<String> {
    let path = |it: &Value| it["path"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(path).collect()
}

/// All files below a folder.
pub fn files(folder: &Path) -> BTreeSet<String> {
    let entries = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    let name = |it: walkdir::DirEntry| {
        let name = it.path().strip_prefix(folder).unwrap();
        name.to_str().unwrap().replace('\\', "/")
    };
    files.map(name).collect()
}

#[test]
fn a_photograph_is_found_again_whatever_was_done_to_it_and_no_other_is_taken_for_it() {
    let (w, again) = with_changed();
    let report = w.json(&["dups", "--keep", "path:photos/0.png", "--json"], 0);
    let groups = report["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{report:#}");
    assert_eq!(groups[0]["keep"]["path"], "photos/0.png");
    assert_eq!(groups[0]["keep"]["reason"], "in photos/0.png");
    assert_eq!(paths(&groups[0]["duplicates"]), again);
    let of = |name: &str| {
        let all = groups[0]["duplicates"].as_array().unwrap();
        all.iter()
            .find(|it| it["path"].as_str().unwrap().ends_with(name))
            .unwrap()
    };
    assert_eq!(of("copied.png")["level"], "bytes");
    assert_eq!(of("pixels.bmp")["level"], "pixels");
    assert_eq!(of("saved.jpg")["level"], "near");
    assert_eq!(of("mirrored.png")["change"]["mirrored"], true);
    assert_eq!(of("turned.png")["change"]["mirrored"], false);
    let turned = of("turned.png")["change"]["turned"].as_u64().unwrap();
    assert!(turned == 90 || turned == 270, "{turned}");
    let shows = of("cropped.png")["change"]["shows"].as_f64().unwrap();
    assert!((shows - 270.0 * 205.0 / 76_800.0).abs() < 0.02, "{shows}");
    assert_eq!(report["photos"], 22);
    assert_eq!(report["duplicates"], 10);
}

#[test]
fn groups_do_not_depend_on_the_order_in_which_photos_came() {
    let (w, _) = with_changed();
    let groups = |w: &Workspace, arguments: &[&str]| {
        let found = w.json(&[&["dups", "--json"], arguments].concat(), 0);
        found["groups"].clone()
    };
    let first = groups(&w, &[]);
    fs::remove_dir_all(w.path(".imgsearch")).unwrap();
    w.run(&["index", "photos/again"], 0);
    w.run(&["index", "photos/5.png", "photos/0.png"], 0);
    w.run(&["index", "photos"], 0);
    assert_eq!(groups(&w, &[]), first);
    assert_eq!(groups(&w, &["photos/again", "photos"]), first);
}

#[test]
fn many_blank_pictures_are_compared_by_their_pixels_once_each() {
    let w = Workspace::new();
    fs::create_dir(w.path("photos")).unwrap();
    for number in 0..60u32 {
        let level = 200 + (number % 6) as u8;
        let page = RgbImage::from_pixel(64, 64, Rgb([level; 3]));
        // Other bytes, the same pixels: as many formats as there are, and what follows the picture.
        let path = w.path(&format!("photos/{number}.png"));
        page.save(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(number.to_le_bytes());
        fs::write(&path, bytes).unwrap();
    }
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 0);
    let groups = report["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 6, "{report:#}");
    assert!(
        groups
            .iter()
            .all(|it| it["duplicates"].as_array().unwrap().len() == 9)
    );
    assert_eq!(report["work"]["decoded"], 60);
    assert_eq!(report["work"]["compared"], 0);
}

#[test]
fn nothing_is_done_without_yes_and_what_is_moved_is_taken_back() {
    let (w, _) = with_changed();
    let before = files(&w.path("photos"));
    let keep = "path:photos/0.png";
    let move_all = [
        "dups", "--keep", keep, "--move", "away", "--level", "near", "--json",
    ];
    let told = w.json(&move_all, 0);
    assert_eq!(
        (&told["dry_run"], told["done"].as_array().unwrap().len()),
        (&Value::Bool(true), 10)
    );
    assert_eq!(files(&w.path("photos")), before);
    assert!(!w.path("away").exists());
    let done = w.json(&[&move_all[..], &["--yes"]].concat(), 0);
    assert_eq!(done["done"].as_array().unwrap().len(), 10);
    let after = files(&w.path("photos"));
    assert_eq!(after.len(), before.len() - 10);
    assert_eq!(files(&w.path("away")).len(), 10);
    // The gallery does not know yet: what is gone is left out, with a word.
    w.run(&["dups", "--move", "away", "--level", "near", "--yes"], 3);
    let undone = w.json(&["dups", "--undo", "--json"], 0);
    assert_eq!(undone["done"].as_array().unwrap().len(), 10);
    assert_eq!(files(&w.path("photos")), before);
    assert_eq!(files(&w.path("away")).len(), 0);
    w.run(&["dups", "--undo"], 4);
}

#[test]
fn only_equal_ones_are_acted_upon_unless_it_is_said() {
    let (w, _) = with_changed();
    let done = w.json(
        &[
            "dups",
            "--keep",
            "path:photos/0.png",
            "--delete",
            "--yes",
            "--json",
        ],
        0,
    );
    assert_eq!(done["done"].as_array().unwrap().len(), 2, "{done:#}");
    assert_eq!(done["left"], 8);
}

#[test]
fn what_is_protected_is_kept_and_never_touched() {
    let (w, again) = with_changed();
    let keep = "path:photos/again/copied.png";
    let protect = [
        "dups",
        "--keep",
        keep,
        "--protect",
        "photos/again",
        "--json",
    ];
    let report = w.json(&protect, 0);
    let kept = &report["groups"][0]["keep"];
    assert!(kept["path"].as_str().unwrap().starts_with("photos/again/"));
    let delete = ["--delete", "--level", "near", "--yes"];
    let done = w.json(&[&protect[..], &delete].concat(), 0);
    assert_eq!(
        paths(&done["done"]),
        BTreeSet::from(["photos/0.png".to_owned()])
    );
    assert_eq!(done["protected"], 9);
    assert_eq!(files(&w.path("photos/again")).len(), again.len());
}

#[cfg(unix)]
#[test]
fn a_folder_is_protected_by_whatever_name_links_give_it() {
    let (w, _) = with_changed();
    std::os::unix::fs::symlink(w.path("photos/again"), w.path("named")).unwrap();
    // Whether of what is not kept all in that folder is protected.
    let holds = |more: &[&str]| {
        let report = w.json(&[&["dups", "--json"], more].concat(), 0);
        let others = report["groups"][0]["duplicates"].as_array().unwrap();
        let there = others.iter().filter(|it| {
            let path = it["path"].as_str().unwrap();
            path.starts_with("photos/again") || path.starts_with("named")
        });
        let protected: Vec<bool> = there.map(|it| it["protected"] == true).collect();
        protected.len() > 1 && protected.iter().all(|it| *it)
    };
    assert!(!holds(&[]));
    assert!(holds(&["--protect", "named"]));
    w.run(&["index", "named", "--gallery", "linked"], 0);
    assert!(holds(&["--protect", "photos/again", "--gallery", "linked"]));
    for more in [&["--json"][..], &["--similar"]] {
        let mistyped = said(&w.run(&[&["dups", "--protect", "nmaed"], more].concat(), 0));
        assert!(
            mistyped.contains("no photo of the gallery lies in nmaed"),
            "{mistyped}"
        );
    }
}

#[test]
fn a_kept_photo_that_is_gone_or_something_else_now_saves_its_duplicates() {
    for change in ["gone", "changed"] {
        let (w, _) = with_changed();
        let kept = w.path("photos/0.png");
        match change {
            "gone" => fs::remove_file(&kept).unwrap(),
            _ => picture(99).save(&kept).unwrap(),
        }
        let before = files(&w.path("photos"));
        let keep = ["--keep", "path:photos/0.png", "--level", "bytes", "--json"];
        let done = w.json(&[&["dups", "--delete", "--yes"], &keep[..]].concat(), 3);
        assert_eq!(done["done"].as_array().unwrap().len(), 0, "{done:#}");
        assert_eq!(
            paths(&done["refused"]),
            BTreeSet::from(["photos/again/copied.png".to_owned()])
        );
        assert_eq!(files(&w.path("photos")), before);
    }
}

#[test]
fn a_duplicate_that_has_changed_since_is_left() {
    let (w, _) = with_changed();
    picture(98).save(w.path("photos/again/copied.png")).unwrap();
    let keep = ["--keep", "path:photos/0.png", "--level", "bytes"];
    let output = w.run(&[&["dups", "--delete", "--yes"], &keep[..]].concat(), 3);
    assert!(
        said(&output).contains("changed since it was indexed"),
        "{}",
        said(&output)
    );
    assert!(w.path("photos/again/copied.png").exists());
}

#[cfg(unix)]
#[test]
fn one_file_under_several_names_is_no_duplicate_of_itself() {
    let w = Workspace::new();
    fs::create_dir_all(w.path("photos/more")).unwrap();
    picture(1).save(w.path("photos/a.png")).unwrap();
    picture(2).save(w.path("photos/b.png")).unwrap();
    // A walk takes one of both names; what became a link later is known by both.
    let linked = w.path("photos/more/linked.png");
    fs::copy(w.path("photos/a.png"), &linked).unwrap();
    w.run(&["index", "photos"], 0);
    fs::remove_file(&linked).unwrap();
    fs::hard_link(w.path("photos/a.png"), &linked).unwrap();
    let report = w.json(&["dups", "--json"], 4);
    assert_eq!(
        report["same_files"].as_array().unwrap().len(),
        1,
        "{report:#}"
    );
    fs::copy(w.path("photos/a.png"), w.path("photos/more/copied.png")).unwrap();
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 0);
    assert_eq!(report["duplicates"], 1, "{report:#}");
    w.run(&["dups", "--delete", "--yes"], 0);
    assert!(w.path("photos/a.png").exists() || w.path("photos/more/copied.png").exists());
}

#[cfg(unix)]
#[test]
fn equal_bytes_become_one_file_and_two_again() {
    use std::os::unix::fs::MetadataExt;
    let (w, _) = with_changed();
    let inode = |name: &str| fs::metadata(w.path(name)).unwrap().ino();
    let modified = |name: &str| fs::metadata(w.path(name)).unwrap().modified().unwrap();
    let before = modified("photos/again/copied.png");
    let keep = ["--keep", "path:photos/0.png"];
    let done = w.json(
        &[&["dups", "--link", "--yes", "--json"], &keep[..]].concat(),
        0,
    );
    assert_eq!(
        paths(&done["done"]),
        BTreeSet::from(["photos/again/copied.png".to_owned()])
    );
    let is_one = inode("photos/0.png") == inode("photos/again/copied.png");
    let undone = w.json(&["dups", "--undo", "--json"], if is_one { 0 } else { 4 });
    assert_eq!(
        undone["done"].as_array().unwrap().len(),
        usize::from(is_one)
    );
    assert_ne!(inode("photos/0.png"), inode("photos/again/copied.png"));
    assert_eq!(modified("photos/again/copied.png"), before);
    let content = |name: &str| fs::read(w.path(name)).unwrap();
    assert!(content("photos/0.png") == content("photos/again/copied.png"));
}

#[test]
fn nothing_is_moved_to_where_it_would_be_found_again_nor_over_another_file() {
    let (w, _) = with_changed();
    let output = w.run(&["dups", "--move", "photos/away", "--yes"], 1);
    assert!(said(&output).contains("photos/away"), "{}", said(&output));
    fs::create_dir(w.path("away")).unwrap();
    fs::write(w.path("away/copied.png"), "mine").unwrap();
    w.run(
        &[
            "dups",
            "--keep",
            "path:photos/0.png",
            "--move",
            "away",
            "--yes",
        ],
        0,
    );
    assert_eq!(fs::read(w.path("away/copied.png")).unwrap(), b"mine");
    assert!(w.path("away/copied (2).png").exists());
}

#[test]
fn what_is_said_to_be_no_duplicate_never_comes_again() {
    let (w, again) = with_changed();
    w.run(
        &["dups", "--not", "photos/0.png", "photos/again/saved.jpg"],
        0,
    );
    w.run(
        &["dups", "--not", "photos/again/copied.png", "photos/0.png"],
        0,
    );
    let report = w.json(&["dups", "--keep", "path:photos/0.png", "--json"], 0);
    let mut found = BTreeSet::new();
    for group in report["groups"].as_array().unwrap() {
        if group["keep"]["path"] == "photos/0.png" {
            found.extend(paths(&group["duplicates"]));
        }
    }
    assert_eq!(found.len(), again.len() - 2, "{report:#}");
    assert!(!found.contains("photos/again/saved.jpg"));
    assert!(!found.contains("photos/again/copied.png"));
    w.run(&["dups", "--not", "photos/0.png", "photos/none.png"], 1);
}

#[test]
fn new_photos_are_held_against_a_gallery_and_nothing_is_added() {
    let (w, _) = with_changed();
    fs::create_dir(w.path("card")).unwrap();
    fs::copy(w.path("photos/3.png"), w.path("card/copied.png")).unwrap();
    let smaller = resize(&picture(4), 200, 150, FilterType::Triangle);
    smaller.save(w.path("card/smaller.jpg")).unwrap();
    picture(40).save(w.path("card/new.png")).unwrap();
    fs::write(w.path("card/broken.jpg"), "no picture").unwrap();
    let weights = crate::common::weights().to_str().unwrap();
    let ask = [
        "dups",
        "card",
        "--against",
        ".imgsearch",
        "--weights",
        weights,
    ];
    let report = w.json(&[&ask[..], &["--json"]].concat(), 3);
    let known: Vec<_> = report["photos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|new| {
            let path = new["path"].as_str().unwrap();
            (
                path,
                new["known"]["path"].as_str(),
                new["known"]["level"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        known,
        [
            ("card/copied.png", Some("photos/3.png"), Some("bytes")),
            ("card/new.png", None, None),
            ("card/smaller.jpg", Some("photos/4.png"), Some("near")),
        ]
    );
    let missing = w.run(&[&ask[..], &["--missing", "-0"]].concat(), 3);
    assert_eq!(missing.stdout, b"card/new.png\0");
    let info = w.json(&["info", "--json"], 0);
    assert_eq!(info["photos"], 22);
}

#[test]
fn scenes_are_shown_and_nothing_can_be_done_to_them() {
    let w = Workspace::painted(3, 3);
    w.run(&["index", "photos"], 0);
    let report = w.json(
        &["dups", "--similar", "--min-similarity", "0.2", "--json"],
        0,
    );
    assert!(!report["groups"].as_array().unwrap().is_empty());
    w.run(&["dups", "--similar", "--delete", "--yes"], 2);
}

#[test]
fn the_page_shows_each_group_with_links_and_the_table_says_what_is_kept_and_why() {
    let (w, _) = with_changed();
    let output = w.run(
        &["dups", "--keep", "path:photos/0.png", "--html", "page.html"],
        0,
    );
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("keep ") && table.contains("in photos/0.png"),
        "{table}"
    );
    assert!(table.contains("10 of 22 photos could go"), "{table}");
    let page = fs::read_to_string(w.path("page.html")).unwrap();
    assert_eq!(page.matches("<figure").count(), 11);
    assert!(
        page.contains("turned 90") || page.contains("turned 270"),
        "{page:.400}"
    );
    let csv = w.run(&["dups", "--keep", "path:photos/0.png", "--csv"], 0);
    assert_eq!(String::from_utf8(csv.stdout).unwrap().lines().count(), 12);
}
