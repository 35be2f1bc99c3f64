//! Pictures that look alike and are two photographs: none is taken for the other.

use std::collections::BTreeSet;
use std::fs;

use image::imageops::{FilterType, blur, crop_imm, overlay, resize};
use image::{GenericImageView, Rgb, RgbImage};
use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::{Workspace, said};
use crate::dups::picture;

#[test]
fn pictures_that_differ_in_one_digit_are_two_and_are_left_undecided_where_nothing_is_read() {
    let w = Workspace::new();
    fs::create_dir(w.path("photos")).unwrap();
    for number in 0..4u32 {
        let mut screen = RgbImage::from_pixel(640, 400, Rgb([250, 250, 250]));
        let mut chance = fastrand::Rng::with_seed(7);
        for place in 0..180 {
            let digit = if place == 77 { number } else { chance.u32(..4) };
            let (x, y) = (20 + place % 18 * 34, 20 + place / 18 * 36);
            // Digits of a few strokes.
            for stroke in 0..=digit {
                let part = RgbImage::from_pixel(3, 14, Rgb([20, 20, 20]));
                overlay(&mut screen, &part, (x + 5 * stroke).into(), y.into());
            }
        }
        screen
            .save(w.path(&format!("photos/{number}.png")))
            .unwrap();
    }
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 4);
    assert_eq!(report["groups"].as_array().unwrap().len(), 0);
    assert_eq!(report["undecided"], 0);
    assert!(report["work"]["compared"].as_u64().unwrap() >= 6);
    let fast = w.run(&["dups", "--fast", "--json"], 4);
    assert!(said(&fast).contains("undecided"), "{}", said(&fast));
    let fast: Value = serde_json::from_slice(&fast.stdout).unwrap();
    assert!(fast["undecided"].as_u64().unwrap() >= 6);
    assert_eq!(fast["work"]["decoded"], 0);
}

/// What one of both shows alone is on plain ground in the other, which has no structure that contradicts it.
#[test]
fn one_sign_on_another_shape_is_another_logo() {
    let w = Workspace::new();
    fs::create_dir(w.path("photos")).unwrap();
    for (number, (ground, left, top, side)) in [(255, 40, 95, 90), (238, 12, 58, 102)]
        .into_iter()
        .enumerate()
    {
        let mut logo = RgbImage::from_pixel(256, 256, Rgb([ground; 3]));
        let mut paint = |level: [u8; 3], (x, y, width, height): (i64, i64, u32, u32)| {
            overlay(
                &mut logo,
                &RgbImage::from_pixel(width, height, Rgb(level)),
                x,
                y,
            );
        };
        paint([255, 185, 0], (left, top, side, side));
        for stroke in [
            (72, 104, 12, 64),
            (84, 104, 40, 12),
            (84, 156, 40, 12),
            (140, 104, 12, 64),
            (152, 104, 40, 12),
            (152, 156, 40, 12),
            (180, 136, 12, 20),
        ] {
            paint([10; 3], stroke);
        }
        logo.save(w.path(&format!("photos/{number}.png"))).unwrap();
        if number == 0 {
            // A copy of one, so that something is found.
            let smaller = resize(&logo, 200, 200, FilterType::Triangle);
            smaller.save(w.path("photos/smaller.png")).unwrap();
        }
    }
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 0);
    assert_eq!(report["duplicates"], 1, "{report:#}");
    assert!(report["work"]["compared"].as_u64().unwrap() >= 2);
    let found = report["groups"][0]["duplicates"][0]["path"].as_str();
    assert!(found.unwrap().ends_with("smaller.png"), "{report:#}");
}

#[test]
fn different_views_of_one_scene_are_no_duplicates() {
    let w = Workspace::new();
    fs::create_dir(w.path("photos")).unwrap();
    for (scene, name) in Scene::ALL {
        for view in 0..4 {
            let path = w.path(&format!("photos/{name}_{view}.png"));
            paint(scene, view, 320, 240).save(path).unwrap();
        }
    }
    // A step aside: two thirds of each are the same.
    let wide = picture(50);
    for (name, left) in [("left", 0), ("right", 80)] {
        let view = crop_imm(&wide, left, 0, 240, 240).to_image();
        view.save(w.path(&format!("photos/{name}.png"))).unwrap();
    }
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 4);
    assert_eq!(report["duplicates"], 0, "{report:#}");
}

/// A worn board of so many squares a side.
fn board(squares: u32, seed: u64) -> RgbImage {
    let mut chance = fastrand::Rng::with_seed(seed);
    let worn = RgbImage::from_fn(40, 40, |_, _| Rgb([chance.u8(..90); 3]));
    let worn = blur(&resize(&worn, 400, 400, FilterType::Triangle), 2.0);
    RgbImage::from_fn(400, 400, |x, y| {
        let is_light = (x * squares / 400 + y * squares / 400).is_multiple_of(2);
        let level = if is_light { 150 } else { 40 } + worn.get_pixel(x, y).0[0];
        Rgb([level, level / 2, level / 3])
    })
}

#[test]
fn two_pictures_of_one_pattern_are_two_and_a_copy_of_one_of_them_is_found() {
    let w = Workspace::new();
    fs::create_dir(w.path("photos")).unwrap();
    for (number, squares) in [6, 10, 16].into_iter().enumerate() {
        for seed in 0..3 {
            let seed = 10 * number as u64 + seed;
            let path = w.path(&format!("photos/{squares}_{seed}.png"));
            board(squares, seed).save(path).unwrap();
        }
        let copy = resize(
            &board(squares, 10 * number as u64),
            300,
            300,
            FilterType::Triangle,
        );
        copy.save(w.path(&format!("photos/{squares}_copy.jpg")))
            .unwrap();
    }
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 0);
    let groups = report["groups"].as_array().unwrap();
    let pairs: BTreeSet<String> = groups
        .iter()
        .map(|group| {
            let duplicates = group["duplicates"].as_array().unwrap();
            let duplicates: Vec<&str> = duplicates
                .iter()
                .map(|it| it["path"].as_str().unwrap())
                .collect();
            format!(
                "{} {}",
                group["keep"]["path"].as_str().unwrap(),
                duplicates.join(" ")
            )
        })
        .collect();
    let expected = [
        "photos/10_10.png photos/10_copy.jpg",
        "photos/16_20.png photos/16_copy.jpg",
        "photos/6_0.png photos/6_copy.jpg",
    ];
    assert_eq!(pairs, expected.map(ToOwned::to_owned).into());
}

#[test]
fn what_is_a_duplicate_of_a_duplicate_alone_stays() {
    let w = Workspace::new();
    fs::create_dir(w.path("photos")).unwrap();
    // Each shows four fifths of a side of the one before: the last shows half of the first's side.
    let mut shown = picture(5);
    for number in 0..4 {
        let path = w.path(&format!("photos/{number}.png"));
        shown.save(path).unwrap();
        let (width, height) = shown.dimensions();
        shown = shown
            .view(width / 10, height / 10, width * 4 / 5, height * 4 / 5)
            .to_image();
    }
    w.run(&["index", "photos"], 0);
    let report = w.json(&["dups", "--json"], 0);
    let groups = report["groups"].as_array().unwrap();
    let mut seen = BTreeSet::new();
    for group in groups {
        let kept = group["keep"]["path"].as_str().unwrap();
        assert!(seen.insert(kept.to_owned()), "{report:#}");
        for duplicate in group["duplicates"].as_array().unwrap() {
            let path = duplicate["path"].as_str().unwrap();
            assert!(seen.insert(path.to_owned()), "{report:#}");
        }
    }
    let first = &groups[0];
    assert_eq!(first["keep"]["path"], "photos/0.png");
    let of_first: Vec<&str> = first["duplicates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["path"].as_str().unwrap())
        .collect();
    assert_eq!(of_first, ["photos/1.png"], "{report:#}");
}
